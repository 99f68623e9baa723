"""Cameras that stall, disappear, come back, and clips that stand in for them."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from sharpstudy.data.clips import write_clip
from sharpstudy.data.files import FrameError
from sharpstudy.runtime.cameras import CameraError, CameraSettings, ClipCamera, DeviceCamera, open_camera
from sharpstudy.runtime.capture import Capture
from tests.live_tools import FakeCamera, frame, slowly
from tests.picture_tools import moving

cv2 = pytest.importorskip("cv2", reason="OpenCV comes with the extra live")


def wait_for_frames(capture: Capture) -> None:
    for _ in range(100):
        capture.newest(0.1)


def test_a_camera_that_disappears_is_opened_anew_and_then_reported():
    camera = FakeCamera([frame()] + [RuntimeError("no such device")] * 10_000)
    capture = Capture(camera, patience_s=0.3, retry_s=0.01, reopen_s=0.05)
    assert capture.newest(2).frame[0, 0, 0] == 100
    with pytest.raises(CameraError, match=r"a fake camera gives no frames any more \(no such device\)"):
        wait_for_frames(capture)
    assert camera.reopened >= 2
    capture.close()
    assert camera.closed == 1


def test_a_camera_that_comes_back_goes_on():
    camera = FakeCamera([frame(1), *[None] * 20, slowly(frame(2), 0.05)])
    capture = Capture(camera, patience_s=5, retry_s=0.01, reopen_s=0.05)
    assert [capture.newest(5).number for _ in range(2)] == [1, 2]
    assert (camera.reopened >= 1, capture.empty) == (True, 20)
    capture.close()


def test_a_read_that_hangs_is_reported_and_not_waited_for():
    let_go = threading.Event()
    capture = Capture(FakeCamera([frame(), lambda: let_go.wait(20)]), patience_s=0.2)
    assert capture.newest(2) is not None
    with pytest.raises(CameraError, match="gives no frames"):
        wait_for_frames(capture)
    let_go.set()
    capture.close()


def test_the_newest_frame_wins_and_the_others_are_counted():
    capture = Capture(FakeCamera([frame(value) for value in range(20)]))
    while not capture._ended:
        time.sleep(0.01)
    assert capture.newest(1).frame[0, 0, 0] == 19
    assert capture.dropped == 19
    assert capture.ended
    capture.close()


def test_a_clip_stands_in_for_a_camera_at_its_rate(tmp_path):
    write_clip(tmp_path / "a.mkv", moving(6), codec="ffv1")
    clock, slept = [0.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    camera = ClipCamera(tmp_path / "a.mkv", CameraSettings(fps=25), lambda: clock[0], sleep)
    assert camera.size == (96, 64)
    shown = []
    while (one := camera.read()) is not None:
        shown.append(one)
    assert len(shown) == 6
    assert camera.finished
    assert clock[0] == pytest.approx(5 / 25)
    clock[0] += 1.0
    assert slept == pytest.approx([1 / 25] * 5)


def test_a_looped_clip_goes_round_in_the_size_asked_for(tmp_path):
    write_clip(tmp_path / "a.mkv", moving(4), codec="ffv1")
    settings = CameraSettings(48, 32, 240, "loop")
    camera = open_camera(str(tmp_path / "a.mkv"), settings)
    shown = [camera.read() for _ in range(10)]
    assert all(one.shape == (32, 48, 3) for one in shown)
    assert all(np.array_equal(shown[at], shown[at % 4]) for at in range(10))
    assert not np.array_equal(shown[0], shown[1])


def test_what_cannot_be_a_camera_is_refused(tmp_path):
    with pytest.raises(FrameError, match="there is no such file"):
        open_camera("missing.mp4")
    with pytest.raises(ValueError, match="go together"):
        CameraSettings(width=640)
    with pytest.raises(ValueError, match="fps must be 1 to 240"):
        CameraSettings(fps=0)


def test_a_device_is_asked_for_its_size_and_gives_rgb(monkeypatch):
    made = []

    class FakeCapture:
        def __init__(self, number: int) -> None:
            self.number, self.set_to, self.open = number, {}, number == 1
            made.append(self)

        def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
            return self.open

        def set(self, key: int, value: float) -> None:
            self.set_to[key] = value

        def get(self, key: int) -> float:
            return self.set_to[key]

        def read(self):
            return True, np.dstack([np.full((4, 5), value, np.uint8) for value in (1, 2, 3)])

        def release(self) -> None:
            self.open = False

    monkeypatch.setattr(cv2, "VideoCapture", FakeCapture)
    camera = DeviceCamera(1, CameraSettings(1280, 720, 60))
    assert camera.size == (1280, 720)
    assert made[0].set_to[cv2.CAP_PROP_FPS] == 60
    assert camera.read()[0, 0].tolist() == [3, 2, 1]
    camera.reopen()
    assert not made[0].open
    assert camera.read() is not None
    camera.close()
    assert camera.read() is None
    with pytest.raises(CameraError, match="camera 0 cannot be opened"):
        DeviceCamera(0, CameraSettings())
