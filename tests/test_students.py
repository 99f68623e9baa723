"""The students against published counts, hand arithmetic, independent forward passes and exported graphs."""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sharpstudy.students import STUDENTS, StudentError, build_student, count_parameters, fold, macs_per_pixel
from tests.lively_students import frames_of, lively

Weights = list[torch.Tensor]

PUBLISHED = {
    "swinir-cnn": 483_587,
    "unet-attention": 112_593,
    "srresnet-edge": 944_323,
    "edsr-residual": 372_803,
    "bsrgan-ultralight": 334_147,
}
SIZES = ((1, 1), (1, 7), (5, 3), (16, 24), (33, 47))


def conv(x: torch.Tensor, weights: Weights, bias: bool = True) -> torch.Tensor:
    kernel = weights.pop(0)
    return F.conv2d(x, kernel, weights.pop(0) if bias else None, padding=kernel.shape[-1] // 2)


def swinir_by_hand(x: torch.Tensor, w: Weights) -> torch.Tensor:
    first = inner = conv(x, w)
    for _ in range(6):
        inner = inner + conv(conv(inner, w).relu(), w)
    return conv(first + conv(inner, w), w)


def edsr_by_hand(x: torch.Tensor, w: Weights) -> torch.Tensor:
    inner = conv(x, w)
    for _ in range(5):
        inner = inner + 0.1 * conv(conv(inner, w).relu(), w)
    return conv(inner, w).clamp(0, 1)


def bsrgan_by_hand(x: torch.Tensor, w: Weights) -> torch.Tensor:
    inner = conv(conv(x, w).relu(), w).relu()
    for _ in range(4):
        inner = (inner + conv(conv(inner, w).relu(), w)).relu()
    return conv(conv(inner, w).relu(), w).clamp(0, 1)


def srresnet_by_hand(x: torch.Tensor, w: Weights) -> torch.Tensor:
    inner = conv(conv(conv(x, w).relu(), w).relu(), w).relu()
    for _ in range(4):
        inner = inner + conv(conv(inner, w).relu(), w)
    return (conv(nn.PixelShuffle(4)(conv(inner, w)), w).tanh() + 1) / 2


def unet_by_hand(x: torch.Tensor, w: Weights) -> torch.Tensor:
    norm = nn.InstanceNorm2d(32, affine=False)
    inner = conv(x, w)
    for _ in range(6):
        inner = inner + norm(conv(F.leaky_relu(norm(conv(inner, w, bias=False)), 0.1), w, bias=False))
    gate = conv(conv(nn.AdaptiveAvgPool2d(1)(inner), w, bias=False).relu(), w, bias=False).sigmoid()
    inner = inner * gate
    summary = torch.stack([inner.max(dim=1).values, inner.mean(dim=1)], dim=1)
    inner = inner * conv(summary, w, bias=False).sigmoid()
    return conv(conv(inner, w).sigmoid(), w)


BY_HAND: dict[str, Callable[[torch.Tensor, Weights], torch.Tensor]] = {
    "swinir-cnn": swinir_by_hand,
    "unet-attention": unet_by_hand,
    "srresnet-edge": srresnet_by_hand,
    "edsr-residual": edsr_by_hand,
    "bsrgan-ultralight": bsrgan_by_hand,
}


@pytest.mark.parametrize(("name", "count"), PUBLISHED.items())
def test_parameter_counts_are_the_published_ones(name: str, count: int) -> None:
    assert count_parameters(build_student(name)) == count


@pytest.mark.parametrize("name", PUBLISHED)
def test_forward_is_the_published_chain_of_operations(name: str) -> None:
    student, frames = lively(name), frames_of(2, 3, 19, 22)
    weights = [parameter.detach() for parameter in student.parameters()]
    expected = BY_HAND[name](frames, weights)
    assert not weights  # every weight was used, in the order of the published text
    torch.testing.assert_close(student(frames), expected, atol=1e-5, rtol=0)
    assert expected.std() > 1e-3


@pytest.mark.parametrize(
    ("name", "macs"),
    [
        ("swinir-cnn", 9 * (3 * 64 + 13 * 64 * 64 + 64 * 3)),
        ("edsr-residual", 9 * (3 * 64 + 10 * 64 * 64 + 64 * 3)),
        ("bsrgan-ultralight", 9 * (3 * 32 + 32 * 64 + 8 * 64 * 64 + 64 * 32 + 32 * 3)),
        ("unet-attention", 9 * (3 * 32 + 12 * 32 * 32 + 32 * 3) + 49 * 2 + 3 * 3 + 2 * 32 * 2 / (64 * 96)),
        ("srresnet-edge", 9 * (3 * 32 + 32 * 64 + 9 * 64 * 64 + 64 * 1024) / 16 + 9 * 64 * 3),
        ("realtime", 9 * (2 * 48 * 32 + 4 * 32 * 32) / 16),
    ],
)
def test_multiply_adds_agree_with_hand_arithmetic(name: str, macs: float) -> None:
    assert macs_per_pixel(build_student(name), 64, 96) == pytest.approx(macs, rel=1e-12)


def test_multiply_adds_refuse_sizes_that_a_times_four_student_cannot_give() -> None:
    with pytest.raises(StudentError, match=r"srresnet-edge: .* multiples of 4, got 65x96"):
        macs_per_pixel(build_student("srresnet-edge"), 65, 96)


@pytest.mark.parametrize("name", STUDENTS)
@pytest.mark.parametrize("size", SIZES)
def test_any_frame_size_passes_forward_and_backward(name: str, size: tuple[int, int]) -> None:
    student = lively(name).train()
    restored = student(frames_of(2, 3, *size))
    assert restored.shape == (2, 3, size[0] * student.scale, size[1] * student.scale)
    assert torch.isfinite(restored).all()
    restored.square().mean().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in student.parameters())


@pytest.mark.parametrize("name", STUDENTS)
def test_channels_last_and_batch_position_change_nothing(name: str) -> None:
    student, frames = lively(name).eval(), frames_of(3, 3, 17, 21)
    with torch.no_grad():
        restored = student(frames)
        alone = student(frames[1:2])
        laid_out = copy.deepcopy(student).to(memory_format=torch.channels_last)
        last = laid_out(frames.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(restored[1:2], alone, atol=1e-5, rtol=0)
    torch.testing.assert_close(restored, last, atol=1e-5, rtol=0)


def test_only_the_times_four_student_reads_the_small_frame() -> None:
    facts = {name: (student.scale, student.reads) for name, student in STUDENTS.items()}
    assert facts.pop("srresnet-edge") == (4, "small")
    assert set(facts.values()) == {(1, "degraded")}


@pytest.mark.parametrize("name", STUDENTS)
def test_feature_names_are_modules_with_one_feature_map_each(name: str) -> None:
    student, seen = build_student(name), {}
    assert student.features
    for feature in student.features:
        layer = student.get_submodule(feature)
        layer.register_forward_hook(lambda _m, _i, output, feature=feature: seen.update({feature: output}))
    student(frames_of(1, 3, 8, 12))
    assert all(seen[feature].ndim == 4 for feature in student.features)


def test_clamped_heads_stop_values_and_gradients_and_the_others_let_both_through() -> None:
    for name, stops in (("edsr-residual", True), ("bsrgan-ultralight", True), ("swinir-cnn", False)):
        student = build_student(name)
        with torch.no_grad():
            student.tail.bias.fill_(5.0)
        restored = student(frames_of(1, 3, 6, 6))
        restored.sum().backward()
        assert (restored.max().item() == 1.0) is stops
        assert (student.tail.bias.grad.abs().sum().item() == 0.0) is stops


def test_published_skips_are_absent_and_the_variant_adds_the_input() -> None:
    frames = frames_of(1, 3, 9, 9)
    for skip, expected in (("none", torch.zeros_like(frames)), ("input", frames)):
        student = build_student("bsrgan-ultralight", skip=skip)
        nn.init.zeros_(student.tail.weight)
        nn.init.zeros_(student.tail.bias)
        torch.testing.assert_close(student(frames), expected, atol=0, rtol=0)


def test_both_readings_of_tanh() -> None:
    frames = frames_of(1, 3, 5, 5)
    raw = build_student("srresnet-edge", tanh_range="raw", seed=1)(frames)
    halved = build_student("srresnet-edge", tanh_range="halved", seed=1)(frames)
    torch.testing.assert_close(halved, raw / 2 + 0.5, atol=1e-6, rtol=0)


def test_the_seed_alone_decides_the_weights_and_the_global_state_is_left_alone() -> None:
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    first = build_student("realtime", seed=7)
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(2)
    same, other = build_student("realtime", seed=7), build_student("realtime", seed=8)
    assert torch.equal(first.first.weight, same.first.weight)
    assert not torch.equal(first.first.weight, other.first.weight)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("swinircnn", {}, r"expected one of swinir-cnn.*got 'swinircnn' \(did you mean 'swinir-cnn'\?\)"),
        (
            "realtime",
            {"widht": 32},
            r"realtime: expected arguments among unshuffle.*'widht' \(did you mean 'width'",
        ),
        ("realtime", {"width": 0}, r"realtime: width must be a whole number from 1 to 512, got 0"),
        ("realtime", {"depth": True}, r"realtime: depth must be a whole number .* got True"),
        ("realtime", {"activation": "gelu"}, r"activation must be one of relu, leaky, got 'gelu'"),
        ("edsr-residual", {"residual_scale": 0}, r"residual_scale must be a number above 0 .* got 0"),
        ("bsrgan-ultralight", {"skip": "yes"}, r"skip must be one of none, input, got 'yes'"),
    ],
)
def test_wrong_names_and_arguments_are_refused(name: str, arguments: dict, message: str) -> None:
    with pytest.raises(StudentError, match=message):
        build_student(name, **arguments)


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 4, 8, 8), (1, 1, 8, 8)])
def test_frames_of_another_layout_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(StudentError, match=r"unet-attention: expected frames as \(batch, 3, height, width\)"):
        build_student("unet-attention")(torch.zeros(shape))


@pytest.mark.parametrize("name", STUDENTS)
def test_torch_export_with_free_height_and_width_equals_eager(name: str) -> None:
    student = fold(lively(name)).eval()
    if name == "realtime":  # free in whole packed pixels; other sizes are padded by whoever calls
        free = {2: 4 * torch.export.Dim("h", min=2, max=540), 3: 4 * torch.export.Dim("w", min=2, max=960)}
    else:
        free = {2: torch.export.Dim("h", max=2160), 3: torch.export.Dim("w", max=3840)}
    program = torch.export.export(student, (frames_of(1, 3, 16, 24),), dynamic_shapes=(free,)).module()
    for size in ((16, 24), (20, 12)):
        frames = frames_of(1, 3, *size)
        torch.testing.assert_close(program(frames), student(frames), atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", STUDENTS)
def test_onnx_with_every_frame_size_free_equals_eager(name: str) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    student, graph = fold(lively(name)).eval(), io.BytesIO()
    axes = {"frames": {0: "batch", 2: "height", 3: "width"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            student,
            (frames_of(1, 3, 13, 18),),
            graph,
            dynamo=False,
            opset_version=17,
            input_names=["frames"],
            dynamic_axes=axes,
        )
    session = onnxruntime.InferenceSession(graph.getvalue(), providers=["CPUExecutionProvider"])
    for shape in ((1, 3, 13, 18), (2, 3, 16, 32), (1, 3, 1, 1), (1, 3, 7, 5)):
        frames = frames_of(*shape)
        with torch.no_grad():
            expected = student(frames).numpy()
        np.testing.assert_allclose(session.run(None, {"frames": frames.numpy()})[0], expected, atol=1e-4)
