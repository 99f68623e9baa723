"""Rendered screens: the same bytes for the same seed, every size, real text, enough detail, and variety."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from sharpstudy.data.screens import SCREEN_KINDS, kind_category, render_page, render_screen
from sharpstudy.data.screens.canvas import Canvas
from sharpstudy.data.screens.snippets import LANGUAGES, tokens, write_program
from sharpstudy.data.screens.style import fit, load_font, luma, make_theme, noise, wrap, wrap_some

ROOT = Path(__file__).resolve().parents[1]


def grey(frame: np.ndarray) -> np.ndarray:
    return frame.astype(np.float32) @ np.float32([0.299, 0.587, 0.114])


def edge_share(frame: np.ndarray) -> float:
    """The share of pixels that differ by more than a tenth of the range from a neighbour."""
    plane = grey(frame)
    steep = (np.abs(np.diff(plane, axis=0))[:, :-1] > 25) | (np.abs(np.diff(plane, axis=1))[:-1] > 25)
    return float(steep.mean())


def fingerprint(frame: np.ndarray) -> np.ndarray:
    """A perceptual hash of 256 bits: which of 16x17 areas is lighter than the one on its left."""
    small = np.asarray(Image.fromarray(frame).convert("L").resize((17, 16), Image.Resampling.BOX), np.int16)
    return (small[:, 1:] > small[:, :-1]).ravel()


def digest(size: tuple[int, int]) -> str:
    """One hash over a screen of every kind and one page."""
    total = hashlib.sha256()
    for kind in SCREEN_KINDS:
        total.update(render_screen(kind, 3, *size).tobytes())
    total.update(render_page(3, *size, 8, "light", "prose").frame.tobytes())
    return total.hexdigest()


def test_there_are_kinds_of_both_categories() -> None:
    categories = [kind_category(kind) for kind in SCREEN_KINDS]
    assert len(set(SCREEN_KINDS)) == len(SCREEN_KINDS) >= 8
    assert categories.count("text") >= 4
    assert categories.count("graphics") >= 4
    assert kind_category("document") == kind_category("chat") == "text"
    assert kind_category("map") == kind_category("flight-game") == "graphics"


def test_same_seed_gives_same_bytes_in_another_process_with_other_hashing() -> None:
    script = "import test_screens; print(test_screens.digest((200, 140)))"
    setting = {
        **os.environ,
        "PYTHONHASHSEED": "77",
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests"))),
    }
    command = [sys.executable, "-c", script]
    other = subprocess.run(command, env=setting, cwd=ROOT, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == digest((200, 140))


def test_rendering_leaves_global_randomness_alone() -> None:
    import random

    random.seed(5)
    state, legacy = random.getstate(), np.random.get_state()[1].copy()
    render_screen("map", 1, 200, 140)
    assert random.getstate() == state
    assert np.array_equal(np.random.get_state()[1], legacy)


@pytest.mark.parametrize("kind", SCREEN_KINDS)
def test_every_kind_at_several_sizes(kind: str) -> None:
    for width, height in ((64, 64), (160, 120), (481, 321), (333, 777), (1000, 211), (1280, 720)):
        frame = render_screen(kind, 11, width, height)
        assert frame.shape == (height, width, 3)
        assert frame.dtype == np.uint8
        assert frame.flags.writeable
        assert np.ptp(grey(frame)) > 60


def test_a_screen_of_2160_lines() -> None:
    assert render_screen("code", 2, 3840, 2160).shape == (2160, 3840, 3)


@pytest.mark.parametrize("kind", SCREEN_KINDS)
def test_seeds_give_different_layouts_with_detail(kind: str) -> None:
    frames = [render_screen(kind, seed, 480, 270) for seed in range(20)]
    prints = [fingerprint(frame) for frame in frames]
    distances = [int((a != b).sum()) for a, b in itertools.combinations(prints, 2)]
    # Pictures differ in about half of the bits wherever either has structure and in none on flat ground, of
    # which slides have most; screens that differ by their pointer alone were seen to differ in up to 8.
    assert min(distances) > 10
    # One line of 40 characters has edges at about 1 % of the pixels of so small a screen.
    assert min(edge_share(frame) for frame in frames) > 0.01


@pytest.mark.parametrize("kind", ["document", "code", "chat", "dashboard", "map"])
def test_light_and_dark_screens_both_occur(kind: str) -> None:
    brightness = [float(np.median(grey(render_screen(kind, seed, 320, 180)))) for seed in range(20)]
    assert sum(value < 100 for value in brightness) >= 3
    assert sum(value > 155 for value in brightness) >= 3


def ink_rows(frame: np.ndarray) -> list[tuple[int, int]]:
    """The bands of rows in which something stands out from the page, as (first, last)."""
    marked = (np.abs(grey(frame) - grey(frame)[0, 0]) > 60).any(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], marked, [False])).astype(int)))
    return [(int(a), int(b) - 1) for a, b in edges.reshape(-1, 2)]


@pytest.mark.parametrize("size", [12, 16, 22])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("content", ["prose", "codes"])
def test_page_shows_each_of_its_lines(size: int, theme: str, content: str) -> None:
    page = render_page(4, 640, 360, size, theme, content)
    bands = ink_rows(page.frame)
    assert len(bands) == len(page.lines) >= 8
    assert all(0.6 * size < last - first + 1 < 1.4 * size for first, last in bands)
    plane = grey(page.frame)
    assert (plane[0, 0] > 200) == (theme == "light")
    assert np.percentile(np.abs(plane - plane[0, 0]), 99.5) > 140


def match(band: np.ndarray, line: str, size: int, face: str) -> float:
    """How well a band of a page agrees with a line drawn by Pillow alone: their correlation."""
    import matplotlib

    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{face}.ttf"
    font = ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)
    mask = Image.new("L", (band.shape[1], 3 * size))
    ImageDraw.Draw(mask).text((round(1.5 * size), 0), line, 255, font)
    drawn = np.asarray(mask, np.float32)
    # Columns suffice to tell lines apart, and do not depend on where the baseline is.
    return float(np.corrcoef(drawn.sum(axis=0), np.abs(band - band[0, 0]).sum(axis=0))[0, 1])


def test_page_lines_are_the_text_on_the_page_in_order() -> None:
    page = render_page(9, 640, 300, 16, "dark", "codes")
    plane = grey(page.frame)
    faces = ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono")
    bands = [plane[first - 2 : last + 3] for first, last in ink_rows(page.frame)]
    scores = {
        face: [[match(band, line, 16, face) for line in page.lines] for band in bands] for face in faces
    }
    best = max(scores.values(), key=lambda table: float(np.trace(np.array(table))))
    assert np.array_equal(np.argmax(best, axis=1), np.arange(len(page.lines)))
    assert np.diag(np.array(best)).min() > 0.95


def distance(first: str, second: str) -> int:
    """The edit distance of two texts."""
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        above, row = row, [i]
        for j, b in enumerate(second, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (a != b)))
    return row[-1]


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_reading_machine_finds_the_prose_of_a_page(theme: str, tmp_path: Path) -> None:
    page = render_page(1, 640, 300, 16, theme, "prose")
    Image.fromarray(page.frame).save(tmp_path / "page.png")
    command = ["tesseract", str(tmp_path / "page.png"), "-", "--psm", "6"]
    setting = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    read = subprocess.run(command, env=setting, capture_output=True, text=True, check=True).stdout
    text = "\n".join(page.lines)
    found = "\n".join(line for line in read.splitlines() if line.strip())
    assert distance(text, found) < 0.02 * len(text)


def test_bad_requests_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"kind: expected one of document, .* got 'poster'"):
        render_screen("poster", 1)
    with pytest.raises(ValueError, match=r"size: expected 64 to 8192 .* got 32x600"):
        render_screen("map", 1, 32, 600)
    with pytest.raises(ValueError, match=r"theme: expected one of light, dark, got 'sepia'"):
        render_page(1, 640, 360, 16, "sepia", "prose")
    with pytest.raises(ValueError, match=r"content: expected one of prose, codes, got 'verse'"):
        render_page(1, 640, 360, 16, "light", "verse")
    with pytest.raises(ValueError, match=r"size_px: expected 7 to 45 here, got 60"):
        render_page(1, 640, 360, 60, "light", "prose")


def test_text_is_fitted_and_wrapped_without_loss() -> None:
    font, text = (
        load_font("sans", 14),
        "One clear sentence of words. Another sentence that follows it. A third one.",
    )
    assert fit(text, font, 2000) == text
    assert font.getlength(fit(text, font, 120)) <= 120
    assert fit(text, font, 120).endswith("…")
    assert fit(text, font, 3) == ""
    lines = wrap(text, font, 130)
    assert " ".join(lines) == text
    assert max(font.getlength(line) for line in lines) <= 130
    assert (
        " ".join(wrap_some(text, font, 230, 2))
        == "One clear sentence of words. Another sentence that follows it."
    )
    assert len(wrap_some("one very long line of words without an end", font, 60, 2)) == 2


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_theme_colours_can_be_read_on_their_pages(mode: str) -> None:
    for seed in range(50):
        theme = make_theme(Random(seed), mode)
        for ground, ink in itertools.product(
            (theme.page, theme.panel, theme.raised), (theme.ink, theme.faint)
        ):
            assert abs(luma(ground) - luma(ink)) > 70
        assert all(abs(luma(theme.page) - luma(colour)) > 70 for colour in theme.series)


def test_smooth_shapes_keep_the_rest_and_parts_clip() -> None:
    start = np.random.default_rng(1).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    canvas = Canvas(Image.fromarray(start.copy()), 12, make_theme(Random(1), "light"), Random(1))
    with canvas.smooth() as pen:
        pen.disc(20, 20, 8, (255, 0, 0))
    drawn = np.asarray(canvas.image)
    down, across = np.mgrid[0:40, 0:50] + 0.5
    away = np.hypot(down - 20, across - 20)
    assert np.array_equal(drawn[away > 9.5], start[away > 9.5])
    assert (drawn[away < 6.5] == (255, 0, 0)).all()
    with canvas.part((30, 10, 40, 20)) as part:
        part.fill((-100, -100, 100, 100), (0, 0, 255))
    inside = np.zeros((40, 50), bool)
    inside[10:20, 30:40] = True
    after = np.asarray(canvas.image)
    assert (after[inside] == (0, 0, 255)).all()
    assert np.array_equal(after[~inside], drawn[~inside])


def test_noise_is_seeded_within_range_and_as_coarse_as_asked() -> None:
    first = noise(Random(3), 200, 120, 40, 4)
    assert first.shape == (120, 200)
    assert np.array_equal(first, noise(Random(3), 200, 120, 40, 4))
    assert -0.2 < first.min() < first.max() < 1.2
    assert 0.3 < first.mean() < 0.7
    fine = noise(Random(3), 200, 120, 5, 1)
    coarse = noise(Random(3), 200, 120, 40, 1)
    # A step of one pixel is 1/40 of a coarse cell and 1/5 of a fine one: the slopes differ about eightfold.
    assert 4 < np.abs(np.diff(fine)).mean() / np.abs(np.diff(coarse)).mean() < 16


def test_coloured_pieces_of_code_make_up_the_line() -> None:
    for language in LANGUAGES:
        for line in write_program(Random(7), language, 120):
            assert "".join(text for _, text in tokens(line)) == line
    kinds = dict((text, kind) for kind, text in tokens('    return total(3.5)  # the sum "of" 7'))
    assert kinds["return"] == "keyword"
    assert kinds["total"] == "call"
    assert kinds["3.5"] == "number"
    assert kinds['# the sum "of" 7'] == "comment"
