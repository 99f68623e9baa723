"""Simulated raters follow their model, and the analysis finds in their votes what was planted."""

from __future__ import annotations

import numpy as np
import pytest

from sharpstudy.mos.analysis import analyse
from sharpstudy.mos.ingest import DEFAULTS, NEEDED, parse_ratings
from sharpstudy.mos.recovery import coverage_table, ranking_recovery, rater_recovery, screening_recovery
from sharpstudy.mos.simulate import Simulation, expected_vote, plant, simulate_ratings, simulate_scores


@pytest.fixture(scope="module")
def studied():
    bad = {"random": 2, "straight": 1, "inverted": 1}
    truth = plant(Simulation(criteria=("overall",), bad=bad, seed=2))
    table = simulate_ratings(truth)
    return truth, table, analyse(parse_ratings(table.to_csv(index=False)))


def test_every_row_says_that_it_is_simulated(studied):
    _, table, analysis = studied
    assert set(table["source"]) == {"simulated"}
    assert set(table) == {*NEEDED, *DEFAULTS}
    for name in ("raters", "stimuli", "systems", "comparisons", "scale", "agreement"):
        assert set(getattr(analysis, name)["source"]) == {"simulated"}
    assert not table.isna().any().any()


def test_simulated_rows_pass_the_ingest_whole(studied):
    _, table, _ = studied
    found = parse_ratings(table.to_csv(index=False))
    assert len(found.rows) == len(table)
    assert found.warnings.empty


def test_the_votes_hang_on_the_settings_alone():
    small = Simulation(raters=3, contents=4, criteria=("overall",))
    assert simulate_ratings(plant(small)).equals(simulate_ratings(plant(small)))
    other = Simulation(raters=3, contents=4, criteria=("overall",), seed=9)
    assert not simulate_ratings(plant(other))["score"].equals(simulate_ratings(plant(small))["score"])


def test_bias_and_inconsistency_are_drawn_as_p910_has_them():
    raters = plant(Simulation(raters=4000, contents=2)).raters
    assert raters["bias"].var() == pytest.approx(0.36, abs=0.03)
    assert raters["bias"].mean() == pytest.approx(0, abs=0.03)
    assert raters["inconsistency"].mean() == pytest.approx(0.60, abs=0.01)


def test_expected_votes_are_the_mean_of_rounded_and_clipped_draws(rng):
    for quality in (1.2, 2.5, 3.3, 4.8):
        draws = np.clip(np.rint(quality + 0.2 + 0.7 * rng.standard_normal(200_000)), 1, 5)
        assert float(expected_vote(quality, 0.2, 0.7)) == pytest.approx(draws.mean(), abs=0.01)


def test_each_pair_is_shown_as_often_one_way_round_as_the_other(studied):
    _, table, _ = studied
    pairs = table[(table["arm"] == "ccr") & (table["role"] == "rating")]
    left = (pairs["system_left"] == "input").sum()
    right = (pairs["system_right"] == "input").sum()
    assert abs(left - right) < 0.03 * (left + right)


def test_habits_bad_raters_and_ranking_are_recovered(studied):
    truth, _, analysis = studied
    habits = rater_recovery(truth, analysis.raters)
    honest = habits[(habits["kind"] == "honest") & (habits["excluded"] == "no")]
    assert np.corrcoef(honest["bias"], honest["bias_planted"])[0, 1] > 0.97
    assert (honest["bias"] - honest["bias_planted"]).abs().max() < 0.4
    assert np.corrcoef(honest["inconsistency"], honest["inconsistency_planted"])[0, 1] > 0.5
    counts = screening_recovery(habits).set_index("kind")
    assert (counts["excluded"] == counts["raters"])[["random", "straight", "inverted"]].all()
    ranks = ranking_recovery(truth, analysis.systems)
    assert (ranks["rank"] == ranks["planted_rank"]).all()


def test_planted_differences_are_found_in_both_arms_and_on_the_scale(studied):
    _, _, analysis = studied
    main = analysis.comparisons[analysis.comparisons["screening"] == "kept raters"]
    main = main[(main["category"] == "all") & (main["baseline"] == "input")]
    assert set(main[main["system"] != "reference"]["verdict"]) == {"better"}
    scale = analysis.scale[analysis.scale["screening"] == "kept raters"].set_index("system")["strength"]
    assert scale["input"] == 0
    assert scale["reference"] > scale["student"] > scale["unsharp"] > 0


def test_intervals_cover_and_alike_systems_are_rarely_told_apart():
    table = coverage_table(24, 40, repeats=1000, seed=1).set_index("what")["share"]
    for what in ("MOS of a system, two-way", "MOS of a stimulus, t", "DMOS of a stimulus, t"):
        assert 0.93 <= table[what] <= 0.97, what
    assert table["false alarm, two systems alike"] <= 0.06
    assert table["MOS of a system, votes pooled (not offered)"] < 0.5


@pytest.mark.slow
@pytest.mark.parametrize(("raters", "contents"), [(12, 40), (24, 24), (40, 24)])
def test_intervals_cover_in_studies_of_other_sizes(raters, contents):
    table = coverage_table(raters, contents, repeats=2000, seed=5).set_index("what")["share"]
    assert 0.935 <= table["MOS of a system, two-way"] <= 0.97
    assert table["false alarm, two systems alike"] <= 0.06


def test_the_invented_metric_is_named_so(studied):
    truth, _, _ = studied
    assert set(simulate_scores(truth)["metric"]) == {"invented metric"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"bad": {"lazy": 1}}, "bad: expected random, straight, inverted"),
        ({"raters": 3, "bad": {"random": 4}}, "at most 3 raters"),
        ({"arms": ("dcr",)}, "expected arms of ccr, acr, pair"),
        ({"quality": {"student": 3.0}}, "the systems reference and input"),
    ],
)
def test_a_simulation_that_cannot_be_is_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        Simulation(**settings)
