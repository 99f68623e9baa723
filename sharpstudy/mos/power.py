"""How likely a study of a given size is to find a difference, by simulated raters and the two-way test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student_t

from sharpstudy.mos.dealing import usable_sessions
from sharpstudy.mos.design import (
    Content,
    System,
    contents_a_rater,
    deal_contents,
    eligible,
    random_for,
    units_of,
)
from sharpstudy.mos.plans import CATEGORIES, SECONDS_A_VOTE, Arm, Block, Plan

EFFECT = 0.2
SIMULATIONS = 1000


@dataclass(frozen=True)
class RaterModel:
    """Raters after ITU-T P.910: a vote is quality + bias + inconsistency x noise, rounded onto the scale.

    `content` and `rater` are how much the difference itself varies from content to content and from rater to
    rater (standard deviations on the scale). They are assumptions; a pilot gives better ones.
    """

    bias: float = 0.36
    inconsistency: float = 0.60
    content: float = 0.30
    rater: float = 0.15


def simulated_power(
    raters: int,
    contents: int,
    effect: float = EFFECT,
    arm: Arm = "acr",
    *,
    seen: np.ndarray | None = None,
    model: RaterModel | None = None,
    simulations: int = SIMULATIONS,
    seed: int = 0,
) -> float:
    """The share of simulated studies in which the two-way t test finds the difference at 5 %.

    `seen` (raters x contents, bool) says who rates what in an incomplete design; everyone rates everything
    without it. In the comparison arm the vote on the pair is the difference itself.
    """
    if raters < 2 or contents < 2:
        raise ValueError(f"power needs 2 raters and 2 contents at least, came {raters} and {contents}")
    seen = np.ones((raters, contents), bool) if seen is None else seen
    if seen.shape != (raters, contents):
        raise ValueError(f"seen: expected {(raters, contents)} values, came {seen.shape}")
    if not (seen.any(axis=0).all() and seen.any(axis=1).all()):
        raise ValueError("seen: expected a vote at least of every rater and on every content")
    rng = random_for(seed, "power", raters, contents, arm)
    votes = _differences(rng, simulations, seen.shape, effect, arm, model or RaterModel())
    return float(np.mean(_found(votes, seen)))


def _differences(
    rng: np.random.Generator,
    simulations: int,
    shape: tuple[int, int],
    effect: float,
    arm: Arm,
    model: RaterModel,
) -> np.ndarray:
    """What each rater's votes say of the difference on each content: simulations x raters x contents."""
    size = (simulations, *shape)
    true = effect + model.content * rng.standard_normal((simulations, 1, shape[1]))
    true = true + model.rater * rng.standard_normal((simulations, shape[0], 1))
    noise = [model.inconsistency * rng.standard_normal(size) for _ in range(2)]
    if arm == "ccr":
        return np.clip(np.rint(true + noise[0] - noise[1]), -3, 3)
    base = rng.uniform(2.5, 4, (simulations, 1, shape[1]))
    base = base + model.bias * rng.standard_normal((simulations, shape[0], 1))
    better = np.clip(np.rint(base + true / 2 + noise[0]), 1, 5)
    return better - np.clip(np.rint(base - true / 2 + noise[1]), 1, 5)


def _found(votes: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Per simulation whether the mean is above zero by a two-sided two-way t test, min(I, J) - 1 df."""
    raters, contents = seen.shape
    votes = np.where(seen, votes, 0)
    by_rater = votes.sum(2) / seen.sum(1)
    by_content = votes.sum(1) / seen.sum(0)
    mean = votes.sum((1, 2)) / seen.sum()
    rest = (votes - by_rater[:, :, None] - by_content[:, None, :] + mean[:, None, None]) * seen
    residual = (rest**2).sum((1, 2)) / max(1, seen.sum() - raters - contents + 1)
    variance = by_rater.var(1, ddof=1) / raters + by_content.var(1, ddof=1) / contents
    error = np.sqrt(np.maximum(variance - residual / seen.sum(), residual / seen.sum()))
    return mean / np.maximum(error, 1e-12) > student_t.ppf(0.975, min(raters, contents) - 1)


def power_curve(
    raters: Sequence[int] = (6, 12, 18, 24, 30, 40),
    contents: Sequence[int] = (10, 20, 30, 40, 50),
    effects: Sequence[float] = (EFFECT,),
    arm: Arm = "acr",
    *,
    simulations: int = SIMULATIONS,
    seed: int = 0,
) -> pd.DataFrame:
    """One row per size of study: arm, raters, contents, effect, power, low, high (95 %, Wilson)."""
    rows = []
    for effect in effects:
        for contents_now in contents:
            for raters_now in raters:
                power = simulated_power(
                    raters_now, contents_now, effect, arm, simulations=simulations, seed=seed
                )
                low, high = _wilson(power, simulations)
                rows.append((arm, raters_now, contents_now, effect, power, low, high))
    return pd.DataFrame(rows, columns=["arm", "raters", "contents", "effect", "power", "low", "high"])


def _wilson(share: float, count: int, z: float = 1.96) -> tuple[float, float]:
    """The Wilson score interval of a share."""
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    return float(max(0, centre - half)), float(min(1, centre + half))


def stand_in_contents(count: int) -> list[Content]:
    """Contents without pictures, spread over the five categories, to plan with."""
    return [Content(f"content-{at}", CATEGORIES[at % len(CATEGORIES)]) for at in range(count)]


def stand_in_systems(students: int = 1) -> list[System]:
    """The systems that every study has, and so many students."""
    fixed = [System(role, role) for role in ("reference", "input", "unsharp", "teacher")]
    return [*fixed, *(System(f"student-{number}", "student") for number in range(1, students + 1))]


def _who_sees_what(
    block: Block, plan: Plan, contents: list[Content], systems: list[System], seed: int
) -> np.ndarray:
    fitting = eligible(block, contents)
    each = contents_a_rater(block, len(fitting), len(units_of(block, systems)))
    hands = deal_contents(fitting, each, plan.raters, random_for(seed, "plan"))
    seen = np.array([[content in hand for content in fitting] for hand in hands])
    return seen[:, seen.any(axis=0)]


def plan_table(
    plan: Plan,
    students: int = 1,
    effects: Sequence[float] = (0.2, 0.3, 0.5),
    *,
    simulations: int = SIMULATIONS,
    seed: int = 0,
) -> pd.DataFrame:
    """One row per block of a plan: what a rater sees, how often each is seen, and the power for each effect.

    Columns: session, block, arm, criterion, contents, shown (pairs or pictures in all), a_rater (contents),
    votes (that count, a rater), votes_each (the fewest on one pair or picture), power_<effect>.
    """
    contents, systems, rows = stand_in_contents(plan.contents), stand_in_systems(students), []
    for session, blocks in enumerate(usable_sessions(plan, contents), 1):
        for number, block in enumerate(blocks, 1):
            seen, units = _who_sees_what(block, plan, contents, systems, seed), len(units_of(block, systems))
            row = {
                "session": session,
                "block": number,
                "arm": block.arm,
                "criterion": block.criterion,
                "contents": seen.shape[1],
                "shown": seen.shape[1] * units,
                "a_rater": int(seen.sum(1)[0]),
                "votes": int(seen.sum(1)[0]) * units,
                "votes_each": int(seen.sum(0).min()),
            }
            for effect in effects:
                row[f"power_{effect:g}"] = simulated_power(
                    *seen.shape, effect, block.arm, seen=seen, simulations=simulations, seed=seed
                )
            rows.append(row)
    return pd.DataFrame(rows)


def session_minutes(votes: int) -> float:
    """Minutes that a session of so many questions takes."""
    return votes * SECONDS_A_VOTE / 60
