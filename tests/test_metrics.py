"""Fidelity and structure against scikit-image, torchmetrics, literal formulas and published figures."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from scipy.signal import convolve2d
from skimage import color, data, metrics

from sharpstudy.metrics import (
    CLIP_METRICS,
    FRAME_METRICS,
    METRICS,
    Unavailable,
    gmsd,
    ms_ssim,
    mse,
    psnr,
    psnr_y,
    score_clip,
    score_frame,
    ssim,
    ssim_y,
    worsened,
)
from sharpstudy.metrics.structure import SCALE_WEIGHTS

WANG = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}


def photograph(name: str) -> np.ndarray:
    return data.stereo_motorcycle()[0] if name == "motorcycle" else getattr(data, name)()


def blurred(frame: np.ndarray, sigma: float) -> np.ndarray:
    return np.rint(gaussian_filter(frame.astype(float), (sigma, sigma, 0))).astype(np.uint8)


def halved(frame: np.ndarray) -> np.ndarray:
    """The frame after a trip through half its size."""
    height, width = frame.shape[:2]
    small = Image.fromarray(frame).resize((width // 2, height // 2), Image.Resampling.BICUBIC)
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


def full_grey(frame: np.ndarray) -> np.ndarray:
    return frame.astype(float) @ [0.299, 0.587, 0.114]


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "motorcycle"])
@pytest.mark.parametrize("harm", [halved, lambda frame: blurred(frame, 2)], ids=["bicubic x2", "blur 2"])
def test_ssim_is_that_of_scikit_image(name, harm):
    reference = photograph(name)
    restored = harm(reference)
    expected = metrics.structural_similarity(reference, restored, channel_axis=-1, **WANG)
    assert 0.5 < expected < 0.97
    assert ssim(reference, restored) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("size", [(11, 11), (11, 300), (74, 12), (75, 40), (139, 33)])
def test_ssim_of_noise_at_awkward_sizes_is_that_of_scikit_image(rng, size):
    first, second = rng.integers(0, 256, (2, *size, 3), dtype=np.uint8)
    expected = metrics.structural_similarity(first, second, channel_axis=-1, **WANG)
    assert ssim(first, second) == pytest.approx(expected, abs=1e-5)


def test_ssim_y_is_scikit_image_on_the_video_luma():
    reference = photograph("chelsea")
    restored = blurred(reference, 1)
    planes = [color.rgb2ycbcr(frame)[4:-4, 4:-4, 0] for frame in (reference, restored)]
    expected = metrics.structural_similarity(*planes, **WANG)
    assert ssim_y(reference, restored, crop=4) == pytest.approx(expected, abs=1e-6)


def test_ssim_of_two_flat_frames_is_its_luminance_term():
    first, second = np.full((32, 32, 3), 100, np.uint8), np.full((32, 32, 3), 150, np.uint8)
    c1 = (0.01 * 255) ** 2
    assert ssim(first, second) == pytest.approx((2 * 100 * 150 + c1) / (100**2 + 150**2 + c1), abs=1e-6)


@pytest.mark.parametrize("offset", [1, 5, 40])
def test_psnr_of_a_constant_offset_is_closed_form(rng, offset):
    reference = rng.integers(0, 200, (40, 50, 3), dtype=np.uint8)
    restored = reference + np.uint8(offset)
    assert mse(reference, restored) == offset**2
    assert psnr(reference, restored) == pytest.approx(20 * math.log10(255 / offset), abs=1e-12)
    luma_offset = offset * 219 / 255  # the video range is narrower, its peak by convention is not
    assert psnr_y(reference, restored) == pytest.approx(20 * math.log10(255 / luma_offset), abs=1e-4)


def test_uint8_differences_do_not_wrap_around():
    dark, light = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)
    assert mse(dark, light) == mse(light, dark) == 255**2
    assert psnr(dark, light) == 0


def test_psnr_and_mse_are_those_of_scikit_image_and_torchmetrics():
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("torchmetrics.functional.image")
    reference = photograph("coffee")
    restored = halved(reference)
    assert mse(reference, restored) == pytest.approx(
        metrics.mean_squared_error(reference, restored), rel=1e-12
    )
    expected = metrics.peak_signal_noise_ratio(reference, restored, data_range=255)
    assert psnr(reference, restored) == pytest.approx(expected, abs=1e-9)
    tensors = [torch.from_numpy(frame.copy()).double() for frame in (restored, reference)]
    other = functional.peak_signal_noise_ratio(*tensors, data_range=255.0)
    assert psnr(reference, restored) == pytest.approx(float(other), abs=1e-4)


def test_psnr_y_is_that_of_the_rounded_free_video_luma():
    reference = photograph("astronaut")
    restored = blurred(reference, 1.5)
    planes = [color.rgb2ycbcr(frame)[3:-3, 3:-3, 0] for frame in (reference, restored)]
    expected = metrics.peak_signal_noise_ratio(*planes, data_range=255)
    assert psnr_y(reference, restored, crop=3) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("factor", "published"), [(2, 33.66), (3, 30.39), (4, 28.42)])
def test_bicubic_on_set5_scores_what_the_papers_print(assets, factor, published):
    from sharpstudy.data.resample import enlarge, shrink

    values = []
    for path in sorted((assets / "data" / "set5").glob("*.png")):
        frame = np.asarray(Image.open(path).convert("RGB"))
        height, width = (side - side % factor for side in frame.shape[:2])
        reference = frame[:height, :width]
        restored = enlarge(shrink(reference, factor, "bicubic"), (height, width), "bicubic")
        values.append(psnr_y(reference, restored, crop=factor))
    assert len(values) == 5
    assert np.mean(values) == pytest.approx(published, abs=0.02)


def test_identical_frames_have_perfect_scores():
    frame = photograph("chelsea")
    scores = score_frame(frame, frame, frame)
    assert scores["psnr"] == scores["psnr_y"] == math.inf
    for name in ("ssim", "ssim_y", "ms_ssim", "detail"):
        assert scores[name] == pytest.approx(1, abs=1e-6)
    assert [scores[name] for name in ("mse", "gmsd", "halo", "worsened")] == [0, 0, 0, 0]


def literal_ssim(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """SSIM and its contrast-structure term by plain two-dimensional convolution, with Wang's formulas."""
    window = np.outer(*[np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)] * 2)
    window /= window.sum()

    def mean(plane: np.ndarray) -> np.ndarray:
        return convolve2d(plane, window, "valid")

    mx, my = mean(first), mean(second)
    vx, vy, cov = mean(first**2) - mx**2, mean(second**2) - my**2, mean(first * second) - mx * my
    contrast = (2 * cov + 58.5225) / (vx + vy + 58.5225)
    return float(((2 * mx * my + 6.5025) / (mx**2 + my**2 + 6.5025) * contrast).mean()), float(
        contrast.mean()
    )


def test_ms_ssim_is_the_product_of_its_literal_parts():
    reference = photograph("coffee")[:230, :301]
    restored = blurred(reference // 2, 2)  # darker too: brightness counts at the last scale alone
    first, second = full_grey(reference), full_grey(restored)
    expected = 1.0
    for scale, weight in enumerate(SCALE_WEIGHTS):
        similarity, contrast = literal_ssim(first, second)
        expected *= (similarity if scale == 4 else contrast) ** weight
        first, second = (
            convolve2d(plane, np.full((2, 2), 0.25), "valid")[::2, ::2] for plane in (first, second)
        )
    assert ms_ssim(reference, restored) == pytest.approx(expected, abs=1e-5)


def test_ms_ssim_agrees_with_torchmetrics_up_to_its_border():
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("torchmetrics.functional.image")
    reference = photograph("astronaut")
    restored = blurred(reference, 2)
    tensors = [torch.from_numpy(full_grey(frame))[None, None] for frame in (restored, reference)]
    other = functional.multiscale_structural_similarity_index_measure(*tensors, data_range=255.0)
    assert ms_ssim(reference, restored) == pytest.approx(float(other), abs=0.002)


def test_gmsd_is_the_published_formula():
    reference = photograph("motorcycle")[:200, :300]
    restored = blurred(reference, 1)
    prewitt = np.array([[1, 0, -1]] * 3) / 3

    def magnitude(frame: np.ndarray) -> np.ndarray:
        plane = convolve2d(full_grey(frame), np.full((2, 2), 0.25), "valid")[::2, ::2]
        across, down = convolve2d(plane, prewitt, "same"), convolve2d(plane, prewitt.T, "same")
        return np.sqrt(across**2 + down**2)

    first, second = magnitude(reference), magnitude(restored)
    expected = np.std((2 * first * second + 170) / (first**2 + second**2 + 170))
    assert expected > 0.01
    assert gmsd(reference, restored) == pytest.approx(expected, abs=1e-6)


def test_worsened_counts_the_pixels_that_lost_against_the_input():
    reference = np.full((10, 10, 3), 100, np.uint8)
    degraded = np.full((10, 10, 3), 110, np.uint8)
    restored = degraded.copy()
    restored[:3] = 120  # 30 of 100 pixels twice as wrong
    restored[3] = 100  # 10 made right
    restored[4] = 112  # 10 within what counts as rounding
    assert worsened(reference, restored, degraded) == pytest.approx(0.3)
    assert worsened(reference, degraded, degraded) == 0


@pytest.mark.parametrize("name", [name for name in FRAME_METRICS if name not in ("halo", "worsened")])
def test_more_blur_is_worse_in_the_declared_direction(name):
    reference = photograph("astronaut")
    values = [
        score_frame(reference, blurred(reference, sigma), names=[name])[name] for sigma in (0.7, 1.5, 3)
    ]
    ordered = sorted(values, reverse=METRICS[name].direction == "higher")
    assert values == ordered
    assert len(set(values)) == 3


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda frame: frame / 255.0, "uint8"),
        (lambda frame: frame.astype(np.int16), "uint8"),
        (lambda frame: frame[:-1], "never resized"),
        (lambda frame: frame[..., 0], "height, width, 3"),
        (lambda frame: np.concatenate([frame, frame[..., :1]], axis=2), "height, width, 3"),
        (lambda frame: frame.tolist(), "NumPy array"),
    ],
)
@pytest.mark.parametrize("name", FRAME_METRICS)
def test_frames_that_cannot_be_compared_are_refused_with_a_sentence(rng, name, change, word):
    frame = rng.integers(0, 256, (180, 180, 3), dtype=np.uint8)
    with pytest.raises(ValueError, match=word):
        score_frame(frame, change(frame), frame, [name])


def test_each_function_refuses_floats_by_itself(rng):
    frame = rng.integers(0, 256, (180, 180, 3), dtype=np.uint8)
    for function in (mse, psnr, psnr_y, ssim, ssim_y, ms_ssim, gmsd):
        with pytest.raises(ValueError, match="uint8"):
            function(frame, frame / 255.0)


def test_what_cannot_be_scored_says_why(rng):
    frame = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
    scores = score_frame(frame, frame, names=["ms_ssim", "worsened", "cer"])
    assert all(isinstance(score, Unavailable) for score in scores.values())
    assert str(scores["ms_ssim"]) == "n/a (five scales need 176 pixels a side)"
    assert "degraded" in scores["worsened"].reason
    assert "text" in scores["cer"].reason
    with pytest.raises(ValueError, match="176 pixels"):
        ms_ssim(frame, frame)
    with pytest.raises(ValueError, match="crop"):
        psnr_y(frame, frame, crop=20)


def test_unknown_names_are_refused(rng):
    frame = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
    with pytest.raises(ValueError, match="for a frame, got 'pnsr'"):
        score_frame(frame, frame, names=["pnsr"])
    with pytest.raises(ValueError, match="for a clip, got 'psnr'"):
        score_clip([frame, frame], [frame, frame], names=["psnr"])
    assert set(CLIP_METRICS) == {name for name, metric in METRICS.items() if metric.score is None}


def test_importing_the_metrics_loads_no_learning_library():
    heavy = {"torch", "lpips", "skimage", "pandas"}
    code = f"import sys, sharpstudy.metrics; print(sorted({heavy} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
