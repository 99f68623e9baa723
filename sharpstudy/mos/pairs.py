"""Bradley and Terry's scale from preferences: each system's strength, by maximum likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse.csgraph import connected_components

from sharpstudy.mos.votes import INPUT, Votes

RESAMPLES = 1000
WEAK_PRIOR = 1e-3  # keeps a resample finite in which one system wins every time; moves no other by a percent
MOST_STEPS = 100


class NoScaleError(ValueError):
    """The preferences put the systems on no common, finite scale; the sentence says why."""


@dataclass(frozen=True, eq=False)
class Scale:
    """Strengths in log odds, that of `systems[0]` zero: i is preferred to j with odds exp(s_i - s_j).

    `error` is the standard error of the difference from systems[0], from the observed information.
    """

    systems: tuple[str, ...]
    strength: np.ndarray
    error: np.ndarray


def wins_of(votes: Votes) -> tuple[tuple[str, ...], np.ndarray]:
    """The systems, and how often each rater preferred the row's system to the column's (rater, i, j).

    A vote of zero counts as half a win for either. The input comes first, where it took part.
    """
    names = {name for pair in votes.conditions for name in pair}
    systems = tuple(sorted(names, key=lambda name: (name != INPUT, name)))
    wins = np.zeros((len(votes.raters), len(systems), len(systems)))
    for pair in votes.conditions:
        table = votes.of(pair)
        one, other = systems.index(pair.system), systems.index(pair.baseline)
        half = (table == 0).sum(axis=1) / 2
        wins[:, one, other] += (table > 0).sum(axis=1) + half
        wins[:, other, one] += (table < 0).sum(axis=1) + half
    return systems, wins


def fit_scale(systems: Sequence[str], wins: np.ndarray) -> Scale:
    """The Bradley-Terry scale of wins (i, j), refused where it does not exist.

    The systems must be linked by comparisons, and no group of them may win every time (Ford 1957).
    """
    wins = np.asarray(wins, float)
    if wins.shape != (len(systems), len(systems)) or (wins < 0).any() or np.diag(wins).any():
        raise ValueError(
            f"wins: expected a square table of counts for {len(systems)} systems, got {wins.shape}"
        )
    _refuse_disconnected(systems, wins)
    _refuse_always(systems, wins)
    strength, information = _newton(wins[None], prior=0.0)
    errors = np.zeros(len(systems))
    errors[1:] = np.sqrt(np.diag(np.linalg.inv(information[0])))
    return Scale(tuple(systems), strength[0], errors)


def bootstrap_scale(
    wins: np.ndarray, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % percentile interval of each strength when whole raters are drawn anew."""
    rng = np.random.default_rng(seed)
    raters = len(wins)
    times = rng.multinomial(raters, np.full(raters, 1 / raters), size=resamples).astype(float)
    drawn = np.tensordot(times, wins, axes=1)
    strength, _ = _newton(drawn, WEAK_PRIOR)
    low, high = np.quantile(strength, [0.025, 0.975], axis=0)
    return low, high


def scale_table(votes: Votes, seed: int = 0) -> pd.DataFrame:
    """One row per system: strength with rater bootstrap, and the chance of being preferred to the first.

    The first is the input where it took part; its own row has strength 0 and no interval.
    """
    systems, wins = wins_of(votes)
    scale = fit_scale(systems, wins.sum(axis=0))
    low, high = bootstrap_scale(wins, seed)
    low[0] = high[0] = np.nan
    against = systems[0]
    return pd.DataFrame(
        {
            "system": systems,
            "against": against,
            "strength": scale.strength,
            "low": low,
            "high": high,
            "standard_error": scale.error,
            "preferred": 1 / (1 + np.exp(-scale.strength)),
            "votes": wins.sum(axis=0).sum(axis=1) + wins.sum(axis=0).sum(axis=0),
            "raters": len(wins),
        }
    )


def _refuse_disconnected(systems: Sequence[str], wins: np.ndarray) -> None:
    count, label = connected_components(wins + wins.T > 0, directed=False)
    if count > 1:
        groups = " | ".join(
            ", ".join(name for name, group in zip(systems, label, strict=True) if group == number)
            for number in range(count)
        )
        raise NoScaleError(f"no common scale: nobody compared the groups {groups}")


def _refuse_always(systems: Sequence[str], wins: np.ndarray) -> None:
    count, label = connected_components(wins > 0, directed=True, connection="strong")
    for number in range(count if count > 1 else 0):
        inside = label == number
        if not wins[np.ix_(~inside, inside)].any():
            names = ", ".join(name for name, group in zip(systems, label, strict=True) if group == number)
            raise NoScaleError(f"no finite scale: {names} won every comparison with the others")


def _newton(wins: np.ndarray, prior: float) -> tuple[np.ndarray, np.ndarray]:
    """Strengths (set, i) with the first zero, and the information of the others, for sets of wins."""
    games = wins + wins.transpose(0, 2, 1)
    won = wins.sum(axis=2)
    count = wins.shape[1]
    strength = np.zeros(won.shape)
    for _ in range(MOST_STEPS):
        chance = 1 / (1 + np.exp(strength[:, None, :] - strength[:, :, None]))
        slope = won - (games * chance).sum(axis=2) - prior * strength
        curve = games * chance * (1 - chance)
        information = -curve
        information[:, range(count), range(count)] = curve.sum(axis=2) + prior
        step = np.linalg.solve(information[:, 1:, 1:], slope[:, 1:, None])[:, :, 0]
        # Full steps far from the top can overshoot where nearly all is won.
        step *= np.minimum(1, 2 / np.maximum(np.abs(step).max(axis=1, keepdims=True), 1e-12))
        strength[:, 1:] += step
        if np.abs(step).max() < 1e-10:
            break
    return strength, information[:, 1:, 1:]
