"""The report's first sentences say what the verdicts say, and no more."""

from __future__ import annotations

import pandas as pd

from sharpstudy import headline

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


def test_what_is_scored_follows_the_budget_and_only_primary_verdicts_count():
    rows = [verdict("a", "better", frames=20.0), verdict("b", "worse", frames=3.0, family="cross")]
    assert headline.scored_words(pd.DataFrame(rows), ["quick"]) == (
        "the busiest square of each of 20 test frames"
    )
    more = pd.DataFrame([*rows, verdict("c", "worse", frames=32.0)])
    assert headline.scored_words(more, ["full"]) == "20 to 32 test frames, each whole,"


def test_a_frame_rate_of_a_busy_machine_says_so():
    facts = {"stage": "end_to_end", "role": "realtime", "threads": 2, "backend": "torch", "precision": "fp32"}
    size = {"width": 640, "height": 480}
    rows = [
        {**facts, **size, "model": "a", "fps": 120.44, "valid": "quiet"},
        {**facts, **size, "model": "a", "fps": 90.0, "valid": "unquiet"},
        {**facts, **size, "model": "b", "fps": 97.9, "valid": "unquiet"},
        {**facts, **size, "model": "c", "fps": 0.59, "valid": "unquiet"},
    ]
    shown = headline.frame_rates(pd.DataFrame(rows), [(640, 480), (1280, 720)])
    assert shown["FPS at 640x480"].tolist() == [
        "120.4 (torch fp32)", "~98 (torch fp32)", "~0.6 (torch fp32)"
    ]  # fmt: skip
    assert set(shown["FPS at 1280x720"]) == {"not measured"}


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
