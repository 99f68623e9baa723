"""Bradley-Terry, Krippendorff's alpha, intraclass correlation and correlation with metrics, against published
figures and scipy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sharpstudy.mos.against_metrics import against_metrics, fit_logistic, join_scores
from sharpstudy.mos.agreement import intraclass, krippendorff_alpha
from sharpstudy.mos.pairs import NoScaleError, bootstrap_scale, fit_scale, wins_of
from sharpstudy.mos.votes import Pair, Votes

GAP = np.nan
# Agresti, Categorical Data Analysis, table 10.10: American League, 1987; rows won against columns.
TEAMS = ("Baltimore", "Cleveland", "Boston", "New York", "Toronto", "Detroit", "Milwaukee")
BASEBALL = np.array(
    [
        [0, 7, 1, 3, 1, 4, 2],
        [6, 0, 6, 6, 5, 4, 4],
        [12, 7, 0, 7, 6, 2, 6],
        [10, 7, 6, 0, 6, 8, 6],
        [12, 8, 7, 7, 0, 6, 4],
        [9, 9, 11, 5, 7, 0, 6],
        [11, 9, 7, 7, 9, 7, 0],
    ]
)
# Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011: four observers, twelve units.
OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, GAP, GAP, GAP],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, GAP, 3],
        [GAP, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, GAP],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, GAP],
    ]
)
# Shrout and Fleiss 1979, table 2: four judges, six targets.
JUDGES = np.array(
    [[9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2], [5, 3, 6, 2, 6, 4], [8, 2, 8, 6, 9, 7]], dtype=float
)


def test_baseball_has_the_published_strengths():
    scale = fit_scale(TEAMS, BASEBALL)
    assert scale.strength.round(2).tolist() == [0, 0.68, 1.11, 1.25, 1.29, 1.44, 1.58]
    assert scale.error[1:].round(1).tolist() == [0.3] * 6


def test_strengths_and_errors_are_those_of_a_logistic_regression():
    """Iteratively reweighted least squares on a design matrix, written out."""
    scale = fit_scale(TEAMS, BASEBALL)
    rows, won, games = [], [], []
    for i in range(7):
        for j in range(i):
            rows.append((np.arange(7) == i).astype(float) - (np.arange(7) == j))
            won.append(BASEBALL[i, j])
            games.append(BASEBALL[i, j] + BASEBALL[j, i])
    design, won, games = np.array(rows)[:, 1:], np.array(won, float), np.array(games, float)
    beta = np.zeros(6)
    for _ in range(30):
        chance = 1 / (1 + np.exp(-design @ beta))
        weights = games * chance * (1 - chance)
        beta = beta + np.linalg.solve(design.T * weights @ design, design.T @ (won - games * chance))
    np.testing.assert_allclose(scale.strength[1:], beta, atol=1e-8)
    errors = np.sqrt(np.diag(np.linalg.inv(design.T * weights @ design)))
    np.testing.assert_allclose(scale.error[1:], errors, rtol=1e-6)


def test_groups_that_nobody_compared_have_no_scale():
    wins = np.zeros((4, 4))
    wins[0, 1] = wins[1, 0] = wins[2, 3] = wins[3, 2] = 1
    with pytest.raises(NoScaleError, match=r"nobody compared the groups a, b \| c, d"):
        fit_scale("abcd", wins)


def test_a_system_that_always_wins_has_no_finite_scale():
    with pytest.raises(NoScaleError, match="c won every comparison"):
        fit_scale("abc", np.array([[0, 1, 0], [1, 0, 0], [2, 2, 0]]))


def test_wins_count_by_rater_and_a_tie_is_half_a_win_each():
    values = np.array([[[2.0], [0.0]], [[-1.0], [GAP]]])
    pairs = (Pair("student", "input"),)
    votes = Votes(values, np.ones_like(values), ("a", "b"), ("x", "y"), pairs, ("text", "text"))
    systems, wins = wins_of(votes)
    assert systems == ("input", "student")
    assert wins[0].tolist() == [[0, 0.5], [1.5, 0]]
    assert wins[1].tolist() == [[0, 1], [0, 0]]


def test_the_rater_bootstrap_covers_like_raters_differ(rng):
    chance = np.array([0.5, 0.8])
    wins = np.zeros((40, 2, 2))
    wins[:, 1, 0] = rng.binomial(50, rng.choice(chance, 40))
    wins[:, 0, 1] = 50 - wins[:, 1, 0]
    low, high = bootstrap_scale(wins, seed=1)
    shares = wins[:, 1, 0] / 50
    reach = 1.96 * shares.std() / 40**0.5
    expected = [np.log(p / (1 - p)) for p in (shares.mean() - reach, shares.mean() + reach)]
    assert (low[1], high[1]) == pytest.approx(expected, abs=0.06)
    assert low[0] == high[0] == 0


@pytest.mark.parametrize(("scale", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_of_krippendorffs_example(scale, alpha):
    assert krippendorff_alpha(OBSERVERS, scale) == pytest.approx(alpha, abs=5e-4)


def test_alpha_is_one_where_all_agree_and_unknown_where_nothing_varies():
    assert krippendorff_alpha(np.array([[1.0, 2, 3], [1, 2, 3]])) == 1.0
    assert np.isnan(krippendorff_alpha(np.ones((3, 4))))


def test_intraclass_correlation_of_shrout_and_fleiss():
    found = intraclass(JUDGES)
    assert (round(found.single, 2), round(found.mean, 2)) == (0.29, 0.62)
    assert (round(found.single_low, 2), round(found.single_high, 2)) == (0.02, 0.76)
    assert (found.raters, found.stimuli) == (4, 6)


def test_intraclass_correlation_with_gaps_has_no_interval():
    votes = np.tile(JUDGES, (1, 3))
    votes[0, 0] = GAP
    found = intraclass(votes)
    assert found.single == pytest.approx(intraclass(np.tile(JUDGES, (1, 3))).single, abs=0.05)
    assert np.isnan(found.single_low)


def test_the_logistic_finds_the_curve_it_was_made_from():
    x = np.linspace(20, 40, 60)
    mos = 1.2 + 3.4 / (1 + np.exp(-(x - 31) / 2.5))
    for sign in (1, -1):
        curve = fit_logistic(sign * x, mos)
        np.testing.assert_allclose(curve(sign * x), mos, atol=1e-6)
        assert (curve.middle, curve.width) == pytest.approx((sign * 31, sign * 2.5), rel=1e-5)


def test_the_logistic_needs_twenty_stimuli():
    assert fit_logistic(np.arange(19.0), np.arange(19.0)) is None
    assert fit_logistic(np.ones(30), np.arange(30.0)) is None


def stimuli_and_scores(rng, contents: int = 12) -> tuple[pd.DataFrame, pd.DataFrame]:
    names = [(f"c{content}", system) for content in range(contents) for system in ("input", "student")]
    quality = rng.uniform(1, 5, len(names))
    stimuli = pd.DataFrame(names, columns=["content", "system"]).assign(criterion="overall", mos=quality)
    scores = pd.DataFrame(names, columns=["frame", "model"]).assign(metric="psnr")
    scores["frame"] = "photos/" + scores["frame"] + ".png"
    scores["model"] = scores["model"].replace({"input": "do nothing"})
    return stimuli, scores.assign(value=25 + 2 * quality + rng.normal(size=len(names)))


def test_correlations_are_scipys(rng):
    stimuli, scores = stimuli_and_scores(rng)
    joined = join_scores(stimuli, scores)
    row = against_metrics(joined, resamples=100).iloc[0]
    assert row["stimuli"] == 24
    assert row["srocc"] == pytest.approx(stats.spearmanr(joined["value"], joined["mos"]).statistic)
    assert row["krocc"] == pytest.approx(stats.kendalltau(joined["value"], joined["mos"]).statistic)
    assert row["plcc"] == pytest.approx(stats.pearsonr(joined["value"], joined["mos"]).statistic)
    assert row["plcc_logistic"] >= row["plcc"] - 1e-6
    assert row["srocc_low"] < row["srocc"] < row["srocc_high"]


def test_infinite_scores_are_left_out_and_double_ones_refused(rng):
    stimuli, scores = stimuli_and_scores(rng)
    scores.loc[0, "value"] = np.inf
    assert len(join_scores(stimuli, scores)) == 23
    with pytest.raises(ValueError, match="comes more than once"):
        join_scores(stimuli, pd.concat([scores, scores]))
