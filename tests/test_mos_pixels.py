"""The rating page in a real browser: every pixel in its place on any screen, and names for everyone."""

from __future__ import annotations

import pytest

from tests.chromium import start_browser
from tests.mos_browser import (  # noqa: F401 - by name
    address,
    assert_exact,
    begin,
    browser_fixture,
    running_fixture,
    small_fixture,
    trials_of,
)


@pytest.mark.parametrize(
    ("width", "height", "density", "k", "beside"),
    [
        (1440, 900, 1, 1, True),
        (1280, 720, 1.25, 1, True),
        (1536, 864, 1.5, 2, True),
        (390, 844, 3, 3, True),
        (360, 740, 3, 3, True),
        (412, 915, 2.625, 3, True),
        (320, 568, 2, 1, True),
        (300, 600, 1, 1, False),
    ],
)
def test_a_picture_pixel_is_a_whole_number_of_device_pixels(
    small, running, browser, width, height, density, k, beside
):
    _, rows = trials_of(small, "1")
    browser.emulate(width, height, density, touch=width < 500)
    begin(browser, address(running))
    shown = rows[0][2:]
    assert assert_exact(browser, small, shown, browser.screenshot()) == k
    assert browser.evaluate("document.querySelector('#beside').hidden")
    away = browser.evaluate("document.querySelectorAll('.plates img.away').length")
    assert away == (0 if beside else 1)
    browser.key(" ")
    assert assert_exact(browser, small, shown, browser.screenshot()) == k
    if not beside:
        assert browser.evaluate(
            "[...document.querySelectorAll('.names .on')].map((one) => one.textContent)"
        ) == ["Right"]


@pytest.mark.parametrize("density", [1.5, 3])
def test_pixels_are_whole_on_a_dense_screen_without_emulation(small, running, tmp_path, density):
    _, rows = trials_of(small, "1")
    flags = (f"--force-device-scale-factor={density}", "--window-size=1300,900")
    with start_browser(tmp_path / "profile", *flags) as browser:
        begin(browser, address(running))
        assert browser.evaluate("devicePixelRatio") == density
        assert assert_exact(browser, small, rows[0][2:], browser.screenshot()) == round(density)


def test_everything_on_the_page_has_a_name_and_large_targets(small, running, browser):
    browser.emulate(390, 844, 3, touch=True)
    begin(browser, address(running))
    tree = browser.ask("Accessibility.getFullAXTree")["nodes"]
    for node in tree:
        if node["role"]["value"] in ("button", "radio", "image", "radiogroup") and not node["ignored"]:
            assert node["name"]["value"], node
    roles = [node["role"]["value"] for node in tree]
    assert roles.count("radio") == 7
    assert roles.count("image") == 2
    sizes = browser.evaluate(
        "[...document.querySelectorAll('button')].filter((one) => !one.hidden)"
        ".map((one) => Math.min(one.offsetHeight, one.offsetWidth))"
    )
    assert min(sizes) >= 44
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert browser.evaluate("document.documentElement.scrollHeight <= innerHeight")
