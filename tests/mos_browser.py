"""A small study, the server that shows it and a browser that looks at it, to test the rating page with."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from sharpstudy.data.frames import read_frame
from sharpstudy.mos.bundle import Bundle
from sharpstudy.mos.pages import read_study
from sharpstudy.mos.server import RatingServer
from tests.chromium import Browser, start_browser
from tests.mos_study import SMALL, build_small, serving

SIDE = 160
OF = 44  # questions in a session


@pytest.fixture(name="small", scope="module")
def small_fixture(tmp_path_factory) -> Bundle:
    return build_small(tmp_path_factory.mktemp("mos"), replace(SMALL, crop=SIDE))


@pytest.fixture(name="browser", scope="module")
def browser_fixture(tmp_path_factory) -> Iterator[Browser]:
    with start_browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(name="running")
def running_fixture(small, tmp_path) -> Iterator[RatingServer]:
    with serving(small, tmp_path / "votes.sqlite") as server:
        yield server


def address(server: RatingServer) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/"


def trials_of(small: Bundle, seat: str) -> tuple[list[dict], list[list[int]]]:
    (session,) = read_study(small.folder)["sessions"]
    return session["blocks"], session["seats"][seat]


def wait_for_trial(browser: Browser, position: int) -> None:
    count = f"document.querySelector('#count')?.textContent.split(' · ').at(-1) === '{position} of {OF}'"
    browser.wait_for(count)
    browser.wait_for("document.querySelector('.plates img')?.complete")
    time.sleep(0.06)  # the timer starts two frames after the pictures are on the page


def begin(browser: Browser, url: str) -> None:
    """A fresh rater at the first trial."""
    browser.open(url)
    browser.evaluate("localStorage.clear()")
    browser.open(url)
    for name in ("agree", "start", "go"):
        browser.wait_for(f"document.querySelector('#{name}')")
        browser.evaluate(f"document.querySelector('#{name}').click()")
    wait_for_trial(browser, 1)


def assert_exact(browser: Browser, small: Bundle, shown: list[int], shot: np.ndarray) -> int:
    """Each visible picture stands on the screen with every pixel as k x k device pixels; the answer is k."""
    boxes = browser.evaluate(
        "[...document.querySelectorAll('.plates img')].map((one) => {"
        "const box = one.getBoundingClientRect();"
        "return {left: box.left * devicePixelRatio, top: box.top * devicePixelRatio,"
        "width: box.width * devicePixelRatio, seen: getComputedStyle(one).visibility === 'visible'}; })"
    )
    names = read_study(small.folder)["assets"]
    ks = set()
    for box, number in zip(boxes, shown, strict=True):
        if not box["seen"]:
            continue
        frame = read_frame(small.folder / "assets" / f"{names[number]}.webp")
        k = round(box["width"] / SIDE)
        assert box["width"] == pytest.approx(k * SIDE, abs=0.1)
        large = frame.repeat(k, axis=0).repeat(k, axis=1)
        top, left = round(box["top"]), round(box["left"])
        part = shot[top : top + k * SIDE, left : left + k * SIDE]
        assert np.array_equal(part, large), f"{np.mean(part != large):.1%} of the values differ"
        ks.add(k)
    (k,) = ks
    return k
