"""The report's first sentences say what the verdicts say, and no more."""

from __future__ import annotations

import pandas as pd

from sharpstudy import beside_published, headline

NO_CONTROL = " Whether distillation helps is not answered: no student stands beside its control."


def verdict(model: str, word: str, harmful: str | None = None, origin: str = "run", **more: object) -> dict:
    """A primary verdict on PSNR as verdicts.csv gives it back, where no harm is an empty cell."""
    facts = {"family": "primary", "metric": "psnr", "role": "student", "against": "do nothing"}
    recipe = model.split()[0]
    return {**facts, "model": model, "recipe": recipe, "word": word, "harmful": harmful, "origin": origin,
            "pilot": True} | more  # fmt: skip


def helped(*words: str) -> pd.DataFrame:
    return pd.DataFrame({"recipe": ["made"] * len(words), "word": list(words)})


def test_students_of_the_run_are_counted_and_the_harmful_ones_named_by_seed():
    verdicts = pd.DataFrame(
        [
            verdict("a", "better", "harms clean frames"),
            verdict("a 1", "worse", "worse than doing nothing"),
            verdict("b", "no difference shown"),
            verdict("b released", "better", origin="released"),
        ]
    )
    said = headline.answer(verdicts, helped("worse", "better", "better"), ["full"])
    assert said == (
        "3 students trained here (budget full): against doing nothing 1 is better, 1 is not shown to differ"
        " and 1 is worse (PSNR); a and a 1 do harm. 3 students with a teacher: against the same one without,"
        " 2 are better and 1 is worse (PSNR)."
    )


def test_a_quick_run_says_that_it_is_a_demonstration():
    said = headline.answer(pd.DataFrame([verdict("a", "better")]), helped(), ["quick"])
    assert said == (
        "1 student trained here (budget quick): against doing nothing 1 is better (PSNR). The quick budget is"
        " a demonstration, no verdict on the published training." + NO_CONTROL
    )


def test_where_only_released_students_are_judged_nobody_was_trained():
    verdicts = pd.DataFrame([verdict("a released", "better", origin="released")])
    assert headline.answer(verdicts, helped()) == "No student was trained here." + NO_CONTROL


def test_only_primary_verdicts_make_a_pilot():
    firm = verdict("a", "better", pilot=False)
    few = verdict("a", "better", pilot=True, family="cross")
    none = verdict("a", "unavailable", pilot=None, family="own")
    assert not headline.is_pilot(pd.DataFrame([firm, few, none]))
    assert headline.is_pilot(pd.DataFrame([firm, verdict("b", "better"), none]))


def test_trainings_are_read_with_their_budgets_and_an_empty_one_does_no_harm(tmp_path):
    assert headline.helped_table(tmp_path).empty
    assert headline.budgets_of(tmp_path) == []
    columns = "recipe,budget,of,against,metric,word"
    for recipe, rows in (
        ("a", ["a,quick,student,no-teacher,psnr,better", "a,quick,no-teacher,do nothing,psnr,worse"]),
        ("b", []),
        ("c", ["c,full,student,do nothing,psnr,better", "c,full,student,no-teacher,ssim,better"]),
    ):
        (tmp_path / recipe).mkdir()
        (tmp_path / recipe / "verdicts.csv").write_text("\n".join([columns, *rows]) + "\n", encoding="utf-8")
    assert headline.helped_table(tmp_path)["recipe"].tolist() == ["a"]
    assert headline.budgets_of(tmp_path) == ["full", "quick"]


def test_a_row_of_the_headline_holds_both_rivals_harm_and_size():
    numbers = {"difference": 0.254, "low": 0.1, "high": 0.4, "degradation": "blur"}
    verdicts = pd.DataFrame(
        [
            verdict("a", "better", "harms clean frames", **numbers),
            verdict("a", "worse", family="own", against="tuned unsharp", **{**numbers, "difference": -0.25}),
            verdict("b", "better", **numbers),
        ]
    )
    clean = pd.DataFrame({"model": ["a"], "psnr": [21.04]})
    models = pd.DataFrame({"name": ["a", "b"], "parameters": [1000, 2000], "kmac_per_pixel": [1.5, None]})
    rows = headline.headline_table(verdicts, clean, models).to_dict("records")
    assert list(rows[0].values()) == [
        "a", "blur", "+0.25 [+0.10, +0.40]", "better ✗", "-0.25 [+0.10, +0.40]", "21.0", "1,000", "1.5"
    ]  # fmt: skip
    assert (rows[1]["over unsharp (dB)"], rows[1]["clean (dB)"], rows[1]["kMAC/px"]) == ("–",) * 3


def published(system: str, metric: str, value: float, words: str, of: str = "student", where=None) -> dict:
    facts = {"system": system, "degradation": "blur", "metric": metric, "value": value, "words": words}
    return {**facts, "of": of, "where": where, "doubt": "no machine" if metric == "fps" else None}


def test_published_figures_stand_beside_doing_nothing_and_this_runs_own():
    figures = pd.DataFrame(
        [
            published("a", "ssim", 0.927, "SSIM 0.927 (87 of 100)"),
            published("a", "fps", 31.4, "31.4/10.9 FPS", where="640x480"),
            published("a", "fps", 10.9, "31.4/10.9 FPS", where="1280x720"),
            published("a", "mos", 4.3, "sharpness 4.3"),
            published("b", "psnr", 35.11, "35.11 dB", of="teacher"),
            published("c", "psnr", 30.0, "above 30 dB", of="goal"),
        ]
    )
    means = {"degradation": "blur", "metric": "ssim", "origin": "none", "frames": 20}
    summary = pd.DataFrame(
        [
            {**means, "model": "do nothing", "role": "baseline", "recipe": None, "mean": 0.5},
            {**means, "model": "a", "role": "student", "recipe": "a", "mean": 0.61234, "origin": "run"},
            {
                **means,
                "model": "a released",
                "role": "student",
                "recipe": "a",
                "mean": 0.9,
                "origin": "released",
            },
        ]
    )
    counted = {"degradation": "blur", "frames": 10}
    categories = pd.DataFrame(
        [
            {**counted, "model": "do nothing", "above_090": 1},
            {**counted, "model": "a", "above_090": 2},
            {**counted, "model": "a", "above_090": 3},
        ]
    )
    speeds = pd.DataFrame(
        {"model": "a", "words": "31.4/10.9 FPS", "width": [640.0, 1280.0], "our_width": [640, 1280],
         "our_height": [480, 720], "our_fps": [0.59, None], "our_p50_ms": [1617.6, None]}
    )  # fmt: skip
    gates = pd.DataFrame(
        {"recipe": ["b", "b"], "teacher": ["t", "u"], "state": ["refused", "teaches"],
         "psnr_do_nothing": [30.0, 30.5], "psnr_teacher": [20.0, 31.25]}
    )  # fmt: skip
    table = beside_published.published_table(figures, summary, categories, speeds, gates)
    rows = table[["system", "published", "do nothing", "this run", "measured on"]].values.tolist()
    assert rows == [
        ["a", "SSIM 0.927 (87 of 100)", "0.5000 (1 of 10)", "0.6123 (5 of 20)", "blur, 20 frames"],
        ["a", "31.4 FPS at 640x480", "–", "0.6 FPS", "640x480"],
        ["a", "10.9 FPS at 1280x720", "–", "not measured", "1280x720"],
        ["b", "PSNR 35.11 dB", "30.50 dB", "31.25 dB (u)", "blur, validation"],
        ["c", "PSNR above 30 dB", "not measured", "not measured", "blur"],
    ]
    assert set(table[beside_published.OWN]) == {"not run"}
    assert table["open about the figure"].tolist() == ["", "no machine", "no machine", "", ""]


def test_the_own_protocol_is_told_where_it_was_measured_and_only_for_the_same_figure():
    figures = pd.DataFrame(
        [
            published("a", "ssim", 0.9, "0.9 over 100", where="100 images"),
            published("a", "ssim", 0.88, "0.9 over 100", where="validation"),
            published("b", "psnr", 34.84, "34.84 dB"),
            published("b", "psnr", 35.11, "35.11 dB", of="teacher"),
            published("c", "ssim", 0.7, "0.7"),
            published("a", "fps", 30.0, "30 FPS"),
        ]
    )
    facts = {"of": "student", "state": "measured", "frames": 100, "own_nothing_above": 30}
    own = pd.DataFrame(
        [
            {**facts, "system": "a", "metric": "ssim", "words": "0.9 over 100", "where": "100 images",
             "own_nothing": 0.8, "own_student": 0.81239, "own_student_above": 41},
            {**facts, "system": "b", "metric": "psnr", "words": "34.84 dB", "where": None,
             "own_nothing": 30.004, "own_student": 31.5},
            {**facts, "system": "c", "metric": "ssim", "words": "0.7", "where": None,
             "state": "not released", "own_nothing": 0.5},
            {**facts, "system": "a", "metric": "fps", "words": "30 FPS", "where": None,
             "state": "not measured here: a speed"},
        ]
    )  # fmt: skip
    names = ["model", "words", "width", "recipe", "role", "origin", "state", "metric", "degradation"]
    empty = pd.DataFrame(columns=names)
    table = beside_published.published_table(figures, empty, empty, empty, empty, own)
    assert table[beside_published.OWN].tolist() == [
        "0.8124 (41 of 100); do nothing 0.8000 (30 of 100)",
        "not run",
        "31.50 dB; do nothing 30.00 dB",
        "not run",
        "student not released; do nothing 0.5000 (30 of 100)",
        "not measured",
    ]


def test_every_published_score_and_speed_of_the_recipes_has_a_row():
    from sharpstudy.recipes import RECIPES, load_recipe

    rows = [
        {"system": name, "degradation": str(load_recipe(name).degradation), **vars(figure)}
        for name in RECIPES
        for figure in load_recipe(name).published
    ]
    empty = pd.DataFrame(
        columns=["model", "words", "width", "recipe", "role", "origin", "state", "metric", "degradation"]
    )
    table = beside_published.published_table(pd.DataFrame(rows), empty, empty, empty, empty)
    wanted = [one for one in rows if one["metric"] in ("ssim", "psnr", "fps", "milliseconds")]
    assert len(table) == len(wanted) == 3 + 3 + 2 + 6 + 5
    assert not table.duplicated(["system", "published"]).any()
