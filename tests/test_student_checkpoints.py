"""Student weights written and read back, and every kind of wrong file refused in one sentence."""

from __future__ import annotations

import os
import pickle

import pytest
import torch

from sharpstudy.students import STUDENTS, StudentError, build_student, fold, load_student, save_student
from tests.lively_students import frames_of, lively


@pytest.mark.parametrize("name", STUDENTS)
def test_saved_students_come_back_whole_and_the_bytes_are_stable(name: str, tmp_path) -> None:
    student = fold(lively(name)).to(memory_format=torch.channels_last)
    save_student(student, tmp_path / "deep" / "a.safetensors")
    save_student(student, tmp_path / "b.safetensors")
    assert (tmp_path / "deep" / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["b.safetensors"]
    loaded = load_student(name, tmp_path / "b.safetensors")
    assert loaded.note == "matched by name"
    assert not loaded.student.training
    assert loaded.student.arguments == student.arguments
    frames = frames_of(1, 3, 9, 9)
    with torch.no_grad():
        torch.testing.assert_close(loaded.student(frames), student(frames), atol=1e-5, rtol=0)


@pytest.mark.parametrize("wrapper", ["state_dict", "params", "model", "model_state_dict"])
def test_wrapped_and_prefixed_pth_files_are_read_by_name(wrapper: str, tmp_path) -> None:
    student = lively("bsrgan-ultralight")
    state = {f"module.{key}": value.half() for key, value in student.state_dict().items()}
    torch.save({"epoch": 3, wrapper: state}, tmp_path / "a.pth")
    loaded = load_student("bsrgan-ultralight", tmp_path / "a.pth")
    assert loaded.note == "matched by name, prefix 'module.' dropped"
    assert loaded.student.head.weight.dtype == torch.float32
    torch.testing.assert_close(loaded.student.head.weight, student.head.weight, atol=1e-3, rtol=0)


def test_foreign_names_are_matched_by_order_only_when_every_shape_agrees(tmp_path) -> None:
    student = lively("bsrgan-ultralight")
    values = list(student.state_dict().values())
    torch.save({f"layer{index:02}": value for index, value in enumerate(values)}, tmp_path / "a.pth")
    loaded = load_student("bsrgan-ultralight", tmp_path / "a.pth")
    assert "matched by order" in loaded.note
    assert all(torch.equal(a, b) for a, b in zip(loaded.student.state_dict().values(), values, strict=True))
    swapped = [values[2], *values[1:2], values[0], *values[3:]]
    torch.save({f"layer{index:02}": value for index, value in enumerate(swapped)}, tmp_path / "b.pth")
    with pytest.raises(StudentError, match=r"bsrgan-ultralight: .*b.pth does not fit: expected 24 tensors"):
        load_student("bsrgan-ultralight", tmp_path / "b.pth")


def test_safetensors_keep_no_order_so_foreign_names_are_refused(tmp_path) -> None:
    from safetensors.torch import save_file

    values = lively("bsrgan-ultralight").state_dict().values()
    save_file({f"layer{i:02}": value for i, value in enumerate(values)}, tmp_path / "a.safetensors")
    with pytest.raises(StudentError, match=r"first missing 'head.weight', first unknown 'layer00'"):
        load_student("bsrgan-ultralight", tmp_path / "a.safetensors")


class Touch:
    """What a hostile pickle holds: reading it would make a folder."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (self.path,)


def test_a_hostile_file_is_refused_and_runs_nothing(tmp_path) -> None:
    for protocol, path in ((0, tmp_path / "a.pth"), (2, tmp_path / "b.pth")):
        path.write_bytes(pickle.dumps({"head.weight": Touch(str(tmp_path / "ran"))}, protocol=protocol))
    torch.save({"state_dict": Touch(str(tmp_path / "ran"))}, tmp_path / "c.pth")
    torch.save(build_student("realtime"), tmp_path / "d.pth")
    for letter in "abcd":
        with pytest.raises(
            StudentError, match=rf"realtime: .*{letter}.pth must be a whole file of plain weights"
        ):
            load_student("realtime", tmp_path / f"{letter}.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_truncated_and_foreign_files_are_refused_in_one_sentence(suffix: str, tmp_path) -> None:
    student, whole = lively("realtime"), tmp_path / f"whole{suffix}"
    if suffix == ".pth":
        torch.save(student.state_dict(), whole)
    else:
        save_student(student, whole)
    content = whole.read_bytes()
    for index, wrong in enumerate(
        (b"", b"\x00", content[:9], content[: len(content) // 2], content[:-1], b"GIF89a" * 99)
    ):
        path = tmp_path / f"wrong{index}{suffix}"
        path.write_bytes(wrong)
        with pytest.raises(
            StudentError, match=rf"realtime: .*wrong{index}{suffix} must be a whole"
        ) as refusal:
            load_student("realtime", path)
        assert "\n" not in str(refusal.value)


def test_files_of_another_student_size_kind_or_place_are_refused(tmp_path) -> None:
    save_student(build_student("swinir-cnn"), tmp_path / "swinir.safetensors")
    with pytest.raises(
        StudentError, match="holds another student: expected 'edsr-residual', got 'swinir-cnn'"
    ):
        load_student("edsr-residual", tmp_path / "swinir.safetensors")
    torch.save(build_student("realtime", width=16).state_dict(), tmp_path / "narrow.pth")
    with pytest.raises(StudentError, match=r"'first.weight' of shape \(32, 48, 3, 3\), got \(16, 48, 3, 3\)"):
        load_student("realtime", tmp_path / "narrow.pth")
    assert load_student("realtime", tmp_path / "narrow.pth", {"width": 16}).student.arguments["width"] == 16
    with pytest.raises(StudentError, match=r"expected a weight file at .*absent.pth, found none"):
        load_student("realtime", tmp_path / "absent.pth")
    (tmp_path / "a.ckpt").write_bytes(b"x")
    with pytest.raises(StudentError, match=r"must end in .safetensors, .pth or .pt, got '.ckpt'"):
        load_student("realtime", tmp_path / "a.ckpt")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(StudentError, match="must hold tensors by name, got a list"):
        load_student("realtime", tmp_path / "list.pth")
    circle: dict = {}
    circle["state_dict"] = circle
    torch.save(circle, tmp_path / "circle.pth")
    with pytest.raises(StudentError, match="must hold tensors by name, got a mapping with keys 'state_dict'"):
        load_student("realtime", tmp_path / "circle.pth")
    torch.save({"epoch": 1}, tmp_path / "bare.pth")
    with pytest.raises(StudentError, match="must hold tensors by name, got a mapping with keys 'epoch'"):
        load_student("realtime", tmp_path / "bare.pth")


def test_weights_that_are_not_finite_are_refused(tmp_path) -> None:
    student = build_student("realtime")
    with torch.no_grad():
        student.first.bias[0] = float("nan")
    save_student(student, tmp_path / "a.safetensors")
    with pytest.raises(
        StudentError, match=r"must hold finite floating-point weights, 'first\.bias' does not"
    ):
        load_student("realtime", tmp_path / "a.safetensors")


def test_stored_arguments_that_no_student_has_are_refused(tmp_path) -> None:
    student = build_student("realtime")
    student.arguments = {"name": "swinir-cnn"}
    save_student(student, tmp_path / "a.safetensors")
    with pytest.raises(StudentError, match=r"expected arguments among unshuffle.*got 'name'"):
        load_student("realtime", tmp_path / "a.safetensors")


def test_stored_arguments_out_of_range_are_refused_before_memory_is_taken(tmp_path) -> None:
    student = build_student("realtime")
    student.arguments = {**student.arguments, "width": 10**9}
    save_student(student, tmp_path / "a.safetensors")
    with pytest.raises(
        StudentError, match=r"width must be a whole number .* \(while loading .*a.safetensors\)"
    ):
        load_student("realtime", tmp_path / "a.safetensors")
