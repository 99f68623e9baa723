"""The unsharp mask against SciPy's Gaussian written out, scikit-image, and a search by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.filters import unsharp_mask

from sharpstudy.baselines import Unsharp, tune_unsharp, unsharp
from sharpstudy.baselines.unsharp import LARGEST_AMOUNT
from sharpstudy.data.degrade import Blur, degrade
from sharpstudy.data.screens import render_screen
from sharpstudy.metrics import psnr


def blurred_pairs(sigma: float, count: int = 3) -> list[tuple[np.ndarray, np.ndarray]]:
    references = [render_screen("document", seed, width=160, height=120) for seed in range(count)]
    return [(degrade(reference, Blur(9, sigma), 0), reference) for reference in references]


def smooth_frame(rng: np.random.Generator) -> np.ndarray:
    """A random frame in the middle of the range, where nothing clips."""
    return rng.integers(100, 156, (40, 50, 3), dtype=np.uint8)


def test_unsharp_by_a_gaussian_written_out(rng):
    frame = smooth_frame(rng)
    radius, amount, reach = 1.0, 0.8, 4
    line = np.exp(-0.5 * (np.arange(-reach, reach + 1) / radius) ** 2)
    kernel = np.outer(line, line) / line.sum() ** 2
    padded = np.pad(frame.astype(float), ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape, axis=(0, 1))
    blurred = (windows * kernel).sum(axis=(-2, -1))
    expected = np.rint(frame + amount * (frame - blurred))
    difference = np.abs(unsharp(frame, radius, amount) - expected)
    assert difference.max() <= 1  # a value that lies on a half may round either way
    assert (difference > 0).mean() < 1e-3


def test_unsharp_agrees_with_scikit_image_inside_the_frame(rng):
    frame = smooth_frame(rng)
    channels = [unsharp_mask(frame[..., c] / 255, radius=1.5, amount=0.6) for c in range(3)]
    theirs = 255 * np.stack(channels, axis=-1)
    ours = unsharp(frame, 1.5, 0.6)
    assert np.abs(theirs - ours)[8:-8, 8:-8].max() < 0.501  # rounding; the border differs


def test_unsharp_clips_instead_of_wrapping_and_leaves_flat_frames_alone():
    frame = np.zeros((20, 20, 3), np.uint8)
    assert np.array_equal(unsharp(frame + 37, 2, 5), frame + 37)
    frame[:, 10:] = 255
    assert np.array_equal(unsharp(frame, 1, 3), frame)
    assert np.array_equal(unsharp(frame // 2, 1, 0), frame // 2)


@pytest.mark.parametrize("sigma", [0.8, 1.2])
def test_tuning_finds_what_a_search_over_finished_frames_finds(sigma):
    pairs = blurred_pairs(sigma)
    radii, amounts = (0.7, 1.0, 1.4), tuple(np.arange(0, 51) / 10)

    def score(radius: float, amount: float) -> float:
        return float(
            np.mean([psnr(reference, unsharp(degraded, radius, amount)) for degraded, reference in pairs])
        )

    best = max(score(radius, amount) for radius in radii for amount in amounts)
    tuned = tune_unsharp(pairs, radii)
    nothing = score(1.0, 0.0)
    assert best > nothing + 0.5
    assert score(tuned.radius, tuned.amount) > best - 0.01


def test_tuning_does_nothing_to_frames_that_need_nothing(rng):
    frame = smooth_frame(rng)
    assert tune_unsharp([(frame, frame)]).amount == 0
    noisy = np.clip(frame + rng.normal(0, 20, frame.shape), 0, 255).astype(np.uint8)
    assert tune_unsharp([(noisy, frame)]).amount == 0


def test_bad_settings_are_refused(rng):
    frame = smooth_frame(rng)
    with pytest.raises(ValueError, match=r"unsharp radius: expected 0\.1 to 50 pixels, got 0"):
        unsharp(frame, 0, 1)
    with pytest.raises(ValueError, match="unsharp amount: expected 0 to 20, got -1"):
        Unsharp(1, -1)
    with pytest.raises(ValueError, match=r"expected a uint8 HxWx3 frame, got float64"):
        unsharp(frame / 255, 1, 1)
    with pytest.raises(ValueError, match="expected at least one pair"):
        tune_unsharp([])
    with pytest.raises(ValueError, match="expected frames of one size"):
        tune_unsharp([(frame, frame[1:])])


def test_the_best_amount_for_a_blur_is_not_cut_off():
    """A narrow mask needs much of it: the search has to go as far as the optimum lies."""
    tuned = tune_unsharp(blurred_pairs(1.0))
    assert 0 < tuned.amount < 0.99 * LARGEST_AMOUNT
