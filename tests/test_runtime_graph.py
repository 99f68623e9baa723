"""The hand-shaped graph against the student in PyTorch, packing by hand, and quantisation by arithmetic."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
import torch
from onnxruntime import InferenceSession
from torch.nn import functional as F

from sharpstudy.runtime import SharpenerError
from sharpstudy.runtime.graph import build_graph, with_strength
from sharpstudy.runtime.layers import layers_of, packed_order
from sharpstudy.runtime.packing import Packer
from sharpstudy.runtime.quantise import _best_span, evened, quantise
from sharpstudy.runtime.rounding import _fitted, nearest
from sharpstudy.students import build_student
from tests.runtime_tools import eager, soft_frames, trained


def run(model: bytes, frame: np.ndarray) -> np.ndarray:
    return InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, {"frame": frame})[0]


def apart(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.abs(a.astype(np.int16) - b).max())


@pytest.mark.parametrize("r", [2, 4])
def test_packed_channels_lie_as_row_column_colour(r: int, rng) -> None:
    frame = rng.integers(0, 256, (3 * r, 5 * r, 3), dtype=np.uint8)
    colour_first = F.pixel_unshuffle(torch.from_numpy(frame).permute(2, 0, 1)[None].float(), r)[0].numpy()
    packed = np.empty((1, 3, 5, 3 * r * r), np.uint8)
    Packer(r, 1).pack(frame, packed)
    assert np.array_equal(packed[0], colour_first[packed_order(r)].transpose(1, 2, 0))
    assert packed[0, 1, 2, (1 * r + 0) * 3 + 2] == frame[1 * r + 1, 2 * r + 0, 2]


@pytest.mark.parametrize(("r", "spare"), [(4, 0), (3, 5)])
def test_unpacking_on_two_threads_undoes_packing(r: int, spare: int, rng) -> None:
    frame = rng.integers(0, 256, (r * 200, r * 3, 3), dtype=np.uint8)
    packer, back = Packer(r, 2, spare), np.empty_like(frame)
    packed = np.zeros((1, 200, 3, 3 * r * r + spare), np.uint8)
    assert packer.packed_shape(frame) == packed.shape
    packer.pack(frame, packed)
    assert np.array_equal(packed[0, 1, 2, : 3 * r], frame[r, 2 * r : 3 * r].ravel())
    assert not packed[..., 3 * r * r :].any()
    packer.unpack(packed, back)
    packer.close()
    assert np.array_equal(back, frame)


@pytest.mark.parametrize(
    "arguments", [{}, {"unshuffle": 2, "width": 8, "activation": "leaky"}, {"unshuffle": 3, "depth": 2}]
)
def test_the_float_graph_is_the_student(arguments: dict) -> None:
    student = trained(**arguments)
    model = build_graph(layers_of(student))
    for frame in soft_frames(2, 36, 60):
        assert (
            apart(run(model, frame), eager(student, frame)) <= 1
        )  # a sum that lies on the half rounds either way
        assert apart(eager(student, frame), frame) > 3


def test_the_graph_takes_uint8_frames_of_any_multiple_and_says_what_it_is() -> None:
    model = build_graph(layers_of(trained()), card={"student": "realtime"})
    assert run(model, np.zeros((4, 8, 3), np.uint8)).shape == (4, 8, 3)
    assert run(model, np.zeros((36, 20, 3), np.uint8)).dtype == np.uint8
    proto = onnx.load_from_string(model)
    assert json.loads(proto.metadata_props[0].value) == {"student": "realtime"}
    assert proto.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8


@pytest.mark.parametrize(("r", "channels"), [(2, 16), (3, 32), (4, 48)])
def test_spare_channels_make_whole_groups_and_change_no_pixel(r: int, channels: int) -> None:
    student = trained(unshuffle=r, width=16, depth=3)
    frames = soft_frames(3, 48, 36)
    even, stored = quantise(layers_of(student), frames[1:])
    whole, bare = build_graph(even, stored), build_graph(even, stored, probe=["values"])
    kernels = {one.name: one.dims for one in onnx.load_from_string(whole).graph.initializer}
    assert list(kernels["layer0_kernel"]) == [16, channels, 3, 3]
    assert list(kernels["last_kernel"]) == [channels, 16, 3, 3]
    assert np.array_equal(run(whole, frames[0]), run(bare, frames[0]))
    assert apart(run(whole, frames[0]), frames[0]) > 3


def test_a_fresh_student_does_nothing_in_int8_either(rng) -> None:
    frames = [rng.integers(0, 256, (32, 32, 3), dtype=np.uint8) for _ in range(2)]
    even, stored = quantise(layers_of(build_student("realtime")), frames)
    assert np.array_equal(run(build_graph(even, stored), frames[0]), frames[0])


def test_evening_channels_out_keeps_the_function() -> None:
    student, frames = trained(), soft_frames(2, 48, 48)
    even = evened(layers_of(student), frames)
    assert apart(run(build_graph(even), frames[0]), eager(student, frames[0])) <= 1
    assert not np.allclose(even.kernels[0], layers_of(student).kernels[0])


@pytest.mark.parametrize("bits", [8, 7])
def test_int8_keeps_most_of_what_is_added(bits: int) -> None:
    student, frames = trained(), soft_frames(8, 96, 96)
    even, stored = quantise(layers_of(student), frames[2:], bits=bits)
    assert max(int(np.abs(layer.kernel).max()) for layer in stored) <= 2 ** (bits - 1) - 1
    exact = eager(student, frames[0]).astype(float)
    lost = np.mean((run(build_graph(even, stored), frames[0]) - exact) ** 2)
    assert lost < 0.003 * np.mean((exact - frames[0]) ** 2)


def test_quantising_is_the_same_every_time() -> None:
    frames = soft_frames(3, 64, 64)
    files = [build_graph(*quantise(layers_of(trained()), frames)) for _ in range(2)]
    assert files[0] == files[1]


def test_rounding_with_the_sums_in_view_beats_rounding_to_the_nearest(rng) -> None:
    kernel = rng.standard_normal((4, 3, 3, 3)).astype(np.float32)
    bias = rng.standard_normal(4).astype(np.float32)
    mixing = rng.standard_normal((27, 27)) * np.linspace(0.02, 1, 27)  # inputs that hang together strongly
    inputs = np.concatenate([rng.standard_normal((4000, 27)) @ mixing.T, np.ones((4000, 1))], 1)
    sums = inputs[:, :27] @ kernel.reshape(4, 27).T + bias
    start = nearest(kernel, bias, None, 4)
    inner, cross = inputs.T @ inputs / 4000, sums.T @ inputs / 4000
    fitted = _fitted(start, kernel, bias, inner, cross, 4)

    def error(layer) -> float:
        weights = (layer.kernel * layer.scales[:, None, None, None]).reshape(4, 27)
        return float(((inputs[:, :27] @ weights.T + layer.bias - sums) ** 2).mean())

    assert np.abs(fitted.kernel).max() <= 7
    assert error(fitted) < error(start) / 3


def test_spans_by_hand() -> None:
    counts = np.zeros(4096)
    counts[0], counts[-1] = 1, 1
    span = _best_span(counts, 0.0, 2.55, "minmax")
    assert span.scale == pytest.approx(0.01)
    assert span.zero == 0
    span = _best_span(counts, -1.0, 1.55, "minmax")
    assert (round(span.scale, 6), span.zero) == (0.01, 100)
    counts[:2048] = 1e6  # nearly everything is small: clipping the one large value pays
    assert _best_span(counts, 0.0, 2.55, "percentile").scale == pytest.approx(0.005, rel=0.01)


@pytest.mark.parametrize("precision", ["float", "int8"])
def test_strength_scales_what_is_added(precision: str) -> None:
    frames = soft_frames(4, 64, 64)
    layers, stored = layers_of(trained()), None
    if precision == "int8":
        layers, stored = quantise(layers, frames)
    model = build_graph(layers, stored)
    restored = run(model, frames[0])
    full = restored.astype(float) - frames[0]
    half = run(with_strength(model, 0.5), frames[0]).astype(float) - frames[0]
    inside = (restored > 0) & (restored < 255)  # not clipped
    assert np.abs(half - full / 2)[inside].max() <= 1
    assert np.abs(full[inside]).max() > 6


def test_strength_outside_of_its_range_is_refused() -> None:
    with pytest.raises(SharpenerError, match="strength must be above 0"):
        with_strength(b"", 0)


def test_calibration_needs_frames_and_known_words() -> None:
    layers = layers_of(trained())
    with pytest.raises(SharpenerError, match="at least one frame"):
        quantise(layers, [])
    with pytest.raises(SharpenerError, match="method must be one of"):
        quantise(layers, [np.zeros((8, 8, 3), np.uint8)], method="best")
    with pytest.raises(SharpenerError, match="at least 4x4"):
        quantise(layers, [np.zeros((3, 8, 3), np.uint8)])


def test_another_student_is_refused() -> None:
    with pytest.raises(SharpenerError, match="expected a realtime student"):
        layers_of(build_student("unet-attention"))
