"""Whether the slowest stage of a video sets the pace: each stage alone, and all of them at once.

python -m sharpstudy.runtime.video_speed clip.mp4 [--model realtime] [--seconds 10]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np

from sharpstudy.runtime.video import sharpen_video
from sharpstudy.runtime.video_input import Shot, VideoInput
from sharpstudy.runtime.video_output import VideoOutput, VideoSettings

Restore = Callable[[np.ndarray], np.ndarray]


def stage_rates(
    source: Path, restore: Restore, settings: VideoSettings | None = None, frames: int = 300
) -> dict[str, float]:
    """Frames a second of reading, restoring and writing alone, and of all three at once ("together").

    `cpu` is the processor time that the three stages alone take a frame, in milliseconds: `cores` of them
    allow no more than 1000 * cores / cpu frames a second, whatever overlaps.
    """
    settings = settings or VideoSettings()
    rates: dict[str, float] = {}
    used_s = time.process_time()
    with VideoInput(source) as read, tempfile.TemporaryDirectory() as folder:
        began_s = time.perf_counter()
        shots = [shot for shot in islice(read.shots(), frames) if shot.frame is not None]
        rates["read"] = len(shots) / (time.perf_counter() - began_s)
        restore(shots[0].frame)
        restored, rates["restore"] = _timed_restore(shots, restore)
        with VideoOutput(Path(folder) / "alone.mkv", read, settings) as written:
            written.prepare(*shots[0].frame.shape[:2])
            began_s = time.perf_counter()
            for shot in restored:
                written.add(shot)
            written.finish()
            rates["write"] = len(shots) / (time.perf_counter() - began_s)
    rates["cpu"] = 1000 * (time.process_time() - used_s) / len(shots)
    rates["cores"] = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        report = sharpen_video(source, Path(folder) / "together.mkv", restore, settings)
    rates["together"] = report.fps
    return rates


def _timed_restore(shots: list[Shot], restore: Restore) -> tuple[list[Shot], float]:
    began_s = time.perf_counter()
    restored = [Shot(restore(shot.frame), shot.time_s) for shot in shots]
    return restored, len(shots) / (time.perf_counter() - began_s)


def rates_text(rates: dict[str, float]) -> str:
    """The rates, and what the overlap makes of them."""
    alone = {name: rates[name] for name in ("read", "restore", "write")}
    slowest = min(alone, key=alone.__getitem__)
    processor = 1000 * rates["cores"] / rates["cpu"]
    together, bound = rates["together"], min(alone[slowest], processor)
    lines = [f"{name:<9}{rate:8.1f} FPS alone" for name, rate in alone.items()]
    lines += [
        f"together {together:8.1f} FPS: {together / alone[slowest]:.2f} of {slowest} alone, the slowest",
        f"{rates['cores']:.0f} cores allow {processor:.1f} FPS at {rates['cpu']:.1f} ms of processor time a "
        f"frame: {together / bound:.2f} of what is possible",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure one clip and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--model", default="realtime")
    parser.add_argument("--threads", type=int, help="of the model")
    parser.add_argument("--encoder-threads", type=int, default=0)
    parser.add_argument("--preset", default="veryfast")
    words = parser.parse_args()
    from sharpstudy.runtime import Sharpener

    with Sharpener(words.model, threads=words.threads, bypass="off") as sharpener:
        settings = VideoSettings(preset=words.preset, threads=words.encoder_threads)
        rates = stage_rates(words.clip, sharpener, settings)
        sys.stdout.write(f"{sharpener.about}\n{rates_text(rates)}\n")


if __name__ == "__main__":
    main()
