"""What ITU-R BT.500 and ITU-T P.913 say of raters; shown beside the study's own screening."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

BT500_OUTSIDE, BT500_ONE_SIDED = 0.05, 0.3
P913_STIMULUS, P913_CONDITION = 0.75, 0.80


class Bt500(NamedTuple):
    """Per rater: votes above and below what is usual, and whether the rater would be rejected."""

    high: np.ndarray
    low: np.ndarray
    rejected: np.ndarray


class P913(NamedTuple):
    """Per rater: correlation with the means over stimuli and over conditions, and who would be rejected."""

    by_stimulus: np.ndarray
    by_condition: np.ndarray
    rejected: np.ndarray


def bt500(values: np.ndarray) -> Bt500:
    """Screening of votes (rater, stimulus) after ITU-R BT.500, annex 1.

    A vote is unusual beyond 2 standard deviations of its stimulus where the kurtosis is 2 to 4, else beyond
    the square root of 20 of them. Rejected is who has more than 5 % of the own votes there, evenly above and
    below. The share is of the rater's own votes; a stimulus on which all agree has no unusual votes.
    """
    there = ~np.isnan(values)
    n = np.maximum(there.sum(axis=0), 1)
    centred = np.where(there, values - np.where(there, values, 0).sum(axis=0) / n, 0)
    second, fourth = (centred**2).sum(axis=0) / n, (centred**4).sum(axis=0) / n
    deviation = np.sqrt((centred**2).sum(axis=0) / np.maximum(n - 1, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        kurtosis = fourth / second**2
    reach = np.where((kurtosis >= 2) & (kurtosis <= 4), 2.0, np.sqrt(20)) * deviation
    judged = there & (deviation > 0)
    high = (judged & (centred >= reach)).sum(axis=1)
    low = (judged & (centred <= -reach)).sum(axis=1)
    outside, own = high + low, np.maximum(there.sum(axis=1), 1)
    lean = np.abs(high - low) / np.maximum(outside, 1)
    return Bt500(high, low, (outside / own > BT500_OUTSIDE) & (lean < BT500_ONE_SIDED))


def p913(values: np.ndarray, conditions: np.ndarray) -> P913:
    """Screening of votes (rater, stimulus) after ITU-T P.913, annex A; `conditions` numbers each stimulus'.

    Rejected, the worst first and the means taken anew, is who correlates with them below .75 over stimuli
    and below .80 over conditions. The means include the rater's own votes, as the text has it.
    """
    kept, means = np.ones(len(values), bool), _condition_means(values, conditions)
    while True:
        with_stimuli, with_conditions = _with_mean(values, kept), _with_mean(means, kept)
        failing = kept & (with_stimuli < P913_STIMULUS) & (with_conditions < P913_CONDITION)
        if not failing.any():
            return P913(with_stimuli, with_conditions, ~kept)
        kept[np.flatnonzero(failing)[np.argmin(with_stimuli[failing])]] = False


def _condition_means(values: np.ndarray, conditions: np.ndarray) -> np.ndarray:
    """Each rater's mean vote (rater, condition)."""
    there = ~np.isnan(values)
    member = conditions[:, None] == np.arange(conditions.max() + 1 if len(conditions) else 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (np.where(there, values, 0) @ member) / (there @ member)


def _with_mean(values: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Pearson's correlation of each rater with the mean of the kept, over what the rater voted on; else 0."""
    there = ~np.isnan(values)
    filled = np.where(there, values, 0)
    count = there[kept].sum(axis=0)
    mean = filled[kept].sum(axis=0) / np.maximum(count, 1)
    shared = there & (count > 0)
    n = np.maximum(shared.sum(axis=1), 1)[:, None]
    own = np.where(shared, values - np.where(shared, filled, 0).sum(axis=1, keepdims=True) / n, 0)
    other = np.where(shared, mean - (shared * mean).sum(axis=1, keepdims=True) / n, 0)
    size = np.sqrt((own**2).sum(axis=1) * (other**2).sum(axis=1))
    return np.divide((own * other).sum(axis=1), size, out=np.zeros(len(values)), where=size > 1e-12)
