"""Students, ONNX files and weight files as models: what they read, how far they see, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from sharpstudy import evaluate
from sharpstudy.data.degrade import shrink
from sharpstudy.data.frames import to_frame, to_tensor
from sharpstudy.evaluate import EvalFrame, EvalSettings
from sharpstudy.evaluate.networks import reach_of, read_weight_file, run_tiles
from sharpstudy.students import REALTIME_SIZES, STUDENTS, build_student, save_student
from tests.evaluate_tools import write_onnx
from tests.lively_students import lively
from tests.material import picture


def frame_of(seed: int = 0, width: int = 150, height: int = 130, scale: int = 1) -> EvalFrame:
    reference = picture(seed, width, height)
    small = shrink(reference, scale) if scale > 1 else None
    return EvalFrame(
        "frame", "clip", "people", "made", reference, picture(seed + 1, width, height), small, scale
    )


def by_hand(student: torch.nn.Module, read: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    with torch.inference_mode():
        return to_frame(student(to_tensor(read)[None])[0])[: size[0], : size[1]]


def assert_rounded_alike(first: np.ndarray, second: np.ndarray) -> None:
    """Equal but for sums that were added up in another order and then rounded."""
    gap = np.abs(first.astype(int) - second.astype(int))
    assert gap.max() <= 1
    assert (gap > 0).mean() < 1e-3


@pytest.mark.parametrize("name", STUDENTS)
def test_a_student_restores_what_its_network_says(name):
    student = lively(name)
    frame = frame_of(scale=student.scale)
    model = evaluate.from_student(student, recipe=name)
    read = frame.small if student.reads == "small" else frame.degraded
    assert_rounded_alike(model.restore(frame), by_hand(student, read, (130, 150)))
    assert model.name == name
    assert model.parameters > 0


def test_an_enlarging_student_without_a_small_frame_reads_the_degraded_frame_shrunk():
    student = lively("srresnet-edge")
    frame = frame_of()
    expected = by_hand(student, shrink(frame.degraded, 4), (130, 150))
    assert_rounded_alike(evaluate.from_student(student).restore(frame), expected)


@pytest.mark.parametrize("name", [name for name in STUDENTS if name != "unet-attention"])
def test_what_lies_beyond_the_reach_of_a_student_does_not_matter(name):
    student = lively(name)
    reach = reach_of(student)
    side = 4 * ((2 * reach + 40) // 4)
    middle = side // 2
    read = torch.rand(
        1, 3, side // student.scale, side // student.scale, generator=torch.Generator().manual_seed(1)
    )
    with torch.inference_mode():
        before = student(read)
        far = read.clone()
        edge = (middle + reach + student.scale) // student.scale + 1
        far[..., edge:] = 1 - far[..., edge:]
        after = student(far)
    torch.testing.assert_close(before[..., : middle + 1], after[..., : middle + 1])
    assert (before[..., middle + reach :] - after[..., middle + reach :]).abs().max() > 1e-4


@pytest.mark.parametrize("name", [name for name in STUDENTS if name != "unet-attention"])
def test_a_square_of_a_student_is_that_of_its_whole_frame(name):
    student = lively(name)
    frame = frame_of(3, 330, 300, scale=student.scale)
    model = evaluate.from_student(student)
    square = evaluate.restore_square(model, frame, EvalSettings(side=64))
    assert_rounded_alike(square.restored, square.region.of(model.restore(frame)))


@pytest.mark.parametrize("scale", [1, 4])
def test_tiles_are_what_the_whole_frame_is(scale):
    height, width = 300, 610
    read = picture(0, -(-width // scale), -(-height // scale))

    def enlarge(part: np.ndarray) -> np.ndarray:
        """Depends on 6 pixels that it reads to each side."""
        return ndimage.uniform_filter(part, (13, 13, 1)).repeat(scale, axis=0).repeat(scale, axis=1)

    whole = enlarge(read)[:height, :width]
    np.testing.assert_array_equal(run_tiles(enlarge, read, (height, width), scale, 7 * scale), whole)
    seams = run_tiles(enlarge, read, (height, width), scale, 0)
    assert (seams != whole).any()


@pytest.mark.parametrize("unshuffle", [2, 3, 4])
def test_tiles_of_a_realtime_student_hold_the_blocks_of_the_whole_frame(unshuffle, monkeypatch):
    student = build_student("realtime", unshuffle=unshuffle, width=8, depth=5)
    with torch.no_grad():
        for at, values in enumerate(student.parameters()):
            values.add_(0.1 * torch.randn(values.shape, generator=torch.Generator().manual_seed(at)))
    frame = frame_of(3, 610, 300)
    tiled = evaluate.from_student(student).restore(frame)
    monkeypatch.setattr(evaluate.networks, "TILE", 1000)
    assert_rounded_alike(tiled, evaluate.from_student(student).restore(frame))


def test_a_student_that_reads_the_whole_frame_says_what_it_was_given():
    student = build_student("unet-attention")
    assert reach_of(student) is None
    assert evaluate.from_student(student).margin is None
    near = evaluate.from_student(student, context=64)
    assert near.margin == 64
    assert "sees 64 pixels around it" in near.note


def test_a_callers_student_is_left_as_it_was():
    student = build_student("realtime", **REALTIME_SIZES["nano"]).train()
    model = evaluate.from_student(student)
    assert student.training
    assert student.arguments["form"] == "branched"
    frame = frame_of()
    np.testing.assert_array_equal(model.restore(frame), frame.degraded)  # a fresh one adds nothing


def test_a_weight_file_says_its_student_and_the_card_its_recipe(tmp_path):
    student = lively("realtime")
    path = tmp_path / "best.safetensors"
    save_student(student, path)
    said = read_weight_file(path)
    assert (said.student, said.recipe, said.control) == ("realtime", "", "none")
    (tmp_path / "card.json").write_text('{"recipe": "realtime", "control": {"name": "no-teacher"}}')
    assert read_weight_file(path).control == "no-teacher"
    frame = frame_of()
    expected = evaluate.from_student(student).restore(frame)
    np.testing.assert_array_equal(evaluate.from_student(path).restore(frame), expected)


def test_weights_that_do_not_say_their_student_are_refused(tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(ValueError, match="names its student"):
        read_weight_file(path)
    path.write_bytes(b"not a file of that kind")
    with pytest.raises(ValueError, match="whole safetensors file"):
        read_weight_file(path)


@pytest.mark.parametrize("kind", ["NCHW", "NHWC", "HWC"])
def test_an_onnx_network_restores_in_each_layout(tmp_path, kind):
    pytest.importorskip("onnx")
    frame = frame_of()
    model = evaluate.from_onnx(write_onnx(tmp_path / "half.onnx", kind, gain=0.5))
    expected = np.rint(frame.degraded / 2) if kind == "NCHW" else np.floor(frame.degraded / 2)
    np.testing.assert_allclose(model.restore(frame), expected, atol=1 if kind == "NCHW" else 0)
    assert model.margin is None


def test_an_enlarging_onnx_network_reads_the_small_frame(tmp_path):
    pytest.importorskip("onnx")
    model = evaluate.from_onnx(write_onnx(tmp_path / "repeat.onnx", "NHWC", scale=2))
    frame = frame_of(scale=2)
    expected = frame.small.repeat(2, axis=0).repeat(2, axis=1)[:130, :150]
    np.testing.assert_array_equal(model.restore(frame), expected)


def test_an_onnx_network_of_one_size_takes_no_other(tmp_path):
    pytest.importorskip("onnx")
    model = evaluate.from_onnx(write_onnx(tmp_path / "fixed.onnx", "NCHW", sides=(130, 150)))
    assert model.size == (130, 150)
    frame = frame_of()
    np.testing.assert_array_equal(model.restore(frame), frame.degraded)
    with pytest.raises(ValueError, match="takes frames of 150x130 alone"):
        model.restore(frame_of(0, 96, 64))


def test_what_is_no_restoration_network_is_refused_with_what_was_found(tmp_path):
    pytest.importorskip("onnx")
    levels = write_onnx(tmp_path / "levels.onnx", "NCHW", gain=255.0)
    with pytest.raises(ValueError, match=r"values in \[0, 1\], got up to 215"):
        evaluate.from_onnx(levels)
    import onnx

    grey = onnx.load(str(write_onnx(tmp_path / "grey.onnx", "NCHW")))
    grey.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1
    onnx.save(grey, str(tmp_path / "grey.onnx"))
    with pytest.raises(ValueError, match=r"found 'x' of tensor\(float\) \(1, 1, 'h', 'w'\)"):
        evaluate.from_onnx(tmp_path / "grey.onnx")
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(ValueError, match="expected an ONNX file that can be run"):
        evaluate.from_onnx(tmp_path / "text.onnx")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_restores_the_same():
    frame = frame_of()
    models = [evaluate.from_student(lively("swinir-cnn"), device=device) for device in ("cpu", "cuda")]
    first, second = (model.restore(frame).astype(int) for model in models)
    assert np.abs(first - second).max() <= 2


def test_a_mask_without_frames_to_tune_on_is_refused():
    none = evaluate.FrameSet("blur", (), frame_of)
    with pytest.raises(ValueError, match="tuned unsharp under blur: expected frames to tune on, got none"):
        evaluate.tune_masks([none])


def test_a_file_of_this_study_restores_frames_of_any_size(tmp_path):
    from sharpstudy.runtime import export_student
    from tests.runtime_tools import eager, trained

    student = trained(unshuffle=3, width=16, depth=2)
    made = export_student(student, tmp_path / "three.onnx", "onnx")
    frame = frame_of(width=50, height=64)  # neither side is a multiple of 3
    restored = evaluate.from_onnx(made.path).apply(frame)
    assert restored.shape == frame.degraded.shape
    assert np.abs(restored.astype(int) - eager(student, frame.degraded)).max() <= 1
