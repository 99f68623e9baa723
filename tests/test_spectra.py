"""Spectra against frames whose spectrum is known."""

from __future__ import annotations

import numpy as np
import pytest

from sharpstudy.metrics.spectra import radial_spectrum


def waves(cycles: float, amplitude: float = 40.0, side: int = 256, phase: float = 0.0) -> np.ndarray:
    wave = 128 + amplitude * np.sin(2 * np.pi * cycles * np.arange(side) + phase)
    return np.repeat(np.tile(np.rint(wave), (side, 1))[..., None], 3, axis=2).astype(np.uint8)


def ring(cycles: float, bins: int = 32) -> int:
    return int(cycles * 2 * bins)


def test_a_frame_keeps_all_of_itself(rng):
    frame = rng.integers(0, 256, (128, 160, 3), dtype=np.uint8)
    spectrum = radial_spectrum(frame, frame)
    assert np.allclose(spectrum.kept, 1)
    assert np.allclose(spectrum.true, 1)
    assert spectrum.frequency[0] == pytest.approx(1 / 128)
    assert spectrum.frequency[-1] == pytest.approx(0.5 - 1 / 128)


def test_half_the_contrast_is_half_the_amplitude():
    spectrum = radial_spectrum(waves(0.2), waves(0.2, amplitude=20.0))
    assert spectrum.kept[ring(0.2)] == pytest.approx(0.5, abs=0.01)
    assert spectrum.true[ring(0.2)] == pytest.approx(0.5, abs=0.01)


def test_detail_in_the_wrong_place_is_kept_but_not_true():
    spectrum = radial_spectrum(waves(0.2), waves(0.2, phase=np.pi / 2))
    assert spectrum.kept[ring(0.2)] == pytest.approx(1, abs=0.03)
    assert spectrum.true[ring(0.2)] == pytest.approx(0, abs=0.02)


def test_a_gaussian_blur_follows_its_transfer_function(rng):
    from scipy.ndimage import gaussian_filter

    noise = np.repeat(rng.normal(128, 30, (256, 256))[..., None], 3, axis=2)
    blurred = gaussian_filter(noise, (1.0, 1.0, 0), mode="wrap")
    reference, degraded = (np.clip(np.rint(frame), 0, 255).astype(np.uint8) for frame in (noise, blurred))
    spectrum = radial_spectrum(reference, degraded)
    expected = np.exp(-2 * (np.pi * spectrum.frequency) ** 2)
    low = spectrum.frequency < 0.3  # above, the rounding noise of the blurred frame takes over
    assert np.allclose(spectrum.true[low], expected[low], atol=0.03)


def test_small_frames_are_refused():
    with pytest.raises(ValueError, match="at least 64 pixels for 32 rings, got 40x50"):
        radial_spectrum(np.zeros((50, 40, 3), np.uint8), np.zeros((50, 40, 3), np.uint8))
