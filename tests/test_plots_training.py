"""Figures of a training: what they draw of which numbers, for one run and for many, light and dark."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from sharpstudy import plots
from sharpstudy.plots import training as figures

WEIGHTS = {"l1_reference": 0.5, "l1_target": 2.0}


def log_of(runs: tuple[str, ...] = ("student", "no-teacher"), epochs: int = 4, role: str = "student"):
    rows = []
    for number, run in enumerate(runs):
        model = "student" if run.startswith("student") else run
        for epoch in range(epochs + 1):
            trained = epoch > 0
            rows.append(
                {
                    "run": run, "model": model, "role": role if model == "student" else "control",
                    "best": "yes" if epoch == epochs else "no", "epoch": epoch,
                    "l1_reference": 0.2 / epoch if trained else np.nan,
                    "l1_target": 0.1 / epoch if trained and model == "student" else np.nan,
                    "loss": 0.3 / epoch if trained else np.nan, "lr": 0.001 if trained else np.nan,
                    "grad_norm": 2.0 / epoch if trained else np.nan, "val_psnr": 20 + epoch - number,
                    "val_ssim": 0.5 + 0.01 * epoch, "do_nothing_psnr": 22.0, "do_nothing_ssim": 0.52,
                    "gain_db": -2.0 + epoch - number, "pairs_per_s": 30.0 if trained else np.nan,
                    "seconds": 5.0 * epoch,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def data_of(axes, label: str) -> tuple[list[float], list[float]]:
    line = next(line for line in axes.get_lines() if line.get_label() == label)
    return [[float(value) for value in side] for side in line.get_data()]


def test_the_nine_panels_draw_the_log():
    log = log_of()
    figure = figures.nine_panels(log, WEIGHTS)
    assert len(figure.axes) == 9
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[0] == "loss of the student"
    assert titles.index("learning rate") == 6
    loss, terms, shares, gain, similarity, by_time, _, norm, rate = figure.axes
    assert data_of(loss, "student") == [[1, 2, 3, 4], [0.3, 0.15, 0.3 / 3, 0.075]]
    assert data_of(terms, "l1_target")[1] == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4])
    assert data_of(gain, "no-teacher")[1] == [-3, -2, -1, 0, 1]
    assert data_of(by_time, "student")[0] == pytest.approx([0, 5 / 60, 10 / 60, 15 / 60, 20 / 60])
    assert data_of(rate, "student")[1] == [30.0] * 4
    assert len(similarity.get_lines()) == len(norm.get_lines()) + 1 == 3
    lower = shares.collections[0].get_paths()[0].vertices[:, 1].max()
    assert lower == pytest.approx(100 * (0.5 * 0.2) / (0.5 * 0.2 + 2.0 * 0.1))


def test_a_control_lacks_the_terms_that_it_lacks():
    figure = figures.loss_terms(log_of(), list(WEIGHTS))
    reference, target = figure.axes
    assert [line.get_label() for line in reference.get_lines()] == ["student", "no-teacher"]
    assert [line.get_label() for line in target.get_lines()] == ["student"]
    assert len(figures.loss_terms(log_of(), ["l1_reference"]).axes) == 1


def test_seeds_share_a_colour_and_a_name():
    figure = figures.training_pace(log_of(("student", "student-1", "random-teacher"), role="realtime"))
    lines = figure.axes[0].get_lines()
    colours = [to_hex(line.get_color()) for line in lines]
    assert colours[0] == colours[1] == plots.role_colour("realtime").lower() != colours[2]
    assert [label for label in (line.get_label() for line in lines) if not label.startswith("_")] == [
        "student", "random-teacher"
    ]  # fmt: skip


def test_an_untrained_network_far_below_does_not_hide_the_rest():
    log = log_of(("student",), epochs=8)
    log.loc[log["epoch"] == 0, "gain_db"] = -30.0
    low, high = figures.validation_gain(log).axes[0].get_ylim()
    assert -10 < low < -1
    assert high >= 6


def test_one_epoch_is_enough():
    log = log_of(epochs=1)
    assert len(figures.nine_panels(log, WEIGHTS).axes) == 9
    figures.loss_terms(log, list(WEIGHTS))
    figures.validation_gain(log)
    figures.training_pace(log)


def test_squares_stand_in_the_order_of_epochs():
    def square(level: int) -> np.ndarray:
        return np.full((8, 8, 3), level, np.uint8)

    rows = [
        {"place": place, "epoch": epoch, "degraded": square(1), "restored": square(10 * epoch + place),
         "reference": square(99)}
        for epoch in (6, 0, 2) for place in (1, 0)
    ]  # fmt: skip
    figure = figures.epoch_crops(pd.DataFrame(rows))
    levels = [int(axes.get_images()[0].get_array()[0, 0, 0]) for axes in figure.axes]
    assert levels == [1, 0, 20, 60, 99, 1, 1, 21, 61, 99]
    assert [axes.get_title() for axes in figure.axes[:5]] == [
        "degraded", "epoch 0", "epoch 2", "epoch 6", "reference"
    ]  # fmt: skip


def test_the_forest_shows_mean_interval_and_every_clip():
    differences = pd.DataFrame(
        {"against": ["do nothing"] * 3, "category": ["text", "text", "nature"], "value": [0.1, 0.3, 0.5]}
    )
    verdicts = pd.DataFrame({"against": ["do nothing"], "difference": [0.3], "low": [0.1], "high": [0.5]})
    axes = figures.verdict_forest(differences, verdicts).axes[0]
    dots = axes.collections[0].get_offsets()
    assert sorted(dots[:, 0].tolist()) == [0.1, 0.3, 0.5]
    interval, mean = axes.get_lines()[:2]
    assert list(interval.get_xdata()) == [0.1, 0.5]
    assert list(mean.get_xdata()) == [0.3]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["over doing nothing"]


def test_saved_figures_are_the_same_bytes_twice(tmp_path):
    saved = [
        plots.save_figure(lambda: figures.nine_panels(log_of(), WEIGHTS), tmp_path / name / "nine")
        for name in ("one", "other")
    ]
    assert [path.name for path in saved[0]] == ["nine.light.svg", "nine.dark.svg"]
    for one, other in zip(*saved, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert saved[0][0].read_bytes() != saved[0][1].read_bytes()
