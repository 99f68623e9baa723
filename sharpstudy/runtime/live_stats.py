"""What a live picture is measured by: running numbers, and a report of one row per frame."""

from __future__ import annotations

import csv
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sharpstudy.data.frames import whole_file
from sharpstudy.runtime.deadline import Live

COLUMNS = ("frame", "time_s", "level", "outcome", "latency_ms", "shown_ms", "cost_ms", "dropped")
"""Of the report: latency_ms is from capture to hand-over, shown_ms from capture to the end of display."""

_RECENT = 300  # frames that the overlay's numbers are of


@dataclass
class LiveStats:
    """Running numbers of a live picture; they stay the same size however long it runs."""

    fps: float  # that the camera promises
    deadline_s: float
    frames: int = 0
    dropped: int = 0
    outcomes: Counter = field(default_factory=Counter)
    levels: Counter = field(default_factory=Counter)
    in_time: int = 0
    _first_s: float | None = None
    _last_s: float = 0.0
    _recent: deque = field(default_factory=lambda: deque(maxlen=_RECENT))
    # Frames by capture to display in tenths of a millisecond, the last for all that took longer.
    _histogram: np.ndarray = field(default_factory=lambda: np.zeros(20_000, np.int64))

    def add(self, live: Live, shown_s: float, dropped: int) -> None:
        """Nothing; a frame that was on the screen at `shown_s` is counted."""
        self._first_s = live.captured_s if self._first_s is None else self._first_s
        self._last_s = shown_s
        self.frames, self.dropped = self.frames + 1, dropped
        self.outcomes[live.outcome] += 1
        self.levels[live.level] += 1
        self.in_time += live.ready_s - live.captured_s <= self.deadline_s
        self._recent.append((shown_s, 1000 * (shown_s - live.captured_s)))
        tenths = int(10_000 * (shown_s - live.captured_s))
        self._histogram[min(max(tenths, 0), len(self._histogram) - 1)] += 1

    @property
    def seconds(self) -> float:
        """From the first capture to the last display."""
        return 0.0 if self._first_s is None else self._last_s - self._first_s

    def percentile_ms(self, share: float) -> float:
        """Capture to display that this share of all frames keeps within, to a tenth of a millisecond."""
        if self.frames == 0:
            return float("nan")
        return float(np.searchsorted(np.cumsum(self._histogram), share * self.frames)) / 10

    def lines(self, size: tuple[int, int], strength: float, mode: str, level: str) -> list[str]:
        """The overlay: the last frames' true rate, times and drops."""
        if len(self._recent) < 2:
            return []
        times = np.array(self._recent)
        fps = (len(times) - 1) / max(times[-1, 0] - times[0, 0], 1e-9)
        p50, p95 = np.percentile(times[:, 1], [50, 95])
        doing = level if mode == "sharpen" else "bypassed by you"
        return [
            f"{fps:.1f} FPS   p50 {p50:.0f} ms   p95 {p95:.0f} ms   dropped {self.dropped}",
            f"{size[0]}x{size[1]}   strength {strength:.1f}   {doing}",
        ]

    def summary(self) -> str:
        """What happened, in three lines."""
        if self.frames == 0:
            return "no frame came"
        restored = self.outcomes["restored"]
        seconds = max(self.seconds, 1e-9)
        return (
            f"{self.frames} frames in {seconds:.1f} s: {self.frames / seconds:.1f} FPS shown, "
            f"{restored / seconds:.1f} FPS by the network; {self.dropped} dropped\n"
            f"capture to display p50 {self.percentile_ms(0.5):.1f} ms, "
            f"p95 {self.percentile_ms(0.95):.1f} ms; "
            f"{100 * self.in_time / self.frames:.1f} % within {1000 * self.deadline_s:.1f} ms\n"
            f"frames: {_shares(self.outcomes)}; levels: {_shares(self.levels)}"
        )


def row_of(live: Live, number: int, start_s: float, shown_s: float, dropped: int) -> list:
    """A frame's row of the report."""
    since = (live.ready_s - live.captured_s, shown_s - live.captured_s, live.cost_s)
    times = [f"{1000 * seconds:.3f}" for seconds in since]
    return [number, f"{live.captured_s - start_s:.4f}", live.level, live.outcome, *times, dropped]


@contextmanager
def rows_into(report: Path | None) -> Iterator[Callable[[list], object]]:
    """A function that writes one row; the file is there once the picture has ended."""
    if report is None:
        yield lambda row: None
        return
    with whole_file(report) as part, part.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(COLUMNS)
        yield rows.writerow


def _shares(counts: Counter) -> str:
    total = sum(counts.values())
    return ", ".join(f"{name} {100 * count / total:.1f} %" for name, count in counts.most_common())
