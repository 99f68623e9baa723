"""The restored picture as a camera of its own, which Meet, Zoom or Teams can choose."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np

from sharpstudy.runtime.cameras import CameraError, require_opencv

DRIVERS = {
    "win32": (
        "install OBS Studio (https://obsproject.com), start its virtual camera once and stop it again, "
        "and close OBS"
    ),
    "darwin": (
        "install OBS Studio 30 or later (https://obsproject.com), start its virtual camera once, allow the "
        "system extension, stop it again, and close OBS"
    ),
    "linux": (
        "sudo apt install v4l2loopback-dkms (or your system's package of that name), then "
        'sudo modprobe v4l2loopback devices=1 exclusive_caps=1 card_label="Sharpened camera"'
    ),
}


class VirtualCamera:
    """Sends frames to the system's virtual camera driver through pyvirtualcam.

    A camera has one size for life: frames of another one are fitted into it, with black bars.
    """

    def __init__(
        self,
        width: int,
        height: int,
        fps: float,
        module: ModuleType | None = None,
        system: str = sys.platform,
    ) -> None:
        module = module or _pyvirtualcam()
        self._size = (width, height)
        try:
            self._camera = module.Camera(width, height, fps, fmt=module.PixelFormat.RGB)
        except Exception as error:  # each of its drivers raises something else
            wanted = DRIVERS.get(system, "install OBS Studio or v4l2loopback")
            raise CameraError(
                f"there is no virtual camera to send to ({_first_line(error)}). To get one: {wanted}."
            ) from None
        self.name = self._camera.device

    def send(self, frame: np.ndarray) -> None:
        """Nothing; whoever watches the virtual camera sees the frame (uint8 HxWx3 RGB)."""
        if frame.shape[1::-1] != self._size:
            frame = fitted(frame, *self._size)
        self._camera.send(np.ascontiguousarray(frame))

    def close(self) -> None:
        """Nothing; the virtual camera is given back."""
        self._camera.close()


def fitted(frame: np.ndarray, width: int, height: int) -> np.ndarray:
    """The whole frame as large as it goes into width x height, in the middle of black."""
    cv2 = require_opencv()
    scale = min(width / frame.shape[1], height / frame.shape[0])
    inner = (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale)))
    small = cv2.resize(frame, inner, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    canvas = np.zeros((height, width, 3), np.uint8)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas[top : top + inner[1], left : left + inner[0]] = small
    return canvas


def _pyvirtualcam() -> ModuleType:
    try:
        import pyvirtualcam
    except ImportError:
        raise CameraError(
            'a virtual camera needs pyvirtualcam: python -m pip install "sharpstudy[live]"'
        ) from None
    return pyvirtualcam


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
