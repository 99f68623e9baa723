"""Several calls timed in turn, so that whatever slows the machine slows all of them, and their ratios."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .timing import Clock, nothing_to_wait_for

RESAMPLES = 2000


@dataclass(frozen=True)
class Ratio:
    """How many times longer one call took than another: medians' ratio, 95 % bootstrap interval."""

    value: float
    low: float
    high: float
    rounds: int


@dataclass(frozen=True)
class Turn:
    """What one call does in its turn: it is made `untimed` times, then timed `each` times.

    The untimed ones bring a call's own weights and buffers back into the caches that the others used.
    """

    call: Callable[[], object]
    each: int = 1
    untimed: int = 1


def interleave(
    turns: Mapping[str, Turn],
    rounds: int,
    synchronise: Callable[[], None] = nothing_to_wait_for,
    clock: Clock = time.perf_counter,
    after_round: Callable[[int], None] = lambda number: None,
) -> dict[str, list[float]]:
    """Latencies in milliseconds by name, in the order in which they came; in a round all take their turn."""
    latencies: dict[str, list[float]] = {name: [] for name in turns}
    for number in range(rounds):
        for name, turn in turns.items():
            for _ in range(turn.untimed):
                turn.call()
            synchronise()
            for _ in range(turn.each):
                begin = clock()
                turn.call()
                synchronise()
                latencies[name].append(1000 * (clock() - begin))
        after_round(number)
    return latencies


def paired_ratio(slower: Sequence[float], faster: Sequence[float], rounds: int, seed: int = 0) -> Ratio:
    """The ratio of the medians of two calls that took turns; the interval resamples whole rounds.

    Each sequence holds the latencies of `rounds` rounds in order, equally many a round.
    """
    above, below = (_by_round(values, rounds) for values in (slower, faster))
    drawn = np.random.default_rng(seed).integers(0, rounds, (RESAMPLES, rounds))
    ratios = [np.median(above[rows]) / np.median(below[rows]) for rows in drawn]
    low, high = np.percentile(ratios, (2.5, 97.5))
    return Ratio(float(np.median(above) / np.median(below)), float(low), float(high), rounds)


def _by_round(values: Sequence[float], rounds: int) -> np.ndarray:
    if rounds < 1 or not len(values) or len(values) % rounds:
        raise ValueError(f"ratio: expected equally many latencies in {rounds} rounds, got {len(values)}")
    return np.asarray(values, dtype=np.float64).reshape(rounds, -1)
