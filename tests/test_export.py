"""Every format against the student in PyTorch, what files say of themselves, and what int8 costs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from click import ClickException
from click.testing import CliRunner

from sharpstudy.cli.runtime import export as export_command
from sharpstudy.cli.runtime import newest_weights, target_file
from sharpstudy.data.degrade import degrade, parse_degradation
from sharpstudy.data.frames import read_frame, write_frame
from sharpstudy.runtime import SharpenerError, export_student, self_check
from sharpstudy.students import build_student, save_student
from tests.runtime_tools import eager, soft_frames, trained


def card_of(path: Path) -> dict:
    return json.loads(onnx.load(path).metadata_props[0].value)


def test_the_int8_file_is_small_and_says_what_it_is(tmp_path: Path) -> None:
    made = export_student(trained(), tmp_path / "a" / "M.onnx", "int8", soft_frames(4, 64, 64))
    assert (made.precision, made.takes) == ("int8", "frame")
    assert made.bytes == made.path.stat().st_size < 100_000
    card = card_of(made.path)
    assert card["arguments"]["width"] == 32
    assert card["multiple"] == 4
    assert len(card["weights_sha256"]) == 64
    types = {tensor.name: tensor.data_type for tensor in onnx.load(made.path).graph.initializer}
    assert types["layer3_kernel"] == onnx.TensorProto.INT8
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["M.onnx"]


@pytest.mark.parametrize("form", ["onnx", "torch-export"])
def test_float_files_are_the_student(tmp_path: Path, form: str) -> None:
    path = tmp_path / ("M.onnx" if form == "onnx" else "M.pt2")
    made = export_student(trained(), path, form)
    check = self_check(made.path, trained(), soft_frames(2, 56, 72))
    assert made.precision == "float32"
    assert check.max_difference <= 1
    assert check.psnr_db > 60
    assert check.loss_db is None


def test_openvino_files_are_the_student(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    frames = soft_frames(5, 64, 64)
    whole = export_student(trained(), tmp_path / "f.xml", "openvino")
    small = export_student(trained(), tmp_path / "i.xml", "openvino", frames[1:])
    assert (whole.precision, small.precision) == ("float32", "int8")
    assert small.bytes < whole.bytes
    assert self_check(whole.path, trained(), frames[:1]).max_difference <= 1
    exact = eager(trained(), frames[0]).astype(float)
    lost = 255**2 / 10 ** (self_check(small.path, trained(), frames[:1]).psnr_db / 10)
    assert lost < 0.005 * np.mean((exact - frames[0]) ** 2)


@pytest.mark.parametrize("name", ["unet-attention", "srresnet-edge"])
def test_a_published_student_becomes_a_general_file(tmp_path: Path, name: str) -> None:
    student = build_student(name)
    made = export_student(student, tmp_path / "a.onnx", "onnx")
    assert made.takes == "nchw"
    assert card_of(made.path)["student"] == name
    assert self_check(made.path, student, soft_frames(1, 32, 48)).max_difference <= 1


@pytest.mark.slow
@pytest.mark.parametrize("form", ["int8", "openvino"])
def test_a_published_student_in_int8(tmp_path: Path, form: str) -> None:
    if form == "openvino":
        pytest.importorskip("nncf")
    student, frames = build_student("bsrgan-ultralight"), soft_frames(3, 64, 64)
    made = export_student(student, tmp_path / f"a{'.onnx' if form == 'int8' else '.xml'}", form, frames[1:])
    assert made.precision == "int8"
    assert made.bytes < 0.45 * sum(value.numel() * 4 for value in student.parameters())
    assert self_check(made.path, student, frames[:1]).psnr_db > 30


def test_the_check_counts_in_decibels(tmp_path: Path) -> None:
    made = export_student(trained(), tmp_path / "M.onnx", "int8", soft_frames(4, 64, 64))
    degraded, reference = soft_frames(2, 61, 50)
    check = self_check(made.path, trained(), [(reference, degraded)])
    exact = eager(trained(), degraded[:56, :48]).astype(float)
    error = np.mean((exact - reference[:56, :48]) ** 2)
    assert check.student_db == pytest.approx(10 * np.log10(255**2 / error), abs=1e-3)
    assert check.loss_db == check.student_db - check.file_db
    assert "against the references" in str(check)
    with pytest.raises(SharpenerError, match="at least one frame"):
        self_check(made.path, trained(), [])


@pytest.mark.parametrize(
    ("name", "form", "word"),
    [
        ("M.onnx", "int8", "int8 needs degraded frames"),
        ("M.pth", "onnx", r"must end in \.onnx"),
        ("M.onnx", "torchscript", "format: expected one of"),
    ],
)
def test_what_cannot_be_exported_is_refused(tmp_path: Path, name: str, form: str, word: str) -> None:
    with pytest.raises(SharpenerError, match=word):
        export_student(trained(), tmp_path / name, form)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_export_leaves_the_former_file(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "M.onnx").write_bytes(b"former")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(ValueError, match="disk full"):
        export_student(trained(), tmp_path / "M.onnx", "onnx")
    assert (tmp_path / "M.onnx").read_bytes() == b"former"


def test_int8_loses_next_to_nothing_on_real_frames(assets: Path, tmp_path: Path) -> None:
    settings = parse_degradation("bicubic-x2")
    photographs = [
        read_frame(assets / f"data/kodak24/{number:02}.png")[:256, :256] for number in range(1, 13)
    ]
    pairs = [(frame, degrade(frame, settings, seed)) for seed, frame in enumerate(photographs)]
    made = export_student(trained(), tmp_path / "M.onnx", "int8", [degraded for _, degraded in pairs[4:]])
    check = self_check(made.path, trained(), pairs[:4])
    assert abs(check.loss_db) <= 0.02
    assert check.psnr_db > 48


def test_the_command_writes_and_checks(tmp_path: Path) -> None:
    weights = tmp_path / "run" / "best.safetensors"
    save_student(trained(), weights)
    for number, frame in enumerate(soft_frames(12, 64, 64)):
        write_frame(tmp_path / "pictures" / f"{number}.png", frame)
    words = [
        str(weights),
        "--frames",
        str(tmp_path / "pictures"),
        "--as",
        "blur-1.0",
        "--into",
        str(tmp_path),
    ]
    answer = CliRunner().invoke(export_command, words, catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    assert (tmp_path / "run.int8.onnx").is_file()
    assert "int8" in answer.output
    assert "8 frames: at most" in answer.output
    assert "dB becomes" in answer.output


def test_a_recipe_is_its_newest_training_and_no_control(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("sharpstudy.paths.WORK", tmp_path)

    def trained_as(folder: str, recipe: str, control: str, age_s: int) -> None:
        run = tmp_path / "runs" / folder
        run.mkdir(parents=True)
        (run / "best.safetensors").write_bytes(b"weights")
        (run / "card.json").write_text(json.dumps({"recipe": recipe, "control": {"name": control}}))
        os.utime(run / "best.safetensors", (1_000_000 - age_s, 1_000_000 - age_s))

    trained_as("realtime-quick-random-teacher-0", "realtime", "random-teacher", 1)
    trained_as("realtime-deep-quick-none-0", "realtime-deep", "none", 1)
    with pytest.raises(ClickException, match="no training"):
        newest_weights("realtime")
    trained_as("realtime-quick-no-teacher-0", "realtime", "no-teacher", 2)
    assert newest_weights("realtime").parent.name == "realtime-quick-no-teacher-0"
    trained_as("realtime-quick-none-0", "realtime", "none", 4)
    trained_as("realtime-full-none-0", "realtime", "none", 3)
    assert newest_weights("realtime").parent.name == "realtime-full-none-0"


def test_an_export_lies_here_and_not_among_the_released() -> None:
    assert target_file(None, Path("weights/realtime.safetensors"), "onnx", ".onnx") == Path("realtime.onnx")
    assert target_file(Path("a"), Path("run/best.safetensors"), "int8", ".onnx") == Path("a/run.int8.onnx")
    assert target_file(Path("a/b.onnx"), Path("best.safetensors"), "int8", ".onnx") == Path("a/b.onnx")
