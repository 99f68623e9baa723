"""Frames to files, to tensors and back, and whole files or none."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from sharpstudy.data.frames import (
    FrameError,
    find_frames,
    read_frame,
    read_frames,
    to_frame,
    to_tensor,
    write_bytes,
    write_frame,
)
from tests.picture_tools import gradient

LOSSLESS = (".png", ".tif", ".tiff", ".bmp")


@pytest.fixture
def frame(rng: np.random.Generator) -> np.ndarray:
    return gradient(rng)


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_lossless_formats_give_the_same_numbers_back(frame, tmp_path, suffix):
    path = tmp_path / f"frame{suffix}"
    write_frame(path, frame)
    assert np.array_equal(read_frame(path), frame)
    if suffix in (".tif", ".tiff"):
        assert np.array_equal(tifffile.imread(path), frame)


def test_lossy_formats_stay_close_and_say_what_they_are(frame, tmp_path):
    for suffix, quality, format_name, limit in ((".jpg", 95, "JPEG", 4), (".webp", 95, "WEBP", 12)):
        path = tmp_path / f"frame{suffix}"
        write_frame(path, frame, quality=quality)
        with Image.open(path) as picture:
            assert picture.format == format_name
        assert np.abs(read_frame(path).astype(int) - frame).mean() < limit
    write_frame(tmp_path / "frame.webp", frame, quality=100)
    assert np.array_equal(read_frame(tmp_path / "frame.webp"), frame)


def test_jpeg_keeps_full_chroma_from_quality_90_on(frame, tmp_path):
    for quality, sampling in ((90, (1, 1)), (89, (2, 2))):
        write_frame(tmp_path / "a.jpg", frame, quality=quality)
        with Image.open(tmp_path / "a.jpg") as picture:
            assert picture.layer[0][1:3] == sampling


def test_frames_that_are_read_can_be_written_to(frame, tmp_path):
    for suffix in (".png", ".jpg"):
        write_frame(tmp_path / f"a{suffix}", frame)
        got = read_frame(tmp_path / f"a{suffix}")
        assert got.flags.writeable
        assert got.flags.c_contiguous
        assert got.dtype == np.uint8


def test_errors_survive_pickling():
    error = pickle.loads(pickle.dumps(FrameError("a.png", "the file is empty")))
    assert (str(error), error.path, error.reason) == (
        "a.png: the file is empty",
        Path("a.png"),
        "the file is empty",
    )


def test_a_batch_goes_on_and_lists_what_it_skipped(frame, tmp_path):
    write_frame(tmp_path / "a.png", frame)
    write_frame(tmp_path / "c.png", frame)
    (tmp_path / "b.png").write_text("no")
    told: list[FrameError] = []
    batch = read_frames([tmp_path / "a.png", tmp_path / "b.png", tmp_path / "c.png"], told.append)
    assert [path.name for path, _ in batch] == ["a.png", "c.png"]
    assert [error.path.name for error in batch.skipped] == ["b.png"]
    assert told == batch.skipped
    assert len(list(batch)) == 2
    assert len(batch.skipped) == 1


def test_find_frames_goes_by_suffix_and_order(frame, tmp_path):
    for name in ("b/2.PNG", "b/1.jpg", "a.bmp", ".hidden/x.png", ".y.png", "notes.txt", "b/c/3.tiff"):
        write_bytes(tmp_path / name, b"x")
    (tmp_path / "folder.png").mkdir()
    names = [path.relative_to(tmp_path).as_posix() for path in find_frames(tmp_path)]
    assert names == ["a.bmp", "b/1.jpg", "b/2.PNG", "b/c/3.tiff"]
    with pytest.raises(FrameError, match="no such folder"):
        find_frames(tmp_path / "none")


def test_tensors_and_back_for_every_value():
    frame = np.arange(256 * 3, dtype=np.uint32).astype(np.uint8).reshape(16, 16, 3)
    tensor = to_tensor(frame)
    assert (tensor.dtype, tuple(tensor.shape)) == (torch.float32, (3, 16, 16))
    assert tensor[0, 0, 1].item() == pytest.approx(3 / 255)
    assert np.array_equal(to_frame(tensor), frame)
    assert np.array_equal(to_frame(tensor.double()), frame)
    assert np.array_equal(to_frame(tensor.half()), frame)
    assert np.array_equal(to_frame(tensor.requires_grad_()), frame)


def test_to_frame_rounds_and_clips():
    values = torch.tensor([-0.5, 0.49 / 255, 0.51 / 255, 254.49 / 255, 254.51 / 255, 7.0])
    assert to_frame(values.expand(3, 1, 6))[0, :, 0].tolist() == [0, 0, 1, 254, 255, 255]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_to_frame_refuses_what_is_not_a_number(value):
    with pytest.raises(ValueError, match="NaN or infinite"):
        to_frame(torch.full((3, 2, 2), value))


def test_to_frame_refuses_other_shapes():
    for tensor in (torch.zeros(1, 3, 4, 4), torch.zeros(4, 4, 3), torch.zeros(3, 4, 4, dtype=torch.uint8)):
        with pytest.raises(ValueError, match="expected a float"):
            to_frame(tensor)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        [[1, 2, 3]],
    ],
)
def test_only_frames_are_written(tmp_path, wrong):
    with pytest.raises(ValueError, match="a frame must be"):
        write_frame(tmp_path / "a.png", wrong)
    with pytest.raises(ValueError, match="a frame must be"):
        write_frame(tmp_path / "a.jpg", np.zeros((4, 4, 3), np.uint16))
    assert list(tmp_path.iterdir()) == []


def test_writing_says_what_is_wrong(frame, tmp_path):
    with pytest.raises(FrameError, match=r"the suffix must be one of \.png, "):
        write_frame(tmp_path / "a.gif", frame)
    with pytest.raises(ValueError, match="quality must be 1 to 100, came 0"):
        write_frame(tmp_path / "a.jpg", frame, quality=0)
    (tmp_path / "file").touch()
    with pytest.raises(FrameError, match="it cannot be written"):
        write_frame(tmp_path / "file" / "a.png", frame)
    with pytest.raises(FrameError, match="it cannot be written"):
        write_frame(tmp_path / "a.webp", np.zeros((1, 20_000, 3), np.uint8))  # WebP ends at 16,383


def test_a_failed_write_leaves_the_old_file_and_no_litter(frame, tmp_path, monkeypatch):
    write_frame(tmp_path / "a.png", frame)
    before = (tmp_path / "a.png").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(FrameError, match="No space left on device"):
        write_frame(tmp_path / "a.png", 255 - frame)
    assert (tmp_path / "a.png").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_killed_writer_leaves_a_whole_file(tmp_path):
    """A process that rewrites one file without end is killed; what is left must be one of its frames."""
    path = tmp_path / "a.png"
    code = (
        "import sys, numpy as np; from sharpstudy.data.frames import write_frame\n"
        "frames = [np.full((400, 400, 3), value, np.uint8) for value in (10, 200)]\n"
        "write_frame(sys.argv[1], frames[0]); print('ready', flush=True)\n"
        "while True:\n    for frame in frames: write_frame(sys.argv[1], frame)"
    )
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as writer:
            writer.stdout.readline()
            writer.kill()
        got = read_frame(path)
        assert got.shape == (400, 400, 3)
        assert np.unique(got).tolist() in ([10], [200])


def test_reading_frames_imports_nothing_heavy():
    heavy = "('torch', 'av', 'tifffile')"
    code = f"import sys, sharpstudy.data.frames; sys.exit(sum(name in sys.modules for name in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
