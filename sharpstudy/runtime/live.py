"""The live loop: a camera, a sharpener that is never late, and whoever looks at the result."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Protocol

import numpy as np

from sharpstudy.runtime.cameras import Camera
from sharpstudy.runtime.capture import Capture, Captured
from sharpstudy.runtime.deadline import DeadlineSharpener
from sharpstudy.runtime.levels import Restore
from sharpstudy.runtime.live_stats import LiveStats, row_of, rows_into


class Screen(Protocol):
    """A window: what runtime.window.Window has, or a stand-in."""

    view: object

    def show(self, raw: np.ndarray, restored: np.ndarray, lines: Callable[[], list[str]]) -> str: ...

    def poll(self) -> str: ...


class Output(Protocol):
    """A receiver of clean frames: a virtual camera, or a stand-in."""

    def send(self, frame: np.ndarray) -> None: ...


def run_live(
    camera: Camera,
    sharpener: DeadlineSharpener,
    *,
    screen: Screen | None = None,
    outputs: tuple[Output, ...] = (),
    seconds: float | None = None,
    report: Path | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> LiveStats:
    """The numbers of a live picture that ran until its camera, its user or `seconds` ended it.

    `report` names a CSV of live_stats.COLUMNS. Ctrl-C ends the picture as its user would.
    """
    with ExitStack() as stack:
        stack.callback(sharpener.close)
        capture = Capture(camera, clock)
        stack.callback(capture.close)
        write = stack.enter_context(rows_into(report))
        picture = _Picture(capture, sharpener, screen, outputs, write)
        with suppress(KeyboardInterrupt):
            picture.run(seconds)
    return picture.stats


class _Picture:
    """One run of the loop."""

    def __init__(
        self,
        capture: Capture,
        sharpener: DeadlineSharpener,
        screen: Screen | None,
        outputs: tuple[Output, ...],
        write: Callable[[list], object],
    ) -> None:
        self.stats = LiveStats(capture.camera.fps, sharpener.policy.settings.deadline_s)
        self._capture, self._sharpener, self._screen = capture, sharpener, screen
        self._outputs, self._write = outputs, write

    def run(self, seconds: float | None) -> None:
        capture, command = self._capture, "none"
        self._warm_up()
        start_s = capture.clock()
        while command != "quit" and not capture.ended:
            if seconds is not None and capture.clock() - start_s >= seconds:
                break
            captured = capture.newest(timeout_s=0.1)
            if captured is not None:
                command = self._frame(captured, start_s)
            elif self._screen is not None:  # a stall leaves the window alive
                command = self._obeyed(self._screen.poll())

    def _warm_up(self) -> None:
        """The first frame shows the network its size; what the camera gave meanwhile is not missed."""
        first = None
        while first is None and not self._capture.ended:
            first = self._capture.newest(timeout_s=0.1)
        if first is not None:
            self._sharpener.warm_up(first.frame)
            self._capture.newest(timeout_s=0)
            self._capture.dropped = 0

    def _frame(self, captured: Captured, start_s: float) -> str:
        """What the user asks for, after a frame went its way."""
        sharpener, screen, command = self._sharpener, self._screen, "none"
        live = sharpener(captured)
        for output in self._outputs:
            output.send(live.restored)
        if screen is not None:
            size = (live.raw.shape[1], live.raw.shape[0])
            doing = "sharp already" if live.outcome == "sharp" else live.level
            said = (size, sharpener.strength, sharpener.mode, doing)
            command = screen.show(live.raw, live.restored, lambda: self.stats.lines(*said))
            self._obeyed(command)
        shown_s, dropped = self._capture.clock(), self._capture.dropped
        self.stats.add(live, shown_s, dropped)
        self._write(row_of(live, captured.number, start_s, shown_s, dropped))
        return command

    def _obeyed(self, command: str) -> str:
        """The command; the sharpener is set as the user has set the window."""
        sharpener = self._sharpener
        sharpener.strength = self._screen.view.strength
        if command == "mode":
            sharpener.mode = "bypass" if sharpener.mode == "sharpen" else "sharpen"
        return command


def slowed(
    restore: Restore,
    factor: float,
    from_s: float,
    until_s: float,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> Restore:
    """The restorer, `factor` times as slow between two moments after its first call: to try the policy."""
    began_s: list[float] = []

    def slow(frame: np.ndarray) -> np.ndarray:
        start_s = clock()
        began_s or began_s.append(start_s)
        restored = restore(frame)
        if from_s <= start_s - began_s[0] < until_s:
            sleep((factor - 1) * (clock() - start_s))
        return restored

    return slow
