"""Every reported metric beside somebody else's implementation, a closed form, or a published figure.

`check_metrics` gives rows for a table; a row says `agrees`, `differs`, or why there is nothing to compare.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from sharpstudy.metrics.fidelity import mse, psnr, psnr_y, worsened
from sharpstudy.metrics.flicker import clip_flicker
from sharpstudy.metrics.inputs import Unavailable
from sharpstudy.metrics.perceptual import BACKBONES, dists, lpips, lpips_network
from sharpstudy.metrics.readability import character_error_rate
from sharpstudy.metrics.sharpness import detail, edge_response, halo, slanted_edge
from sharpstudy.metrics.spectra import radial_spectrum
from sharpstudy.metrics.structure import MS_SSIM_SIDE, gmsd, ms_ssim, ssim, ssim_y

Pair = tuple[np.ndarray, np.ndarray]  # reference and restored frame
Score = Callable[[np.ndarray, np.ndarray], float]
Kind = Literal["implementation", "closed form", "published"]

WANG = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
SET5_BICUBIC = {2: 33.66, 3: 30.39, 4: 28.42}
"""PSNR on Y in dB of Set5 scaled down and up by a factor, as papers on super-resolution print it."""


@dataclass(frozen=True)
class Check:
    """One comparison: our value and theirs are means over `frames`, `difference` is the largest of them."""

    metric: str
    kind: Kind
    against: str
    ours: float
    theirs: float
    difference: float
    tolerance: float
    frames: int
    reason: str = ""

    @property
    def state(self) -> Literal["agrees", "differs", "not here"]:
        if self.reason:
            return "not here"
        return "agrees" if self.difference <= self.tolerance else "differs"

    def row(self) -> dict[str, Any]:
        """The check as a table shows it."""
        return {**vars(self), "state": self.state}


def check_metrics(pairs: Sequence[Pair], set5: Mapping[int, Sequence[Pair]] | None = None) -> list[Check]:
    """All checks: implementations on uint8 `pairs` of at least 176 pixels a side, closed forms, published.

    set5: by factor, the frames of Set5 cut to its multiples with their bicubic down-up; absent where the set
    is.
    """
    if not pairs:
        raise ValueError("check_metrics: expected at least one pair of frames, got none")
    small = [reference.shape for reference, _ in pairs if min(reference.shape[:2]) < MS_SSIM_SIDE]
    if small:
        raise ValueError(f"check_metrics: expected {MS_SSIM_SIDE} pixels a side, got {small[0]}")
    return [*_implementations(pairs), *_perceptual(pairs), *_closed_forms(), *_published(set5 or {})]


def _implementations(pairs: Sequence[Pair]) -> Iterator[Check]:
    """The metrics that other libraries have, and GMSD by the convolutions of its paper."""
    from skimage import metrics

    def similarity(reference: np.ndarray, restored: np.ndarray) -> float:
        return metrics.structural_similarity(reference, restored, channel_axis=-1, **WANG)

    def decibel(reference: np.ndarray, restored: np.ndarray) -> float:
        return metrics.peak_signal_noise_ratio(reference, restored, data_range=255)

    yield _compared("mse", "scikit-image", mse, metrics.mean_squared_error, pairs, 1e-6)
    yield _compared("psnr", "scikit-image", psnr, decibel, pairs, 1e-6)
    yield _compared("ssim", "scikit-image, Wang's window", ssim, similarity, pairs, 1e-5)
    on_luma = (
        _on(_video_luma, decibel),
        _on(_video_luma, lambda *planes: metrics.structural_similarity(*planes, **WANG)),
    )
    yield _compared("psnr_y", "scikit-image's luma and PSNR", psnr_y, on_luma[0], pairs, 1e-4)
    yield _compared("ssim_y", "scikit-image's luma and SSIM", ssim_y, on_luma[1], pairs, 1e-5)
    yield _compared(
        "ms_ssim", "torchmetrics, which pads borders", ms_ssim, _torchmetrics_ms_ssim, pairs, 0.002
    )
    yield _compared("gmsd", "the paper's convolutions by SciPy", gmsd, _literal_gmsd, pairs, 1e-5)


def _perceptual(pairs: Sequence[Pair]) -> Iterator[Check]:
    """LPIPS against torchmetrics' own network with the same weights; DISTS is torchmetrics'."""
    network = lpips_network()
    if isinstance(network, Unavailable):
        yield _absent("lpips", "implementation", "torchmetrics, same weights", network.reason)
    else:
        yield _compared("lpips", "torchmetrics, same weights", lpips, _torchmetrics_lpips(), pairs, 1e-4)
    found = dists(*pairs[0])
    reason = found.reason if isinstance(found, Unavailable) else "it is torchmetrics' own implementation"
    yield _absent("dists", "implementation", "none: there is no second one here", reason)


def _closed_forms() -> Iterator[Check]:
    """Frames and clips whose score follows from how they were made."""
    flat = np.full((64, 64, 3), 100, np.uint8)
    brighter, lighter = flat + np.uint8(10), flat + np.uint8(50)
    worse = brighter.copy()
    worse[:16] = 130
    luminance = (2 * 100 * 150 + 6.5025) / (100**2 + 150**2 + 6.5025)
    edge, soft = flat.copy(), flat.copy()
    edge[:, 32:], soft[:, 32:] = 200, 150
    ringing = edge.copy()
    ringing[:, 32:34] = 215
    yield _exact("psnr", "an offset of 5 levels", psnr(flat, flat + np.uint8(5)), 20 * math.log10(51), 1e-9)
    yield _exact("ssim", "flat frames of 100 and 150", ssim(flat, lighter), luminance, 1e-6)
    yield _exact("detail", "an edge of half the height", detail(edge, soft), 0.5, 1e-6)
    yield _exact("halo", "a ring of 15 % beside an edge", halo(edge, ringing), 0.15, 1e-3)
    yield _exact("worsened", "a quarter made worse", worsened(flat, worse, brighter), 0.25, 1e-9)
    yield _exact("cer", "kitten read as sitting", character_error_rate("kitten", "sitting"), 0.5, 1e-9)
    yield from _closed_forms_of_clips(flat)
    yield from _closed_forms_of_spectra()


def _closed_forms_of_clips(flat: np.ndarray) -> Iterator[Check]:
    alternating = [flat + np.uint8(6 * (step % 2)) for step in range(6)]
    noise = np.random.default_rng(0).normal(128, 8, (3, 96, 96, 1))
    noisy = [np.rint(frame).astype(np.uint8).repeat(3, axis=2) for frame in noise]
    calmer = [frame // 2 + 64 for frame in noisy]
    ratio = clip_flicker(noisy, calmer, noisy).still_noise
    yield _exact("flicker", "6 levels up and down", clip_flicker([flat] * 6, alternating).error, 6, 1e-4)
    yield _exact("still_noise", "noise halved", float(ratio), 0.5, 0.03)


def _closed_forms_of_spectra() -> Iterator[Check]:
    response = edge_response(_gaussian(slanted_edge(200), 1.5))
    wave = np.sin(0.4 * np.pi * np.arange(256))  # 0.2 cycles a pixel: ring 12 of 32
    full, half = (
        np.tile(np.rint(128 + height * wave)[:, None], (256, 1, 3)).astype(np.uint8) for height in (40, 20)
    )
    true = float(radial_spectrum(full, half).true[12])
    yield _exact("edge_response", "MTF50 of a blur of sigma 1.5", response.mtf50, _gaussian_mtf50(1.5), 0.004)
    yield _exact("radial_spectrum", "a wave of half the contrast", true, 0.5, 0.01)


def _published(set5: Mapping[int, Sequence[Pair]]) -> Iterator[Check]:
    for factor, figure in SET5_BICUBIC.items():
        name = f"papers: Set5, bicubic x{factor}, border of {factor}"
        pairs = set5.get(factor, ())
        if len(pairs) != 5:
            yield _absent("psnr_y", "published", name, "the data set set5 is not on this machine")
            continue
        value = float(np.mean([psnr_y(*pair, crop=factor) for pair in pairs]))
        yield Check("psnr_y", "published", name, value, figure, abs(value - figure), 0.02, 5)


def _compared(
    metric: str, against: str, ours: Score, theirs: Score, pairs: Sequence[Pair], tolerance: float
) -> Check:
    values = np.array([[float(ours(*pair)), float(theirs(*pair))] for pair in pairs])
    largest = float(np.abs(values[:, 0] - values[:, 1]).max())
    means = (float(mean) for mean in values.mean(axis=0))
    return Check(metric, "implementation", against, *means, largest, tolerance, len(pairs))


def _exact(metric: str, what: str, ours: float, expected: float, tolerance: float) -> Check:
    return Check(metric, "closed form", what, ours, expected, abs(ours - expected), tolerance, 1)


def _absent(metric: str, kind: Kind, against: str, reason: str) -> Check:
    return Check(metric, kind, against, math.nan, math.nan, math.nan, math.nan, 0, reason)


def _on(plane: Callable[[np.ndarray], np.ndarray], score: Score) -> Score:
    return lambda reference, restored: score(plane(reference), plane(restored))


def _video_luma(frame: np.ndarray) -> np.ndarray:
    from skimage.color import rgb2ycbcr

    return rgb2ycbcr(frame)[..., 0]


def _full_luma(frame: np.ndarray) -> np.ndarray:
    return frame.astype(float) @ [0.299, 0.587, 0.114]


def _torchmetrics_ms_ssim(reference: np.ndarray, restored: np.ndarray) -> float:
    import torch
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

    planes = (torch.from_numpy(_full_luma(frame))[None, None] for frame in (restored, reference))
    return float(multiscale_structural_similarity_index_measure(*planes, data_range=255.0))


def _torchmetrics_lpips() -> Score:
    """torchmetrics' network with the very weights that ours reads."""
    import torch
    from torchmetrics.functional.image.lpips import _LPIPS

    from sharpstudy.assets import find_asset

    with torch.random.fork_rng(devices=[]):
        network = _LPIPS(pretrained=True, net="squeeze", pnet_rand=True, eval_mode=True)
    backbone = next(path for name in BACKBONES if (path := find_asset(name)))
    stored = torch.load(backbone, map_location="cpu", weights_only=True)
    features = [value.float() for key, value in stored.items() if key.startswith("features.")]
    network.net.load_state_dict(dict(zip(network.net.state_dict(), features, strict=True)))

    def score(reference: np.ndarray, restored: np.ndarray) -> float:
        batch = (
            torch.from_numpy(frame.transpose(2, 0, 1) / np.float32(255))[None]
            for frame in (reference, restored)
        )
        with torch.inference_mode():
            return float(network(*batch, normalize=True))

    return score


def _literal_gmsd(reference: np.ndarray, restored: np.ndarray) -> float:
    """Xue et al. 2014 as printed: 2x2 means, every second one, Prewitt's gradients, the deviation."""
    from scipy.signal import convolve2d

    prewitt = np.array([[1, 0, -1]] * 3) / 3

    def magnitude(frame: np.ndarray) -> np.ndarray:
        plane = convolve2d(_full_luma(frame), np.full((2, 2), 0.25), "valid")[::2, ::2]
        return np.hypot(convolve2d(plane, prewitt, "same"), convolve2d(plane, prewitt.T, "same"))

    first, second = magnitude(reference), magnitude(restored)
    return float(np.std((2 * first * second + 170) / (first**2 + second**2 + 170)))


def _gaussian(frame: np.ndarray, sigma: float) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    return np.rint(gaussian_filter(frame.astype(float), (sigma, sigma, 0))).astype(np.uint8)


def _gaussian_mtf50(sigma: float) -> float:
    """Where the pixel's aperture times a Gaussian's transform falls to half, in cycles per pixel."""
    from scipy.optimize import brentq

    return brentq(lambda f: np.sinc(f) * np.exp(-2 * (np.pi * sigma * f) ** 2) - 0.5, 0.01, 0.6)
