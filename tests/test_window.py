"""The preview: what keys and mouse do, and the real window on a virtual screen."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from sharpstudy.data.clips import write_clip
from sharpstudy.data.frames import read_frame, write_frame
from sharpstudy.runtime.cameras import CameraError
from sharpstudy.runtime.window import View, Window, after_key, display_size, with_lines
from tests.material import picture
from tests.picture_tools import moving

pytest.importorskip("cv2", reason="OpenCV comes with the extra live")


def test_keys_set_the_view_and_ask_for_things():
    view = View(strength=0.9)
    for key, strength in (("+", 1.0), ("+", 1.0), ("-", 0.9), ("_", 0.8), ("=", 0.9)):
        view, command = after_key(view, ord(key))
        assert (view.strength, command) == (strength, "none")
    for _ in range(20):
        view, _ = after_key(view, ord("-"))
    assert view.strength == 0.0
    commands = {key: after_key(view, ord(key))[1] for key in "qs x"}
    assert commands == {"q": "quit", "s": "snapshot", " ": "mode", "x": "none"}
    assert after_key(view, 27)[1] == "quit"
    assert after_key(view, -1) == (view, "none")
    assert after_key(view, ord("o"))[0].numbers == "hidden"


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((1920, 1080), (1280, 720)),
        ((1280, 720), (1280, 720)),
        ((640, 480), (640, 480)),
        ((256, 256), (480, 480)),
        ((1080, 1920), (405, 720)),
    ],
)
def test_frames_are_scaled_to_the_screen(size, shown):
    assert display_size(*size, (1280, 720)) == shown


def test_numbers_are_readable_on_any_picture():
    for value in (0, 255):
        frame = with_lines(np.full((120, 400, 3), value, np.uint8), ["30.0 FPS"])
        assert (frame.min(), frame.max()) == (0, 255)


def test_without_a_screen_there_is_a_sentence(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(CameraError, match="--headless"):
        Window()


def test_pyav_before_opencv_is_a_sentence_and_no_window_that_hangs(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setitem(sys.modules, "av", object())
    monkeypatch.delitem(sys.modules, "cv2")
    with pytest.raises(CameraError, match="before PyAV"):
        Window()


@pytest.fixture(scope="module")
def screen() -> Iterator[str]:
    """The name of a virtual X display of 1400 x 900."""
    if not (shutil.which("Xvfb") and shutil.which("xdotool")):
        pytest.skip("Xvfb and xdotool are not installed")
    reader, writer = os.pipe()
    words = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1400x900x24", "-nolisten", "tcp", "-noreset"]
    server = subprocess.Popen(words, pass_fds=[writer], stderr=subprocess.DEVNULL)
    os.close(writer)
    with os.fdopen(reader) as answer:
        number = answer.readline().strip()
    if not number:
        server.kill()
        pytest.skip("Xvfb does not start here")
    yield f":{number}"
    server.terminate()
    server.wait(timeout=10)


PROGRAM = """
import sys, time
import numpy as np
from pathlib import Path
from sharpstudy.data.frames import read_frame
from sharpstudy.runtime.window import Window

raw, restored = read_frame(sys.argv[1]), read_frame(sys.argv[2])
window = Window(Path(sys.argv[3]))
end = time.monotonic() + 60
command = "none"
while command != "quit" and time.monotonic() < end:
    command = window.show(raw, restored, lambda: ["30.0 FPS   p50 21 ms   p95 29 ms   dropped 0"])
    if command == "mode":
        print("mode", flush=True)
    time.sleep(0.02)
    line = f"{window.view.split:.3f} {window.view.strength:.1f} {window.view.numbers}"
    print(line, flush=True)
window.close()
print(command, flush=True)
"""


def xdo(display: str, *words: str) -> str:
    env = os.environ | {"DISPLAY": display}
    return subprocess.run(
        ["xdotool", *words], env=env, capture_output=True, text=True, timeout=20
    ).stdout.strip()


def root_window(display: str) -> np.ndarray:
    """What the whole virtual screen shows."""
    from PIL import ImageGrab

    return np.asarray(ImageGrab.grab(xdisplay=display).convert("RGB"))


class Program:
    """The program above on a virtual screen, and what it says."""

    def __init__(self, display: str, folder: Path) -> None:
        env = os.environ | {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "PYTHONPATH": os.getcwd()}
        words = [str(folder / name) for name in ("raw.png", "restored.png", "shots")]
        self._log = folder / "out.txt"
        with self._log.open("w") as out:
            self.process = subprocess.Popen([sys.executable, "-c", PROGRAM, *words], env=env, stdout=out)

    def lines(self) -> list[str]:
        return self._log.read_text().splitlines()

    def until(self, wanted: Callable[[list[str]], bool]) -> None:
        """Nothing, once what it says is what is wanted."""
        for _ in range(200):
            if wanted(self.lines()[-2:]):
                return
            time.sleep(0.1)
        pytest.fail(f"the window says {self.lines()[-3:]}")


def seen_on(display: str, wanted: Callable[[np.ndarray], bool], name: str) -> None:
    """Nothing, once the screen shows what is wanted; a folder in SHARPSTUDY_SCREENSHOTS gets the picture."""
    for turn in range(50):
        if turn % 10 == 9:  # without a window manager Qt may miss that its window is to be seen
            for word in ("windowunmap", "windowmap"):
                xdo(display, word, found_window(display))
        shown = root_window(display)
        if wanted(shown.astype(int)):
            if "SHARPSTUDY_SCREENSHOTS" in os.environ:
                write_frame(Path(os.environ["SHARPSTUDY_SCREENSHOTS"]) / f"{name}.png", shown)
            return
        time.sleep(0.2)
    pytest.fail(f"the screen never showed: {name}")


@pytest.mark.slow
def test_the_window_shows_before_and_after_and_obeys(screen, tmp_path):
    raw = picture(6, 640, 480)
    inverted = 255 - raw
    write_frame(tmp_path / "raw.png", raw)
    write_frame(tmp_path / "restored.png", inverted)
    program = Program(screen, tmp_path)
    try:
        window = found_window(screen)
        program.until(lambda lines: "0.500 1.0 shown" in lines)
        left, top = place_of(window, screen)

        def split_at(column: int, shown: np.ndarray) -> bool:
            inside = shown[top : top + 480, left : left + 640]
            before = np.abs(inside[60:, : column - 8] - raw[60:, : column - 8]).mean()
            return before < 2 and np.abs(inside[60:, column + 8 :] - inverted[60:, column + 8 :]).mean() < 2

        seen_on(screen, lambda shown: split_at(320, shown), "window")
        xdo(screen, "mousemove", str(left + 320), str(top + 300), "mousedown", "1")
        for x in (250, 160):
            xdo(screen, "mousemove", str(left + x), str(top + 300))
            program.until(lambda lines, x=x: f"{x / 640:.3f} 1.0 shown" in lines)
        xdo(screen, "mouseup", "1")
        for key, said in (
            ("minus", "0.250 0.9 shown"),
            ("minus", "0.250 0.8 shown"),
            ("o", "0.250 0.8 hidden"),
        ):
            xdo(screen, "key", "--window", window, key)
            program.until(lambda lines, said=said: said in lines)
        seen_on(screen, lambda shown: split_at(160, shown), "dragged")
        xdo(screen, "key", "--window", window, "s")
        program.until(lambda _: len(list((tmp_path / "shots").glob("snap*"))) == 2)
        xdo(screen, "key", "--window", window, "space")
        program.until(lambda _: "mode" in program.lines())
        xdo(screen, "key", "--window", window, "q")
        assert program.process.wait(timeout=20) == 0
    finally:
        program.process.kill()
    assert program.lines()[-1] == "quit"
    saved = [tmp_path / "shots" / f"snapshot-001.{word}.png" for word in ("raw", "sharp")]
    assert np.array_equal(read_frame(saved[0]), raw)
    assert np.array_equal(read_frame(saved[1]), inverted)  # clean: neither line nor numbers


@pytest.mark.slow
def test_a_clip_plays_in_the_window_of_the_command(screen, tmp_path):
    write_clip(tmp_path / "a.mp4", moving(30))
    words = ["live", str(tmp_path / "a.mp4"), "--loop", "--seconds", "1", "--backend", "onnxruntime"]
    result = subprocess.run(
        [sys.executable, "-m", "sharpstudy", *words],
        env=os.environ | {"DISPLAY": screen},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "FPS shown" in result.stdout


def found_window(display: str) -> str:
    for _ in range(100):
        found = xdo(display, "search", "--name", "sharpstudy live").split()
        if found:
            return found[-1]
        time.sleep(0.2)
    pytest.fail("the window did not appear")


def place_of(window: str, display: str) -> tuple[int, int]:
    """Where the window's upper left pixel is on the screen."""
    words = dict(
        line.split("=") for line in xdo(display, "getwindowgeometry", "--shell", window).splitlines()
    )
    assert (words["WIDTH"], words["HEIGHT"]) == ("640", "480")
    return int(words["X"]), int(words["Y"])
