"""Scores into verdicts: words, units, families, equivalence, seeds; and what is refused."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sharpstudy.metrics import METRICS
from sharpstudy.metrics import PSNR_CAP as METRICS_CAP
from sharpstudy.statistics import (
    DIRECTIONS,
    PSNR_CAP,
    SMALLEST_EFFECTS,
    Comparison,
    Verdict,
    compare,
    compare_seeds,
    comparisons,
    equivalent,
    estimate,
    holm,
    verdict_table,
)

CATEGORIES = ("text", "nature", "people", "animals", "graphics")


def score_rows(values: np.ndarray, model: str, metric: str = "psnr", per_clip: int = 1) -> pd.DataFrame:
    """Rows of scores.csv for one model: one value per frame, `per_clip` frames a clip, categories in turn."""
    frame = np.arange(len(values))
    return pd.DataFrame(
        {
            "model": model,
            "role": "student",
            "recipe": model,
            "origin": "run",
            "degradation": "bicubic-x4",
            "frame": [f"frame-{i:04d}" for i in frame],
            "category": [CATEGORIES[(i // per_clip) % len(CATEGORIES)] for i in frame],
            "metric": metric,
            "value": np.asarray(values, float),
        }
    )


def clips_of(count: int, per_clip: int = 1) -> dict[str, str]:
    return {f"frame-{i:04d}": f"clip-{i // per_clip:04d}" for i in range(count)}


def two_models(differences: np.ndarray, rng: np.random.Generator, metric: str = "psnr", per_clip: int = 1):
    """Scores of `input` and `student`, whose differences are those given, and the clips."""
    base = rng.normal(30, 4, len(differences))
    rows = [
        score_rows(base, "input", metric, per_clip),
        score_rows(base + differences, "student", metric, per_clip),
    ]
    return pd.concat(rows, ignore_index=True), clips_of(len(differences), per_clip)


def test_the_metrics_known_here_are_those_of_the_registry():
    assert {name: metric.direction for name, metric in METRICS.items()} == {
        name: direction for name, direction in DIRECTIONS.items() if name != "mos"
    }
    assert set(SMALLEST_EFFECTS) <= set(DIRECTIONS)
    assert PSNR_CAP == METRICS_CAP


def test_a_true_difference_is_found_and_said_in_words(rng):
    scores, clips = two_models(rng.normal(0.4, 0.5, 100), rng)
    verdict = compare(scores, clips, "student", "input", "psnr")
    values = scores.pivot(index="frame", columns="model", values="value")
    gains = values["student"] - values["input"]
    assert (verdict.word, verdict.frames, verdict.clips, verdict.seeds) == ("better", 100, 100, 1)
    assert verdict.difference == pytest.approx(gains.mean())
    assert verdict.low < gains.mean() < verdict.high
    assert verdict.share_improved == pytest.approx((gains > 0).mean())
    assert verdict.worst_5 == pytest.approx(np.quantile(gains, 0.05))
    assert verdict.matters == "yes"
    assert not verdict.pilot
    assert compare(scores, clips, "input", "student", "psnr").word == "worse"
    assert str(verdict).startswith("student against input, psnr: better, +0.")


def test_lower_is_better_where_the_metric_says_so(rng):
    scores, clips = two_models(rng.normal(-0.05, 0.02, 100), rng, metric="cer")
    verdict = compare(scores, clips, "student", "input", "cer")
    assert verdict.word == "better"
    assert verdict.difference < 0
    assert verdict.share_improved > 0.9
    assert verdict.worst_5 == pytest.approx(-0.05 + 1.645 * 0.02, abs=0.01)
    assert compare(scores, clips, "student", "input", "cer", direction="higher").word == "worse"


def test_identical_models_show_no_difference_with_an_interval_of_zero(rng):
    scores, clips = two_models(np.zeros(100), rng)
    verdict = compare(scores, clips, "student", "input", "psnr")
    assert verdict.word == "no difference shown"
    assert (verdict.difference, verdict.low, verdict.high, verdict.p_value) == (0, 0, 0, 1)
    assert (verdict.share_improved, verdict.matters) == (0, "no")
    assert equivalent(scores, clips, "student", "input", "psnr").word == "equivalent"


def test_a_constant_gain_is_certain(rng):
    scores, clips = two_models(np.full(100, 0.25), rng)
    verdict = compare(scores, clips, "student", "input", "psnr")
    assert verdict.word == "better"
    assert (verdict.low, verdict.high) == pytest.approx((0.25, 0.25))


def test_more_frames_of_the_same_clips_do_not_narrow_the_interval(rng):
    gains = rng.normal(0.1, 1, 40)
    single = compare(*two_models(gains, rng), "student", "input", "psnr")
    scores, clips = two_models(np.repeat(gains, 25), rng, per_clip=25)
    repeated = compare(scores, clips, "student", "input", "psnr")
    assert (repeated.frames, repeated.clips) == (1000, 40)
    assert (repeated.low, repeated.high) == pytest.approx((single.low, single.high))
    pretended = compare(scores, clips_of(1000), "student", "input", "psnr")
    assert pretended.high - pretended.low < 0.3 * (repeated.high - repeated.low)


def test_a_long_clip_weighs_no_more_than_a_short_one(rng):
    gains = np.array([1.0] * 8 + [0.0] * 8)
    scores, clips = two_models(gains, rng)
    clips |= {f"frame-{i:04d}": "long" for i in range(8)}
    scores["category"] = "text"
    assert compare(scores, clips, "student", "input", "psnr").difference == pytest.approx(1 / 9)


@pytest.mark.parametrize(("count", "pilot"), [(100, False), (99, True)])
def test_fewer_than_100_clips_are_a_pilot(rng, count, pilot):
    scores, clips = two_models(rng.normal(0, 1, count), rng)
    assert compare(scores, clips, "student", "input", "psnr").pilot is pilot
    scores.loc[scores["frame"] == "frame-0000", "category"] = "nature"  # 19 of text left, 100 in all
    assert compare(scores, clips, "student", "input", "psnr").pilot


def test_frames_without_a_partner_are_named(rng):
    scores, clips = two_models(rng.normal(0, 1, 30), rng)
    lost = scores[~((scores["model"] == "student") & scores["frame"].isin(["frame-0003", "frame-0007"]))]
    with pytest.raises(ValueError, match=r"'student' has no value on 2 of 30 .*frame-0003, .*frame-0007"):
        compare(lost, clips, "student", "input", "psnr")
    scores.loc[3, "value"] = np.nan
    with pytest.raises(ValueError, match=r"'input' has no value on 1 of 30 .*frame-0003"):
        compare(scores, clips, "student", "input", "psnr")


@pytest.mark.parametrize(
    ("change", "asked", "sentence"),
    [
        (lambda rows: rows, ("student", "teacher", "psnr"), "models with scores: input, student"),
        (lambda rows: rows, ("student", "student", "psnr"), "another model"),
        (lambda rows: rows, ("student", "input", "pnsr"), "or a direction with it, got 'pnsr'"),
        (lambda rows: rows, ("student", "input", "psnr", "rain"), "under 'rain'"),
        (lambda rows: rows.drop(columns="category"), ("student", "input", "psnr"), "category is missing"),
        (lambda rows: pd.concat([rows, rows[:3]]), ("student", "input", "psnr"), "3 rows come twice"),
        (
            lambda rows: rows.assign(frame=rows["frame"] + "x"),
            ("student", "input", "psnr"),
            "belong to no clip",
        ),
        (lambda rows: rows[rows["frame"] < "frame-0001"], ("student", "input", "psnr"), "at least two units"),
        (lambda rows: rows.assign(metric="ssim", value=np.inf), ("student", "input", "ssim"), "finite"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_a_sentence(rng, change, asked, sentence):
    scores, clips = two_models(rng.normal(0, 1, 30), rng)
    with pytest.raises(ValueError, match=sentence):
        compare(change(scores), clips, *asked)


def test_a_clip_of_two_categories_is_refused(rng):
    scores, clips = two_models(rng.normal(0, 1, 30), rng)
    with pytest.raises(ValueError, match=r"clip 'one' is in more than one category: nature, text"):
        compare(scores, clips | {"frame-0000": "one", "frame-0001": "one"}, "student", "input", "psnr")


def test_a_frame_that_is_listed_twice_is_refused(rng):
    scores, clips = two_models(rng.normal(0, 1, 30), rng)
    twice = pd.concat([pd.Series(clips), pd.Series(clips)[:1]])
    with pytest.raises(ValueError, match="'frame-0000' more than once"):
        compare(scores, twice, "student", "input", "psnr")


def test_infinite_psnr_counts_as_the_cap(rng):
    scores, clips = two_models(np.zeros(30), rng)
    scores.loc[scores["frame"] == "frame-0000", "value"] = np.inf
    assert compare(scores, clips, "student", "input", "psnr").difference == 0
    first = (scores["frame"] == "frame-0001") & (scores["model"] == "student")
    was = scores.loc[first, "value"].item()
    scores.loc[first, "value"] = np.inf
    assert compare(scores, clips, "student", "input", "psnr").difference == pytest.approx(
        (PSNR_CAP - was) / 30
    )


def test_without_a_degradation_all_of_them_are_averaged_within_the_clip(rng):
    mild, clips = two_models(np.full(30, 1.0), rng)
    strong, _ = two_models(np.full(30, 3.0), rng)
    scores = pd.concat([mild, strong.assign(degradation="bicubic-x2")])
    both = compare(scores, clips, "student", "input", "psnr")
    assert (both.difference, both.clips, both.frames) == (pytest.approx(2), 30, 30)
    assert compare(scores, clips, "student", "input", "psnr", "bicubic-x2").difference == pytest.approx(3)


def test_metrics_of_whole_clips_name_the_clip_as_their_frame(rng):
    clips = clips_of(60, per_clip=3)
    base = rng.normal(3, 1, 20)
    rows = [score_rows(base, "input", "flicker"), score_rows(base + 0.5, "student", "flicker")]
    scores = pd.concat(rows)
    scores["frame"] = scores["frame"].str.replace("frame", "clip")
    verdict = compare(scores, clips, "student", "input", "flicker")
    assert (verdict.word, verdict.clips) == ("worse", 20)


def test_a_family_is_adjusted_by_holm_and_its_primary_is_not(rng):
    base = rng.normal(30, 4, 100)
    rows = [score_rows(base, "input")]
    rows += [
        score_rows(base + rng.normal(gain, 0.5, 100), f"m{i}") for i, gain in enumerate([0.11, 0.3, 0, -0.3])
    ]
    scores, clips = pd.concat(rows), clips_of(100)
    family = comparisons(iter(["m0", "m1", "m2", "m3"]), ["input"], ["psnr"])
    table = verdict_table(scores, clips, family)
    assert table["adjusted_p"].to_numpy() == pytest.approx(holm(table["p_value"]))
    assert table["model"].tolist() == ["m0", "m1", "m2", "m3"]
    assert table["word"].tolist()[1:] == ["better", "no difference shown", "worse"]
    for row in table.itertuples():
        assert (row.word == "no difference shown") == (row.adjusted_p > 0.05)
    with_primary = verdict_table(scores, clips, family, primary=family[0]).set_index("model")
    assert with_primary.loc["m0", "adjusted_p"] == with_primary.loc["m0", "p_value"]
    assert with_primary.loc[["m1", "m2", "m3"], "adjusted_p"].to_numpy() == pytest.approx(
        holm(table["p_value"][1:])
    )
    with pytest.raises(ValueError, match="primary"):
        verdict_table(scores, clips, family[1:], primary=family[0])


def test_a_difference_found_alone_may_not_stand_in_a_family(rng):
    values = stats.zscore(rng.normal(0, 1, 100)) * np.sqrt(99 / 100) * 0.5 + 0.115  # t = 2.3, p about .024
    scores, clips = two_models(values, rng)
    others = [scores[scores["model"] == "student"].assign(model=f"m{i}") for i in range(3)]
    scores = pd.concat([scores, *others])
    assert compare(scores, clips, "student", "input", "psnr").word == "better"
    table = verdict_table(scores, clips, comparisons(["student", "m0", "m1", "m2"], ["input"], ["psnr"]))
    assert set(table["word"]) == {"no difference shown"}
    assert (table["low"] > 0).all()  # intervals are those of each comparison alone


def test_a_metric_without_values_is_unavailable_and_counts_for_nothing(rng):
    scores, clips = two_models(rng.normal(0.4, 0.5, 100), rng)
    scores = pd.concat([scores, scores.assign(metric="lpips", value=np.nan)])
    table = verdict_table(scores, clips, comparisons(["student"], ["input"], ["psnr", "lpips"]))
    assert table["word"].tolist() == ["better", "unavailable"]
    assert table["adjusted_p"][0] == table["p_value"][0]
    assert np.isnan(table["difference"][1])
    with pytest.raises(ValueError, match="no dists of the model"):
        verdict_table(scores, clips, [Comparison("student", "input", "dists")])
    assert list(table.columns) == list(Verdict.__dataclass_fields__)


def test_no_difference_shown_is_not_equivalence(rng):
    few, clips = two_models(stats.zscore(rng.normal(0, 1, 10)), rng)
    assert compare(few, clips, "student", "input", "psnr").word == "no difference shown"
    assert equivalent(few, clips, "student", "input", "psnr").word == "equivalence not shown"
    assert compare(few, clips, "student", "input", "psnr").matters == "unclear"
    many, clips = two_models(rng.normal(0.03, 0.2, 400), rng)
    found = equivalent(many, clips, "student", "input", "psnr")
    assert (found.word, found.margin, found.pilot) == ("equivalent", 0.1, False)
    assert -0.1 < found.low < found.difference < found.high < 0.1
    assert compare(many, clips, "student", "input", "psnr").matters == "no"
    with pytest.raises(ValueError, match="no smallest effect"):
        equivalent(many.assign(metric="halo"), clips, "student", "input", "halo")


def test_seeds_that_disagree_widen_the_interval(rng):
    base, gains = rng.normal(30, 4, 100), rng.normal(0.3, 0.5, 100)
    names = ["s0", "s1", "s2"]
    rows = [score_rows(base, "input")]
    rows += [score_rows(base + gains + luck, name) for name, luck in zip(names, [-0.4, 0, 0.4], strict=True)]
    scores, clips = pd.concat(rows), clips_of(100)
    single = compare(scores, clips, "s1", "input", "psnr")
    verdict = compare_seeds(scores, clips, names, ["input"], "psnr")
    assert (single.word, verdict.word) == ("better", "no difference shown")
    assert (verdict.seeds, verdict.pilot, verdict.model) == (3, False, "s0, s1, s2")
    assert verdict.difference == pytest.approx(single.difference)
    by_seed_alone = stats.t.ppf(0.975, 2) * 0.4 / np.sqrt(3)
    assert verdict.high - verdict.difference == pytest.approx(by_seed_alone, rel=0.15)
    with pytest.raises(ValueError, match="one baseline for all or one each"):
        compare_seeds(scores, clips, names, ["input", "s2"], "psnr")
    assert compare_seeds(scores, clips, names[:2], ["input"], "psnr").pilot


def test_an_estimate_is_the_mean_over_clips_with_its_interval(rng):
    scores, clips = two_models(rng.normal(0, 1, 100), rng)
    values = scores.loc[scores["model"] == "input", "value"].to_numpy()
    found = estimate(scores, clips, "input", "psnr")
    assert found.mean == pytest.approx(values.mean())
    assert (found.high - found.low) / 2 == pytest.approx(1.98 * values.std() / 10, rel=0.12)
    assert (found.frames, found.clips, found.pilot) == (100, 100, False)


def test_the_same_seed_gives_the_same_verdict_and_order_does_not_matter(rng):
    scores, clips = two_models(rng.normal(0.1, 0.5, 50), rng)
    shuffled = scores.sample(frac=1, random_state=3)
    verdict = compare(scores, clips, "student", "input", "psnr")
    assert compare(shuffled, clips, "student", "input", "psnr") == verdict
    assert compare(scores, pd.Series(clips), "student", "input", "psnr") == verdict
    assert compare(scores, clips, "student", "input", "psnr", seed=1) != verdict


def test_the_module_never_imports_torch():
    code = "import sys, sharpstudy.statistics; print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
