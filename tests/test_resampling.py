"""Intervals, p values, Holm and equivalence by hand, by scipy and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sharpstudy.statistics import equivalence_p, holm, resample, resample_seeds, resample_weights

CATEGORIES = ("text", "nature", "people", "animals", "graphics")


def test_holm_by_hand():
    """Sorted .01 .02 .03 .04 times 4 3 2 1 is .04 .06 .06 .04, made monotone .04 .06 .06 .06."""
    assert holm([0.02, 0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.06, 0.04, 0.06])
    assert holm([0.001, 0.4, 0.6]) == pytest.approx([0.003, 0.8, 0.8])
    assert holm([0.7, 0.9]) == pytest.approx([1, 1])
    assert holm([0.03]) == pytest.approx([0.03])
    assert holm([]).tolist() == []


def test_the_interval_is_scipys_bootstrap_on_many_units(rng):
    values = rng.gamma(2, 0.3, 250)
    other = stats.bootstrap((values,), np.mean, n_resamples=10_000, method="percentile", rng=rng)
    low, high = resample(values, ["all"] * 250).interval()
    assert (low, high) == pytest.approx(other.confidence_interval, abs=0.03 * (high - low))


@pytest.mark.parametrize("count", [8, 30, 100])
def test_for_normal_values_interval_and_p_are_students(rng, count):
    values = rng.normal(0.1, 0.5, count)
    result = resample(values, ["all"] * count)
    student = stats.ttest_1samp(values, 0)
    low, high = student.confidence_interval(0.95)
    assert result.interval() == pytest.approx((low, high), abs=0.08 * (high - low))
    assert result.p_value() == pytest.approx(student.pvalue, rel=0.25, abs=0.02)


def test_resampling_within_categories_removes_what_lies_between_them(rng):
    offsets = np.repeat([-5.0, 0.0, 5.0], 20)
    values = offsets + rng.normal(0, 0.1, 60)
    kinds = np.repeat(["text", "nature", "people"], 20).tolist()
    low, high = resample(values, kinds).interval()
    expected = np.sqrt(np.mean([values[i : i + 20].var(ddof=1) for i in (0, 20, 40)]) / 60)
    assert (high - low) / 2 == pytest.approx(stats.t.ppf(0.975, 57) * expected, rel=0.05)
    whole_low, whole_high = resample(values, ["all"] * 60).interval()
    assert whole_high - whole_low > 20 * (high - low)


def test_weights_average_each_category_by_its_share():
    categories = ("text",) * 6 + ("nature",) * 14
    weights = resample_weights(categories, 2000, 3)
    assert weights[:, :6].sum(axis=1) == pytest.approx(0.3)
    assert weights[:, 6:].sum(axis=1) == pytest.approx(0.7)
    assert weights.mean(axis=0) == pytest.approx(1 / 20, abs=0.004)
    assert np.array_equal(weights, resample_weights(categories, 2000, 3))
    assert not np.array_equal(weights, resample_weights(categories, 2000, 4))


def test_the_variance_of_the_resampled_mean_is_unbiased(rng):
    values = rng.normal(0, 1, 7)
    assert resample(values, ["all"] * 7).deviation == pytest.approx(values.std(ddof=1) / np.sqrt(7), rel=0.03)


def test_an_interval_excludes_zero_exactly_when_its_p_value_is_small(rng):
    seen = set()
    for count in [4, 8, 25] * 40:
        result = resample(rng.normal(rng.choice([0, 1, 3]), 1, count), ["all"] * count, resamples=500)
        low, high = result.interval()
        excluded = low > 0 or high < 0
        assert excluded == (result.p_value() <= 0.05)
        seen.add(excluded)
    assert seen == {True, False}


def coverage(draw, truth: float, trials: int, categories: list[str]) -> float:
    hits = 0
    for _ in range(trials):
        low, high = resample(draw(), categories, resamples=1000).interval()
        hits += low <= truth <= high
    return hits / trials


@pytest.mark.parametrize("kind", ["normal", "skewed"])
def test_intervals_of_clips_cover_the_truth_in_95_of_100_studies(kind):
    rng = np.random.default_rng(7)
    categories = [CATEGORIES[i % 5] for i in range(60)]
    effects = np.array([0.1 * (i % 5) for i in range(60)])  # categories gain differently

    def draw() -> np.ndarray:
        own = rng.normal(0, 0.4, 60) if kind == "normal" else 0.4 * (rng.exponential(1, 60) - 1)
        frames = rng.normal(0, 0.3, (60, 5))  # five frames a clip share the clip's own effect
        return effects + own + frames.mean(axis=1)

    assert 0.93 <= coverage(draw, effects.mean(), 1200, categories) <= 0.97


def test_small_categories_are_resampled_together():
    """Two units a category have but two resamples each, and percentiles of those cover 88 of 100."""
    rng = np.random.default_rng(5)
    assert coverage(lambda: rng.normal(0, 1, 10), 0, 1200, [CATEGORIES[i % 5] for i in range(10)]) >= 0.93


def test_intervals_over_seeds_and_clips_cover_the_truth():
    rng = np.random.default_rng(11)
    categories, hits, trials = ["all"] * 40, 0, 600
    for _ in range(trials):
        table = rng.normal(0, 0.2, (4, 1)) + rng.normal(0, 0.5, 40) + rng.normal(0, 0.2, (4, 40))
        low, high = resample_seeds(table, categories, resamples=500).interval()
        hits += low <= 0 <= high
    assert 0.925 <= hits / trials <= 0.985


def test_equivalence_by_hand(rng):
    """Two one-sided t tests of 100 differences of mean .02 and deviation .3 against a margin of .1."""
    values = stats.zscore(rng.normal(0, 1, 100), ddof=1) * 0.3 + 0.02
    error = 0.3 / np.sqrt(100)
    expected = max(stats.t.sf((0.02 + 0.1) / error, 99), stats.t.sf((0.1 - 0.02) / error, 99))
    assert expected == pytest.approx(0.0045, abs=0.0003)
    result = resample(values, ["all"] * 100)
    assert equivalence_p(result, 0.1) == pytest.approx(expected, rel=0.4)
    assert equivalence_p(result, 0.02) == pytest.approx(0.5, abs=0.05)
    with pytest.raises(ValueError, match="margin"):
        equivalence_p(result, 0)
