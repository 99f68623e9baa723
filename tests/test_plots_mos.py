"""Figures of the ratings: simulated votes say so inside the picture, mixtures are refused."""

from __future__ import annotations

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from sharpstudy import plots
from sharpstudy.mos.against_metrics import curve_table, join_scores
from sharpstudy.mos.analysis import analyse, published_table
from sharpstudy.mos.ingest import parse_ratings
from sharpstudy.mos.recovery import rater_recovery
from sharpstudy.mos.simulate import Simulation, plant, simulate_ratings, simulate_scores
from sharpstudy.plots import mos as draw


@pytest.fixture(scope="module")
def truth():
    return plant(Simulation(raters=8, contents=10, bad={"random": 1}, seed=5))


@pytest.fixture(scope="module")
def analysis(truth):
    return analyse(parse_ratings(simulate_ratings(truth).to_csv(index=False)))


@pytest.fixture(scope="module")
def tables(truth, analysis) -> dict[str, tuple]:
    """The arguments of each figure."""
    stimuli = analysis.stimuli.query("arm == 'acr' and criterion == 'overall' and screening == 'all raters'")
    joined = join_scores(stimuli, simulate_scores(truth))
    kept = analysis.systems[analysis.systems["screening"] == "kept raters"]
    comparisons = analysis.comparisons.query("arm == 'ccr' and screening == 'kept raters'")
    power = pd.DataFrame({"raters": [6, 24], "contents": 40, "effect": 0.2, "power": [0.3, 0.9]})
    return {
        "mos_by_system": (kept,),
        "mos_by_category": (kept, "overall"),
        "comparison_forest": (comparisons,),
        "rater_recovery": (rater_recovery(truth, analysis.raters),),
        "screening_overview": (analysis.raters,),
        "power_curves": (power.assign(source="simulated"),),
        "mos_against_metric": (joined, curve_table(joined)),
        "bradley_terry": (analysis.scale[analysis.scale["screening"] == "kept raters"],),
    }


FIGURES = (
    "mos_by_system",
    "mos_by_category",
    "comparison_forest",
    "rater_recovery",
    "screening_overview",
    "power_curves",
    "mos_against_metric",
    "bradley_terry",
)


def words_in(figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.mark.parametrize("name", FIGURES)
def test_simulated_votes_are_marked_inside_the_picture_and_human_ones_are_not(tables, name):
    first, *rest = tables[name]
    figure = getattr(draw, name)(first, *rest)
    assert words_in(figure) == ["SIMULATED - pipeline test"]
    figure.canvas.draw()
    box = figure.texts[0].get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
    assert words_in(getattr(draw, name)(first.assign(source="human"), *rest)) == []


@pytest.mark.parametrize("name", FIGURES)
def test_a_mixture_of_people_and_simulations_is_not_drawn(tables, name):
    first, *rest = tables[name]
    mixed = first.copy()
    mixed["source"] = np.where(np.arange(len(mixed)) % 2, "human", "simulated")
    with pytest.raises(ValueError, match="votes of one source"):
        getattr(draw, name)(mixed, *rest)
    if name != "power_curves":
        with pytest.raises(ValueError, match="expected a column"):
            getattr(draw, name)(mixed.drop(columns="source"), *rest)


def test_published_scores_stand_beside_peoples_hollow_and_without_interval(tables):
    (own,) = tables["mos_by_system"]
    published = published_table([("bsrgan-ultralight", "overall sharpness", 4.3)])
    figure = draw.mos_by_system(pd.concat([own.assign(source="human"), published]))
    marks = [line for axes in figure.axes for line in axes.lines if line.get_marker() == "D"]
    assert all(line.get_markerfacecolor() == "none" for line in marks)
    assert [list(line.get_xdata()) for line in marks if len(line.get_xdata())] == [[4.3]]
    assert any(text.get_text() == "published, not re-run" for text in figure.legends[0].get_texts())
    with pytest.raises(ValueError, match="votes of one source"):
        draw.mos_by_system(pd.concat([own, published]))
    assert words_in(draw.mos_by_system(published)) == ["published, not re-run"]


def test_points_and_intervals_are_where_the_table_has_them(tables):
    (own,) = tables["mos_by_system"]
    figure = draw.mos_by_system(own)
    row = own[(own["category"] == "all") & (own["criterion"] == "overall")].sort_values("mos").iloc[-1]
    drawn = [line.get_xdata().tolist() for line in figure.axes[0].lines]
    assert [row["low"], row["high"]] in drawn
    assert [row["mos"]] in drawn


def test_files_are_the_same_bytes_each_time(tables, tmp_path):
    (own,) = tables["mos_by_system"]
    written = [plots.save_figure(partial(draw.mos_by_system, own), tmp_path / name) for name in ("a", "b")]
    assert [path.read_bytes() for path in written[0]] == [path.read_bytes() for path in written[1]]
