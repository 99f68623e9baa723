"""The virtual camera, against a stand-in with pyvirtualcam's interface."""

from __future__ import annotations

import inspect
from types import SimpleNamespace

import numpy as np
import pytest

from sharpstudy.runtime.cameras import CameraError
from sharpstudy.runtime.virtual_camera import DRIVERS, VirtualCamera, fitted
from tests.material import picture

pytest.importorskip("cv2", reason="OpenCV comes with the extra live")


class FakeCamera:
    """What pyvirtualcam.Camera is to its caller."""

    made: list[FakeCamera] = []  # noqa: RUF012

    def __init__(self, width: int, height: int, fps: float, *, fmt: str = "RGB") -> None:
        self.width, self.height, self.fps, self.fmt, self.device = width, height, fps, fmt, "fake"
        self.sent, self.closed = [], 0
        self.made.append(self)

    def send(self, frame: np.ndarray) -> None:
        if frame.shape != (self.height, self.width, 3) or frame.dtype != np.uint8:
            raise ValueError(f"unexpected frame: {frame.dtype} {frame.shape}")
        if not frame.flags.c_contiguous:
            raise ValueError("the frame is not contiguous")
        self.sent.append(frame)

    def close(self) -> None:
        self.closed += 1


def module(camera: object = FakeCamera) -> SimpleNamespace:
    return SimpleNamespace(Camera=camera, PixelFormat=SimpleNamespace(RGB="RGB"))


def test_the_stand_in_has_the_librarys_interface():
    pyvirtualcam = pytest.importorskip("pyvirtualcam")
    words = inspect.signature(pyvirtualcam.Camera.__init__).parameters
    assert list(words)[1:4] == ["width", "height", "fps"]
    assert "fmt" in words
    assert pyvirtualcam.PixelFormat.RGB
    for name in ("send", "close", "device"):
        assert hasattr(pyvirtualcam.Camera, name)


def test_frames_arrive_as_they_are():
    camera = VirtualCamera(160, 120, 30, module())
    inner = FakeCamera.made[-1]
    frame = picture(1)
    camera.send(frame)
    camera.send(picture(2)[:, ::-1])
    assert np.array_equal(inner.sent[0], frame)
    assert np.array_equal(inner.sent[1], picture(2)[:, ::-1])
    assert (camera.name, inner.fps, inner.fmt) == ("fake", 30, "RGB")
    camera.close()
    assert inner.closed == 1


@pytest.mark.parametrize(("width", "height"), [(320, 120), (80, 200), (64, 48), (33, 500)])
def test_frames_of_another_size_are_fitted_into_the_camera(width, height):
    camera = VirtualCamera(160, 120, 30, module())
    camera.send(np.full((height, width, 3), 200, np.uint8))
    sent = FakeCamera.made[-1].sent[0]
    rows, columns = np.flatnonzero(sent.any(axis=(1, 2))), np.flatnonzero(sent.any(axis=(0, 2)))
    shown = (len(columns), len(rows))
    scale = min(160 / width, 120 / height)
    assert shown == pytest.approx((width * scale, height * scale), abs=0.6)
    assert columns[0] == pytest.approx(159 - columns[-1], abs=1)
    assert rows[0] == pytest.approx(119 - rows[-1], abs=1)


def test_a_frame_that_fits_is_not_touched():
    assert np.array_equal(fitted(picture(3), 160, 120), picture(3))


@pytest.mark.parametrize(
    ("system", "word"),
    [("win32", "OBS Studio"), ("darwin", "system extension"), ("linux", "v4l2loopback-dkms")],
)
def test_a_missing_driver_is_named_for_each_system(system, word):
    def none(*_: object, **__: object) -> None:
        raise RuntimeError("'v4l2loopback' backend: No v4l2 loopback device found.\nmore")

    with pytest.raises(CameraError, match=word) as caught:
        VirtualCamera(640, 480, 30, module(none), system)
    assert "No v4l2 loopback device found)" in str(caught.value)
    assert DRIVERS[system] in str(caught.value)


def test_the_real_library_without_a_driver_ends_in_the_same_sentence():
    pyvirtualcam = pytest.importorskip("pyvirtualcam")
    try:
        pyvirtualcam.Camera(640, 480, 30).close()
    except RuntimeError:
        pass
    else:
        pytest.skip("this machine has a virtual camera")
    with pytest.raises(CameraError, match="To get one"):
        VirtualCamera(640, 480, 30)
