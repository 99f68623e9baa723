"""Running students on frames: the Sharpener, and export to the files that it runs. Loads nothing until asked.

A student that has learned nothing yet gives every frame back as it is:

>>> import numpy as np
>>> from sharpstudy.runtime import Sharpener
>>> from sharpstudy.students import build_student
>>> sharpener = Sharpener(build_student("realtime"))  # or "realtime", the student that ships
>>> frame = np.full((90, 160, 3), 128, np.uint8)
>>> bool((sharpener(frame) == frame).all())
True

Video files go through the same: sharpener.video("call.mp4", "call.sharp.mp4").
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cameras import CameraSettings, open_camera
    from .checking import Check, self_check
    from .choosing import available_backends
    from .deadline import DeadlineSharpener
    from .engine import Sharpener
    from .errors import SharpenerError
    from .export import Exported, Format, export_student
    from .live import run_live
    from .models import available_models
    from .pictures import sharpen_picture
    from .sharp_frames import SharpJudge, looks_sharp, sharpness
    from .video import VideoReport, VideoSettings, sharpen_video

_HOMES = {
    "CameraSettings": "cameras",
    "Check": "checking",
    "DeadlineSharpener": "deadline",
    "Exported": "export",
    "Format": "export",
    "SharpJudge": "sharp_frames",
    "Sharpener": "engine",
    "SharpenerError": "errors",
    "VideoReport": "video",
    "VideoSettings": "video",
    "available_backends": "choosing",
    "available_models": "models",
    "export_student": "export",
    "looks_sharp": "sharp_frames",
    "open_camera": "cameras",
    "run_live": "live",
    "self_check": "checking",
    "sharpen_picture": "pictures",
    "sharpen_video": "video",
    "sharpness": "sharp_frames",
}
__all__ = [
    "CameraSettings",
    "Check",
    "DeadlineSharpener",
    "Exported",
    "Format",
    "SharpJudge",
    "Sharpener",
    "SharpenerError",
    "VideoReport",
    "VideoSettings",
    "available_backends",
    "available_models",
    "export_student",
    "looks_sharp",
    "open_camera",
    "run_live",
    "self_check",
    "sharpen_picture",
    "sharpen_video",
    "sharpness",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
