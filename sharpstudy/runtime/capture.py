"""Reads a camera in a thread of its own, so that the newest frame is always at hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from sharpstudy.runtime.cameras import Camera, CameraError


@dataclass(frozen=True)
class Captured:
    """A frame and when it was captured, on the loop's clock; `number` counts the camera's frames from 1."""

    frame: np.ndarray
    time_s: float
    number: int


@dataclass
class Capture:
    """Holds the newest frame of a camera; those that nobody took in time are dropped and counted.

    Empty reads and errors are tried over, and every second the camera is opened anew. Once there was no frame
    for `patience_s`, be it that reads fail or that one never returns, `newest` raises a CameraError.
    """

    camera: Camera
    clock: Callable[[], float] = time.perf_counter
    patience_s: float = 5.0
    retry_s: float = 0.05
    reopen_s: float = 1.0
    dropped: int = field(default=0, init=False)
    empty: int = field(default=0, init=False)
    trouble: str = field(default="", init=False)  # what the camera said last, while it gives no frames

    def __post_init__(self) -> None:
        self._news = threading.Condition()
        self._newest: Captured | None = None
        self._ended = False
        self._good_s = self.clock()
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether the camera has come to its end and its last frame was taken."""
        with self._news:
            return self._ended and self._newest is None

    def newest(self, timeout_s: float) -> Captured | None:
        """The newest frame that was not taken yet, waiting up to `timeout_s` for one; None for a stall."""
        with self._news:
            self._news.wait_for(lambda: self._newest is not None or self._ended, timeout_s)
            captured, self._newest = self._newest, None
        if captured is None and not self._ended and self.clock() - self._good_s > self.patience_s:
            said = f" ({self.trouble})" if self.trouble else ""
            raise CameraError(f"{self.camera.name} gives no frames any more{said}; is it still plugged in?")
        return captured

    def close(self) -> None:
        """Nothing; the thread ends and the camera is closed, but not under a read that hangs."""
        self._ended = True
        self._thread.join(timeout=2)
        if not self._thread.is_alive():
            self.camera.close()

    def _run(self) -> None:
        number, tried_s = 0, self.clock()
        while not self._ended:
            frame = self._read()
            if _is_frame(frame):
                number += 1
                self._put(Captured(frame, self.clock(), number))
                tried_s = self._good_s
            elif self.camera.finished:
                break
            else:
                self.empty += 1
                time.sleep(self.retry_s)
                if self.clock() - tried_s > self.reopen_s:
                    self._reopen()
                    tried_s = self.clock()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def _read(self) -> np.ndarray | None:
        try:
            return self.camera.read()
        except Exception as error:  # drivers raise whatever they like
            self.trouble = str(error)
            return None

    def _reopen(self) -> None:
        try:
            self.camera.reopen()
        except Exception as error:
            self.trouble = str(error)

    def _put(self, captured: Captured) -> None:
        with self._news:
            self.dropped += self._newest is not None
            self._newest, self._good_s, self.trouble = captured, captured.time_s, ""
            self._news.notify_all()


def _is_frame(frame: np.ndarray | None) -> bool:
    whole = isinstance(frame, np.ndarray) and frame.dtype == np.uint8
    return whole and frame.ndim == 3 and frame.shape[2] == 3 and frame.size > 0
