"""Verdicts are the statistics' own, and a model that harms cannot hide."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sharpstudy import evaluate
from sharpstudy.evaluate import DO_NOTHING, UNSHARP, EvalSettings
from sharpstudy.statistics import compare, holm
from tests.evaluate_tools import planted

SETTINGS = EvalSettings()
OWN = {"made": "bicubic-x2"}


def story(psnr_gain: float, ssim_gain: float = 0.01, clean: float = 45.0, count: int = 24) -> pd.DataFrame:
    """Doing nothing, a mask, a teacher, a control and a student whose gain is planted, with noise."""
    rng = np.random.default_rng(3)
    base = {"psnr": rng.normal(30, 2, count), "ssim": rng.normal(0.85, 0.02, count)}
    spread = {"psnr": 0.2, "ssim": 0.002}
    gains = {
        (DO_NOTHING, "baseline", "", "none"): (0.0, 0.0),
        (UNSHARP, "baseline", "", "none"): (0.4, 0.004),
        ("big", "teacher", "made", "none"): (2.0, 0.03),
        ("made no-teacher", "control", "made", "run"): (0.9, 0.009),
        ("made", "student", "made", "run"): (psnr_gain, ssim_gain),
    }
    parts = []
    for (model, role, recipe, origin), gain in gains.items():
        for metric, more in zip(("psnr", "ssim"), gain, strict=True):
            noise = rng.normal(0, spread[metric], count) if more else np.zeros(count)
            values = list(base[metric] + more + noise)
            parts.append(planted(model, values, metric, "bicubic-x2", role, recipe, origin))
    kept = {"made": clean, "made no-teacher": 44.0, DO_NOTHING: float("inf")}
    for model, role, recipe, origin in gains:
        if model in kept:
            parts.append(planted(model, [kept[model]] * 5, "psnr", "clean", role, recipe, origin))
    return evaluate.combine(parts)


def row_of(verdicts: pd.DataFrame, model: str, against: str, metric: str) -> pd.Series:
    rows = verdicts[(verdicts["model"] == model) & (verdicts["against"] == against)]
    return rows[(rows["metric"] == metric) & (rows["degradation"] == "bicubic-x2")].squeeze()


def test_a_verdict_is_what_the_statistics_say_of_the_same_scores():
    scores = story(1.0)
    verdicts = evaluate.judge(scores, OWN, SETTINGS)
    clips = dict(zip(scores["frame"], scores["clip"], strict=True))
    for against, baseline in (("do nothing", DO_NOTHING), ("tuned unsharp", UNSHARP), ("teacher", "big")):
        row = row_of(verdicts, "made", against, "psnr")
        alone = compare(scores, clips, "made", baseline, "psnr", "bicubic-x2", seed=1)
        assert row["baseline"] == baseline
        assert (row["low"], row["difference"], row["high"]) == (alone.low, alone.difference, alone.high)
        assert row["p_value"] == alone.p_value
    assert row_of(verdicts, "made", "do nothing", "psnr")["word"] == "better"
    assert row_of(verdicts, "made", "teacher", "psnr")["word"] == "worse"
    assert row_of(verdicts, "made", "no-teacher control", "psnr")["baseline"] == "made no-teacher"
    assert verdicts["pilot"].all()
    assert (verdicts["harmful"] == "").all()
    assert evaluate.flags(verdicts) == {}


def test_a_student_is_held_against_the_control_of_its_own_seed():
    first = story(1.0)
    models = {"made": "made 1", "made no-teacher": "made no-teacher-1"}
    second = first[first["model"].isin(list(models))]
    second = second.assign(model=second["model"].map(models), value=second["value"] + 0.5)
    verdicts = evaluate.judge(evaluate.combine([first, second]), OWN, SETTINGS)
    assert row_of(verdicts, "made", "no-teacher control", "psnr")["baseline"] == "made no-teacher"
    assert row_of(verdicts, "made 1", "no-teacher control", "psnr")["baseline"] == "made no-teacher-1"
    alone = evaluate.judge(evaluate.combine([first, second[second["role"] == "student"]]), OWN, SETTINGS)
    assert row_of(alone, "made 1", "no-teacher control", "psnr").empty


def test_holm_is_within_each_family_of_each_model():
    verdicts = evaluate.judge(story(1.0), OWN, SETTINGS)
    for _, family in verdicts.groupby(["model", "family"]):
        np.testing.assert_allclose(family["adjusted_p"], holm(family["p_value"].tolist()))
    sizes = verdicts.groupby(["model", "family"]).size()
    assert sizes["made", "primary"] == 2
    assert sizes["made", "own"] == 6  # mask, teacher and control, by two metrics


def test_a_planted_harmful_student_is_flagged_on_every_row():
    verdicts = evaluate.judge(story(-1.0, -0.01), OWN, SETTINGS)
    student = verdicts[verdicts["model"] == "made"]
    assert set(student["harmful"]) == {"worse than doing nothing"}
    assert "PSNR -" in student["reason"].iloc[0]
    assert set(verdicts.loc[verdicts["model"] == "made no-teacher", "harmful"]) == {""}
    assert list(evaluate.flags(verdicts)) == ["made"]
    assert evaluate.headline(verdicts, story(-1.0, -0.01), SETTINGS)["harmful_students"] == 1


def test_better_psnr_does_not_excuse_worse_ssim():
    verdicts = evaluate.judge(story(1.0, -0.01), OWN, SETTINGS)
    reason = verdicts.loc[verdicts["model"] == "made", "reason"].iloc[0]
    assert reason.startswith("SSIM -0.0")
    assert "PSNR" not in reason


def test_a_student_that_harms_clean_frames_is_flagged():
    scores = story(1.0, clean=29.0)
    verdicts = evaluate.judge(scores, OWN, SETTINGS)
    assert set(verdicts.loc[verdicts["model"] == "made", "harmful"]) == {"harms clean frames"}
    assert "29.0 dB left of clean frames, below the 30 dB" in verdicts["reason"].max()
    assert not evaluate.flags(evaluate.judge(scores, OWN, EvalSettings(clean_floor=28.5)))
    table = evaluate.clean_table(scores, SETTINGS).set_index("model")
    assert table["harmful"].to_dict() == {"made": "yes", "made no-teacher": "no", DO_NOTHING: "no"}


def test_a_few_frames_of_another_degradation_are_paired_with_those_of_doing_nothing():
    parts = [
        story(1.0),
        planted(DO_NOTHING, [25.0] * 12, "psnr", "blur", "baseline"),
        planted("made", [24.0, 24.1, 24.2, 24.3, 24.4], "psnr", "blur", "student", "made", "run"),
    ]
    scores = evaluate.combine(parts)
    verdicts = evaluate.judge(scores, OWN, SETTINGS)
    cross = verdicts[verdicts["family"] == "cross"].squeeze()
    assert (cross["word"], cross["clips"], cross["degradation"]) == ("worse", 5, "blur")
    assert cross["difference"] == pytest.approx(-0.8)
    assert cross["harmful"] == ""  # it was not made for that
    table = evaluate.cross_table(scores, OWN)
    assert table[table["degradation"] == "blur"]["gain"].item() == pytest.approx(-0.8)
    assert set(table["own"]) == {"bicubic-x2"}


def test_a_metric_with_a_missing_value_is_unavailable_and_not_a_mean_over_the_rest():
    parts = [
        story(1.0),
        planted(DO_NOTHING, [0.2] * 24, "lpips", "bicubic-x2", "baseline"),
        planted("made", [0.1] * 23 + [float("nan")], "lpips", "bicubic-x2", "student", "made", "run"),
    ]
    verdicts = evaluate.judge(evaluate.combine(parts), OWN, SETTINGS)
    row = verdicts[verdicts["metric"] == "lpips"].squeeze()
    assert row["word"] == "unavailable"
    assert np.isnan(row["difference"])


def test_a_model_whose_degradation_nobody_knows_is_asked_for():
    with pytest.raises(ValueError, match=r"own: .* 'made"):
        evaluate.judge(story(1.0))


def test_shipped_recipes_know_their_degradation():
    scores = planted("student", [30.0, 31.0], recipe="swinir-cnn")
    assert evaluate.own_degradations(scores) == {"swinir-cnn": "bicubic-x4"}


def test_categories_count_frames_above_090_as_was_published():
    values = [0.95, 0.91, 0.90, 0.89]
    scores = evaluate.combine(
        [planted("student", values, "ssim"), planted("student", [30.0, 31, 32, 33], "psnr")]
    )
    scores["category"] = ["people", "people", "text", "text"] * 2
    table = evaluate.category_table(scores).set_index("category")
    assert table["above_090"].to_dict() == {"people": 2, "text": 0}
    assert table["ssim"].to_dict() == pytest.approx({"people": 0.93, "text": 0.895})
    assert table["psnr"].to_dict() == pytest.approx({"people": 30.5, "text": 32.5})


def test_a_summary_has_the_estimates_interval():
    from sharpstudy.statistics import estimate

    scores = story(1.0)
    table = evaluate.summary_table(scores).set_index(["model", "degradation", "metric"])
    clips = dict(zip(scores["frame"], scores["clip"], strict=True))
    alone = estimate(scores, clips, "made", "ssim", "bicubic-x2")
    row = table.loc[("made", "bicubic-x2", "ssim")]
    assert (row["mean"], row["low"], row["high"]) == (alone.mean, alone.low, alone.high)


def test_the_headline_is_plain_numbers():
    import json

    scores = story(1.0)
    verdicts = evaluate.judge(scores, OWN, SETTINGS)
    numbers = evaluate.headline(verdicts, scores, SETTINGS)
    row = row_of(verdicts, "made", "do nothing", "psnr")
    assert numbers["students"]["made"]["gain_psnr"] == round(row["difference"], 4)
    assert numbers["students"]["made"]["clean_psnr"] == 45.0
    assert (numbers["harmful_students"], numbers["frames"], numbers["clips"]) == (0, 24, 24)
    assert json.loads(json.dumps(numbers)) == numbers
