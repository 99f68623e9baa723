"""Edit distance and character error rate by hand and by a second implementation; tesseract where it is."""

from __future__ import annotations

import subprocess
import textwrap

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from sharpstudy.metrics import (
    Unavailable,
    cer,
    character_error_rate,
    read_text,
    score_frame,
    tesseract_version,
)
from sharpstudy.metrics.readability import edit_distance

PROSE = (
    "a speaker shares slides with small letters and every reader notices blur before anything else because "
    "light and lens matter more than the network when the call is long and numbers suffer first"
)


@pytest.fixture
def tesseract() -> str:
    version = tesseract_version()
    if version is None:
        pytest.skip("tesseract is not installed")
    return version


def page(size: int) -> tuple[np.ndarray, str]:
    """A page of dark prose on white in letters of `size` pixels, and its text."""
    picture = Image.new("RGB", (640, 260), "white")
    font = ImageFont.load_default(size)
    pen = ImageDraw.Draw(picture)
    lines = textwrap.wrap(PROSE, 800 // size)[:7]
    for row, line in enumerate(lines):
        pen.text((12, 10 + round(1.6 * size * row)), line, font=font, fill=(20, 20, 20))
    return np.asarray(picture), " ".join(lines)


def blurred(frame: np.ndarray, sigma: float) -> np.ndarray:
    return np.rint(gaussian_filter(frame.astype(float), (sigma, sigma, 0))).astype(np.uint8)


def plain_distance(first: str, second: str) -> int:
    """Levenshtein's table, cell by cell."""
    table = [[row + column for column in range(len(second) + 1)] for row in range(len(first) + 1)]
    for row in range(1, len(first) + 1):
        for column in range(1, len(second) + 1):
            replace = table[row - 1][column - 1] + (first[row - 1] != second[column - 1])
            table[row][column] = min(replace, table[row - 1][column] + 1, table[row][column - 1] + 1)
    return table[-1][-1]


@pytest.mark.parametrize(
    ("first", "second", "edits"),
    [
        ("kitten", "sitting", 3),
        ("flaw", "lawn", 2),
        ("intention", "execution", 5),
        ("", "abc", 3),
        ("abc", "", 3),
        ("", "", 0),
        ("same", "same", 0),
        ("naïve – 日本", "naive - 日本", 2),
    ],
)
def test_edit_distance_of_known_pairs(first, second, edits):
    assert edit_distance(first, second) == edits


def test_edit_distance_is_the_plain_tables(rng):
    for _ in range(60):
        first, second = ("".join(rng.choice(list("abc "), rng.integers(0, 25))) for _ in range(2))
        assert edit_distance(first, second) == plain_distance(first, second)


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        ("four words of text", 0),
        ("  four\nwords  of\ttext\n\f", 0),
        ("four words of test", 1 / 18),
        ("Four words oftext", 2 / 18),
        ("", 1),
        ("four words of text" * 3, 2),
    ],
)
def test_character_error_rate_by_hand(reading, expected):
    assert character_error_rate("four words of text", reading) == pytest.approx(expected)


def test_an_empty_text_has_no_error_rate():
    with pytest.raises(ValueError, match="at least one character"):
        character_error_rate(" \n", "text")


def test_without_tesseract_the_answer_is_how_to_get_it(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    frame, text = page(16)
    score = score_frame(frame, frame, names=["cer"], text=text)["cer"]
    assert isinstance(score, Unavailable)
    assert "tesseract is not installed; install" in score.reason
    assert tesseract_version() is None


def test_a_failing_or_endless_tesseract_is_reported(monkeypatch):
    def fail(command, **settings):
        assert settings["env"]["OMP_THREAD_LIMIT"] == "1"
        assert command[3:5] == ["--psm", "6"]
        return subprocess.CompletedProcess(command, 1, b"", b"Error opening data file eng.traineddata\nmore")

    def hang(command, **settings):
        raise subprocess.TimeoutExpired(command, settings["timeout"])

    frame, text = page(16)
    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.setattr("subprocess.run", fail)
    assert cer(frame, text) == Unavailable("tesseract failed: Error opening data file eng.traineddata")
    monkeypatch.setattr("subprocess.run", hang)
    assert "seconds" in cer(frame, text).reason


def test_floats_are_refused():
    frame, text = page(16)
    with pytest.raises(ValueError, match="uint8"):
        cer(frame / 255, text)


def test_sharp_prose_is_read_and_blur_takes_the_small_letters_first(tesseract):
    assert tesseract.startswith("tesseract ")
    small, large = page(12), page(22)
    assert cer(*small) < 0.03
    assert cer(*large) < 0.03
    assert cer(blurred(small[0], 2), small[1]) > 0.3
    assert cer(blurred(large[0], 2), large[1]) < 0.15
    assert score_frame(small[0], small[0], names=["cer"], text=small[1])["cer"] == cer(*small)


def test_an_empty_page_is_read_as_nothing(tesseract):
    blank = np.full((100, 200, 3), 255, np.uint8)
    assert read_text(blank).strip() == ""
    assert cer(blank, "lost") == 1
