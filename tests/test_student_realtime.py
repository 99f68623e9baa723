"""The realtime family against its tabulated costs, its branches summed by hand, and doing nothing."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sharpstudy.students import (
    REALTIME_SIZES,
    StudentError,
    build_student,
    count_parameters,
    fold,
    macs_per_pixel,
)
from sharpstudy.students.realtime import BranchedConv, Realtime
from tests.lively_students import frames_of, lively


@pytest.mark.parametrize(
    ("unshuffle", "width", "depth", "kilo_parameters", "kmac"),
    [
        (4, 16, 4, 18.5, 1.15),
        (4, 32, 3, 37.0, 2.30),
        (4, 32, 6, 64.7, 4.03),
        (4, 32, 8, 83.2, 5.18),
        (4, 48, 5, 103.9, 6.48),
        (3, 32, 5, 43.4, 4.80),
        (2, 24, 4, 15.6, 3.89),
    ],
)
def test_realtime_sizes_cost_what_was_tabulated(
    unshuffle: int, width: int, depth: int, kilo_parameters: float, kmac: float
) -> None:
    student = fold(build_student("realtime", unshuffle=unshuffle, width=width, depth=depth))
    assert round(count_parameters(student) / 1000, 1) == kilo_parameters
    assert macs_per_pixel(student, 144, 144) / 1000 == pytest.approx(kmac, abs=0.0051)


@pytest.mark.parametrize("size", REALTIME_SIZES)
@pytest.mark.parametrize("activation", ["relu", "leaky"])
def test_a_fresh_realtime_student_does_nothing_exactly(size: str, activation: str) -> None:
    student = build_student("realtime", **REALTIME_SIZES[size], activation=activation)
    frames = frames_of(2, 3, 13, 19)
    assert torch.equal(student(frames), frames)
    assert torch.equal(fold(student)(frames), frames)


def test_a_fresh_student_as_wide_as_its_packed_frame_does_nothing_too() -> None:
    frames = frames_of(1, 3, 8, 8)
    assert torch.equal(build_student("realtime", unshuffle=4, width=48, depth=2)(frames), frames)


@pytest.mark.parametrize("shortcut", ["identity", "none"])
def test_a_branched_convolution_is_the_sum_of_its_branches_and_folds(shortcut: str) -> None:
    torch.manual_seed(0)
    layer, features = BranchedConv(8, 8, shortcut), frames_of(2, 8, 7, 9)
    branches = F.conv2d(features, layer.weight, layer.bias, padding=1) + F.conv2d(features, layer.point)
    expected = branches + features if shortcut == "identity" else branches
    torch.testing.assert_close(layer(features), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(layer.fold()(features), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "arguments", [{}, {"width": 48, "depth": 4}, {"unshuffle": 2, "activation": "leaky"}]
)
def test_folding_keeps_the_function_and_leaves_plain_convolutions(arguments: dict) -> None:
    student, frames = lively("realtime", **arguments).eval(), frames_of(2, 3, 22, 31)
    before = copy.deepcopy(student.state_dict())
    plain = fold(student)
    assert plain.arguments["form"] == "plain"
    assert not any(isinstance(module, BranchedConv) for module in plain.modules())
    with torch.no_grad():
        torch.testing.assert_close(plain(frames), student(frames), atol=1e-5, rtol=0)
    assert (student(frames) - frames).abs().max() > 1e-3
    assert all(torch.equal(value, before[key]) for key, value in student.state_dict().items())
    rebuilt = build_student("realtime", **plain.arguments)
    assert rebuilt.state_dict().keys() == plain.state_dict().keys()


def test_folding_leaves_the_published_students_as_they_are() -> None:
    student = build_student("swinir-cnn")
    assert fold(student) is student


def test_realtime_pads_by_the_last_row_and_column_and_crops() -> None:
    student, frames = lively("realtime").eval(), frames_of(1, 3, 10, 13)
    rows, columns = [*range(10), 9, 9], [*range(13), 12, 12, 12]
    padded = frames[:, :, rows][..., columns]
    with torch.no_grad():
        torch.testing.assert_close(student(frames), student(padded)[..., :10, :13], atol=0, rtol=0)


def test_restoring_packed_frames_is_the_same_network() -> None:
    student, frames = lively("realtime").eval(), frames_of(1, 3, 8, 12)
    assert isinstance(student, Realtime)
    with torch.no_grad():
        packed = student.restore_packed(nn.PixelUnshuffle(4)(frames))
        torch.testing.assert_close(nn.PixelShuffle(4)(packed), student(frames), atol=0, rtol=0)


def test_the_first_features_of_a_fresh_student_are_of_unit_size_and_show_detail() -> None:
    """On frames whose amplitudes fall as 1/f, as those of natural frames do."""
    rows, columns = torch.fft.fftfreq(96)[:, None], torch.fft.fftfreq(96)
    falling = 1 / (rows**2 + columns**2).sqrt().clamp(min=1 / 96)
    noise = torch.randn(4, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    frames = torch.fft.ifft2(torch.fft.fft2(noise) * falling).real
    frames = 0.5 + frames * (0.25 / frames.std())
    slow = nn.functional.avg_pool2d(frames, 4).repeat_interleave(4, 2).repeat_interleave(4, 3)
    student = build_student("realtime")
    of_all, of_slow = (student.first(nn.PixelUnshuffle(4)(one)) for one in (frames, slow))
    assert 0.3 < of_all.std() < 3
    assert (of_all - of_slow).std() > 0.5 * of_all.std()
    flat = student.first(nn.PixelUnshuffle(4)(torch.full((1, 3, 96, 96), 0.5)))
    answers = flat[..., 1:-1, 1:-1] - student.first.bias[:, None, None]
    assert answers.abs().max() < 1e-4  # no kernel answers to mere brightness


@pytest.mark.parametrize("form", ["branched", "plain"])
def test_two_steps_move_every_parameter_of_a_fresh_student(form: str) -> None:
    student, degraded, reference = (
        build_student("realtime", form=form),
        frames_of(2, 3, 24, 24),
        frames_of(2, 3, 24, 24, seed=1),
    )
    before = copy.deepcopy(student.state_dict())
    optimiser = torch.optim.SGD(student.parameters(), 0.1)
    for _ in range(2):
        optimiser.zero_grad()
        (student(degraded) - reference).square().mean().backward()
        optimiser.step()
    assert not any(torch.equal(value, before[name]) for name, value in student.named_parameters())


@pytest.mark.parametrize("form", ["branched", "plain"])
def test_a_deepened_student_computes_the_same_and_can_learn_more(form: str) -> None:
    shallow = lively("realtime", unshuffle=3, width=16, depth=3, cues=2, form=form)
    deep = shallow.deepened(6)
    frames = frames_of(2, 3, 20, 23)
    assert deep.arguments == {**shallow.arguments, "depth": 6}
    torch.testing.assert_close(deep(frames), shallow(frames), atol=1e-6, rtol=0)
    torch.testing.assert_close(fold(deep)(frames), shallow(frames), atol=1e-5, rtol=0)
    deep(frames).square().mean().backward()
    convolutions = [layer for layer in deep.body if isinstance(layer, nn.Conv2d)]
    assert len(convolutions) == 4
    assert all(layer.weight.grad.abs().max() > 0 for layer in convolutions)
    with pytest.raises(StudentError, match="depth"):
        deep.deepened(5)
    with pytest.raises(StudentError, match="expected relu"):
        build_student("realtime", activation="leaky").deepened(8)
