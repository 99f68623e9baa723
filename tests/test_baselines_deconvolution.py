"""Wiener's filter against scikit-image on the mirrored frame, the blur's own kernel, and a search by hand."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.restoration import wiener

from sharpstudy.baselines import Blurred, KnownBlur, Wiener, tune_wiener
from sharpstudy.baselines import deconvolution as module
from sharpstudy.data.degrade import Blur, degrade
from sharpstudy.data.screens import render_screen
from sharpstudy.metrics import psnr
from tests.material import picture


def gaussian(blur: KnownBlur) -> np.ndarray:
    """The blur's kernel, written out."""
    line = np.exp(-0.5 * (np.arange(blur.kernel) - blur.kernel // 2) ** 2 / blur.sigma**2)
    return np.outer(line, line) / line.sum() ** 2


def mirrored(frame: np.ndarray) -> np.ndarray:
    """One period of the periodic picture that mirroring about the edge pixels makes of a frame."""
    height, width = frame.shape[:2]
    return np.pad(frame, ((0, height - 2), (0, width - 2), (0, 0)), mode="reflect")


def blurred_pairs(count: int = 4) -> list[Blurred]:
    """Screens, each under the blur that its own seed draws."""
    pairs = []
    for seed in range(count):
        reference = render_screen("document", seed, width=320, height=240)
        drawn = Blur().drawn(np.random.default_rng(seed))
        blur = KnownBlur(drawn.kernel, drawn.sigma)
        pairs.append(Blurred(degrade(reference, Blur(), seed), reference, blur))
    return pairs


@pytest.mark.parametrize(("kernel", "sigma", "noise"), [(5, 1.0, 1e-3), (9, 2.5, 1e-4), (7, 1.6, 0.03)])
def test_it_is_scikit_images_filter_on_the_mirrored_frame(kernel, sigma, noise):
    frame, blur = picture(3, 60, 46), KnownBlur(kernel, sigma)
    whole = mirrored(frame).astype(float)
    theirs = np.stack(
        [wiener(whole[..., channel], gaussian(blur), noise, clip=False) for channel in range(3)], axis=-1
    )[: frame.shape[0], : frame.shape[1]]
    difference = np.abs(Wiener(noise).restore(frame, blur) - theirs.clip(0, 255))
    assert difference.max() < 0.52  # rounding to 8 bits, and float32


@pytest.mark.parametrize(("kernel", "sigma"), [(3, 0.8), (9, 2.0), (15, 3.0)])
def test_the_response_is_that_of_the_studys_blur_border_included(kernel, sigma):
    values = picture(1, 52, 41).astype(float)
    whole = mirrored(values)
    spectrum = np.fft.fft2(whole, axes=(0, 1))
    padded = np.zeros(whole.shape[:2])
    padded[:kernel, :kernel] = gaussian(KnownBlur(kernel, sigma))
    padded = np.roll(padded, (-(kernel // 2), -(kernel // 2)), axis=(0, 1))
    theirs = np.fft.fft2(padded).real
    ours = KnownBlur(kernel, sigma).response(41, 52)
    assert ours == pytest.approx(theirs[:41, :52], abs=1e-12)
    expected = np.fft.ifft2(spectrum * theirs[..., None], axes=(0, 1)).real[:41, :52]
    degraded = degrade(values.astype(np.uint8), Blur(kernel, sigma), 0)
    assert np.abs(degraded - expected).max() < 0.51


def test_little_blur_is_undone_up_to_the_rounding():
    reference = picture(5, 80, 64)
    restored = Wiener(1e-7).restore(degrade(reference, Blur(3, 0.4), 0), KnownBlur(3, 0.4))
    assert psnr(reference, restored) > 50
    corner = np.abs(restored[:4, :4].astype(int) - reference[:4, :4])
    assert corner.max() <= 3  # the border is no worse than the rest


def test_tuning_finds_what_a_search_over_whole_frames_finds():
    pairs = blurred_pairs()

    def score(noise: float) -> float:
        restored = (Wiener(noise).restore(pair.degraded, pair.blur) for pair in pairs)
        return float(np.mean([psnr(pair.reference, one) for pair, one in zip(pairs, restored, strict=True)]))

    tuned = tune_wiener(pairs)
    best = max(score(10**level) for level in np.arange(-6, -1.9, 0.25))
    nothing = float(np.mean([psnr(pair.reference, pair.degraded) for pair in pairs]))
    assert best > nothing + 3
    assert score(tuned.noise) > best - 0.2
    assert tune_wiener(pairs) == tuned


def test_what_is_tuned_on_is_the_central_square_without_its_margin(monkeypatch):
    pairs = blurred_pairs(2)
    wide = [
        Blurred(
            np.pad(p.degraded, ((40, 40), (0, 0), (0, 0))),
            np.pad(p.reference, ((40, 40), (0, 0), (0, 0))),
            p.blur,
        )
        for p in pairs
    ]
    monkeypatch.setattr(module, "SIDE", 200)
    assert tune_wiener(wide) == tune_wiener(pairs)


def test_a_wrong_blur_is_worse_than_the_true_one():
    pair = blurred_pairs(1)[0]
    true = Wiener(1e-4).restore(pair.degraded, pair.blur)
    wrong = Wiener(1e-4).restore(pair.degraded, KnownBlur(pair.blur.kernel, pair.blur.sigma * 1.5))
    assert psnr(pair.reference, wrong) < psnr(pair.reference, true) - 1


def test_flat_frames_stay_flat_and_values_clip():
    flat = np.full((20, 30, 3), 137, np.uint8)
    assert np.array_equal(Wiener(1e-4).restore(flat, KnownBlur(9, 2.0)), flat)
    step = np.zeros((40, 40, 3), np.uint8)
    step[:, 20:] = 255
    assert set(np.unique(Wiener(1e-4).restore(step, KnownBlur(9, 2.0))[:, [0, -1]])) == {0, 255}


def test_bad_settings_are_refused():
    frame = np.zeros((20, 20, 3), np.uint8)
    with pytest.raises(ValueError, match="kernel: expected an odd whole number from 3 to 51, got 4"):
        KnownBlur(4, 1.0)
    with pytest.raises(ValueError, match=r"sigma: expected 0\.1 to 20 pixels, got 0"):
        KnownBlur(5, 0)
    with pytest.raises(ValueError, match="noise: expected more than 0"):
        Wiener(0)
    with pytest.raises(ValueError, match="expected a uint8 HxWx3 frame, got float64"):
        Wiener(0.01).restore(frame / 255, KnownBlur(5, 1.0))
    with pytest.raises(ValueError, match="at least one pair"):
        tune_wiener([])
    with pytest.raises(ValueError, match="frames of one size"):
        tune_wiener([Blurred(frame, frame[1:], KnownBlur(5, 1.0))])
