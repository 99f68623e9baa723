"""The commands `sharpen` and `live`, with a stand-in for the model."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner, Result

import sharpstudy.runtime
from sharpstudy.cli.live import live
from sharpstudy.cli.using import sharpen
from sharpstudy.data.clips import read_clip, write_clip
from sharpstudy.data.frames import read_frame, write_frame
from tests.material import picture
from tests.picture_tools import moving


class FakeSharpener:
    """Inverts frames, by the share that `strength` says."""

    about = "a stand-in"

    def __init__(self, model, backend="auto", threads=None, strength=1.0, bypass="on") -> None:
        self.strength = strength

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        return np.rint(frame + self.strength * (255.0 - 2.0 * frame)).astype(np.uint8)

    def __enter__(self) -> FakeSharpener:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def call(monkeypatch, tmp_path):
    monkeypatch.setattr(sharpstudy.runtime, "Sharpener", FakeSharpener, raising=False)
    monkeypatch.setattr(sharpstudy.runtime, "SharpJudge", lambda: lambda frame: False, raising=False)
    monkeypatch.chdir(tmp_path)
    return lambda command, *words: CliRunner().invoke(command, [str(word) for word in words])


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_picture_gets_a_sharp_neighbour_and_a_line(call, tmp_path):
    write_frame(tmp_path / "photo.png", picture(1))
    result: Result = call(sharpen, "photo.png")
    assert result.exit_code == 0
    assert result.output.splitlines()[0] == "a stand-in"
    assert result.output.splitlines()[1].startswith("photo.sharp.png  160 x 120 in ")
    assert np.array_equal(read_frame(tmp_path / "photo.sharp.png"), 255 - picture(1))


def test_bad_files_are_named_and_the_rest_goes_on(call, tmp_path):
    write_frame(tmp_path / "a.png", picture(1))
    write_clip(tmp_path / "b.mp4", moving(5))
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    result = call(sharpen, ".", "missing.png")
    assert result.exit_code == 1
    assert "failed: bad.jpg" in result.output
    assert "failed: missing.png: there is no such file" in result.output
    assert "2 of 4 files sharpened." in result.output
    assert {"a.sharp.png", "b.sharp.mp4"} < set(names(tmp_path))
    again = call(sharpen, "a.png")
    assert again.exit_code == 1
    assert "--force writes over it" in again.output
    assert call(sharpen, "a.png", "--force").exit_code == 0


def test_strength_output_and_compare(call, tmp_path):
    write_frame(tmp_path / "a.png", picture(1))
    call(sharpen, "a.png", "--strength", 0, "-o", "same.png")
    assert np.array_equal(read_frame(tmp_path / "same.png"), picture(1))
    call(sharpen, "a.png", "--compare", "side", "--into", "out")
    assert read_frame(tmp_path / "out" / "a.compare.png").shape == (120, 322, 3)
    write_clip(tmp_path / "b.mp4", moving(5))
    result = call(sharpen, "b.mp4", "--compare", "split")
    assert "b.compare.mp4  5 frames in" in result.output
    assert len(list(read_clip(tmp_path / "b.compare.mp4"))) == 5
    assert call(sharpen, "a.png", "b.mp4", "-o", "c.png").exit_code == 2


def test_no_file_of_one_call_is_written_over_another(call, tmp_path):
    for number, place in enumerate(("in/a.png", "in/deep/a.png", "other/a.png"), 1):
        write_frame(tmp_path / place, picture(number))
    assert call(sharpen, "in", "--into", "out").exit_code == 0
    assert np.array_equal(read_frame(tmp_path / "out" / "a.sharp.png"), 255 - picture(1))
    assert np.array_equal(read_frame(tmp_path / "out" / "deep" / "a.sharp.png"), 255 - picture(2))
    result = call(sharpen, "in/a.png", "other/a.png", "--into", "flat", "--force")
    assert result.exit_code == 1
    assert "was just made of" in result.output
    assert np.array_equal(read_frame(tmp_path / "flat" / "a.sharp.png"), 255 - picture(1))
    assert call(sharpen, "in/a.png", "-o", "out", "--force").exit_code == 2


def test_live_measures_without_a_window(call, tmp_path):
    pytest.importorskip("cv2", reason="OpenCV comes with the extra live")
    write_clip(tmp_path / "a.mp4", moving(20))
    words = ("--headless", "--loop", "--seconds", 0.6, "--size", "128x96", "--report", "live.csv")
    result = call(live, "a.mp4", *words)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("a.mp4: a stand-in")
    assert "FPS shown" in result.output
    assert len((tmp_path / "live.csv").read_text().splitlines()) > 5
    assert call(live, "a.mp4", "--headless", "--size", "big").exit_code == 2
    assert call(live, "a.mp4", "--headless", "--slow-down", 0, 0, 1).exit_code == 2
