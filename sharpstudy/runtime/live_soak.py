"""Whether memory stays flat: many minutes' worth of frames through the live loop at full speed.

python -m sharpstudy.runtime.live_soak [--minutes 10] [--size 640x480] [--model realtime]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from sharpstudy.runtime.capture import Captured
from sharpstudy.runtime.deadline import DeadlineSharpener
from sharpstudy.runtime.levels import Restore
from sharpstudy.runtime.live_stats import LiveStats
from sharpstudy.runtime.policy import PolicySettings


def memory_of_minutes(restore: Restore, width: int, height: int, minutes: int, fps: int = 30) -> list[float]:
    """Resident memory in MiB at the start and after each minute's worth of frames, as fast as they go."""
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (height, width, 3), np.uint8) for _ in range(4)]
    keeper, stats = DeadlineSharpener(restore, PolicySettings(deadline_s=5.0)), LiveStats(fps, 5.0)
    sizes = []
    for minute in range(minutes + 1):
        for number in range(60 * fps if minute else 100):
            live = keeper(Captured(frames[number % 4].copy(), time.perf_counter(), number))
            stats.add(live, time.perf_counter(), 0)
        sizes.append(resident_mib())
    keeper.close()
    return sizes


def resident_mib() -> float:
    """The memory of this process that is in use, in MiB; a ValueError where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        raise ValueError("memory is read from /proc, which this system does not have")
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def main() -> None:
    """Run the minutes and say what memory did."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--size", default="640x480")
    parser.add_argument("--model", default="realtime")
    words = parser.parse_args()
    from sharpstudy.runtime import Sharpener

    width, height = map(int, words.size.split("x"))
    with Sharpener(words.model, bypass="off") as sharpener:
        sizes = memory_of_minutes(sharpener, width, height, words.minutes)
    text = " ".join(f"{size:.0f}" for size in sizes)
    sys.stdout.write(
        f"MiB by minute: {text}\ngrowth after the first minute: {sizes[-1] - sizes[1]:+.1f} MiB\n"
    )


if __name__ == "__main__":
    main()
