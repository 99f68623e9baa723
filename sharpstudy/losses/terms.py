"""Pure terms: how far two batches of frames (B,3,H,W) in [0,1] lie apart, 0 where they are identical.

Every term is a mean over frames, channels and places, so that neither batch nor frame size changes what a
weight means. Terms of the difference alone (all but SSIM) are computed from it: one pass instead of two.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor, nn

Compare = Callable[..., Tensor]  # of restored frames, those they are compared with, and what a term needs

PSEUDO_HUBER_DELTA = 0.03  # about eight 8-bit levels
CHARBONNIER_EPS = 1e-3  # of Lai et al. 2017; a quarter of an 8-bit level
RELATIVE_FLOOR = 2e-4  # a mean squared error of 37 dB: below it, frames are nearly sharp and weigh alike
SSIM_SIGMA = 1.5
SSIM_RADIUS = 5  # of the Gaussian window of 11 pixels that sigma 1.5 has when cut at 3.5 sigma


class LossError(ValueError):
    """A loss that cannot be built or computed as asked; one sentence of expected and got."""


def frame_term(least: int) -> Callable[[Compare], Compare]:
    """A decorator for terms: frames that do not compare or have sides below `least` are refused.

    Half precision loses the small differences that a term is made of, so autocast is off inside and bf16 and
    fp16 frames are raised to float32; float64 stays.
    """

    def decorate(compare: Compare) -> Compare:
        @functools.wraps(compare)
        def term(restored: Tensor, wanted: Tensor, *needs: nn.Module | Tensor) -> Tensor:
            _check_frames(compare.__name__, restored, wanted, least)
            with torch.autocast(restored.device.type, enabled=False):
                restored = at_least_single(restored)
                return compare(restored, wanted.to(restored.dtype), *needs)

        return term

    return decorate


def at_least_single(values: Tensor) -> Tensor:
    """The values in float32, or in float64 where they came so."""
    return values if values.dtype == torch.float64 else values.float()


@frame_term(least=1)
def l1(restored: Tensor, wanted: Tensor) -> Tensor:
    """The mean absolute difference."""
    return (restored - wanted).abs().mean()


@frame_term(least=1)
def charbonnier(restored: Tensor, wanted: Tensor) -> Tensor:
    """The mean of sqrt(d^2 + eps^2) - eps with eps = 0.001: L1 with a smooth foot (Lai et al. 2017).

    The paper leaves out "- eps", which has no gradient and makes identical frames score 0.
    """
    squares = (restored - wanted).square() + CHARBONNIER_EPS**2
    return (squares.sqrt() - CHARBONNIER_EPS).mean()


@frame_term(least=1)
def pseudo_huber(restored: Tensor, wanted: Tensor) -> Tensor:
    """The mean of sqrt(d^2 + delta^2) - delta with delta = 0.03: squared for small differences, L1 for large.

    Where many frames need no change, the median that L1 asks for is to change nothing at all: a blind student
    may never leave that. The mean that a squared difference asks for is not.
    """
    squares = (restored - wanted).square() + PSEUDO_HUBER_DELTA**2
    return (squares.sqrt() - PSEUDO_HUBER_DELTA).mean()


@frame_term(least=1)
def mse(restored: Tensor, wanted: Tensor) -> Tensor:
    """The mean squared difference."""
    return (restored - wanted).square().mean()


@frame_term(least=1)
def relative(restored: Tensor, wanted: Tensor, degraded: Tensor) -> Tensor:
    """The mean over frames of their squared error by the degraded frame's own, plus 2e-4 (PSNR 37 dB).

    About 1 for doing nothing, however strong the degradation. PSNR follows the logarithm of the error: with
    a plain squared error a soft frame outweighs a nearly sharp one by a hundred, and harm to that is cheap.
    """
    errors = (restored - wanted).square().mean(dim=(1, 2, 3))
    before = (degraded.to(wanted.dtype) - wanted).square().mean(dim=(1, 2, 3))
    return (errors / (before + RELATIVE_FLOOR)).mean()


@frame_term(least=2 * SSIM_RADIUS + 1)
def one_minus_ssim(restored: Tensor, wanted: Tensor) -> Tensor:
    """1 - SSIM of the RGB channels (Wang et al. 2004), as the study reports it but before rounding to 8 bits.

    Only places whose whole Gaussian window lies inside the frame count, as in scikit-image; torchmetrics
    alone counts its reflected border too.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure as similarity

    _, places = similarity(restored, wanted, sigma=SSIM_SIGMA, data_range=1.0, return_full_image=True)
    inner = slice(SSIM_RADIUS, -SSIM_RADIUS)
    return 1 - places[..., inner, inner].mean()


@frame_term(least=3)
def sobel_edge(restored: Tensor, wanted: Tensor) -> Tensor:
    """The mean absolute difference of the horizontal Sobel responses, plus that of the vertical ones.

    By direction and not by magnitude: an edge that runs the wrong way is an error, and no root has to be
    differentiated at 0. Per channel, weights 1-2-1 and -1-0-1 undivided as in scipy.ndimage.sobel, and only
    where the 3x3 window lies inside the frame.
    """
    error = restored - wanted
    across = error[..., 2:] - error[..., :-2]
    down = error[..., 2:, :] - error[..., :-2, :]
    horizontal = across[..., :-2, :] + 2 * across[..., 1:-1, :] + across[..., 2:, :]
    vertical = down[..., :-2] + 2 * down[..., 1:-1] + down[..., 2:]
    return horizontal.abs().mean() + vertical.abs().mean()


@frame_term(least=2)
def gradient_edge(restored: Tensor, wanted: Tensor) -> Tensor:
    """The mean absolute difference of the steps from pixel to pixel: to the right, plus downwards."""
    error = restored - wanted
    return error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()


@frame_term(least=1)
def frequency(restored: Tensor, wanted: Tensor) -> Tensor:
    """The mean modulus of the difference of the two complex spectra, in an orthonormal transform.

    As in Cho et al. 2021 it is the complex difference and not that of amplitudes, which would not notice
    detail in the wrong place. Its modulus, unlike its parts, does not depend on where in the frame an error
    lies. A real frame's spectrum is symmetric: half of it is computed, and columns that stand for two count
    twice.
    """
    width = restored.shape[-1]
    columns = torch.fft.rfft2(restored - wanted, norm="ortho").abs().mean(dim=(0, 1, 2))
    alone = columns[0] if width % 2 else columns[0] + columns[-1]
    return (2 * columns.sum() - alone) / width


def _check_frames(name: str, restored: Tensor, wanted: Tensor, least: int) -> None:
    fits = restored.ndim == 4 and restored.shape[1] == 3 and min(restored.shape[-2:]) >= least
    if not fits or not restored.shape[0] or not restored.is_floating_point():
        size = f"at least {least}x{least} pixels"
        got = f"{restored.dtype} {tuple(restored.shape)}"
        raise LossError(f"{name}: expected restored frames (B,3,H,W) of floats, {size}, got {got}")
    if wanted.shape != restored.shape or not wanted.is_floating_point():
        expected = f"frames of floats with the shape of the restored ones, {tuple(restored.shape)}"
        raise LossError(f"{name}: expected {expected}, got {wanted.dtype} {tuple(wanted.shape)}")
