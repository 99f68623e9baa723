"""Rows of ratings as arrays: one place per rater, content and system (or pair of systems)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

REFERENCE = "reference"
INPUT = "input"


class Pair(NamedTuple):
    """Two systems; scores and differences are positive where `system` is better than `baseline`."""

    system: str
    baseline: str


def oriented(first: str, second: str) -> Pair:
    """The pair with the reference, else the input, else the later name in the alphabet as its baseline."""
    for baseline in (REFERENCE, INPUT):
        if baseline in (first, second):
            return Pair(second if first == baseline else first, baseline)
    return Pair(*sorted((first, second)))


@dataclass(frozen=True, eq=False)
class Votes:
    """Votes as values (rater, content, condition), NaN where there is none.

    A condition is a system (acr) or a Pair (ccr, pair). `sides` has +1 where the condition's system stood
    right and -1 where it stood left; None for acr. Who voted on a place more than once counts with the mean.
    """

    values: np.ndarray
    sides: np.ndarray | None
    raters: tuple[str, ...]
    contents: tuple[str, ...]
    conditions: tuple[str, ...] | tuple[Pair, ...]
    categories: tuple[str, ...]

    def of(self, condition: str | Pair) -> np.ndarray:
        """The votes (rater, content) on one condition."""
        return self.values[:, :, self.conditions.index(condition)]

    def within(self, category: str) -> np.ndarray:
        """Which contents are of the category; all of them for "all"."""
        return np.array([category in ("all", each) for each in self.categories])

    def without(self, raters: Sequence[str]) -> Votes:
        """The votes of the other raters."""
        kept = [place for place, name in enumerate(self.raters) if name not in set(raters)]
        sides = None if self.sides is None else self.sides[kept]
        names = tuple(self.raters[place] for place in kept)
        return Votes(self.values[kept], sides, names, self.contents, self.conditions, self.categories)

    def flat(self) -> tuple[np.ndarray, np.ndarray | None, list[tuple[int, int]]]:
        """Votes and sides as (rater, stimulus), and each stimulus' content and condition by number."""
        seen = np.argwhere(~np.isnan(self.values).all(axis=0))
        values = self.values[:, seen[:, 0], seen[:, 1]]
        sides = None if self.sides is None else self.sides[:, seen[:, 0], seen[:, 1]]
        return values, sides, [(int(content), int(condition)) for content, condition in seen]


def collect_votes(rows: pd.DataFrame, arm: str, criterion: str, roles: Sequence[str] = ("rating",)) -> Votes:
    """The votes of one arm and criterion; golds, repeats and training only where their role is asked for."""
    chosen = rows[(rows["arm"] == arm) & (rows["criterion"] == criterion) & rows["role"].isin(roles)]
    raters, rater_names = _numbered(chosen["rater"])
    contents, content_names = _numbered(chosen["stimulus"])
    right = _right(chosen) if arm != "acr" else np.ones(len(chosen))
    conditions, names = _conditions(chosen, arm)
    shape = (len(rater_names), len(content_names), len(names))
    score = chosen["score"].to_numpy(float) * right
    place = np.ravel_multi_index((raters, contents, conditions), shape) if len(chosen) else np.zeros(0, int)
    size = int(np.prod(shape))
    count = np.bincount(place, minlength=size)
    with np.errstate(invalid="ignore"):
        values = np.bincount(place, score, minlength=size) / count
        sides = np.bincount(place, right, minlength=size) / count
    return Votes(
        values.reshape(shape),
        None if arm == "acr" else sides.reshape(shape),
        rater_names,
        content_names,
        names,
        _categories(contents, chosen["category"], content_names),
    )


def _categories(contents: np.ndarray, category: pd.Series, names: tuple[str, ...]) -> tuple[str, ...]:
    """The category of each content, which must have one."""
    found = pd.DataFrame({"content": contents, "category": category.astype(str).to_numpy()}).drop_duplicates()
    twice = found[found.duplicated("content", keep=False)]
    if len(twice):
        kinds = " and ".join(map(repr, twice.loc[twice["content"] == twice["content"].iloc[0], "category"]))
        raise ValueError(f"category: the content {names[twice['content'].iloc[0]]!r} stands in {kinds}")
    return tuple(found.sort_values("content")["category"])


def _numbered(column: pd.Series) -> tuple[np.ndarray, tuple[str, ...]]:
    """The rows' values as numbers in sorted order, and the names."""
    codes, names = pd.factorize(column.astype(str), sort=True)
    return codes, tuple(map(str, names))


def _systems(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, list[str]]:
    left, right = rows["system_left"].astype(str), rows["system_right"].astype(str)
    codes, names = pd.factorize(pd.concat([left, right], ignore_index=True))
    return codes[: len(rows)], codes[len(rows) :], [str(name) for name in names]


def _right(rows: pd.DataFrame) -> np.ndarray:
    """+1 where the pair's system stood right, so that a positive score prefers it; else -1."""
    left, right, names = _systems(rows)
    sign = np.array([[1 if oriented(a, b).system == b else -1 for b in names] for a in names], float)
    return sign[left, right] if len(rows) else np.zeros(0)


def _conditions(rows: pd.DataFrame, arm: str) -> tuple[np.ndarray, tuple]:
    if arm == "acr":
        return _numbered(rows["system_left"])
    left, right, names = _systems(rows)
    key = np.minimum(left, right).astype(np.int64) * len(names) + np.maximum(left, right)
    codes, found = pd.factorize(key)
    pairs = [oriented(names[each // len(names)], names[each % len(names)]) for each in found]
    order = sorted(range(len(pairs)), key=lambda number: pairs[number])
    place = np.argsort(order)
    return place[codes] if len(codes) else codes, tuple(pairs[number] for number in order)


def all_ratings(
    rows: pd.DataFrame, arm: str, raters: Sequence[str]
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Votes and sides (rater, stimulus) of every criterion of an arm side by side, and a number for each
    stimulus' condition."""
    values, sides, labels = [np.zeros((len(raters), 0))], [np.zeros((len(raters), 0))], []
    places = {name: place for place, name in enumerate(raters)}
    chosen = rows[(rows["arm"] == arm) & (rows["role"] == "rating")]
    for criterion in sorted(set(chosen["criterion"].astype(str))):
        votes = collect_votes(rows, arm, criterion)
        part, turned, stimuli = votes.flat()
        where = [places[name] for name in votes.raters]
        for table, found in ((values, part), (sides, turned)):
            full = np.full((len(raters), part.shape[1]), np.nan)
            if found is not None:
                full[where] = found
            table.append(full)
        labels += [(criterion, votes.conditions[condition]) for _, condition in stimuli]
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    conditions = np.array([numbers[label] for label in labels], int)
    joined_sides = None if arm == "acr" else np.concatenate(sides, axis=1)
    return np.concatenate(values, axis=1), joined_sides, conditions
