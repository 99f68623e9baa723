"""plots.speed: what stands in a figure is what stands in the table."""

from __future__ import annotations

from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text

from sharpstudy import plots
from sharpstudy.plots import speed


@pytest.fixture(autouse=True)
def page():
    with plots.look("light"):
        yield
    plt.close("all")


@pytest.fixture
def profiles() -> pd.DataFrame:
    rows = []
    for model, role, backend, precision, per_megapixel in (
        ("realtime-M", "realtime", "onnxruntime", "int8", 14.0),
        ("realtime-M", "realtime", "torch", "fp32", 100.0),
        ("swinir-cnn", "student", "torch", "fp32", 14_000.0),
        ("swinir-cnn", "student", "onnxruntime", "int8", 1_300.0),
        ("copy", "baseline", "numpy", "uint8", 0.5),
    ):
        for width, height in ((640, 480), (1920, 1080)):
            took = per_megapixel * width * height / 1e6
            for threads, stage in ((2, "end_to_end"), (2, "model"), (1, "end_to_end")):
                rows.append(
                    {
                        "model": model,
                        "role": role,
                        "backend": backend,
                        "precision": precision,
                        "threads": threads,
                        "width": width,
                        "height": height,
                        "stage": stage,
                        "p50_ms": took * (3 - threads),
                        "p95_ms": 1.2 * took * (3 - threads),
                        "valid": "unquiet" if model == "copy" else "quiet",
                    }
                )
    empty = {**rows[0], "model": "swinir-cnn", "backend": "torch", "p50_ms": np.nan, "p95_ms": np.nan}
    return pd.DataFrame([*rows, {**empty, "valid": "not measured"}])


def test_latency_lines_are_the_fastest_forms_and_what_was_published(profiles):
    axes = speed.latency_by_pixels(profiles).axes[0]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == [
        "realtime-M onnxruntime int8",
        "swinir-cnn onnxruntime int8",
        "swinir-cnn torch fp32",
        "copy numpy uint8",
    ]
    assert axes.get_xscale() == axes.get_yscale() == "log"
    drawn = next(line for line in axes.lines if len(line.get_xdata()) == 2 and line.get_ydata()[0] > 0)
    assert list(drawn.get_xdata()) == pytest.approx([0.3072, 2.0736])
    assert list(drawn.get_ydata()) == pytest.approx([14 * 0.3072, 14 * 2.0736])
    limits = sorted(line.get_ydata()[0] for line in axes.lines if list(line.get_xdata()) == [0, 1])
    assert limits == pytest.approx([1000 / 60, 1000 / 30])


def test_bars_are_sorted_and_paler_without_quiet(profiles):
    axes = speed.latency_bars(profiles).axes[0]
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names[0] == "copy, numpy uint8"
    assert names[-1] == "swinir-cnn, torch fp32"
    assert len(axes.patches) == len(names) == 5
    ends = [patch.get_x() + patch.get_width() for patch in axes.patches]
    assert ends == sorted(ends)
    assert ends[0] == pytest.approx(0.5 * 2.0736)
    assert [patch.get_alpha() for patch in axes.patches] == [0.5, 1, 1, 1, 1]
    assert to_hex(axes.patches[1].get_facecolor()) == to_hex(plots.role_colour("realtime"))


def test_bars_of_a_size_that_nobody_was_measured_at_are_an_empty_figure(profiles):
    assert not speed.latency_bars(profiles, 3840, 2160).axes[0].patches


def test_the_roof_bends_where_the_memory_line_meets_the_peak():
    points = pd.DataFrame(
        {
            "model": ["a", "b"],
            "role": ["student", "realtime"],
            "precision": ["int8", "fp32"],
            "macs_per_byte": [30.0, 200.0],
            "gmac_per_s": [300.0, 80.0],
        }
    )
    peaks = pd.DataFrame({"precision": ["int8", "int8", "fp32"], "gmac_per_s": [400.0, 350.0, 100.0]})
    axes = speed.roofline(points, peaks, bandwidth=20.0).axes[0]
    lines = [[tuple(place) for place in line.get_xydata()] for line in axes.lines]
    assert [(20.0, 400.0), (600.0, 400.0)] in lines  # 400 / 20 = 20 multiply-adds a byte
    assert [(10.0, 100.0), (600.0, 100.0)] in lines  # its knee, 5, lies left of the figure
    assert [(10.0, 200.0), (20.0, 400.0)] in lines
    assert [(30.0, 300.0)] in lines


def test_numbers_of_points_at_one_place_do_not_cover_each_other():
    points = pd.DataFrame(
        {
            "model": list("abcd"),
            "role": "student",
            "precision": "fp32",
            "macs_per_byte": [65.0, 66.0, 67.0, 20.0],
            "gmac_per_s": [96.0, 99.0, 92.0, 50.0],
        }
    )
    peaks = pd.DataFrame({"precision": ["fp32"], "gmac_per_s": [112.0]})
    axes = speed.roofline(points, peaks, bandwidth=20.0).axes[0]
    axes.figure.canvas.draw()
    boxes = [Text.get_window_extent(text) for text in axes.texts if len(text.get_text()) == 1]
    assert len(boxes) == 4
    assert not any(one.overlaps(two) for one, two in combinations(boxes, 2))


def test_thread_scaling_starts_at_one(profiles):
    part = profiles[(profiles["width"] == 1920) & (profiles["stage"] == "end_to_end")]
    part = part[(part["model"] == "realtime-M") & (part["precision"] == "int8")]
    axes = speed.thread_scaling(part).axes[0]
    ideal, ours = axes.lines
    assert [tuple(place) for place in ideal.get_xydata()] == [(1, 1), (2, 2)]
    assert [tuple(place) for place in ours.get_xydata()] == [(1, 1), (2, 2)]


def test_operations_stack_to_the_frames_time():
    splits = pd.DataFrame(
        {
            "backend": ["onnxruntime"] * 4,
            "kind": ["packing", "convolutions", "convolutions", "other"],
            "node": list("abcd"),
            "milliseconds": [2.0, 10.0, 7.0, 1.0],
        }
    )
    axes = speed.op_breakdown(splits).axes[0]
    spans = [(patch.get_x(), patch.get_width()) for patch in axes.patches]
    assert spans == [(0, 10), (10, 7), (17, 2), (19, 1)]
    assert [text.get_text() for text in axes.texts] == ["85%", "10%"]
