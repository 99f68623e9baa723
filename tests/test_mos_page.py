"""The rating page in a real browser: whole sessions by keyboard and by touch, and what may go wrong."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from sharpstudy.mos.collect import collect, read_key
from sharpstudy.mos.pages import write_pages
from tests.chromium import Browser, start_browser
from tests.mos_browser import (  # noqa: F401 - by name
    OF,
    address,
    assert_exact,
    begin,
    browser_fixture,
    running_fixture,
    small_fixture,
    trials_of,
    wait_for_trial,
)


@pytest.fixture(scope="module")
def shots(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("screenshots")


@pytest.mark.slow
def test_a_whole_session_by_keyboard(small, running, browser, shots):
    blocks, rows = trials_of(small, "1")
    assert len(rows) == OF
    browser.emulate(1440, 900)
    browser.errors.clear()
    browser.requests.clear()
    browser.open(address(running))
    for name in ("agree", "start", "go"):
        browser.wait_for(f"document.querySelector('#{name}')")
        browser.screenshot(shots / f"desktop-{name}.png")
        browser.key("Enter")
    expected, block_before = {}, 0
    for position, (block, practice, *shown) in enumerate(rows, 1):
        if block != block_before:
            browser.wait_for("document.querySelector('#go')")
            browser.key("Enter")
            block_before = block
        wait_for_trial(browser, position)
        assert browser.evaluate("document.querySelector('#count').textContent").startswith(
            "Practice"
        ) == bool(practice)
        browser.key("Enter")  # nothing is chosen yet, so that this does nothing
        if position in (9, 40):
            shot = browser.screenshot(shots / f"desktop-{blocks[block]['arm']}.png")
            assert assert_exact(browser, small, shown, shot) == 1
        expected[f"s1-r1-t{position}"] = press_answer(browser, blocks[block], position)
        if position == 6:  # one back, a new answer, and on
            browser.key("Enter")
            wait_for_trial(browser, 7)
            browser.key("Backspace")
            wait_for_trial(browser, 6)
            assert browser.evaluate("document.querySelector('#back').disabled")
            chosen = "document.querySelector('[aria-checked=true]').dataset.score"
            assert int(browser.evaluate(chosen)) == expected["s1-r1-t6"]
            browser.key("7")
            expected["s1-r1-t6"] = 3
        browser.key("Enter")
    browser.wait_for("document.querySelector('#status')?.textContent.includes('have arrived')")
    browser.screenshot(shots / "desktop-end.png")
    (answers,) = running.store.answers()
    votes = {vote["trial"]: vote for vote in answers["votes"]}
    assert {trial: vote["score"] for trial, vote in votes.items()} == expected
    assert votes["s1-r1-t6"]["revision"] == 2
    assert votes["s1-r1-t6"]["flags"] == ["changed"]
    assert votes["s1-r1-t9"]["toggles"] == 2
    assert all(0 <= vote["first_ms"] <= vote["milliseconds"] for vote in votes.values())
    assert all((vote["k"], vote["density"]) == (1, 1) for vote in votes.values())
    assert answers["device"]["automated"] is True
    assert browser.errors == []
    assert all(url.startswith((address(running), "data:", "about:")) for url in browser.requests)


def press_answer(browser: Browser, block: dict, position: int) -> int:
    """Choose an answer by arrows or digits in turn; the score that it stands for."""
    if block["arm"] == "acr":
        browser.key(str(1 + position % 5))
        return 1 + position % 5
    if position == 9:
        browser.key(" ")
        browser.key(" ")
    if position % 3 == 0:
        browser.key(str(1 + position % 7))
        return position % 7 - 3
    for _ in range(5):  # further than the scale goes
        browser.key("ArrowLeft" if position % 3 == 1 else "ArrowRight")
    return -3 if position % 3 == 1 else 3


@pytest.mark.slow
def test_a_whole_session_by_touch_with_the_browser_closed_in_between(small, tmp_path, shots):
    blocks, rows = trials_of(small, "2")
    (page,) = write_pages(small.folder, tmp_path / "pages")
    url = page.as_uri() + "#seat=2"
    expected: dict[str, int] = {}

    def rate(browser: Browser, positions: range) -> None:
        for position in positions:
            block, _, *shown = rows[position - 1]
            if position > 1 and block != rows[position - 2][0]:
                browser.wait_for("document.querySelector('#go')")
                browser.tap("#go")
            wait_for_trial(browser, position)
            if position in (9, 40):
                shot = browser.screenshot(shots / f"phone-{blocks[block]['arm']}.png")
                assert assert_exact(browser, small, shown, shot) == 3
            if len(shown) == 2 and position % 4 == 0:
                flip_by_touch(browser)
            score = blocks[block]["low"] + position % len(blocks[block]["labels"])
            browser.tap(f"[data-score='{score}']")
            expected[f"s1-r2-t{position}"] = score
            browser.tap("#next")

    with start_browser(tmp_path / "profile") as browser:
        browser.emulate(390, 844, 3, "dark", touch=True)
        browser.open(url)
        for name in ("agree", "start", "go"):
            browser.wait_for(f"document.querySelector('#{name}')")
            browser.screenshot(shots / f"phone-{name}.png")
            browser.tap(f"#{name}")
        rate(browser, range(1, 21))
        wait_for_trial(browser, 21)
    with start_browser(tmp_path / "profile") as browser:
        browser.ask("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
        browser.emulate(390, 844, 3, "dark", touch=True)
        browser.open(url)
        browser.wait_for("document.querySelector('#resume')")
        assert "answered 20 of 44" in browser.evaluate("document.body.textContent")
        browser.screenshot(shots / "phone-resume.png")
        browser.tap("#resume")
        rate(browser, range(21, OF + 1))
        browser.wait_for("document.querySelector('#download')")
        assert "44 answers are kept" in browser.evaluate("document.querySelector('#status').textContent")
        browser.screenshot(shots / "phone-end.png")
        browser.tap("#download")
        saved = wait_for_file(tmp_path)
        assert all(one.startswith(("file:", "data:", "about:", "blob:")) for one in browser.requests)
        assert browser.errors == []
        browser.tap("#delete")
        browser.wait_for("document.querySelector('#really')")
        browser.tap("#really")
        browser.wait_for("document.querySelector('h1').textContent === 'Deleted'")
        kept = browser.evaluate("JSON.stringify(localStorage)")
        assert json.loads(saved.read_text(encoding="utf-8"))["rater"] not in kept
    collected = collect(read_key(small.key), [saved], "human")
    assert {row["trial"]: row["score"] for row in collected.rows} == expected
    assert {row["source"] for row in collected.rows} == {"simulated"}


def flip_by_touch(browser: Browser) -> None:
    """Tap the pictures, then Flip: the left one, the right one; then both again."""
    on = "document.querySelector('.names .on')?.textContent"
    browser.tap(".plates")
    browser.wait_for(f"{on} === 'Left'")
    browser.tap("#swap")
    browser.wait_for(f"{on} === 'Right'")
    browser.tap("#beside")
    browser.wait_for(f"{on} === undefined")


def wait_for_file(folder: Path) -> Path:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = list(folder.glob("answers-*.json"))
        if found:
            return found[0]
        time.sleep(0.05)
    raise TimeoutError("the answers were not downloaded")


def test_votes_wait_for_a_server_that_is_away(small, running, browser):
    browser.emulate(1440, 900)
    begin(browser, address(running))
    browser.ask(
        "Network.emulateNetworkConditions",
        offline=True,
        latency=0,
        downloadThroughput=-1,
        uploadThroughput=-1,
    )
    browser.key("1")
    browser.key("Enter")
    wait_for_trial(browser, 2)
    assert running.store.counts() == (1, 0)
    browser.ask(
        "Network.emulateNetworkConditions",
        offline=False,
        latency=0,
        downloadThroughput=-1,
        uploadThroughput=-1,
    )
    end = time.monotonic() + 15
    while running.store.counts() != (1, 1) and time.monotonic() < end:
        time.sleep(0.05)
    assert running.store.counts() == (1, 1)
    browser.errors.clear()


def test_a_rater_goes_on_where_the_server_knows_them_from(small, running, browser):
    browser.emulate(1440, 900)
    begin(browser, address(running))
    for position in (1, 2, 3):
        wait_for_trial(browser, position)
        browser.key("1")
        browser.key("Enter")
    wait_for_trial(browser, 4)
    end = time.monotonic() + 10
    while running.store.counts() != (1, 3) and time.monotonic() < end:
        time.sleep(0.02)
    (answers,) = running.store.answers()
    browser.evaluate("localStorage.clear()")
    browser.open(address(running) + "#rater=" + answers["rater"])
    for name in ("agree", "start", "go"):
        browser.wait_for(f"document.querySelector('#{name}')")
        browser.key("Enter")
        if name == "start":
            break
    wait_for_trial(browser, 4)


def test_lost_focus_and_a_changed_zoom_are_marked(small, running, browser):
    browser.emulate(1440, 900)
    begin(browser, address(running))
    browser.evaluate("dispatchEvent(new Event('blur'))")
    browser.key("1")
    browser.key("Enter")
    wait_for_trial(browser, 2)
    browser.emulate(1152, 720, 1.25)
    browser.wait_for("devicePixelRatio === 1.25")
    time.sleep(0.1)
    browser.key("1")
    browser.key("Enter")
    wait_for_trial(browser, 3)
    end = time.monotonic() + 10
    while running.store.counts() != (1, 2) and time.monotonic() < end:
        time.sleep(0.02)
    (answers,) = running.store.answers()
    assert [vote["flags"] for vote in answers["votes"]] == [["focus-lost"], ["zoomed"]]
    assert [vote["focus_losses"] for vote in answers["votes"]] == [1, 0]
