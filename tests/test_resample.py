"""The resampler against hand arithmetic, MATLAB's own small frames, published PSNR and Pillow."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from PIL import Image

from sharpstudy.data.resample import (
    DegradationError,
    DownUp,
    Method,
    enlarge,
    enlarging_weights,
    shrink,
    shrinking_weights,
    small_size,
)

METHODS = get_args(Method)
PILLOW = {"bicubic": Image.BICUBIC, "bilinear": Image.BILINEAR, "lanczos": Image.LANCZOS, "area": Image.BOX}


def texture(rng, height, width):
    """A frame with structure at several scales that does not reach 0 or 255."""
    coarse = Image.fromarray(rng.integers(60, 196, (height // 8 + 2, width // 8 + 2, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.BICUBIC)).astype(int)
    return np.clip(smooth + rng.integers(-20, 21, (height, width, 3)), 0, 255).astype(np.uint8)


def columns(*values):
    """A frame of four equal rows with these grey values."""
    return np.tile(np.uint8(values)[None, :, None], (4, 1, 3))


def read(path):
    return np.asarray(Image.open(path).convert("RGB"))


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


def test_bicubic_enlarges_a_step_as_computed_by_hand():
    # Keys' weights at 0.25, 0.75, 1.25 and 1.75 pixels are 0.8671875, 0.2265625, -0.0703125, -0.0234375.
    step = columns(64, 64, 64, 64, 192, 192, 192, 192)
    row = enlarge(step, (8, 16), "bicubic")[3, :, 1]
    assert row.tolist() == [64, 64, 64, 64, 64, 61, 55, 90, 166, 201, 195, 192, 192, 192, 192, 192]


def test_bicubic_shrinks_a_line_as_computed_by_hand():
    # By 2 each weight halves: 128 * (-0.03515625, 0.43359375, 0.11328125, -0.01171875) on top of 100, since
    # pixel 5 lies 2.5, 0.5, 1.5 and 3.5 pixels from the centres at 2.5, 4.5, 6.5 and 8.5.
    line = columns(100, 100, 100, 100, 100, 228, 100, 100, 100, 100, 100, 100)
    row = shrink(line, 2, "bicubic")[0, :, 0]
    assert row.tolist() == [100, 96, 156, 115, 99, 100]


def test_bilinear_and_area_shrink_a_line_as_computed_by_hand():
    line = columns(0, 0, 0, 0, 160, 0, 0, 0)
    assert shrink(line, 2, "bilinear")[0, :, 0].tolist() == [0, 20, 60, 0]  # weights 1/8, 3/8, 3/8, 1/8
    assert shrink(line, 2, "area")[0, :, 0].tolist() == [0, 0, 80, 0]
    assert shrink(line[:, :6], 1.5, "area")[0, :, 0].tolist() == [0, 0, 53, 53]  # half of 160 over 1.5 pixels


@pytest.mark.parametrize("factor", [1.5, 2, 2.5, 3, 4])
def test_area_is_the_mean_over_whole_and_broken_pixels(rng, factor):
    frame = texture(rng, 60, 60)
    fine = frame.repeat(2, axis=0).repeat(2, axis=1).astype(float)
    side, count = int(2 * factor), int(60 / factor)
    mean = fine.reshape(count, side, count, side, 3).mean(axis=(1, 3))
    assert np.abs(shrink(frame, factor, "area") - mean).max() <= 1.01  # two roundings of half a level each


@pytest.mark.parametrize("name", ["set5", "set14"])
def test_matlab_small_frames_are_reproduced_bit_for_bit(assets, name):
    paths = sorted((assets / "data" / name).glob("*HR.png"))
    assert len(paths) in (5, 14)
    for path in paths:
        small = read(assets / "data" / f"{name}_lr_x4_matlab" / path.name.replace("HR", "LR"))
        np.testing.assert_array_equal(shrink(read(path), 4, "bicubic"), small, err_msg=path.name)


@pytest.mark.parametrize(("factor", "published"), [(2, 33.66), (3, 30.39), (4, 28.42)])
def test_bicubic_reaches_the_published_psnr_on_set5(assets, factor, published):
    """Y of BT.601 (16-235, float), cut to a multiple of the factor, as many border pixels left out."""
    values = []
    for path in sorted((assets / "data" / "set5").glob("*HR.png")):
        frame = read(path)
        height, width = (n // factor * factor for n in frame.shape[:2])
        frame, inner = frame[:height, :width], slice(factor, -factor)
        restored = enlarge(shrink(frame, factor), frame.shape[:2])
        luma = [f @ np.array([65.481, 128.553, 24.966]) / 255 + 16 for f in (frame, restored)]
        values.append(psnr(luma[0][inner, inner], luma[1][inner, inner]))
    assert np.mean(values) == pytest.approx(published, abs=0.02)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_pillow_agrees_away_from_the_border(rng, method, factor):
    most = 2 if method == "lanczos" else 1  # the passes come in the other order, with a rounding between
    frame = texture(rng, 96, 120)
    picture = Image.fromarray(frame).resize((120 // factor, 96 // factor), PILLOW[method])
    small = shrink(frame, factor, method)
    assert np.abs(small.astype(int) - np.asarray(picture))[4:-4, 4:-4].max() <= most
    enlarging = "bilinear" if method == "area" else method
    large = np.asarray(Image.fromarray(small).resize((120, 96), PILLOW[enlarging]))
    inner = slice(4 * factor, -4 * factor)
    ours = enlarge(small, (96, 120), method).astype(int)
    assert np.abs(ours - large)[inner, inner].max() <= most


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("factor", [1.3, 2, 2.5, 8 / 3, 3, 4])
@pytest.mark.parametrize("phase", [0.0, 0.6, 1.0, 1.25])
def test_a_ramp_comes_back_where_it_was(method, factor, phase):
    ramp = np.arange(101.0)  # so that an error is a shift in pixels
    count = small_size((101, 101), factor, (phase, phase))[0]
    small = shrinking_weights(101, count, factor, method, phase) @ ramp
    centres = factor * (np.arange(count) + 0.5) - 0.5 - phase
    restored = enlarging_weights(count, 101, factor, method, phase) @ small
    # A kernel that is sampled off its symmetry has its balance point a few hundredths of a pixel away.
    exact = method != "lanczos" and factor == int(factor) and phase == int(phase)
    most = 1e-4 if exact else 0.1
    assert np.abs(small - centres)[4:-4].max() < most
    assert np.abs(restored - ramp)[18:-18].max() < most
    assert abs((restored - ramp)[18:-18].mean()) < most / 2


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("factor", "phase"), [(2, (0.0, 0.0)), (2.7, (0.0, 0.0)), (4, (0.0, 0.0)), (4, (1.5, 3.2))]
)
def test_frames_come_back_in_register(rng, method, factor, phase):
    frame = texture(rng, 122, 161)
    restored = DownUp(factor, method, phase=phase).run([frame], rng)[0].astype(float)
    inner = frame[8:-8, 8:-8].astype(float)

    def error(down, right):
        return np.mean((restored[8 + down : 114 + down, 8 + right : 153 + right] - inner) ** 2)

    for before, after in (((-1, 0), (1, 0)), ((0, -1), (0, 1))):  # the lowest point of a parabola, in pixels
        low, here, high = error(*before), error(0, 0), error(*after)
        assert abs((low - high) / (2 * (low + high - 2 * here))) < 0.05


def test_the_phase_moves_the_grid_by_whole_pixels(rng):
    frame = texture(rng, 40, 48)
    shifted = np.pad(frame, ((1, 0), (3, 0), (0, 0)), mode="edge")
    np.testing.assert_array_equal(shrink(frame, 4, phase=(1.0, 3.0)), shrink(shifted, 4))
    small = shrink(frame, 4, phase=(1.0, 3.0))
    large = enlarge(small, (40, 48), factor=4, phase=(1.0, 3.0))
    np.testing.assert_array_equal(large, enlarge(small, (41, 51), factor=4)[1:, 3:])


@pytest.mark.parametrize("size", [(11, 7), (17, 33), (45, 31), (5, 64)])
@pytest.mark.parametrize("factor", [1.7, 2, 3, 4])
def test_a_remainder_adds_a_row_or_column_and_moves_nothing(rng, size, factor):
    frame = texture(rng, *size)
    small = shrink(frame, factor)
    assert small.shape[:2] == small_size(size, factor) == tuple(int(np.ceil(n / factor)) for n in size)
    longer = np.pad(frame, ((0, 9), (0, 9), (0, 0)), mode="edge")
    rows, cols = small.shape[:2]
    np.testing.assert_array_equal(shrink(longer, factor)[:rows, :cols], small)
    assert enlarge(small, size, factor=factor).shape == frame.shape


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 3), (3, 1)])
@pytest.mark.parametrize("method", METHODS)
def test_tiny_frames_survive(rng, size, method):
    frame = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    for factor in (1, 1.5, 3, 4):
        restored = DownUp(factor, method).run([frame], rng)[0]
        assert restored.shape == frame.shape
        assert restored.dtype == np.uint8
    np.testing.assert_array_equal(DownUp(1, method).run([frame], rng)[0], frame)


@pytest.mark.parametrize("method", METHODS)
def test_rounding_keeps_flat_frames_and_the_mean(rng, method):
    for grey in (0, 1, 127, 254, 255):
        flat = np.full((13, 17, 3), grey, np.uint8)
        assert np.all(DownUp(2.7, method).run([flat], rng)[0] == grey)
    frame = texture(rng, 96, 96)
    bias = shrink(frame, 4, method).mean() - frame.mean()
    assert abs(bias) < 0.3  # truncating twice would lose a whole level


def test_the_factor_is_found_or_asked_for():
    frame = np.zeros((321, 481, 3), np.uint8)
    small = shrink(frame, 4)
    assert enlarge(small, (321, 481)).shape == frame.shape
    assert enlarge(np.zeros((40, 60, 3), np.uint8), (100, 150)).shape == (100, 150, 3)
    with pytest.raises(DegradationError, match="factor: expected to be given"):
        enlarge(shrink(frame, 1.5), (321, 481))
    with pytest.raises(DegradationError, match=r"small frame: expected \(161, 241\)"):
        enlarge(small, (321, 481), factor=2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"factor": 5}, "factor: expected a number from 1 to 4, got 5"),
        ({"factor": 0.5}, "factor"),
        ({"factor": "4"}, "factor: .* got '4'"),
        ({"factor": True}, "factor"),
        ({"factor": float("nan")}, "factor"),
        ({"factor": 2, "method": "nearest"}, "method: expected one of bicubic"),
        ({"factor": 2, "up": "cubic"}, "up: expected one of"),
        ({"factor": 2, "phase": (0.0, 2.0)}, "phase: expected two numbers from 0 to below 2"),
        ({"factor": 2, "phase": 1.0}, "phase"),
        ({"factor": 2, "phase": "any"}, "phase"),
    ],
)
def test_bad_settings_are_refused_by_name(settings, message):
    with pytest.raises(DegradationError, match=message):
        DownUp(**settings)


@pytest.mark.parametrize(
    "frame", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8), 7]
)
def test_what_is_no_frame_is_refused(frame):
    with pytest.raises(DegradationError, match="expected a uint8 frame"):
        shrink(frame, 2)
