"""profiling: published figures beside ours, sentences, the roofline's points and the goals, by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from sharpstudy.profiling import intensity, published, sentences
from sharpstudy.profiling.goals import judge_goals


def test_published_speeds_come_with_their_words_and_no_machine():
    rows = published.published_speeds()
    swinir = next(row for row in rows if row["model"] == "swinir-cnn" and row["of"] == "student")
    assert (swinir["fps"], swinir["width"], swinir["height"]) == (205, 640, 480)
    edsr = next(row for row in rows if row["model"] == "edsr-residual" and row["of"] == "student")
    assert edsr["fps"] == pytest.approx(1000 / 4500)
    assert {row["machine"] for row in rows} == {"unknown"}


def table(*rows: dict) -> pd.DataFrame:
    base = {
        "role": "realtime",
        "backend": "onnxruntime",
        "precision": "int8",
        "threads": 2,
        "stage": "end_to_end",
        "valid": "quiet",
    }
    return pd.DataFrame([{**base, "fps": 1000 / row.get("p95_ms", math.nan), **row} for row in rows])


def size(width: int, height: int, p50: float, p95: float) -> dict[str, float]:
    return {"width": width, "height": height, "p50_ms": p50, "p95_ms": p95}


def test_ours_stand_beside_the_published_at_the_same_size():
    ours = table(
        {"model": "swinir-cnn", "backend": "torch", **size(640, 480, 3800, 4000)},
        {"model": "swinir-cnn", "backend": "torch", **size(256, 256, 700, 800)},
    )
    rows = published.beside_ours(ours).set_index("words")
    assert rows.loc["205 FPS at 640x480", "our_fps"] == 0.25
    edsr = rows[rows["model"] == "edsr-residual"]
    assert edsr["our_fps"].isna().all()


def test_who_holds_a_frame_rate_is_judged_by_p95_end_to_end():
    profiles = table(
        {"model": "realtime-M", **size(1920, 1080, 29, 31)},
        {"model": "realtime-M", "backend": "openvino", **size(1920, 1080, 24, 26)},
        {"model": "realtime-L", **size(1920, 1080, 31, 40)},
        {"model": "realtime-S", "stage": "model", **size(1920, 1080, 10, 11)},
        {"model": "copy", "role": "baseline", **size(1920, 1080, 1, 1)},
    )
    said = sentences.who_holds(profiles, 1920, 1080, 30)
    assert said == (
        "On this machine realtime-M (openvino int8, 38 FPS) holds 30 frames a second at 1920x1080, "
        "end to end and by p95."
    )
    assert sentences.who_holds(profiles, 1920, 1080, 60).startswith("No network measured here holds 60")
    assert sentences.who_holds(profiles, 1280, 720, 30) == "Nothing was measured at 1280x720."


def test_how_much_faster_takes_the_largest_size_that_both_have():
    profiles = table(
        {"model": "heavy", "backend": "torch", **size(256, 256, 500, 500)},
        {"model": "heavy", "backend": "torch", **size(640, 480, 2400, 2500)},
        {"model": "light", **size(640, 480, 4, 5)},
        {"model": "light", **size(1920, 1080, 24, 25)},
    )
    assert "At 640x480" in sentences.how_much_faster(profiles, "light", "heavy")
    assert "2,400 ms: 600 times as long" in sentences.how_much_faster(profiles, "light", "heavy")
    assert "share no size" in sentences.how_much_faster(profiles, "light", "nobody")


def test_peace_counts_quiet_rows_and_empty_cells():
    profiles = table(
        {"model": "a", **size(8, 8, 1, 1)},
        {"model": "b", "valid": "unquiet", **size(8, 8, 1, 1)},
        {"model": "c", "valid": "not measured", **size(8, 8, math.nan, math.nan)},
    )
    said = sentences.peace(profiles)
    assert said.startswith("1 of 2 rows")
    assert "1 cells stay empty" in said


def test_times_that_do_not_grow_with_the_pixels_are_named():
    profiles = table(
        {"model": "a", **size(100, 100, 10, 10)},
        {"model": "a", **size(200, 100, 20, 20)},
        {"model": "a", **size(400, 100, 80, 80)},
    )
    assert sentences.plausible(profiles) == [
        "a (onnxruntime int8, end_to_end, 2 threads): from 200x100 to 400x100 the time grows 2.00 times as "
        "fast as the pixels"
    ]


def test_values_moved_and_the_place_below_the_roof_by_hand():
    moved = ((48 + 16) + 2 * (16 + 16) + (16 + 48)) / 16
    assert intensity.values_per_pixel("realtime-nano") == moved
    profiles = table(
        {"model": "realtime-nano", "stage": "model", "kmac_per_pixel": 1.152, **size(1000, 1000, 10, 10)}
    )
    point = intensity.roofline_points(profiles).iloc[0]
    assert point["gmac_per_s"] == pytest.approx(115.2)
    assert point["macs_per_byte"] == pytest.approx(1152 / moved)


def test_goals_by_hand():
    latencies = {
        "M 1080p onnxruntime": [30.0, 34.0, 30.0],
        "M 1080p onnxruntime network": [30.0, 30.0, 30.0],
        "S 1080p onnxruntime": [17.0] * 3,
        "L 720p onnxruntime": [16.0] * 3,
        "S 1080p onnxruntime, one core": [33.0] * 3,
        "334k 1080p eager": [15_000.0] * 3,
        "334k 1080p onnxruntime int8": [1_200.0] * 3,
        "peak onnxruntime": [10.0] * 3,
    }
    met = {goal.goal: goal.met for goal in judge_goals(latencies, 3, {"onnxruntime": 0.9})}
    assert met["M, 1080p, default runtime"] == "by median only"
    assert met["S, 1080p, onnxruntime"] == "no"
    assert met["L, 720p, onnxruntime"] == "by median and p95"
    assert met["share of M's 1080p frame in convolutions, onnxruntime"] == "yes"
    used = 4.8e3 * 1920 * 1080 / 0.030 / (4 * 9 * 128**2 * 96**2 / 0.010)
    assert used == pytest.approx(0.610, abs=0.001)
    assert met["M's share of the int8 peak, 1080p, onnxruntime"] == "no"
    assert met["334k 1080p eager over M 1080p onnxruntime"] == "yes"  # 500 times
    assert met["334k 1080p onnxruntime int8 over M 1080p onnxruntime"] == "no"  # 40 times
