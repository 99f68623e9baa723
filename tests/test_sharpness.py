"""Detail returned, halo and the slanted edge against closed forms and known sharpeners."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.optimize import brentq
from skimage import data

from sharpstudy.metrics import HALO_FLAG, detail, edge_response, halo, slanted_edge


def rounded(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def blurred(frame: np.ndarray, sigma: float) -> np.ndarray:
    return rounded(gaussian_filter(frame.astype(float), (sigma, sigma, 0)))


def unsharp(frame: np.ndarray, amount: float, sigma: float = 1.5) -> np.ndarray:
    values = frame.astype(float)
    return rounded(values + amount * (values - gaussian_filter(values, (sigma, sigma, 0))))


def step(low: int = 60, high: int = 160) -> np.ndarray:
    """A vertical edge at column 32."""
    frame = np.full((64, 64, 3), low, np.uint8)
    frame[:, 32:] = high
    return frame


def gaussian_mtf50(sigma: float, amount: float = 0.0, radius: float = 1.5) -> float:
    """Where pixel aperture times Gaussian blur times unsharp mask falls to half, by their transforms."""

    def response(f: float) -> float:
        blur, mask = (np.exp(-2 * (np.pi * s * f) ** 2) for s in (sigma, radius))
        return np.sinc(f) * blur * (1 + amount * (1 - mask)) - 0.5

    return brentq(response, 0.01, 0.6)


@pytest.mark.parametrize(
    ("amount", "mtf50", "overshoot"),
    [(0, 0.178, 0), (0.5, 0.218, 0.031), (1.5, 0.267, 0.146), (3, 0.305, 0.344)],
)
def test_a_blurred_and_unsharpened_edge_has_the_known_sharpness_and_overshoot(amount, mtf50, overshoot):
    response = edge_response(unsharp(blurred(slanted_edge(), 1), amount))
    assert response.mtf50 == pytest.approx(mtf50, abs=0.003)
    assert response.overshoot == pytest.approx(overshoot, abs=0.006)
    assert (response.overshoot > HALO_FLAG) == (amount > 1)


@pytest.mark.parametrize(("sigma", "amount"), [(0.8, 0), (1, 0), (1.5, 0), (2, 0), (1, 0.5), (1.5, 1)])
def test_mtf50_is_that_of_the_filters_transforms(sigma, amount):
    frame = unsharp(blurred(slanted_edge(200), sigma), amount)
    assert edge_response(frame).mtf50 == pytest.approx(gaussian_mtf50(sigma, amount), rel=0.03)


@pytest.mark.parametrize("degrees", [3, 5, 8, -5])
def test_mtf50_does_not_depend_on_the_slant(degrees):
    frame = blurred(slanted_edge(degrees=degrees), 1.5)
    assert edge_response(frame).mtf50 == pytest.approx(gaussian_mtf50(1.5), rel=0.03)


def test_a_slanted_edge_is_the_exact_mean_of_its_halves():
    frame = slanted_edge(64, 10, 200)
    assert frame.shape == (64, 64, 3)
    assert (frame + frame[::-1, ::-1].astype(int) == 210).all()
    assert np.unique(frame[:, :20]) == [10]


def test_frames_without_a_measurable_edge_are_refused():
    with pytest.raises(ValueError, match="dark to light"):
        edge_response(slanted_edge()[:, ::-1])
    with pytest.raises(ValueError, match="about 5 degrees"):
        edge_response(step())
    with pytest.raises(ValueError, match="64 pixels"):
        edge_response(slanted_edge()[:40])
    with pytest.raises(ValueError, match="low < high"):
        slanted_edge(low=100, high=100)


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_detail_of_a_frame_of_less_contrast_is_that_contrast(rng, share):
    reference = 128 + 4 * rng.integers(-20, 21, (50, 60, 1)).repeat(3, axis=2)
    restored = 128 + (reference - 128) * share
    assert detail(reference.astype(np.uint8), restored.astype(np.uint8)) == pytest.approx(share, abs=1e-5)


def test_detail_counts_no_more_than_the_reference_has(rng):
    reference = 128 + 2 * rng.integers(-20, 21, (50, 60, 1)).repeat(3, axis=2)
    doubled, inverted = 2 * reference - 128, 256 - reference
    assert detail(reference.astype(np.uint8), doubled.astype(np.uint8)) == pytest.approx(1)
    assert detail(reference.astype(np.uint8), inverted.astype(np.uint8)) == 0


def test_detail_falls_with_blur_and_returns_with_sharpening_but_not_with_noise(rng):
    reference = data.astronaut()
    degraded = blurred(reference, 1.5)
    noisy = rounded(degraded + rng.normal(0, 8, reference.shape))
    before = detail(reference, degraded)
    assert detail(reference, blurred(reference, 3)) < before < detail(reference, unsharp(degraded, 1)) < 1
    assert detail(reference, noisy) < before + 0.02
    assert np.var(np.diff(noisy.astype(int), axis=1)) > 2 * np.var(np.diff(degraded.astype(int), axis=1))


def test_detail_of_a_flat_reference_is_whole():
    flat = np.full((20, 20, 3), 90, np.uint8)
    assert detail(flat, flat) == 1


def test_halo_of_a_ringed_step_is_its_overshoot():
    restored = step(60, 160)
    restored[:, 30:32] = 50  # 10 below the dark side
    restored[:, 32:34] = 190  # 30 above the light side: the stronger ring of the 100 levels high edge
    assert halo(step(60, 160), restored) == pytest.approx(0.30, abs=1e-6)
    assert halo(step(60, 160), step(50, 160)) == pytest.approx(0.10, abs=1e-6)


def test_halo_sees_the_overshoot_that_the_slanted_edge_sees():
    edge = slanted_edge()
    for amount in (0.5, 1.5, 3):
        restored = unsharp(blurred(edge, 1), amount)
        inside = slice(10, -10)
        expected = edge_response(restored).overshoot
        assert halo(edge[inside], restored[inside]) == pytest.approx(expected, abs=0.012)


def test_halo_is_zero_without_overshoot_or_edges():
    reference = data.coffee()
    flat = np.full((20, 20, 3), 90, np.uint8)
    assert halo(reference, reference) == 0
    assert halo(reference, blurred(reference, 2)) == pytest.approx(0, abs=1e-5)
    assert halo(flat, flat + np.uint8(50)) == 0


def test_over_sharpening_a_photograph_raises_the_halo_while_the_detail_stays_whole():
    reference = data.astronaut()
    mild, strong = unsharp(reference, 0.5), unsharp(reference, 1.5)
    assert 0 < halo(reference, mild) < halo(reference, strong)
    assert halo(reference, strong) > 3 * HALO_FLAG
    assert detail(reference, strong) > 0.95
