"""Whether the slowest stage of a video sets the pace: each stage alone, and all of them at once.

python -m sharpstudy.runtime.video_speed clip.mp4 [--sizes 640x480 1280x720] [--repeats 3] [--model realtime]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from PIL import Image

from sharpstudy.data.clips import read_clip, write_clip
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


def best_rates(source: Path, restore: Restore, settings: VideoSettings, repeats: int) -> dict[str, float]:
    """The best of several measurements of each rate, so that what else the machine does counts least."""
    runs = [stage_rates(source, restore, settings) for _ in range(repeats)]
    return {name: (min if name == "cpu" else max)(run[name] for run in runs) for name in runs[0]}


def overlap(rates: dict[str, float]) -> float:
    """The rate together as a share of what is possible: of the slowest stage, or of what the cores allow."""
    slowest = min(rates[name] for name in ("read", "restore", "write"))
    return rates["together"] / min(slowest, 1000 * rates["cores"] / rates["cpu"])


def loop_clip(clip: Path, target: Path, width: int, height: int, frames: int = 150) -> Path:
    """The clip at another size at `target`, again and again until it has so many frames."""
    some = [one.frame for one in islice(read_clip(clip), 30)]
    sized = [np.asarray(Image.fromarray(frame).resize((width, height))) for frame in some]
    write_clip(target, islice(cycle([*sized, *sized[::-1]]), frames))
    return target


def _timed_restore(shots: list[Shot], restore: Restore) -> tuple[list[Shot], float]:
    began_s = time.perf_counter()
    restored = [Shot(restore(shot.frame), shot.time_s) for shot in shots]
    return restored, len(shots) / (time.perf_counter() - began_s)


def rates_text(rates: dict[str, float]) -> str:
    """The rates, and what the overlap makes of them."""
    alone = {name: rates[name] for name in ("read", "restore", "write")}
    slowest = min(alone, key=alone.__getitem__)
    processor = 1000 * rates["cores"] / rates["cpu"]
    together = rates["together"]
    lines = [f"{name:<9}{rate:8.1f} FPS alone" for name, rate in alone.items()]
    lines += [
        f"together {together:8.1f} FPS: {together / alone[slowest]:.2f} of {slowest} alone, the slowest",
        f"{rates['cores']:.0f} cores allow {processor:.1f} FPS at {rates['cpu']:.1f} ms of processor time a "
        f"frame: {overlap(rates):.2f} of what is possible",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure a clip, as it is or at other sizes, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--sizes", nargs="*", default=(), help="such as 640x480 1280x720; default: its own")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--model", default="realtime")
    parser.add_argument("--threads", type=int, help="of the model")
    parser.add_argument("--encoder-threads", type=int, default=0)
    parser.add_argument("--preset", default="veryfast")
    words = parser.parse_args()
    from sharpstudy.runtime import Sharpener

    with Sharpener(words.model, threads=words.threads, bypass="off") as sharpener:
        settings = VideoSettings(preset=words.preset, threads=words.encoder_threads)
        sys.stdout.write(f"{sharpener.about}\n")
        with tempfile.TemporaryDirectory() as folder:
            clips = {"as it is": words.clip}
            for size in words.sizes:
                width, height = map(int, size.split("x"))
                clips[size] = loop_clip(words.clip, Path(folder) / f"{size}.mp4", width, height)
            for name in words.sizes or clips:
                rates = best_rates(clips[name], sharpener, settings, words.repeats)
                sys.stdout.write(f"\n{name}\n{rates_text(rates)}\n")
        if hasattr(os, "getloadavg") and os.getloadavg()[0] > rates["cores"] + 1:
            sys.stdout.write(
                f"\nOther programs want the cores too (load {os.getloadavg()[0]:.1f}): these shares say "
                "nothing of the overlap.\n"
            )


if __name__ == "__main__":
    main()
