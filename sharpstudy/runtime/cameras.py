"""Where live frames come from: a webcam, or a clip that stands in for one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from sharpstudy.data.clips import read_clip
from sharpstudy.data.frames import FrameError

MOST_REPLAYED_BYTES = 512 * 2**20
"""A clip that is looped plays from memory after its first round if its frames fit into this."""


class CameraError(ValueError):
    """A camera that cannot be opened or has gone: one sentence that says which and what to do."""


class Camera(Protocol):
    """What the live loop needs of a camera; OpenCV's VideoCapture is hidden behind it."""

    name: str
    fps: float
    size: tuple[int, int]  # width and height of its frames at the start
    finished: bool  # a clip that has come to its end; a webcam never has

    def read(self) -> np.ndarray | None:
        """The next frame (uint8 HxWx3 RGB), waiting for it; None where there was none."""

    def reopen(self) -> None:
        """Nothing; after a while without frames it is tried anew."""

    def close(self) -> None:
        """Nothing; the camera is free for others."""


@dataclass(frozen=True)
class CameraSettings:
    """What is asked of a camera; a webcam may answer with another size or rate."""

    width: int | None = None
    height: int | None = None
    fps: float = 30.0
    at_end: Literal["stop", "loop"] = "stop"  # of a clip that stands in for a camera

    def __post_init__(self) -> None:
        if not (math.isfinite(self.fps) and 1 <= self.fps <= 240):
            raise ValueError(f"fps must be 1 to 240, came {self.fps}")
        if (self.width is None) != (self.height is None):
            raise ValueError(f"width and height go together, came {self.width} and {self.height}")
        for side in (self.width, self.height):
            if side is not None and not 16 <= side <= 7680:
                raise ValueError(f"width and height must be 16 to 7680, came {self.width} x {self.height}")


def open_camera(source: str | int | Path, settings: CameraSettings | None = None) -> Camera:
    """The camera with this number (0 is the first), or the clip at this path played as one."""
    settings = settings or CameraSettings()
    if str(source).isdigit() and not Path(str(source)).is_file():
        return DeviceCamera(int(str(source)), settings)
    return ClipCamera(Path(source), settings)


class DeviceCamera:
    """A webcam through OpenCV."""

    finished = False

    def __init__(self, number: int, settings: CameraSettings) -> None:
        self.name, self.fps = f"camera {number}", settings.fps
        self._number, self._settings = number, settings
        self._capture = self._open()
        if self._capture is None:
            raise CameraError(
                f"camera {number} cannot be opened: is it plugged in, free, and may this program use it? "
                f"A clip can stand in for one: sharpstudy live clip.mp4"
            )

    def _open(self) -> object | None:
        cv2 = require_opencv()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # our one sentence says it all
        capture = cv2.VideoCapture(self._number)
        if not capture.isOpened():
            capture.release()
            return None
        if self._settings.width:
            # Above 480 lines most webcams reach their full rate in MJPG only.
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._settings.width)
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._settings.height)
        capture.set(cv2.CAP_PROP_FPS, self._settings.fps)
        self.size = tuple(
            round(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        )
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # a queue inside the driver would only make frames old
        return capture

    def read(self) -> np.ndarray | None:
        import cv2

        ok, frame = self._capture.read() if self._capture is not None else (False, None)
        if not ok or frame is None or frame.size == 0:
            return None
        return cv2.cvtColor(frame, cv2.COLOR_GRAY2RGB if frame.ndim == 2 else cv2.COLOR_BGR2RGB)

    def reopen(self) -> None:
        self.close()
        self._capture = self._open()

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None


class ClipCamera:
    """A clip that gives its frames at the rate of a camera, once or again and again."""

    def __init__(
        self,
        path: Path,
        settings: CameraSettings,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name, self.fps = path.name, settings.fps
        self._path, self._settings, self._clock, self._sleep = path, settings, clock, sleep
        self.finished = False
        self._replayed: list[np.ndarray] | None = []
        self._due_s: float | None = None
        frames = self._play()
        first = next(frames)  # a bad file is known before anything starts
        self.size = (first.shape[1], first.shape[0])
        self._frames = chain([first], frames)

    def _play(self) -> Iterator[np.ndarray]:
        while True:
            for one in read_clip(self._path):
                frame = self._sized(one.frame)
                self._remember(frame)
                yield frame
            if self._settings.at_end == "stop":
                return
            while self._replayed:
                yield from self._replayed

    def _remember(self, frame: np.ndarray) -> None:
        if self._settings.at_end == "stop" or self._replayed is None:
            return
        if (len(self._replayed) + 1) * frame.nbytes > MOST_REPLAYED_BYTES:
            self._replayed = None
        else:
            self._replayed.append(frame)

    def _sized(self, frame: np.ndarray) -> np.ndarray:
        wanted = (self._settings.height, self._settings.width)
        if wanted[0] is None or frame.shape[:2] == wanted:
            return frame
        cv2 = require_opencv()
        shrinks = frame.shape[0] > wanted[0]
        return cv2.resize(frame, wanted[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)

    def read(self) -> np.ndarray | None:
        try:
            frame = next(self._frames, None)
        except FrameError:
            self.finished = True
            raise
        if frame is None:
            self.finished = True
            return None
        now_s = self._clock()
        if self._due_s is not None and now_s < self._due_s:
            self._sleep(self._due_s - now_s)
        # The next one is due a period after this one was, or after now where reading fell behind.
        self._due_s = max(self._due_s or now_s, now_s - 1 / self.fps) + 1 / self.fps
        return frame

    def reopen(self) -> None:
        pass  # a file does not come back by waiting

    def close(self) -> None:
        self._frames = iter(())


def require_opencv() -> object:
    """The module cv2; a CameraError says how to install it."""
    try:
        import cv2
    except ImportError:
        raise CameraError(
            'webcams and windows need OpenCV: python -m pip install "sharpstudy[live]"'
        ) from None
    return cv2
