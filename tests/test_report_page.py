"""The report in a real browser: sliders move, no page scrolls sideways, nothing is asked of the network."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sharpstudy import plots, report
from sharpstudy.data.frames import write_frame
from sharpstudy.paths import RESULTS
from sharpstudy.report_pictures import svg_uri
from tests.chromium import Browser, start_browser
from tests.notebook_tools import notebook

RED, BLUE = (200, 30, 30), (30, 30, 200)
SIZES = {"desktop": (1440, 900, False), "tablet": (820, 1180, True), "phone": (390, 844, True)}
SETTLED = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))"


def draw_line():
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    axes.plot(np.linspace(0, 1, 50), np.sin(np.linspace(0, 9, 50)), "o-", label="PSNR gain")
    axes.fill_between([0, 1], [-0.51234567, 0], [0.1, 0.98765432], alpha=0.3)
    axes.set_xlabel("frames a second")
    axes.legend()
    return figure


def draw_frames():
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    frame = np.random.default_rng(1).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    plots.picture(axes, frame, "a frame")
    return figure


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    """A report with each kind of piece in it, made by the project's own template."""
    import nbformat

    folder = tmp_path_factory.mktemp("report")
    plots.save_figure(draw_line, folder / "line")
    plots.save_figure(draw_frames, folder / "frames", "pictures")
    for name, colour in (("before", RED), ("after", BLUE)):
        write_frame(folder / f"{name}.png", np.full((64, 128, 3), colour, np.uint8))
    wide = pd.DataFrame({f"a column of some width {number}": [f"{number} dB"] * 2 for number in range(24)})
    pieces = [
        report.show_slider(folder / "before.png", folder / "after.png", ("call", "reference"), "A frame"),
        report.show_table(wide, "A wide table"),
        report.show_figure(folder / "line", "A line", "A line"),
        report.show_figure(folder / "frames", "A frame", "A frame"),
    ]
    for name, shown in (("07-report", pieces), ("01-data-preparation", [])):
        book = nbformat.reads(notebook("value = '" + "long " * 60 + "'"), as_version=4)
        book.cells.insert(0, nbformat.v4.new_markdown_cell("# Title\n\n## Part\n\ntext"))
        book.cells[-1].outputs = [
            nbformat.v4.new_output("display_data", data={"text/html": piece.markup}) for piece in shown
        ]
        path = folder / "notebooks" / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        nbformat.write(book, path)
    return report.build_report(folder)


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Browser]:
    with start_browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(params=["small", pytest.param("of the last run", marks=pytest.mark.slow)])
def page(request, small) -> str:
    """The address of the test's own report, and of the last run's where the present template made it."""
    if request.param == "small":
        return small.as_uri()
    path = RESULTS / "report.html"
    if not path.exists():
        pytest.skip("no run has made results/report.html")
    ends = report.PAGE.read_text(encoding="utf-8").split("{{ highlight_css }}")[0].split("<style>")[1]
    if ends not in path.read_text(encoding="utf-8"):
        pytest.skip("results/report.html was made with another template")
    return path.as_uri()


def settle(browser: Browser) -> None:
    browser.evaluate(SETTLED)


def divider(browser: Browser) -> float:
    """Where the second picture of the first slider begins to be seen, in per cent of the width."""
    return browser.evaluate(
        "parseFloat(getComputedStyle(document.querySelector('.slider img + img')).clipPath.split(' ').pop())"
    )


def point(browser: Browser, share: float) -> dict[str, float]:
    """The place in the window at a share of the first slider's width, half way down."""
    box = browser.box(".slider")
    return {"x": box["x"] + share * box["width"], "y": box["y"] + box["height"] / 2}


def drag(browser: Browser, start: float, end: float) -> None:
    mouse = {"button": "left", "clickCount": 1, "buttons": 1}
    browser.ask("Input.dispatchMouseEvent", type="mousePressed", **mouse, **point(browser, start))
    for share in np.linspace(start, end, 6):
        browser.ask("Input.dispatchMouseEvent", type="mouseMoved", **mouse, **point(browser, share))
    browser.ask("Input.dispatchMouseEvent", type="mouseReleased", **mouse, **point(browser, end))


def swipe(browser: Browser, start: float, end: float) -> None:
    browser.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=[point(browser, start)])
    for share in np.linspace(start, end, 6):
        browser.ask("Input.dispatchTouchEvent", type="touchMove", touchPoints=[point(browser, share)])
    browser.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])


def red_share(browser: Browser) -> float:
    """How much of the slider's middle row shows the first picture of the small report."""
    box = browser.box(".slider")
    row = browser.screenshot()[int(box["y"] + box["height"] / 2)].astype(int)
    row = row[int(box["x"]) : int(box["x"] + box["width"])]
    return float((abs(row - RED).max(axis=1) < 12).mean())


def test_it_complains_of_nothing_and_asks_for_nothing(page, browser):
    browser.emulate(*SIZES["desktop"][:2])
    browser.errors.clear()
    browser.requests.clear()
    browser.open(page)
    browser.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    settle(browser)
    assert browser.errors == []
    asked = [one for one in browser.requests if not one.startswith(("data:", "about:"))]
    assert asked == [page]


def test_mouse_finger_and_keys_move_the_divider(page, browser):
    for name, move in (("desktop", drag), ("phone", swipe)):
        width, height, touch = SIZES[name]
        browser.emulate(width, height, touch=touch)
        browser.open(page)
        seen = [(divider(browser), browser.screenshot())]
        for start, end in ((0.5, 0.2), (0.2, 0.8)):
            move(browser, start, end)
            settle(browser)
            seen.append((divider(browser), browser.screenshot()))
        (first, _), (left, left_shot), (right, right_shot) = seen
        assert first == 50
        assert left == pytest.approx(20, abs=4)
        assert right == pytest.approx(80, abs=4)
        assert (left_shot != right_shot).any()
    browser.evaluate("document.querySelector('.slider input').focus()")
    browser.key("ArrowLeft")
    browser.key("ArrowLeft")
    assert divider(browser) == right - 2


def test_what_is_seen_is_what_the_divider_says(small, browser):
    browser.emulate(*SIZES["desktop"][:2])
    browser.open(small.as_uri())
    assert red_share(browser) == pytest.approx(0.5, abs=0.02)
    drag(browser, 0.5, 0.25)
    settle(browser)
    assert red_share(browser) == pytest.approx(divider(browser) / 100, abs=0.02)
    assert red_share(browser) < 0.3


@pytest.mark.parametrize("name", list(SIZES))
def test_no_page_scrolls_sideways(page, browser, name):
    width, height, touch = SIZES[name]
    browser.emulate(width, height, touch=touch)
    browser.open(page)
    browser.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    settle(browser)
    assert browser.evaluate("document.documentElement.scrollWidth") == width


def test_on_a_desktop_only_a_table_that_is_too_wide_scrolls(page, small, browser):
    browser.emulate(*SIZES["desktop"][:2])
    browser.open(page)
    cut = "[...document.querySelectorAll('.wide')].filter(one => one.scrollWidth > one.clientWidth)"
    labels = browser.evaluate(f"{cut}.map(one => one.getAttribute('aria-label'))")
    assert labels == (["A wide table"] if page == small.as_uri() else [])


def test_tables_have_headers_and_pictures_have_words(page, browser):
    browser.emulate(*SIZES["desktop"][:2])
    browser.open(page)
    bare = "[...document.querySelectorAll('table')].filter(one => !one.querySelector('th')).length"
    assert browser.evaluate(bare) == 0
    heads = "[...document.querySelectorAll('.wide thead th')].map(one => one.scope + one.textContent.length)"
    assert all(said.startswith("col") and said != "col0" for said in browser.evaluate(heads))
    rows = "[...document.querySelectorAll('.wide tbody tr')].map(one => one.firstElementChild.scope)"
    assert set(browser.evaluate(rows)) == {"row"}
    without = (
        "[...document.images].filter(one => !one.hasAttribute('alt') ||"
        " (!one.alt && !one.matches('.layers img + img'))).length"
    )
    assert browser.evaluate(without) == 0
    assert browser.evaluate("[...document.images].every(one => one.complete && one.naturalWidth > 0)")


def test_light_and_dark_differ_by_system_and_by_button(page, browser):
    brightness = {}
    for look in ("light", "dark"):
        browser.emulate(*SIZES["desktop"][:2], look=look)
        browser.open(page)
        brightness[look] = browser.screenshot().mean()
        shown = "getComputedStyle(document.querySelector('.for-light')).display"
        assert (browser.evaluate(shown) == "none") == (look == "dark")
    browser.click("button.look")
    settle(browser)
    assert brightness["light"] > brightness["dark"] + 60
    assert browser.screenshot().mean() == pytest.approx(brightness["light"], abs=3)


def test_a_shorter_drawing_looks_the_same(small, browser):
    drawing = (small.parent / "line.light.svg").read_text(encoding="utf-8")
    whole = "data:image/svg+xml;base64," + base64.b64encode(drawing.encode()).decode("ascii")
    shots = []
    browser.emulate(1000, 700, density=2)
    for number, address in enumerate((whole, svg_uri(drawing))):
        path = small.parent / f"drawing-{number}.html"
        path.write_text(f'<body style="margin:0"><img src="{address}" width="900">', encoding="utf-8")
        browser.open(path.as_uri())
        shots.append(browser.screenshot().astype(int))
    assert np.ptp(shots[0]) > 150
    assert abs(shots[0] - shots[1]).mean() < 0.1
    assert (abs(shots[0] - shots[1]).max(axis=2) > 40).mean() < 0.0005
    assert len(svg_uri(drawing)) < 0.6 * len(whole)
