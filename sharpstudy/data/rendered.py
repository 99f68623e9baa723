"""Rendered screens, drawn once: every notebook reads the same ones, and drawing a hundred takes seconds."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np

from sharpstudy.data.frames import FrameError, read_frame, write_frame
from sharpstudy.paths import WORK


def rendered_screen(
    kind: str, seed: int, width: int = 1280, height: int = 720, folder: Path | None = None
) -> np.ndarray:
    """What render_screen draws, from its file where it was drawn before with the same code and libraries.

    The files lie in work/screens, which may be deleted; one that cannot be read is drawn again.
    """
    from sharpstudy.data.screens import render_screen

    path = (folder or WORK / "screens") / _drawn_by() / f"{kind}-{seed}-{width}x{height}.png"
    if path.is_file():
        try:
            return read_frame(path)
        except FrameError:
            pass
    frame = render_screen(kind, seed, width, height)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_frame(path, frame)
    return frame


@cache
def _drawn_by() -> str:
    """What the pixels depend on beside kind, seed and size: the drawing code, and who rasterises and adds."""
    import matplotlib  # whose fonts are used
    import PIL

    told = hashlib.sha256(f"{PIL.__version__} {np.__version__} {matplotlib.__version__}".encode())
    for path in sorted((Path(__file__).parent / "screens").glob("*.py")):
        told.update(path.read_bytes())
    return told.hexdigest()[:16]
