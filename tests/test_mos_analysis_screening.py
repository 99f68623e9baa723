"""Raters screened by checks, by correlation, and by the standards, against hand counts and plain loops."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sharpstudy.mos.ingest import parse_ratings
from sharpstudy.mos.screening import leave_one_out, screen_raters
from sharpstudy.mos.simulate import Simulation, plant, simulate_ratings
from sharpstudy.mos.standards import bt500, p913

GAP = np.nan


def rows_of(table: list[tuple]) -> pd.DataFrame:
    """Rows from (rater, role, stimulus, left, right, score), in the comparison arm where there is a right."""
    frame = pd.DataFrame(table, columns=["rater", "role", "stimulus", "system_left", "system_right", "score"])
    frame["arm"] = np.where(frame["system_right"] == "", "acr", "ccr")
    frame = frame.assign(trial=range(len(frame)), criterion="overall", source="human", category="text")
    found = parse_ratings(frame.to_csv(index=False))
    assert found.rejected.empty
    return found.rows


def rater_row(rows: pd.DataFrame, arm: str, rater: str) -> pd.Series:
    return screen_raters(rows, arm).set_index("rater").loc[rater]


def test_golds_of_pairs_are_won_by_the_reference_only():
    table = [("a", "gold", f"c{at}", "reference", "gold-blur", -2) for at in range(4)]
    table += [("a", "gold", f"d{at}", "gold-blur", "reference", 3) for at in range(3)]
    table += [("a", "gold", "e", "gold-blur", "reference", 0)]
    row = rater_row(rows_of(table), "ccr", "a")
    assert (row["golds"], row["gold_misses"], row["excluded"]) == (8, 1, "no")
    row = rater_row(rows_of([*table, ("a", "gold", "f", "reference", "gold-blur", 1)]), "ccr", "a")
    assert (row["gold_misses"], row["excluded"]) == (2, "yes")
    assert row["reasons"] == "2 of 9 golds and traps missed"


def test_golds_alone_are_missed_on_the_wrong_side_of_the_middle():
    shown = [("reference", 2), ("reference", 3), ("gold-blur", 3), ("gold-blur", 4)]
    table = [("a", "gold", f"c{at}", name, "", score) for at, (name, score) in enumerate(shown)]
    assert rater_row(rows_of(table), "acr", "a")["gold_misses"] == 2


def test_traps_tell_the_answer_and_identical_pairs_are_the_same():
    table = [("a", "trap", "t1", "trap:+2", "trap:+2", 2), ("a", "trap", "t2", "trap:-2", "trap:-2", 2)]
    table += [("a", "identical", f"c{at}", "input", "input", score) for at, score in enumerate((2, -3))]
    row = rater_row(rows_of(table), "ccr", "a")
    assert (row["traps"], row["trap_misses"], row["identical_pairs"], row["identical_apart"]) == (2, 1, 2, 2)
    assert row["reasons"] == "all 2 identical pairs called different"


def test_one_answer_throughout_is_found():
    table = [("a", "rating", f"c{at}", "input", "student", 1) for at in range(19)]
    assert rater_row(rows_of(table), "ccr", "a")["excluded"] == "no"
    row = rater_row(rows_of([*table, ("a", "rating", "d", "input", "student", 1)]), "ccr", "a")
    assert row["reasons"] == "one answer in 100% of 20 trials"


def test_repeats_are_compared_as_shown_the_other_way_round():
    table = [("a", "rating", f"c{at}", "input", "student", 2) for at in range(5)]
    same = [("a", "repeat", f"c{at}", "student", "input", -2) for at in range(5)]
    row = rater_row(rows_of([*table, *same]), "ccr", "a")
    assert (row["repeats"], row["repeat_distance"], row["excluded"]) == (5, 0.0, "no")
    turned = [("a", "repeat", f"c{at}", "student", "input", 1) for at in range(5)]
    assert rater_row(rows_of([*table, *turned]), "ccr", "a")["repeat_distance"] == 3.0


def test_the_worst_is_dropped_first_and_the_others_judged_without():
    truth = np.array([1.0, 5, 1, 5, 1, 5, 2, 4])
    good = [truth, truth - np.eye(8)[3], truth + np.eye(8)[0]]
    answers = np.array([*good, 6 - truth, 6 - truth])
    names = list("abcde")
    found, dropped = leave_one_out(answers, names, "acr", names, names)
    assert list(dropped) == ["d", "e"]
    assert min(found[:3]) > 0.9
    wanted = np.corrcoef(answers[0], answers[1:3].mean(axis=0))[0, 1]
    assert found[0] == pytest.approx(wanted)


def test_four_shared_items_say_nothing():
    answers = np.array([[1.0, 5, 1, 5], [5, 1, 5, 1]])
    found, dropped = leave_one_out(answers, ["a", "b"], "acr", ["a", "b"], ["a", "b"])
    assert np.isnan(found).all()
    assert dropped == {}


def bt500_by_loops(values: np.ndarray) -> list[tuple[int, int, bool]]:
    raters, stimuli = values.shape
    high, low = [0] * raters, [0] * raters
    for stimulus in range(stimuli):
        votes = [value for value in values[:, stimulus] if not np.isnan(value)]
        mean = sum(votes) / len(votes)
        second = sum((vote - mean) ** 2 for vote in votes) / len(votes)
        if second == 0:
            continue
        kurtosis = sum((vote - mean) ** 4 for vote in votes) / len(votes) / second**2
        spread = (second * len(votes) / (len(votes) - 1)) ** 0.5
        reach = (2 if 2 <= kurtosis <= 4 else 20**0.5) * spread
        for rater in range(raters):
            high[rater] += bool(values[rater, stimulus] >= mean + reach)
            low[rater] += bool(values[rater, stimulus] <= mean - reach)
    found = []
    for rater in range(raters):
        own, out = int((~np.isnan(values[rater])).sum()), high[rater] + low[rater]
        rejected = out / own > 0.05 and abs(high[rater] - low[rater]) < 0.3 * out
        found.append((high[rater], low[rater], rejected))
    return found


def test_bt500_is_the_recommendation_written_as_loops(rng):
    values = np.clip(np.rint(rng.uniform(2, 4, 60) + 0.6 * rng.normal(size=(24, 60))), 1, 5)
    values[:3] = rng.integers(1, 6, (3, 60))
    values[rng.random(values.shape) < 0.2] = GAP
    values[:, 7] = 3
    found = bt500(values)
    wanted = bt500_by_loops(values)
    assert [tuple(row) for row in zip(*found, strict=True)] == wanted
    assert any(row[2] for row in wanted)


def test_bt500_counts_the_share_of_the_raters_own_votes():
    """A rater of few votes, a tenth of them far out on either side, who is none of 5 % of all stimuli."""
    rng = np.random.default_rng(3)
    values = 3 + 0.3 * rng.normal(size=(25, 400))
    values[0, 20:] = GAP
    values[0, :2] = 9, -3
    kurtosis_large = bt500(values)
    assert kurtosis_large.rejected.tolist() == [True] + [False] * 24


def test_p913_is_numpys_correlation_and_takes_the_worst_first(rng):
    values = np.clip(np.rint(np.linspace(1, 5, 20) + 0.5 * rng.normal(size=(10, 20))), 1, 5)
    values[9] = 6 - values[9]
    found = p913(values, np.arange(20) % 4)
    assert found.rejected.tolist() == [False] * 9 + [True]
    mean = values[:9].mean(axis=0)
    assert found.by_stimulus[0] == pytest.approx(np.corrcoef(values[0], mean)[0, 1])
    means = np.array([values[:, at::4].mean(axis=1) for at in range(4)]).T
    assert found.by_condition[0] == pytest.approx(np.corrcoef(means[0], means[:9].mean(axis=0))[0, 1])


@pytest.mark.parametrize("arm", ["ccr", "acr"])
def test_planted_bad_raters_are_found_and_bt500_overlooks_the_constant_one(arm):
    truth = plant(Simulation(arms=(arm,), bad={"random": 2, "straight": 1, "inverted": 1}, seed=4))
    rows = parse_ratings(simulate_ratings(truth).to_csv(index=False)).rows
    table = screen_raters(rows, arm).merge(truth.raters, on="rater")
    assert set(table.loc[table["kind"] != "honest", "excluded"]) == {"yes"}
    assert (table.loc[table["kind"] == "honest", "excluded"] == "yes").sum() <= 2
    assert table.set_index("kind").loc["straight", "bt500"] == "keeps"
