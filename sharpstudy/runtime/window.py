"""The preview: before and after with a line between them that the mouse drags, and numbers over it.

The numbers and the line are in the preview alone: what goes to the virtual camera or into a file is clean.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from sharpstudy.data.frames import write_frame
from sharpstudy.runtime.cameras import CameraError, require_opencv
from sharpstudy.runtime.compare import split_frame

TITLE = "sharpstudy live"
HELP = "mouse: before | after   + -: strength   space: bypass   s: snapshot   o: numbers   q: quit"

Command = Literal["none", "quit", "snapshot", "mode"]


@dataclass(frozen=True)
class View:
    """What the keys and the mouse of the preview have set."""

    split: float = 0.5  # where the line is, as a share of the width; left of it is raw
    strength: float = 1.0
    numbers: Literal["shown", "hidden"] = "shown"


def after_key(view: View, key: int) -> tuple[View, Command]:
    """The view after a key (its character code, -1 for none), and what else it asks for."""
    letter = chr(key & 0xFF) if key >= 0 else ""
    if letter in ("q", "\x1b"):
        return view, "quit"
    if letter == "s":
        return view, "snapshot"
    if letter == " ":
        return view, "mode"
    if letter == "o":
        return replace(view, numbers="hidden" if view.numbers == "shown" else "shown"), "none"
    step = {"+": 0.1, "=": 0.1, "-": -0.1, "_": -0.1}.get(letter, 0.0)
    return replace(view, strength=min(1.0, max(0.0, round(view.strength + step, 1)))), "none"


def display_size(width: int, height: int, largest: tuple[int, int], smallest: int = 480) -> tuple[int, int]:
    """The size at which a frame is shown: within `largest`, and small ones enlarged to `smallest` across."""
    scale = min(1.0, largest[0] / width, largest[1] / height)
    if max(width, height) < smallest:
        scale = smallest / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def with_lines(frame: np.ndarray, lines: list[str]) -> np.ndarray:
    """The frame with lines of text in its upper left corner; it is drawn into."""
    cv2 = require_opencv()
    for number, line in enumerate(lines):
        x, y = 12, 26 + 22 * number
        black = [(x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
        for place, level in (*((one, 0) for one in black), ((x, y), 255)):
            colour = (level, level, level)
            cv2.putText(frame, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
    return frame


class Window:
    """OpenCV's window for one live picture; it is there until `close`, or until its user closes it."""

    def __init__(
        self, snapshots: Path = Path(), strength: float = 1.0, largest: tuple[int, int] = (1280, 720)
    ) -> None:
        self.view = View(strength=strength)
        self.note = ""  # shown under the numbers: the last snapshot
        self._snapshots, self._largest = snapshots, largest
        self._shown_size = (1, 1)
        self._frames: tuple[np.ndarray, np.ndarray] | None = None  # raw and restored, as shown last
        self._cv2 = require_display()
        try:
            self._cv2.namedWindow(
                TITLE, self._cv2.WINDOW_NORMAL | self._cv2.WINDOW_KEEPRATIO | self._cv2.WINDOW_GUI_NORMAL
            )
        except self._cv2.error:
            raise CameraError(
                "this OpenCV cannot open windows (opencv-python-headless?): install opencv-python, "
                "or use --headless"
            ) from None
        self._cv2.setMouseCallback(TITLE, self._on_mouse)

    def show(self, raw: np.ndarray, restored: np.ndarray, lines: Callable[[], list[str]]) -> Command:
        """What the user asks for; the frames are on the screen."""
        cv2 = self._cv2
        size = display_size(raw.shape[1], raw.shape[0], self._largest)
        if size != self._shown_size:
            cv2.resizeWindow(TITLE, *size)
            self._shown_size = size
        frame = cv2.resize(split_frame(raw, restored, self.view.split), size, interpolation=cv2.INTER_LINEAR)
        if self.view.numbers == "shown":
            frame = with_lines(frame, [*lines(), *([self.note] if self.note else [])])
        cv2.imshow(TITLE, cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        self._frames = raw, restored
        return self.poll()

    def poll(self) -> Command:
        """What the user asks for; also keeps the window alive while no frames come."""
        key = self._cv2.waitKey(1)  # in which the mouse may change the view
        self.view, command = after_key(self.view, key)
        if self._cv2.getWindowProperty(TITLE, self._cv2.WND_PROP_VISIBLE) < 1:
            return "quit"
        if command == "snapshot" and self._frames is not None:
            self.note = self._snapshot(*self._frames)
        return command

    def close(self) -> None:
        """Nothing; the window is gone."""
        self._cv2.destroyAllWindows()

    def _on_mouse(self, event: int, x: int, _y: int, flags: int, _param: object) -> None:
        if event == self._cv2.EVENT_LBUTTONDOWN or flags & self._cv2.EVENT_FLAG_LBUTTON:
            self.view = replace(self.view, split=min(1.0, max(0.0, x / self._shown_size[0])))

    def _snapshot(self, raw: np.ndarray, restored: np.ndarray) -> str:
        """Two lossless files, before and after, under the first number that is free."""
        number = 1
        while (self._snapshots / f"snapshot-{number:03d}.raw.png").exists():
            number += 1
        stem = self._snapshots / f"snapshot-{number:03d}"
        try:
            write_frame(stem.with_name(f"{stem.name}.raw.png"), raw)
            write_frame(stem.with_name(f"{stem.name}.sharp.png"), restored)
        except ValueError as error:
            return f"no snapshot: {error}"
        return f"saved {stem.name}.raw.png and .sharp.png"


def require_display() -> object:
    """The module cv2; a CameraError where a window cannot be opened.

    Without a screen OpenCV's window system would end the whole program. On Linux the packages of OpenCV and
    PyAV bring a library of that window system each, and mixed they hang it: OpenCV's has to come first.
    """
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise CameraError("there is no screen to open a window on: use --headless")
    if sys.platform.startswith("linux") and "av" in sys.modules and "cv2" not in sys.modules:
        raise CameraError("a window needs `import cv2` before PyAV is imported, and PyAV is there already")
    # Qt complains of every font that OpenCV's package does not bring, though the window shows none of them.
    os.environ.setdefault("QT_LOGGING_RULES", "default.warning=false")
    return require_opencv()
