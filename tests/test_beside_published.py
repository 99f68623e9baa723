"""Published figures beside what was measured here, on rows made by hand and on the recipes' own."""

from __future__ import annotations

import pandas as pd

from sharpstudy import beside_published


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
    assert table[beside_published.OWN].tolist() == ["not run", "–", "–", "not run", "not run"]
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
        "–",
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
