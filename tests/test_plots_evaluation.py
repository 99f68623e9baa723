"""Figures of the evaluation: harm is marked, nothing overlaps, crops are exact, and ugly tables are drawn."""

from __future__ import annotations

import io
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from sharpstudy.plots import cost, crops, evaluation, gains, look
from sharpstudy.plots.marks import HARM, HARM_NOTE, marked

LADDERS = {
    "blur": ("blur-1.0", "blur-2.0"),
    "call": ("call-800k", "call-300k"),
    "jpeg": ("jpeg-60", "jpeg-30"),
}
DEGRADATIONS = ["blur-1.0", "blur-2.0", "call-800k", "call-300k"]
CATEGORIES = ("text", "nature", "people", "animals", "graphics")


def models(count: int, rng: np.random.Generator) -> pd.DataFrame:
    """Models of all roles, some with very long names; the middle one ruins frames, and one has no score."""
    names = [f"somebody-elses-very-long-model-name-{i}" if i % 3 == 0 else f"model-{i}" for i in range(count)]
    gain = rng.normal(0.3, 0.4, count)
    gain[count // 2] = -14.0
    if count > 2:
        gain[1] = np.nan
    roles = [("student", "control", "teacher", "baseline")[i % 4] for i in range(count)]
    cost = 10 ** rng.uniform(0, 3, count)
    cost[2::5] = np.nan
    recipe = ["realtime" if i == 4 else "swinir-cnn" for i in range(count)]
    columns = {"model": names, "role": roles, "recipe": recipe, "kmac_per_pixel": cost, "gain": gain}
    return pd.DataFrame(columns).assign(low=gain - 0.2, high=gain + 0.2)


def by_frame(table: pd.DataFrame, rng: np.random.Generator, frames: int = 15) -> pd.DataFrame:
    rows = table.loc[table.index.repeat(frames)].reset_index(drop=True)
    rows["frame"] = [f"f{i % frames}" for i in range(len(rows))]
    rows["category"] = [CATEGORIES[i % 4] for i in range(len(rows))]
    return rows.assign(gain=rows["gain"] + rng.normal(0, 0.3, len(rows)))


def crossed(table: pd.DataFrame) -> pd.DataFrame:
    parts = [table.assign(degradation=name, own="blur-1.0") for name in DEGRADATIONS]
    rows = pd.concat(parts, ignore_index=True)
    words = np.select([rows["low"] > 0, rows["high"] < 0], ["better", "worse"], "no difference shown")
    return rows.assign(word=words)


def forest(table: pd.DataFrame) -> pd.DataFrame:
    rows = crossed(table).rename(columns={"gain": "difference", "degradation": "against"})
    return rows[(rows["role"] == "student") | (rows["against"] == "blur-1.0")]


def spectra(table: pd.DataFrame) -> pd.DataFrame:
    frequency = np.linspace(0.02, 0.49, 16)
    curve = {"frequency": frequency, "true": np.exp(-4 * frequency), "kept": np.exp(-3 * frequency)}
    rows = [pd.DataFrame({**row._asdict(), **curve}) for row in table.itertuples(index=False)]
    return pd.concat(rows, ignore_index=True)


def drawings(count: int, rng: np.random.Generator) -> dict:
    table = models(count, rng)
    bad = {table["model"][count // 2]}
    frames, clean = (
        by_frame(table, rng),
        by_frame(table, rng).assign(value=lambda rows: 45 + 3 * rows["gain"]),
    )
    return {
        "cost_pareto": lambda: cost.cost_pareto(table, bad),
        "verdict_forest": lambda: evaluation.verdict_forest(forest(table), "dB", bad),
        "gain_by_strength": lambda: evaluation.gain_by_strength(crossed(table), LADDERS, bad),
        "cross_heatmap": lambda: evaluation.cross_heatmap(crossed(table), DEGRADATIONS, bad),
        "clean_harm": lambda: evaluation.clean_harm(clean, 30.0, bad),
        "category_violins": lambda: gains.category_violins(frames, CATEGORIES, bad),
        "gain_histograms": lambda: gains.gain_histograms(frames, bad),
        "detail_spectra": lambda: gains.detail_spectra(spectra(table), bad),
    }


NAMES = list(drawings(1, np.random.default_rng(0)))


def words_of(figure: Figure) -> list[Text]:
    """Every text of a drawn figure that can be seen: tick labels beyond the ends of their axis cannot."""
    figure.canvas.draw()
    hidden = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
            hidden |= {tick.label1 for tick in ticks if not low <= tick.get_loc() <= high}
    texts = figure.findobj(lambda one: isinstance(one, Text) and one.get_visible() and one.get_text().strip())
    return [text for text in texts if text not in hidden]


@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize("name", NAMES)
def test_no_two_labels_overlap_and_none_is_cut_off(name, count, rng):
    with look("light"):
        figure = drawings(count, rng)[name]()
        texts = [text for text in words_of(figure) if text.get_rotation() == 0]
        boxes = [(text.get_text(), Text.get_window_extent(text)) for text in texts]  # without arrows
        clash = [(a, b) for (a, one), (b, two) in combinations(boxes, 2) if _overlap(one, two) > 2]
        beyond = [a for a, box in boxes if box.x0 < -1 or box.x1 > figure.bbox.x1 + 1]
        plt.close(figure)
    assert clash == []
    assert beyond == []


def _overlap(first, second) -> float:
    """Pixels by which two boxes overlap in the direction in which they do least."""
    across = min(first.x1, second.x1) - max(first.x0, second.x0)
    down = min(first.y1, second.y1) - max(first.y0, second.y0)
    return min(across, down)


@pytest.mark.parametrize("page", ["light", "dark"])
@pytest.mark.parametrize("name", NAMES)
def test_a_model_that_does_harm_is_marked_and_the_mark_explained(name, page, rng):
    with look(page):
        figure = drawings(7, rng)[name]()
        said = [text.get_text() for text in words_of(figure)]
        plt.close(figure)
    bad = marked(models(7, np.random.default_rng(0))["model"][3], ["somebody-elses-very-long-model-name-3"])
    assert bad.startswith(HARM)
    assert any(text.startswith(bad) for text in said)
    assert any(HARM_NOTE[2:20] in text.replace("\n", " ") for text in said)


@pytest.mark.parametrize("name", NAMES)
def test_without_harm_there_is_no_mark(name, rng):
    table = models(4, rng).assign(gain=0.5, low=0.3, high=0.7)
    draw = {
        "cost_pareto": lambda: cost.cost_pareto(table),
        "verdict_forest": lambda: evaluation.verdict_forest(forest(table), "dB"),
        "gain_by_strength": lambda: evaluation.gain_by_strength(crossed(table), LADDERS),
        "cross_heatmap": lambda: evaluation.cross_heatmap(crossed(table), DEGRADATIONS),
        "clean_harm": lambda: evaluation.clean_harm(by_frame(table, rng).assign(value=40.0), 30.0),
        "category_violins": lambda: gains.category_violins(by_frame(table, rng), CATEGORIES),
        "gain_histograms": lambda: gains.gain_histograms(by_frame(table, rng)),
        "detail_spectra": lambda: gains.detail_spectra(spectra(table)),
    }[name]
    with look("light"):
        figure = draw()
        assert not any(HARM in text.get_text() for text in words_of(figure))
        plt.close(figure)


def test_the_front_joins_what_no_cheaper_network_reaches():
    table = pd.DataFrame(
        {
            "model": ["a", "b", "c", "d", "e"],
            "role": "student",
            "recipe": "x",
            "kmac_per_pixel": [1.0, 10.0, 100.0, 1000.0, 5.0],
            "gain": [0.2, 0.1, 0.5, 0.4, 0.9],
        }
    ).assign(low=lambda rows: rows["gain"] - 0.1, high=lambda rows: rows["gain"] + 0.1)
    with look("light"):
        figure = cost.cost_pareto(table, {"e"})  # the harmful one is no part of it
        steps = [line.get_xydata().tolist() for line in figure.axes[0].lines if len(line.get_xdata()) > 2]
        plt.close(figure)
    assert steps == [[[1.0, 0.2], [100.0, 0.2], [100.0, 0.5]]]


def test_the_forest_has_a_panel_a_rival_and_says_where_there_is_no_comparison(rng):
    table = forest(models(7, rng))
    with look("light"):
        figure = evaluation.verdict_forest(table, "dB")
        panels = figure.axes
        assert [axes.get_title("left").split("\n")[1] for axes in panels] == DEGRADATIONS
        absent = [text.get_text() for text in panels[1].texts]
        plt.close(figure)
    assert absent.count("–") == 7 - 2  # two students have this rival


def test_strengths_need_two_steps_of_a_ladder(rng):
    with pytest.raises(ValueError, match="at least two degradations of one ladder"):
        evaluation.gain_by_strength(crossed(models(3, rng)), {"blur": ("blur-1.0", "blur-9")})


def test_the_heat_map_brackets_what_was_not_shown_and_frames_what_was_trained_on():
    table = pd.DataFrame(
        {
            "model": ["a", "a"],
            "own": ["blur-1.0"] * 2,
            "degradation": DEGRADATIONS[:2],
            "gain": [0.5, -0.125],
            "word": ["better", "no difference shown"],
        }
    )
    with look("light"):
        figure = evaluation.cross_heatmap(table, DEGRADATIONS[:3])
        axes = figure.axes[0]
        assert [text.get_text() for text in axes.texts] == ["+0.50", "(-0.12)", "n/a"]
        assert [patch.get_x() for patch in axes.patches] == [-0.47]
        plt.close(figure)


def test_a_mean_beyond_the_axis_is_written_and_its_frames_are_arrowheads():
    flat = pd.DataFrame({"model": "a", "category": "text", "gain": np.linspace(-0.5, 0.5, 20)})
    far = pd.DataFrame({"model": "b", "category": "text", "gain": [-30.0, -20.0]})
    with look("light"):
        figure = gains.category_violins(pd.concat([flat, far]), CATEGORIES)
        first, second = figure.axes[:2]
        low = second.get_ylim()[0]
        heights = [place[1] for dots in second.collections for place in dots.get_offsets()]
        plt.close(figure)
    assert [text.get_text() for text in first.texts] == []
    assert [text.get_text() for text in second.texts] == ["-25.0"]
    assert heights == pytest.approx([low, low])


def test_histograms_count_every_frame_and_part_at_zero(rng):
    table = pd.DataFrame(
        {"model": "a", "role": "student", "recipe": "x", "gain": [-90.0, -0.4, 0.2, 0.3, 0.6]}
    )
    with look("light"):
        axes = gains.gain_histograms(table).axes[0]
        bars = [(bar.get_x(), bar.get_height(), bar.get_hatch()) for bar in axes.patches]
        plt.close("all")
    assert sum(height for _, height, _ in bars) == 5
    assert sum(height for left, height, hatch in bars if hatch) == 2
    assert all((left < -1e-9) == bool(hatch) for left, _, hatch in bars)


def crop(rng: np.random.Generator, words: str = "best\na-frame") -> crops.Crop:
    names = ("reference", "do nothing", "a model with a rather long name of its own")
    return crops.Crop(words, {name: rng.integers(0, 256, (40, 40, 3), dtype=np.uint8) for name in names})


def test_a_pixel_of_a_crop_is_two_by_two_of_the_saved_picture(rng):
    rows = [crop(rng), crop(rng)]
    with look("light"):
        figure = crops.crop_rows(rows)
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=crops.DPI)
        plt.close(figure)
    saved = np.asarray(Image.open(file).convert("RGB"))
    for row in rows:
        for frame in row.frames.values():
            twice = frame.repeat(2, axis=0).repeat(2, axis=1)
            windows = np.argwhere((saved[:-1, :-1] == twice[0, 0]).all(axis=2))
            assert any(np.array_equal(saved[y : y + 80, x : x + 80], twice) for y, x in windows)


def test_failures_show_where_the_error_grew(rng):
    flat = np.full((40, 40, 3), 100, np.uint8)
    degraded, restored = flat + np.uint8(20), flat + np.uint8(20)
    restored[:20], restored[20:] = 160, 100
    failure = crops.Crop("worst", {"reference": flat, "degraded": degraded, "restored": restored})
    with look("light"):
        figure = crops.failure_rows([failure])
        shown = figure.axes[3].images[0].get_array()
        plt.close(figure)
    assert set(np.unique(shown[:20])) == {-40.0}
    assert set(np.unique(shown[20:])) == {20.0}
    assert crops.worst_square(flat, degraded, restored, 20)[0] == 0


def test_the_worst_square_is_that_of_a_search_by_hand(rng):
    reference, degraded, restored = rng.integers(0, 256, (3, 30, 37, 3), dtype=np.uint8)
    growth = (np.abs(restored.astype(int) - reference) - np.abs(degraded.astype(int) - reference)).sum(axis=2)
    corners = [(y, x) for y in range(30 - 8 + 1) for x in range(37 - 8 + 1)]
    best = max(corners, key=lambda at: growth[at[0] : at[0] + 8, at[1] : at[1] + 8].sum())
    assert crops.worst_square(reference, degraded, restored, 8) == (*best, 8)


def test_frames_are_ranked_by_gain_and_ties_by_name():
    table = pd.DataFrame({"frame": ["d", "c", "b", "a", "e"], "gain": [0.1, 0.1, 0.5, np.nan, -2.0]})
    assert crops.ranked_frames(table) == {"best": "b", "median": "c", "worst": "e"}
    with pytest.raises(ValueError, match="at least one frame with a gain"):
        crops.ranked_frames(table[3:4])


def test_failures_are_told_by_their_largest_faults():
    nothing = {"halo": 0.02, "worsened": 0.0, "detail": 0.60, "ssim": 0.9, "lpips": np.nan}
    bad = {"halo": 0.14, "worsened": 0.31, "detail": 0.59, "ssim": 0.895, "lpips": 0.5}
    assert crops.failure_words(bad, nothing) == "overshoot at edges 2% to 14%; 31% of the pixels made worse"
    assert crops.failure_words(nothing, nothing) == "no single fault stands out"


def test_a_long_name_is_parted_at_a_hyphen_and_words_at_blanks(rng):
    with look("light"):
        figure = crops.crop_rows([crop(rng, "worst: -0.25 dB\nscreen-strategy-game-005-960x540")])
        words = figure.axes[0].texts[0].get_text()
        plt.close(figure)
    assert words == "worst: -0.25 dB\nscreen-strategy-game-005-\n960x540"


def test_no_crop_is_no_figure():
    with pytest.raises(ValueError, match="crops: expected at least one"):
        crops.crop_rows([])
