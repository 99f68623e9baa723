"""The pure terms against SciPy, NumPy, scikit-image and hand arithmetic; their gradients; their refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.metrics import structural_similarity

from sharpstudy import losses
from sharpstudy.losses import LossError

PURE = (
    "l1",
    "charbonnier",
    "pseudo_huber",
    "mse",
    "one_minus_ssim",
    "sobel_edge",
    "gradient_edge",
    "frequency",
)
LEAST = {"one_minus_ssim": 11, "sobel_edge": 3, "gradient_edge": 2}


def frames(shape: tuple[int, ...] = (2, 3, 24, 31), dtype=torch.float32, seed: int = 1):
    """What a network might have made of a batch of smooth references, and these."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(*shape[:2], 5, 6, generator=generator, dtype=torch.float64)
    reference = torch.nn.functional.interpolate(coarse, size=shape[2:], mode="bilinear", align_corners=True)
    restored = reference + 0.1 * torch.randn(shape, generator=generator, dtype=torch.float64)
    return restored.to(dtype), reference.to(dtype)


def value_and_gradient(name: str, restored, wanted):
    restored = restored.detach().clone().requires_grad_(True)
    value = getattr(losses, name)(restored, wanted)
    value.backward()
    return value.detach(), restored.grad


def channels(batch) -> list[np.ndarray]:
    return list(batch.numpy().reshape(-1, *batch.shape[-2:]))


def test_differences_of_a_quarter_and_a_half_by_hand():
    wanted = torch.zeros(1, 3, 1, 2)
    restored = torch.tensor([0.25, -0.5]).expand(1, 3, 1, 2)
    assert losses.l1(restored, wanted).item() == pytest.approx(0.375)
    assert losses.mse(restored, wanted).item() == pytest.approx((0.0625 + 0.25) / 2)
    by_hand = (math.sqrt(0.0625 + 1e-6) + math.sqrt(0.25 + 1e-6)) / 2 - 1e-3
    assert losses.charbonnier(restored, wanted).item() == pytest.approx(by_hand, rel=1e-6)
    by_hand = (math.sqrt(0.0625 + 9e-4) + math.sqrt(0.25 + 9e-4)) / 2 - 0.03
    assert losses.pseudo_huber(restored, wanted).item() == pytest.approx(by_hand, rel=1e-6)


def test_ssim_is_scikit_images_with_the_settings_of_the_protocol():
    restored, reference = frames((3, 3, 40, 33), torch.float64)
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    pairs = zip(restored.numpy(), reference.numpy(), strict=True)
    expected = np.mean([structural_similarity(a, b, channel_axis=0, **settings) for a, b in pairs])
    assert expected < 0.95
    assert losses.one_minus_ssim(restored, reference).item() == pytest.approx(1 - expected, abs=1e-9)


def test_ssim_of_the_loss_is_the_ssim_of_the_tables(rng):
    from sharpstudy.metrics import ssim

    reference = ndimage.gaussian_filter(rng.integers(0, 256, (48, 40, 3)).astype(float), (2, 2, 0))
    reference = np.clip((reference - 127) * 5 + 127, 0, 255).astype(np.uint8)
    degraded = ndimage.gaussian_filter(reference, (1, 1, 0))
    tensors = [torch.tensor(one).permute(2, 0, 1)[None] / 255 for one in (degraded, reference)]
    assert 1 - losses.one_minus_ssim(*tensors).item() == pytest.approx(ssim(reference, degraded), abs=1e-5)


def test_sobel_edge_is_made_of_scipys_responses():
    restored, reference = frames(dtype=torch.float64)
    pairs = list(zip(channels(restored), channels(reference), strict=True))
    expected = sum(
        np.mean([np.abs(ndimage.sobel(a, axis) - ndimage.sobel(b, axis))[1:-1, 1:-1] for a, b in pairs])
        for axis in (0, 1)
    )
    assert losses.sobel_edge(restored, reference).item() == pytest.approx(expected, rel=1e-9)


def test_an_edge_that_runs_the_wrong_way_is_an_error_of_both_edge_terms():
    """A step from 0 to 1 against one from 1 to 0: equal magnitudes, which would score 0."""
    rising = torch.zeros(1, 3, 8, 8)
    rising[..., 4:] = 1
    falling = 1 - rising
    # 2 of 6 inner columns see the edge, each with a response of 4 against -4
    assert losses.sobel_edge(falling, rising).item() == pytest.approx(8 * 2 / 6)
    assert losses.gradient_edge(falling, rising).item() == pytest.approx(2 / 7)


def test_gradient_edge_is_made_of_numpys_differences():
    restored, reference = frames(dtype=torch.float64)
    error = restored.numpy() - reference.numpy()
    expected = np.abs(np.diff(error, axis=-1)).mean() + np.abs(np.diff(error, axis=-2)).mean()
    assert losses.gradient_edge(restored, reference).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("size", [(24, 31), (15, 16), (1, 1), (7, 1), (1, 2)])
def test_frequency_is_made_of_numpys_full_spectrum(size):
    restored, reference = frames((2, 3, *size), torch.float64)
    spectrum = np.fft.fft2(restored.numpy() - reference.numpy(), norm="ortho")
    expected = np.abs(spectrum).mean()
    assert losses.frequency(restored, reference).item() == pytest.approx(expected, rel=1e-9)


def test_frequency_notices_detail_in_the_wrong_place():
    """A shifted frame has the very same amplitudes."""
    _, reference = frames()
    shifted = reference.roll(3, dims=-1)
    amplitudes = [torch.fft.fft2(one, norm="ortho").abs() for one in (shifted, reference)]
    assert (amplitudes[0] - amplitudes[1]).abs().max() < 1e-4
    assert losses.frequency(shifted, reference) > 0.01


@pytest.mark.parametrize("name", PURE)
def test_a_turned_and_mirrored_pair_scores_the_same(name):
    restored, reference = frames(dtype=torch.float64)
    turned = [one.rot90(1, dims=(2, 3)).flip(3) for one in (restored, reference)]
    value, expected = getattr(losses, name)(*turned), getattr(losses, name)(restored, reference)
    assert value.item() == pytest.approx(expected.item(), rel=1e-9)


@pytest.mark.parametrize("name", PURE)
def test_a_batch_scores_the_mean_of_its_frames(name):
    restored, reference = frames((3, 3, 24, 31), torch.float64)
    term = getattr(losses, name)
    alone = [term(restored[i : i + 1], reference[i : i + 1]).item() for i in range(3)]
    assert len(set(alone)) == 3
    assert term(restored, reference).item() == pytest.approx(np.mean(alone), rel=1e-9)


@pytest.mark.parametrize("name", PURE)
@pytest.mark.parametrize("kind", ["frame", "black", "white", "grey"])
def test_identical_frames_score_zero_and_pull_nowhere(name, kind):
    _, reference = frames()
    if kind != "frame":
        reference = torch.full_like(reference, {"black": 0.0, "white": 1.0, "grey": 0.3}[kind])
    value, gradient = value_and_gradient(name, reference, reference)
    # SSIM divides float32 variances by constants of about 1e-3
    assert abs(value.item()) <= (2e-4 if name == "one_minus_ssim" else 0)
    assert gradient.abs().max() < 1e-5


@pytest.mark.parametrize("name", PURE)
@pytest.mark.parametrize("levels", [(0.0, 1.0), (0.5, 0.5 + 1 / 255), (1.0, 0.0), (-0.2, 1.3)])
def test_constant_frames_have_finite_gradients(name, levels):
    restored, wanted = (torch.full((1, 3, 16, 16), level) for level in levels)
    value, gradient = value_and_gradient(name, restored, wanted)
    assert math.isfinite(value.item())
    assert value.item() > -1e-4
    assert gradient.isfinite().all()


@pytest.mark.parametrize("name", PURE)
def test_gradients_are_those_of_finite_differences(name):
    restored, reference = frames((1, 3, 12, 13), torch.float64)
    term = getattr(losses, name)
    assert torch.autograd.gradcheck(
        lambda one: term(one, reference), restored.requires_grad_(), fast_mode=True
    )


@pytest.mark.parametrize("name", PURE)
def test_a_step_against_the_gradient_comes_closer_to_the_reference(name):
    restored, reference = frames()
    value, gradient = value_and_gradient(name, restored, reference)
    step = restored - 0.01 * gradient / gradient.abs().max()
    assert getattr(losses, name)(step, reference) < value
    assert losses.mse(step, reference) < losses.mse(restored, reference)


@pytest.mark.parametrize("name", PURE)
def test_autocast_changes_nothing(name):
    restored, reference = frames()
    value, gradient = value_and_gradient(name, restored, reference)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside, inner_gradient = value_and_gradient(name, restored, reference)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, value)
    assert torch.equal(inner_gradient, gradient)


@pytest.mark.parametrize("name", PURE)
@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_half_precision_frames_score_as_their_float32_selves(name, half):
    restored, reference = frames()
    value, gradient = value_and_gradient(name, restored.to(half), reference)
    expected, exact = value_and_gradient(name, restored.to(half).float(), reference)
    assert value.dtype == torch.float32
    assert gradient.dtype == half
    assert torch.equal(value, expected)
    assert value.item() == pytest.approx(getattr(losses, name)(restored, reference).item(), rel=0.01)
    assert torch.allclose(gradient.float(), exact, rtol=0.01, atol=1e-6)


@pytest.mark.parametrize("name", PURE)
def test_memory_layout_changes_nothing(name):
    restored, reference = frames()
    value = getattr(losses, name)(restored.to(memory_format=torch.channels_last), reference)
    assert value.item() == pytest.approx(getattr(losses, name)(restored, reference).item(), rel=1e-6)


@pytest.mark.parametrize("name", PURE)
def test_what_cannot_be_compared_is_refused(name):
    term, side = getattr(losses, name), LEAST.get(name, 1)
    whole = torch.rand(2, 3, 16, 16)
    for restored, wanted in [
        (whole[0], whole[0]),  # no batch
        (whole[:, :1], whole[:, :1]),  # one channel
        (whole, whole[:1]),  # a batch of one would be spread silently
        (whole, whole[..., :1]),
        (whole[:0], whole[:0]),
        ((whole * 255).byte(), whole),
        (whole, (whole * 255).byte()),
    ]:
        with pytest.raises(LossError, match=f"^{name}: expected .* got "):
            term(restored, wanted)
    term(whole[..., :side, :side], whole[..., :side, :side])
    if side > 1:
        with pytest.raises(LossError, match=f"at least {side}x{side}"):
            term(whole[..., : side - 1], whole[..., : side - 1])
