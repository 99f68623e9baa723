"""Means, intervals, the rater model and comparisons, against hand arithmetic and other computations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from sharpstudy.mos.comparisons import compare_systems, wilcoxon_p, with_verdicts
from sharpstudy.mos.estimates import by_stimulus, components, fit_raters, sos_a, two_way
from sharpstudy.mos.votes import Pair, Votes

GAP = np.nan


def test_two_way_of_four_votes_by_hand():
    # rater means 1.5, 3.5 (variance 2), content means 2, 3 (variance .5), no residual: 2/2 + .5/2 = 1.25
    found = two_way(np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert found.mean == 2.5
    assert found.error == pytest.approx(1.25**0.5)
    assert found.freedom == 1
    assert found.high == pytest.approx(2.5 + 12.706205 * 1.25**0.5, rel=1e-6)


def test_two_way_is_the_formula_where_no_vote_is_missing(rng):
    votes = rng.normal(size=(24, 1)) + rng.normal(size=(1, 40)) + rng.normal(size=(24, 40))
    rest = votes - votes.mean(1, keepdims=True) - votes.mean(0) + votes.mean()
    residual = (rest**2).sum() / (23 * 39)
    squared = votes.mean(1).var(ddof=1) / 24 + votes.mean(0).var(ddof=1) / 40 - residual / 960
    found = two_way(votes)
    assert found.error == pytest.approx(squared**0.5, rel=1e-12)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(votes.mean()) / squared**0.5, 23))


def test_the_error_is_never_below_that_of_independent_votes():
    votes = np.array([[1.0, -1, 1, -1], [-1, 1, -1, 1]])  # both marginal means are constant
    assert two_way(votes).error == pytest.approx((components(votes).rest / 8) ** 0.5)


def test_components_with_gaps_have_the_expectations_of_their_quadratic_forms(rng):
    """The equations that are solved, from traces of the design's matrices instead of sums of squares."""
    votes = rng.normal(size=(7, 9)) + 2 * rng.normal(size=(7, 1)) + rng.normal(size=(1, 9))
    votes[rng.random(votes.shape) < 0.4] = GAP
    votes = votes[:, ~np.isnan(votes).all(axis=0)]
    rater, content = np.nonzero(~np.isnan(votes))
    y = votes[rater, content]
    by_rater, by_content = np.eye(7)[rater], np.eye(votes.shape[1])[content]
    project = [z @ np.linalg.pinv(z) for z in (by_rater, by_content, np.ones((len(y), 1)))]
    forms = [project[0] - project[2], project[1] - project[2]]
    forms.append(np.eye(len(y)) - project[0] - project[1] + project[2])
    parts = [by_rater @ by_rater.T, by_content @ by_content.T, np.eye(len(y))]
    table = [[np.trace(form @ part) for part in parts] for form in forms]
    wanted = np.linalg.solve(table, [y @ form @ y for form in forms])
    np.testing.assert_allclose(components(votes)[:3], wanted, rtol=1e-9)


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (0, 0)])
def test_one_rater_or_one_content_has_no_interval(shape):
    found = two_way(np.ones(shape))
    assert np.isnan(found.low)
    assert np.isnan(found.p_value)


def test_stimuli_have_scipys_t_intervals(rng):
    votes = rng.integers(1, 6, (12, 5)).astype(float)
    votes[3:, 1] = GAP
    found = by_stimulus(votes)
    for column in range(5):
        own = votes[~np.isnan(votes[:, column]), column]
        low, high = stats.ttest_1samp(own, 0).confidence_interval(0.95)
        assert (found.low[column], found.high[column]) == pytest.approx((low, high))
    assert found.n.tolist() == [12, 3, 12, 12, 12]


def likelihood(values: np.ndarray, guess: np.ndarray) -> float:
    raters, stimuli = values.shape
    psi, bias, log_v = np.split(guess, [stimuli, stimuli + raters])
    rest = values - psi - (bias - bias.mean())[:, None]
    return float(np.nansum(0.5 * (rest / np.exp(log_v)[:, None]) ** 2 + log_v[:, None] * ~np.isnan(values)))


def test_the_rater_model_is_at_a_top_of_the_likelihood(rng):
    psi, bias, v = rng.uniform(1, 5, 40), rng.normal(0, 0.6, 16), rng.uniform(0.6, 1.2, 16)
    votes = psi + bias[:, None] + v[:, None] * rng.normal(size=(16, 40))
    votes[rng.random(votes.shape) < 0.1] = GAP
    found = fit_raters(votes)
    own = np.concatenate([found.psi, found.bias, np.log(found.inconsistency)])
    slope = optimize.approx_fprime(own, lambda guess: likelihood(votes, guess), 1e-6)
    np.testing.assert_allclose(slope, 0, atol=2e-3)
    assert all(
        likelihood(votes, own + 0.05 * rng.normal(size=72)) > likelihood(votes, own) for _ in range(50)
    )


def test_the_rater_model_of_comparisons_finds_the_lean_to_one_side(rng):
    sides = rng.choice([-1.0, 1.0], (12, 40))
    psi, lean = rng.normal(0, 1, 40), rng.normal(0, 0.5, 12)
    votes = psi + sides * (lean[:, None] + 0.3 * rng.normal(size=(12, 40)))
    found = fit_raters(votes, sides)
    assert np.corrcoef(found.bias, lean)[0, 1] > 0.98
    assert np.abs(found.bias - lean).max() < 0.2


def test_a_rater_who_follows_the_mean_exactly_does_not_take_over():
    votes = np.array([[1.0, 2, 3, 4, 5], [1, 2, 3, 4, 5], [2, 1, 4, 3, 5], [1, 3, 2, 5, 4]])
    found = fit_raters(votes)
    assert np.isfinite(found.psi).all()
    assert (found.error > 0.1).all()


def test_sos_a_of_spreads_that_follow_it_exactly():
    mean = np.array([1.5, 2.0, 3.0, 4.5])
    assert sos_a(mean, np.sqrt(0.2 * (-(mean**2) + 6 * mean - 5))) == pytest.approx(0.2)


def votes_of(values: np.ndarray, systems: tuple[str, ...]) -> Votes:
    raters, contents, _ = values.shape
    names = tuple(f"r{number}" for number in range(raters)), tuple(f"c{number}" for number in range(contents))
    return Votes(values, None, *names, systems, ("text",) * contents)


def test_a_comparison_is_the_two_way_t_of_paired_differences(rng):
    values = rng.integers(1, 6, (10, 12, 3)).astype(float)
    values[0, 0, 1] = GAP
    table = compare_systems(votes_of(values, ("input", "reference", "student")))
    row = table[(table["system"] == "student") & (table["baseline"] == "input")].iloc[0]
    gap = values[:, :, 2] - values[:, :, 0]
    assert row["effect"] == pytest.approx(gap.mean())
    assert row["p_value"] == pytest.approx(two_way(gap).p_value)
    own = table[(table["system"] == "student") & (table["baseline"] == "reference")].iloc[0]
    assert own["votes"] == 119 + (own["baseline"] == "input")
    assert list(table["baseline"]) == ["reference", "input", "reference"]


def test_wilcoxon_is_scipys_exact_one_without_ties(rng):
    values = rng.normal(0.3, 1, 20)
    assert wilcoxon_p(values) == pytest.approx(stats.wilcoxon(values, method="exact").pvalue)
    assert wilcoxon_p(np.zeros(5)) == 1.0


def test_verdicts_follow_holm():
    import pandas as pd

    table = pd.DataFrame({"effect": [1.0, -1.0, 0.1], "low": [0.5, -1.5, -0.1], "high": [1.5, -0.4, 0.3]})
    found = with_verdicts(table.assign(p_value=[0.01, 0.02, 0.04]))
    assert found["adjusted_p"].tolist() == pytest.approx([0.03, 0.04, 0.04])
    assert found["verdict"].tolist() == ["better", "worse", "better"]
    assert with_verdicts(table.assign(p_value=[0.03, 0.04, np.nan]))["verdict"].tolist() == [
        "no difference shown",
        "no difference shown",
        "too few votes",
    ]
    assert found["matters"].tolist() == ["yes", "yes", "unclear"]


def test_pairs_are_turned_towards_reference_and_input():
    from sharpstudy.mos.votes import oriented

    assert oriented("reference", "input") == Pair("input", "reference")
    assert oriented("input", "student") == Pair("student", "input")
    assert oriented("unsharp", "student") == Pair("student", "unsharp")
