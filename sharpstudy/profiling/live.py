"""The live picture under the stopwatch: the loop of `sharpstudy live`, on a clip that stands in for a camera.

The clip is made here: screens that move a little from frame to frame, as a call delivers them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from sharpstudy.data.clips import write_clip
from sharpstudy.data.degrade import degrade_clip, parse_degradation
from sharpstudy.data.screens import render_screen
from sharpstudy.runtime.cameras import CameraSettings, open_camera
from sharpstudy.runtime.deadline import DeadlineSharpener
from sharpstudy.runtime.levels import Restore, half_detail
from sharpstudy.runtime.live import run_live, slowed
from sharpstudy.runtime.live_stats import LiveStats
from sharpstudy.runtime.policy import LEVELS, PolicySettings
from sharpstudy.runtime.sharp_frames import SharpJudge

if TYPE_CHECKING:
    import pandas as pd

FPS = 30
SIZES = ((640, 480), (1280, 720), (1920, 1080))
KIND, DEGRADATION = "strategy-game", "bicubic-x4"
LOOP = 24  # frames of the clip, whose movement comes back to where it began
REACH = 8  # pixels that it moves at most
SLOWED_TO = 1.5  # deadlines that a whole frame takes during a slow-down
_TRIALS = 5


@dataclass(frozen=True)
class SlowDown:
    """A part of a run, in seconds from its start, in which the network takes `factor` times as long."""

    factor: float
    from_s: float
    until_s: float


@dataclass(frozen=True, eq=False)
class LiveRun:
    """What came of a live run: its running numbers, and a row a frame (live_stats.COLUMNS)."""

    stats: LiveStats
    decisions: pd.DataFrame

    def row(self, width: int, height: int, name: str) -> dict[str, str | int | float]:
        """The run in a row of numbers; times are from capture to hand-over, with no window to draw."""
        stats = self.stats
        shares = {level: stats.levels[level] / max(1, stats.frames) for level in LEVELS}
        return {
            "run": name,
            "width": width,
            "height": height,
            "frames": stats.frames,
            "dropped": stats.dropped,
            "p50_ms": stats.percentile_ms(0.5),
            "p95_ms": stats.percentile_ms(0.95),
            "in_time": stats.in_time / max(1, stats.frames),
            "restored": (stats.outcomes["restored"] + stats.outcomes["reused"]) / max(1, stats.frames),
            **shares,
        }


def call_frames(width: int, height: int, count: int = LOOP) -> list[np.ndarray]:
    """Frames of a screen that moves on a small circle, degraded by DEGRADATION, as uint8 HxWx3."""
    screen = render_screen(KIND, 1, width + 2 * REACH, height + 2 * REACH)
    angles = 2 * np.pi * np.arange(count) / count
    places = np.rint(REACH * (1 + np.stack([np.cos(angles), np.sin(angles)], 1))).astype(int)
    frames = [np.ascontiguousarray(screen[y : y + height, x : x + width]) for x, y in places]
    return degrade_clip(frames, parse_degradation(DEGRADATION), seed=1)


def slow_down_for(
    restore: Restore,
    frame: np.ndarray,
    from_s: float,
    until_s: float,
    clock: Callable[[], float] = time.perf_counter,
) -> SlowDown:
    """A slow-down under which this frame takes 1.5 deadlines, whatever the machine."""
    costs = []
    for _ in range(_TRIALS):
        start_s = clock()
        restore(frame)
        costs.append(clock() - start_s)
    return SlowDown(max(1.0, SLOWED_TO / FPS / min(costs)), from_s, until_s)


def live_run(restore: Restore, clip: Path, seconds: float, slow: SlowDown | None = None) -> LiveRun:
    """The clip as a camera of 30 frames a second for so long, restored as `sharpstudy live` does it."""
    import pandas as pd

    if slow is not None:
        restore = slowed(restore, slow.factor, slow.from_s, slow.until_s)
    camera = open_camera(clip, CameraSettings(fps=FPS, at_end="loop"))
    keeper = DeadlineSharpener(restore, PolicySettings(deadline_s=1 / FPS), is_sharp=SharpJudge())
    with TemporaryDirectory() as folder:
        report = Path(folder) / "live.csv"
        stats = run_live(camera, keeper, seconds=seconds, report=report)
        return LiveRun(stats, pd.read_csv(report))


def slowed_run(
    restore: Restore,
    width: int = 640,
    height: int = 480,
    seconds: float = 7.5,
    from_s: float = 1.5,
    until_s: float = 4.0,
) -> tuple[LiveRun, SlowDown]:
    """A run with a slow-down in it that no machine can take at the level "full", and that slow-down."""
    with TemporaryDirectory() as folder:
        clip = write_call(Path(folder) / "call.mkv", width, height)
        frame = call_frames(width, height, 1)[0]
        half_detail(frame, restore)  # once seen, both sizes are quick, and the slow-down begins when it says
        slow = slow_down_for(restore, frame, from_s, until_s)
        return live_run(restore, clip, seconds, slow), slow


def profile_live(
    restore: Restore,
    sizes: Sequence[tuple[int, int]] = SIZES,
    seconds: float = 2.0,
) -> list[dict[str, str | int | float]]:
    """A row for each size: how long frames took from capture to hand-over, and how many came in time."""
    rows = []
    with TemporaryDirectory() as folder:
        for width, height in sizes:
            clip = write_call(Path(folder) / f"{width}x{height}.mkv", width, height)
            rows.append(live_run(restore, clip, seconds).row(width, height, "undisturbed"))
    return rows


def write_call(path: Path, width: int, height: int) -> Path:
    """The clip at `path`, of call_frames."""
    write_clip(path, call_frames(width, height), fps=FPS)
    return path


def said_of(run: LiveRun, slow: SlowDown) -> list[str]:
    """What the policy did about a slow-down, in sentences."""
    decisions, stats = run.decisions, run.stats
    levels = decisions["level"]
    changes = decisions[levels.ne(levels.shift())]
    steps = [f"{row.level} from {row.time_s:.1f} s" for row in changes.itertuples()]
    return [
        f"from {slow.from_s:g} to {slow.until_s:g} s the network takes {slow.factor:.1f} times as long",
        f"levels: {', '.join(steps)}",
        stats.summary(),
    ]
