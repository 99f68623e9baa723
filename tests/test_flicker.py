"""Flicker and amplified noise of clips whose motion and noise are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage import data

from sharpstudy.metrics import Unavailable, clip_flicker, score_clip


def noisy_clip(rng: np.random.Generator, frames: int = 4, noise: float = 5.0) -> list[np.ndarray]:
    """A grey still scene under white noise, the same in the three channels."""
    values = 128 + rng.normal(0, noise, (frames, 120, 160, 1))
    return [np.rint(frame).astype(np.uint8).repeat(3, axis=2) for frame in values]


def unsharp(frame: np.ndarray, amount: float, sigma: float) -> np.ndarray:
    values = frame.astype(float)
    sharper = values + amount * (values - gaussian_filter(values, (sigma, sigma, 0)))
    return np.clip(np.rint(sharper), 0, 255).astype(np.uint8)


def test_a_perfect_clip_does_not_flicker(rng):
    clip = noisy_clip(rng)
    assert score_clip(clip, clip, clip) == {"flicker": 0.0, "still_noise": 1.0}


def test_the_references_own_motion_is_no_flicker():
    frame = data.astronaut()
    moving = [np.roll(frame, 4 * step, axis=1) for step in range(4)]
    brighter = [np.minimum(frame, 245) + np.uint8(10) for frame in moving]
    assert clip_flicker([np.minimum(frame, 245) for frame in moving], brighter).error == pytest.approx(
        0, abs=1e-4
    )


def test_a_clip_that_alternates_by_a_constant_flickers_by_it():
    frame = np.full((40, 40, 3), 100, np.uint8)
    alternating = [frame + np.uint8(6 * (step % 2)) for step in range(6)]
    assert clip_flicker([frame] * 6, alternating).error == pytest.approx(6, abs=1e-4)


@pytest.mark.parametrize(("amount", "sigma"), [(0.5, 1.0), (1.5, 1.5), (1.5, 1.0)])
def test_an_unsharp_mask_amplifies_still_noise_by_its_kernels_norm(rng, amount, sigma):
    """White noise grows by the root of the kernel's squares: about 2.4 for amount 1.5 and sigma 1.5."""
    degraded = noisy_clip(rng)
    restored = [unsharp(frame, amount, sigma) for frame in degraded]
    impulse = np.zeros((41, 41))
    impulse[20, 20] = 1
    kernel = impulse + amount * (impulse - gaussian_filter(impulse, sigma))
    still = [np.full_like(degraded[0], 128)] * len(degraded)
    result = clip_flicker(still, restored, degraded)
    assert result.still_noise == pytest.approx(np.sqrt((kernel**2).sum()), rel=0.02)


def test_the_noise_of_a_webcam_reference_leaves_still_places_still(rng):
    references = noisy_clip(rng, noise=3)
    restored = [frame // 2 + 64 for frame in references]
    assert clip_flicker(references, restored, references).still_noise == pytest.approx(0.5, abs=0.04)


def test_moving_places_are_left_out_of_the_still_noise(rng):
    degraded = noisy_clip(rng, frames=5)
    references = [np.full_like(degraded[0], 128) for _ in degraded]
    restored = [frame.copy() for frame in degraded]
    for step in range(5):  # the right half moves, and there the restored clip goes wild
        references[step][:, 80:] = 40 * step
        restored[step][:, 80:] = 255 * (step % 2)
    assert clip_flicker(references, restored, degraded).still_noise == pytest.approx(1, abs=0.01)


def test_what_cannot_be_measured_says_why(rng):
    clip = noisy_clip(rng)
    assert score_clip(clip, clip)["still_noise"] == Unavailable("needs the degraded clip")
    moving = [np.full((40, 40, 3), 50 * step, np.uint8) for step in range(4)]
    assert "stands still" in clip_flicker(moving, moving, moving).still_noise.reason
    frozen = [clip[0]] * 4
    assert clip_flicker(frozen, frozen, frozen).still_noise == 1
    assert "no noise at all" in clip_flicker(frozen, clip, frozen).still_noise.reason


def test_clips_of_other_lengths_or_sizes_are_refused(rng):
    clip = noisy_clip(rng)
    with pytest.raises(ValueError, match="as many"):
        clip_flicker(clip, clip[:-1])
    with pytest.raises(ValueError, match="as many"):
        clip_flicker(iter(clip[:-1]), iter(clip), iter(clip))
    with pytest.raises(ValueError, match="two frames"):
        clip_flicker(clip[:1], clip[:1])
    with pytest.raises(ValueError, match="one size"):
        clip_flicker([clip[0], clip[1][:60]], [clip[0], clip[1][:60]])
    with pytest.raises(ValueError, match="uint8"):
        clip_flicker(clip, [frame / 255 for frame in clip])
