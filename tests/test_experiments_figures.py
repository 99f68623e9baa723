"""Grid shifts, equal time and figures of the experiments, against arithmetic by hand."""

from __future__ import annotations

import json
import math

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sharpstudy.data.degrade import parse_degradation
from sharpstudy.data.pairs import prepare_pairs
from sharpstudy.data.resample import enlarge, shrink
from sharpstudy.evaluate import DO_NOTHING
from sharpstudy.experiments import equal_time, phases, variants
from sharpstudy.experiments.judging import difference_table, gain_facts
from sharpstudy.experiments.places import Place, shifted_sets
from sharpstudy.experiments.tables import ablation_table
from sharpstudy.experiments.training import Trained
from sharpstudy.plots import experiments as figures
from sharpstudy.recipes import load_recipe
from sharpstudy.students import build_student
from tests.experiment_tools import scores_of
from tests.material import made

BASE = variants.base_recipe()


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_a_share_is_a_ratio_of_paired_gains():
    aligned_gains = np.array([1.0, 2.0, 3.0, 2.0, 1.5, 2.5, 1.0, 3.0])
    categories = ("people",) * 8
    assert phases.share(aligned_gains / 2, aligned_gains, categories) == pytest.approx((0.5, 0.5, 0.5))
    some = aligned_gains * np.array([1.0, 0.5] * 4)
    value, low, high = phases.share(some, aligned_gains, categories)
    assert value == pytest.approx(some.sum() / aligned_gains.sum())
    assert 0.5 < low < value < high < 1
    assert all(math.isnan(one) for one in phases.share(some, aligned_gains - 2, categories))


def test_shifts_count_below_the_factor():
    assert Place(2.5, (3.0, 3.0)).phase == (0.5, 0.5)
    assert Place(3.0, (3.0, 3.0)).aligned
    assert not Place(4.0, (3.0, 3.0)).aligned
    assert Place(2.0, (2.0, 1.0)).name == "x2 at (0, 1)"
    references = [made(1, (96, 64))]
    sets = shifted_sets(references)
    assert (
        len({one.degradation for one in sets}) == len(sets) == 5 * 5 - 3
    )  # (3, 3) again is x1.5 and x3 aligned, and x2.5 at (0.5, 0.5)
    found = next(one for one in sets if one.degradation == "x4 at (2, 1)").load(0)
    small = shrink(references[0].load(), 4, phase=(2.0, 1.0))
    assert np.array_equal(found.degraded, enlarge(small, (64, 96), factor=4, phase=(2.0, 1.0)))


def test_shares_of_planted_scores():
    places = [Place(2.0, shift) for shift in ((0.0, 0.0), (1.0, 0.0), (2.0, 0.0))]
    nothing = [20.0, 25.0, 30.0, 22.0]
    values = {
        DO_NOTHING: {"x2 at (0, 0)": nothing, "x2 at (1, 0)": nothing},
        "m": {
            "x2 at (0, 0)": [value + 1 for value in nothing],
            "x2 at (1, 0)": [value - 0.25 for value in nothing],
        },
    }
    table = phases.share_table(scores_of(values), ["m"], places)
    assert table["share"].tolist() == pytest.approx([1, -0.25, 1])
    assert table["gain"].tolist() == pytest.approx([1, -0.25, 1])
    assert table["grid"].tolist() == ["aligned", "shifted", "aligned"]
    figure = figures.share_heatmap(table)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["aligned\n+1.00 dB", "-25%\n-0.25 dB", "aligned\n+1.00 dB"]


def test_students_that_enlarge_take_their_own_factor_alone():
    assert equal_time.fits(load_recipe("srresnet-edge"), parse_degradation("bicubic-x4"))
    assert not equal_time.fits(load_recipe("srresnet-edge"), parse_degradation("bicubic-x2"))
    assert not equal_time.fits(load_recipe("srresnet-edge"), parse_degradation("bicubic-x4-offgrid"))
    assert not equal_time.fits(load_recipe("srresnet-edge"), parse_degradation("call-300k"))
    assert equal_time.fits(load_recipe("swinir-cnn"), parse_degradation("call-300k"))


def test_steps_follow_from_a_long_enough_trial(monkeypatch, tmp_path):
    store = prepare_pairs([made(1, (96, 64))], "bicubic-x2", 1, tmp_path)
    trials = []

    def trained(recipe, pairs, folder, **how):
        steps = recipe.budgets.quick.pairs_per_epoch // recipe.budgets.quick.batch
        trials.append(steps)
        return Trained(build_student("realtime"), steps, 0.5 + 0.01 * steps)  # half a second to start

    monkeypatch.setattr(equal_time, "train_student", trained)
    # 4 and 16 and 64 steps take less than a twentieth of 40 s; 256 take 3.06 s.
    assert equal_time.steps_in(40.0, BASE, "quick", (store, store)) == round(40 * 256 / 3.06)
    assert trials == [4, 16, 64, 256]


def test_the_forest_draws_each_variant_against_the_base():
    found = [one for one in variants.VARIANTS if one.name in ("base", "leaky", "plain")]
    scores = scores_of(
        {
            DO_NOTHING: {"a": [20.0, 24.0, 28.0]},
            "base": {"a": [21.0, 25.0, 29.0]},
            "leaky": {"a": [21.5, 25.5, 29.5]},
            "plain": {"a": [20.0, 25.0, 30.0]},
        }
    )
    facts = {"made_of": "k", "steps": 5, "parameters": 10}
    runs = {one: [{**facts, "seconds": 1.0}, {**facts, "seconds": 2.0}] for one in found}
    gains = {one.name: gain_facts(scores, [one.name]) for one in found}
    differences = difference_table(scores, {one.name: {0: one.name} for one in found}, "base")
    table = ablation_table(runs, gains, differences)
    assert table["seconds"].tolist() == [1.5] * 3
    assert table.set_index("variant").loc["leaky", "diff_psnr"] == pytest.approx(0.5)
    assert math.isnan(table.set_index("variant").loc["base", "diff_psnr"])
    panel = figures.ablation_forest(table).axes[0]
    assert [label.get_text() for label in panel.get_yticklabels()] == [
        "leaky ReLU",
        "no branches while it learns",
    ]
    assert panel.lines[1].get_xdata()[0] == pytest.approx(0.5)
    assert panel.lines[1].get_marker() == "^"
    assert panel.lines[3].get_marker() == "o"
    assert json.loads(table.to_json())["note"]["0"] == ""
