"""Bootstrap of a mean over independent units, and what is read off it: intervals, p values, families,
equivalence.

A unit is a source picture or a clip: never a frame of a clip, whose neighbours say nearly the same.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

RESAMPLES = 10_000
SMALLEST_STRATUM = 5  # fewer units of a category would have too few different resamples

Side = Literal["two", "above", "below"]


@dataclass(frozen=True, eq=False)
class Resampled:
    """A mean with its resampled means, from which intervals and p values follow.

    Intervals are percentile intervals whose level is widened by Student's t with `freedom` degrees
    (Hesterberg 2015), since plain percentiles cover too little below about 100 units; in simulations they
    come as close to 95 % as BCa with the same widening, and unlike BCa they exist when all units are equal.
    Beyond the outermost resample the normal distribution of the resamples' deviation continues. An interval
    excludes a value exactly when the two-sided p value of that value is at most 1 - level.
    """

    mean: float
    resamples: np.ndarray  # sorted
    freedom: float

    @property
    def deviation(self) -> float:
        return float(self.resamples.std())

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The two-sided interval of the mean at that level."""
        if not 0.5 <= level < 1:
            raise ValueError(f"level: expected 0.5 to less than 1, got {level}")
        share = stats.norm.cdf(stats.t.ppf((1 - level) / 2, self.freedom))
        reach = float(stats.norm.ppf(share)) * self.deviation
        place = int(share * (len(self.resamples) + 1) + 1e-9) - 1
        if place >= 0:
            return float(self.resamples[place]), float(self.resamples[-1 - place])
        low, high = min(self.mean + reach, self.resamples[0]), max(self.mean - reach, self.resamples[-1])
        return float(low), float(high)

    def p_value(self, value: float = 0.0, side: Side = "two") -> float:
        """The p value of the mean being `value`; one-sided, of its not lying above, or not below, `value`."""
        if side == "above":
            return self._one_sided(value, 1)
        if side == "below":
            return self._one_sided(value, -1)
        if not self.deviation and self.mean == value:
            return 1.0
        return min(1.0, 2 * min(self._one_sided(value, 1), self._one_sided(value, -1)))

    def _one_sided(self, value: float, direction: Literal[1, -1]) -> float:
        """The share of resamples that are not beyond `value` in the direction, at the intervals' t level."""
        count = len(self.resamples)
        against = int(np.count_nonzero(direction * (self.resamples - value) <= 0))
        share = (against + 1) / (count + 1)
        if not against:
            distance = direction * (self.mean - value)
            share = min(share, stats.norm.cdf(-distance / self.deviation) if self.deviation else 0.0)
        return float(stats.t.cdf(stats.norm.ppf(share), self.freedom))


def resample(
    values: np.ndarray, categories: Sequence[str], seed: int = 0, resamples: int = RESAMPLES
) -> Resampled:
    """The mean of one value per unit with its bootstrap, resampled within the units' categories."""
    values = _checked(values, categories)
    weights = resample_weights(tuple(categories), resamples, seed)
    return Resampled(float(values.mean()), np.sort(weights @ values), _freedom(categories))


def resample_seeds(
    values: np.ndarray, categories: Sequence[str], seed: int = 0, resamples: int = RESAMPLES
) -> Resampled:
    """The mean of a (training seed, unit) table with its bootstrap over both, drawn independently.

    The degrees of freedom are Satterthwaite's: three seeds that disagree leave about two, however many units.
    """
    table = np.asarray(values, float)
    if table.ndim != 2 or len(table) < 2:
        raise ValueError(
            f"values: expected a (seed, unit) table of at least two seeds, got the shape {table.shape}"
        )
    units = _checked(table.mean(axis=0), categories)
    seed_weights = resample_weights(("seed",) * len(table), resamples, seed + 1)
    unit_weights = resample_weights(tuple(categories), resamples, seed)
    means = ((seed_weights @ table) * unit_weights).sum(axis=1)
    parts = [(table.mean(axis=1).var(ddof=1) / len(table), len(table) - 1)]
    parts.append((units.var(ddof=1) / len(units), _freedom(categories)))
    pooled = sum(variance**2 / freedom for variance, freedom in parts)
    freedom = sum(variance for variance, _ in parts) ** 2 / pooled if pooled else len(table) - 1
    return Resampled(float(table.mean()), np.sort(means), float(freedom))


@functools.lru_cache(maxsize=2)
def resample_weights(categories: tuple[str, ...], resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """The weights (resamples, unit) with which each resample averages the units; rows sum to 1.

    Each category keeps its share of the whole. Of its n units n - 1 are drawn with replacement, which makes
    the variance of the resampled mean unbiased where n draws make it too small by (n - 1) / n (Rao and Wu
    1988).
    """
    rng = np.random.default_rng(seed)
    weights = np.zeros((resamples, len(categories)))
    strata = np.array(_strata(categories))
    for stratum in sorted(set(strata.tolist())):
        places = np.flatnonzero(strata == stratum)
        count = len(places)
        drawn = rng.integers(0, count, (resamples, count - 1)) + count * np.arange(resamples)[:, None]
        times = np.bincount(drawn.ravel(), minlength=resamples * count).reshape(resamples, count)
        weights[:, places] = times * (count / (count - 1) / len(categories))
    weights.flags.writeable = False
    return weights


def holm(p_values: Sequence[float]) -> np.ndarray:
    """The p values adjusted for their number (Holm 1979), in the order given."""
    values = np.asarray(p_values, float)
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * (len(values) - np.arange(len(values))))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted


def equivalence_p(resampled: Resampled, margin: float) -> float:
    """The p value of two one-sided tests (Schuirmann 1987) that the mean is within plus and minus margin."""
    if not margin > 0:
        raise ValueError(f"margin: expected more than 0, got {margin}")
    return max(resampled.p_value(-margin, "above"), resampled.p_value(margin, "below"))


def _strata(categories: Sequence[str]) -> list[str]:
    """The stratum of each unit: its category, small ones joined until each has SMALLEST_STRATUM units."""
    members = [({name}, count) for name, count in Counter(categories).items()]
    members.sort(key=lambda item: (item[1], min(item[0])))
    while len(members) > 1 and members[0][1] < SMALLEST_STRATUM:
        (first, few), (second, more), *rest = members
        members = sorted([(first | second, few + more), *rest], key=lambda item: (item[1], min(item[0])))
    stratum = {name: min(names) for names, _ in members for name in names}
    return [stratum[name] for name in categories]


def _freedom(categories: Sequence[str]) -> float:
    return float(len(categories) - len(set(_strata(categories))))


def _checked(values: np.ndarray, categories: Sequence[str]) -> np.ndarray:
    values = np.asarray(values, float)
    if values.ndim != 1 or len(values) != len(categories) or len(values) < 2:
        raise ValueError(
            f"values: expected one number for each of at least two units, got the shape {values.shape} "
            f"for {len(categories)} categories"
        )
    if not np.isfinite(values).all():
        raise ValueError(f"values: expected finite numbers, got {values[~np.isfinite(values)][:3].tolist()}")
    return values
