"""Latencies of one call: warm-up until they settle, then every single one of many, and their percentiles."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from types import MappingProxyType
from typing import Literal

import numpy as np

Clock = Callable[[], float]
Steady = Literal["steady", "cut short"]
FRAMES_FOR_P99 = 1000  # fewer than ten of them would lie above it
BUDGETS_MS = (1000 / 30, 1000 / 60)  # a frame's time at 30 and at 60 FPS


@dataclass(frozen=True)
class Protocol:
    """How often a call is made: at least `warm_up` calls untimed, until the median of a window settles.

    `settled` is the largest relative change between the medians of two windows in a row. Then calls are timed
    until there are `repeats` of them or `seconds` have passed, but never fewer than `fewest`. Warming up ends
    after `warm_up_s` seconds in any case, and the timing says that it was cut short.
    """

    warm_up: int = 50
    window: int = 50
    settled: float = 0.02
    warm_up_s: float = 60.0
    repeats: int = 1000
    seconds: float = 30.0
    fewest: int = 5

    def __post_init__(self) -> None:
        for name in ("warm_up", "window", "repeats", "fewest"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"protocol: {name} must be a whole number from 1, got {value!r}")
        for name in ("settled", "warm_up_s", "seconds"):
            value = getattr(self, name)
            if not math.isfinite(value) or value <= 0:
                raise ValueError(f"protocol: {name} must be a number above 0, got {value!r}")


PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {
        "full": Protocol(),
        "quick": Protocol(warm_up=1, window=5, settled=0.1, warm_up_s=0.2, repeats=50, seconds=0.4, fewest=2),
    }
)


@dataclass(frozen=True)
class Timing:
    """Single latencies in milliseconds in the order in which they came, and how the warm-up ended."""

    milliseconds: tuple[float, ...]
    warm_up: int
    steady: Steady


def nothing_to_wait_for() -> None:
    """The synchronisation of a device that has finished when the call returns, as a CPU has."""


def time_calls(
    call: Callable[[], object],
    protocol: Protocol,
    synchronise: Callable[[], None] = nothing_to_wait_for,
    clock: Clock = time.perf_counter,
) -> Timing:
    """The latencies of single calls after a warm-up.

    The device is waited for before the first clock reading and after each call, before the clock is read
    again.
    """
    warmed, steady = warm_up(call, protocol, synchronise, clock)
    synchronise()
    latencies: list[float] = []
    start = clock()
    while len(latencies) < protocol.fewest or (
        len(latencies) < protocol.repeats and clock() - start < protocol.seconds
    ):
        latencies.append(_time_once(call, synchronise, clock))
    return Timing(tuple(1000 * latency for latency in latencies), warmed, steady)


def warm_up(
    call: Callable[[], object],
    protocol: Protocol,
    synchronise: Callable[[], None] = nothing_to_wait_for,
    clock: Clock = time.perf_counter,
) -> tuple[int, Steady]:
    """How many calls were made until two windows in a row had one median, and if it came to that."""
    latencies: list[float] = []
    start = clock()
    while True:
        latencies.append(_time_once(call, synchronise, clock))
        enough = len(latencies) >= protocol.warm_up
        if enough and _settled(latencies, protocol):
            return len(latencies), "steady"
        if clock() - start >= protocol.warm_up_s:
            return len(latencies), "cut short"


def summarise(milliseconds: Sequence[float]) -> dict[str, float]:
    """Percentiles and what follows from them, by the column names of profiles.csv.

    A percentile is a latency that was observed: the smallest that at least so many per cent do not exceed, so
    that of fewer than 20 the p95 is the slowest. p99 is empty (NaN) below 1,000 latencies. fps is 1000 / p95,
    jitter_ms the mean difference of a latency from the one before, within_33 and within_17 the shares of
    frames done within 1/30 and 1/60 of a second.
    """
    if not len(milliseconds):
        raise ValueError("latencies: expected at least one, got none")
    values = np.asarray(milliseconds, dtype=np.float64)
    p50, p95, p99 = np.percentile(values, (50, 95, 99), method="inverted_cdf")
    p50 = float(np.median(values))
    shares = [float(np.mean(values <= limit)) for limit in BUDGETS_MS]
    return {
        "p50_ms": p50,
        "p95_ms": float(p95),
        "p99_ms": float(p99) if len(values) >= FRAMES_FOR_P99 else math.nan,
        "jitter_ms": float(np.abs(np.diff(values)).mean()) if len(values) > 1 else math.nan,
        "fps": 1000 / float(p95),
        "within_33": shares[0],
        "within_17": shares[1],
        "repeats": len(values),
    }


def _time_once(call: Callable[[], object], synchronise: Callable[[], None], clock: Clock) -> float:
    begin = clock()
    call()
    synchronise()
    return clock() - begin


def _settled(latencies: Sequence[float], protocol: Protocol) -> bool:
    """Whether the last window's median is that of the window before."""
    window = protocol.window
    if len(latencies) < 2 * window:
        return False
    last, before = median(latencies[-window:]), median(latencies[-2 * window : -window])
    return abs(last - before) <= protocol.settled * before
