"""Whether the machine was left alone while something was timed: a fixed workload before and after."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from typing import Literal

import numpy as np

Quiet = Literal["quiet", "unquiet"]
HASHED = bytes(8 << 20)
COPIED = 1 << 20  # eight-byte values, more than a core's own caches hold
ROUNDS = 5


@dataclass(frozen=True)
class Check:
    """The reference workload once: how long it took, and how long its slowest thread had to wait for a core.

    `waiting` is that thread's time by the clock over its time on a core: 1 if it never waited. `load` is the
    system's count of running processes per core over the last minute, None where it keeps none.
    """

    milliseconds: float
    waiting: float
    load: float | None = None


@dataclass(frozen=True)
class QuietLimits:
    """How far the reference workload may drift, and its threads wait, before a row is unquiet."""

    drift: float = 0.05
    waiting: float = 1.1


def reference_workload(threads: int) -> Check:
    """The median of a few runs of fixed arithmetic and copying on so many threads at once.

    Hashing and copying release Python's lock, so that the threads are truly parallel; each reads its own CPU
    clock.
    """
    with ThreadPoolExecutor(threads) as pool:
        rounds = []
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            waited = list(pool.map(lambda _: _work(), range(threads)))
            rounds.append((1000 * (time.perf_counter() - begin), max(waited)))
    return Check(median(took for took, _ in rounds), median(waited for _, waited in rounds), _load())


class Watch:
    """Judges each span between two checks of the reference workload.

    A span is quiet if the workload took as long at its end as at its start, as long as at its best since the
    watch began, and none of its threads had to wait.
    """

    def __init__(
        self, threads: int, limits: QuietLimits | None = None, workload: Callable[[], Check] | None = None
    ) -> None:
        self.limits = limits or QuietLimits()
        self._workload = workload or (lambda: reference_workload(threads))
        self._workload()  # a first run pays for threads and memory
        self._last = self._workload()
        self.best = self._last.milliseconds

    def judge(self) -> tuple[Quiet, str]:
        """Whether the time since the last judgement was quiet, and otherwise why not."""
        before, self._last = self._last, self._workload()
        self.best = min(self.best, before.milliseconds, self._last.milliseconds)
        reasons = self._reasons(before, self._last)
        return ("unquiet", "; ".join(reasons)) if reasons else ("quiet", "")

    def _reasons(self, before: Check, after: Check) -> list[str]:
        drift = after.milliseconds / before.milliseconds - 1
        behind = max(before.milliseconds, after.milliseconds) / self.best - 1
        waiting = max(before.waiting, after.waiting)
        found = []
        if abs(drift) > self.limits.drift:
            found.append(f"the reference workload drifted by {drift:+.0%}")
        elif behind > self.limits.drift:
            found.append(f"the reference workload was {behind:.0%} slower than at its best")
        if waiting > self.limits.waiting:
            found.append(f"its threads waited for a core ({waiting:.2f} of their own time)")
        return found


def _work() -> float:
    """Time by the clock over time on a core, of a fixed piece of work."""
    wall, own = time.perf_counter(), time.thread_time()
    hashlib.sha256(HASHED).digest()
    values = np.ones(COPIED)
    for _ in range(4):
        values = values.copy()
    return (time.perf_counter() - wall) / max(time.thread_time() - own, 1e-6)


def _load() -> float | None:
    try:
        return os.getloadavg()[0] / (os.cpu_count() or 1)
    except (AttributeError, OSError):  # Windows has none
        return None
