"""Raters who do not exist, to try the analysis on: drawn from ITU-T P.910's model, marked in every row.

The planted truth is invented. It is a function of no metric and of no picture, and says nothing about any
system.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from sharpstudy.mos.ingest import SCORES
from sharpstudy.mos.votes import INPUT, REFERENCE, oriented

Bad = Literal["random", "straight", "inverted"]
BAD_KINDS: tuple[Bad, ...] = ("random", "straight", "inverted")
INVENTED = {REFERENCE: 4.3, "student": 3.8, "teacher": 3.9, "unsharp": 3.3, INPUT: 2.9}
GOLDS = {"gold-blur": 1.2, "gold-oversharp": 1.4}
CATEGORIES = ("text", "nature", "people", "animals", "graphics")
BIAS_VARIANCE, INCONSISTENCY = 0.36, 0.60


@dataclass(frozen=True)
class Simulation:
    """Who votes on what in a simulated study.

    `quality` is the invented mean of each system on the scale of 1 to 5; contents and the systems on them
    differ by normal draws of the given standard deviations. Bias is drawn from N(0, bias_variance), each
    rater's inconsistency evenly around its mean. `bad` counts raters of each bad kind among the raters.
    """

    raters: int = 24
    contents: int = 40
    quality: Mapping[str, float] = field(default_factory=lambda: dict(INVENTED))
    criteria: tuple[str, ...] = ("overall", "sharpness")
    arms: tuple[str, ...] = ("ccr", "acr")
    content_deviation: float = 0.40
    mixed_deviation: float = 0.25
    bias_variance: float = BIAS_VARIANCE
    inconsistency: float = INCONSISTENCY
    bad: Mapping[Bad, int] = field(default_factory=dict)
    golds: int = 8
    anchors: int = 4
    seed: int = 1

    def __post_init__(self) -> None:
        unknown = set(self.bad) - set(BAD_KINDS)
        if unknown:
            raise ValueError(f"bad: expected {', '.join(BAD_KINDS)}, got {', '.join(sorted(unknown))}")
        if sum(self.bad.values()) > self.raters:
            raise ValueError(f"bad: expected at most {self.raters} raters, got {sum(self.bad.values())}")
        if not set(self.arms) <= set(SCORES) or REFERENCE not in self.quality or INPUT not in self.quality:
            raise ValueError(
                f"simulation: expected arms of {', '.join(SCORES)} and the systems {REFERENCE} and {INPUT}, "
                f"got {', '.join(self.arms)} and {', '.join(self.quality)}"
            )


@dataclass(frozen=True, eq=False)
class Truth:
    """What was planted: quality (criterion, content, system) and each rater's habits; all of it invented."""

    simulation: Simulation
    quality: np.ndarray
    raters: pd.DataFrame  # rater, kind ("honest" or a bad one), bias, inconsistency

    @property
    def systems(self) -> tuple[str, ...]:
        return tuple(self.simulation.quality)

    def of(self, criterion: str, content: int, system: str) -> float:
        """The planted quality of one picture; golds are far below everything, whatever the content."""
        if system in GOLDS:
            return GOLDS[system]
        number = self.simulation.criteria.index(criterion)
        return float(self.quality[number, content, self.systems.index(system)])


def plant(simulation: Simulation) -> Truth:
    """The invented truth of a simulation; it hangs on the settings alone."""
    rng = np.random.default_rng([simulation.seed, 1])
    means = np.array(list(simulation.quality.values()))
    shape = (len(simulation.criteria), simulation.contents)
    level = simulation.content_deviation * rng.standard_normal((*shape, 1))
    own = simulation.mixed_deviation * rng.standard_normal((*shape, len(means)))
    kinds = [kind for kind in BAD_KINDS for _ in range(simulation.bad.get(kind, 0))]
    kinds += ["honest"] * (simulation.raters - len(kinds))
    names = [f"simulated-{number + 1:03d}" for number in range(simulation.raters)]
    bias = np.sqrt(simulation.bias_variance) * rng.standard_normal(simulation.raters)
    around = rng.uniform(0.75, 1.25, simulation.raters)
    raters = pd.DataFrame(
        {
            "rater": names,
            "kind": rng.permutation(kinds),
            "bias": bias,
            "inconsistency": simulation.inconsistency * around,
        }
    )
    return Truth(simulation, means + level + own, raters)


def simulate_ratings(truth: Truth) -> pd.DataFrame:
    """The planted raters' votes in the columns of ratings.csv, every row with the source `simulated`."""
    trials = pd.concat([_trials(truth, arm, one) for arm, one in _blocks(truth)], ignore_index=True)
    parts = [_answered(truth, trials, number) for number in range(truth.simulation.raters)]
    return pd.concat(parts, ignore_index=True)


def simulate_scores(truth: Truth, noise: float = 0.3) -> pd.DataFrame:
    """An invented metric of every picture, made from the planted truth to try MOS against metrics on.

    It is named so that nobody takes it for one: no such measurement exists.
    """
    rng = np.random.default_rng([truth.simulation.seed, 3])
    rows = [
        {"model": system, "frame": content_name(content), "metric": "invented metric", "value": value}
        for content in range(truth.simulation.contents)
        for system, value in zip(truth.systems, truth.quality[0, content], strict=True)
    ]
    table = pd.DataFrame(rows)
    return table.assign(value=20 + 5 * (table["value"] + noise * rng.standard_normal(len(table))))


def content_name(number: int) -> str:
    return f"invented-{number + 1:03d}"


def expected_vote(quality: np.ndarray | float, bias: np.ndarray | float, inconsistency: float) -> np.ndarray:
    """The mean vote on the scale of 1 to 5 of raters with such habits, rounding and clipping included."""
    centre = np.asarray(quality, float) + bias
    steps = np.arange(1.5, 5.0)
    return 1 + stats.norm.sf((steps - centre[..., None]) / inconsistency).sum(axis=-1)


def _blocks(truth: Truth) -> list[tuple[str, str]]:
    return [(arm, criterion) for arm in truth.simulation.arms for criterion in truth.simulation.criteria]


def _trials(truth: Truth, arm: str, criterion: str) -> pd.DataFrame:
    """The questions of one block, the same for all raters but for order and sides."""
    made = truth.simulation
    checks = _checks(arm, made.golds, made.anchors, made.contents)
    systems = truth.systems
    shown: Sequence[tuple[str, str]] = [(name, "") for name in systems]
    if arm != "acr":
        shown = [tuple(oriented(*pair)) for pair in combinations(systems, 2)]
    rows = [("rating", content, *sides) for content in range(made.contents) for sides in shown]
    repeats = [("repeat", *row[1:]) for row in rows[:: max(1, len(rows) // max(5, len(rows) // 20))]]
    table = pd.DataFrame([*rows, *checks, *repeats], columns=["role", "content", "first", "second"])
    quality = {
        name: np.array([truth.of(criterion, content, name) for content in table["content"]])
        for name in {*systems, *GOLDS}
    }
    for column, value in (("first", "quality"), ("second", "other")):
        table[value] = [quality[name][place] if name else 0.0 for place, name in enumerate(table[column])]
    return table.assign(arm=arm, criterion=criterion)


def _checks(arm: str, golds: int, anchors: int, contents: int) -> list[tuple[str, int, str, str]]:
    """Golds, anchors and identical pairs of one block as role, content and the pictures shown."""
    kinds = list(GOLDS)
    if arm == "acr":
        rows = [("gold", at % contents, (kinds[at // 2 % 2], REFERENCE)[at % 2], "") for at in range(golds)]
        return rows + [("anchor", (-1 - at) % contents, INPUT, "") for at in range(anchors)]
    rows = [("gold", at % contents, REFERENCE, kinds[at // 2 % 2]) for at in range(golds)]
    rows += [("anchor", (-1 - at) % contents, INPUT, REFERENCE) for at in range(anchors)]
    return rows + [("identical", at, name, name) for at, name in enumerate((REFERENCE, INPUT))]


def _answered(truth: Truth, trials: pd.DataFrame, number: int) -> pd.DataFrame:
    """One rater's rows: the trials in an order and on sides of the rater's own, with the answers."""
    rater = truth.raters.iloc[number]
    rng = np.random.default_rng([truth.simulation.seed, 2, number])
    order = np.concatenate(
        [rng.permutation(part.index) for _, part in trials.groupby(["arm", "criterion"], sort=False)]
    )
    asked = trials.loc[order].reset_index(drop=True)
    alone = (asked["arm"] == "acr").to_numpy()
    turned = (np.arange(len(asked)) + number) % 2 == 1
    gap = np.where(turned, asked["quality"] - asked["other"], asked["other"] - asked["quality"])
    honest = np.where(alone, asked["quality"], gap) + rater["bias"]
    honest = honest + rater["inconsistency"] * rng.standard_normal(len(asked))
    left = np.where(alone | ~turned, asked["first"], asked["second"])
    right = np.where(alone, "", np.where(turned, asked["first"], asked["second"]))
    return pd.DataFrame(
        {
            "study": "simulated",
            "session": 1,
            "rater": rater["rater"],
            "trial": np.arange(1, len(asked) + 1),
            "block": asked["arm"] + " " + asked["criterion"],
            "criterion": asked["criterion"],
            "arm": asked["arm"],
            "stimulus": [content_name(content) for content in asked["content"]],
            "category": [CATEGORIES[content % len(CATEGORIES)] for content in asked["content"]],
            "system_left": left,
            "system_right": np.where(asked["second"].eq("") | alone, "", right),
            "score": _votes(honest, asked["arm"].to_numpy(), rater["kind"], rng),
            "milliseconds": np.round(np.exp(rng.normal(8.2, 0.4, len(asked)))).astype(int),
            "presented_at": "",
            "role": asked["role"],
            "flags": "",
            "source": "simulated",
        }
    )


def _votes(honest: np.ndarray, arms: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Answers on the arms' scales: honest ones rounded and clipped, or what a bad rater presses instead."""
    votes = np.zeros(len(honest), int)
    for arm, scale in SCORES.items():
        here, levels = arms == arm, np.array(scale)
        clipped = np.clip(np.rint(honest[here]), levels[0], levels[-1])
        if arm == "pair":
            clipped = np.where(honest[here] > 0, 1, -1)
        if kind == "random":
            clipped = rng.choice(levels, here.sum())
        elif kind == "straight":
            clipped = np.full(here.sum(), rng.choice(levels))
        elif kind == "inverted":
            clipped = levels[0] + levels[-1] - clipped
        votes[here] = clipped
    return votes
