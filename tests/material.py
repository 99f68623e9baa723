"""Made-up frames and references for tests; no torch here, so that a process with them starts quickly."""

from __future__ import annotations

from functools import partial

import numpy as np
from PIL import Image

from sharpstudy.data.references import Reference, make_reference

SIZES = ((96, 64), (71, 90), (128, 100), (67, 65))


def scene(seed: int, width: int = 160, height: int = 120) -> np.ndarray:
    """A smooth random picture: coarse noise enlarged, as a photograph's low frequencies are."""
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def picture(seed: int, width: int = 160, height: int = 120) -> np.ndarray:
    """Coarse random colours with fine noise: no two places look alike."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(30, 226, (7, 9, 3), np.uint8)).resize((width, height))
    return np.clip(np.asarray(coarse, int) + rng.integers(-20, 21, (height, width, 3)), 0, 255).astype(
        np.uint8
    )


def made(seed: int, size: tuple[int, int] = (96, 64), category: str = "people", clip: str = "") -> Reference:
    load = partial(picture, seed, *size)
    name = f"frame-{seed:03d}"
    parts = {"category": category, "split": "train", "source": "made", "licence": "none"}
    return make_reference(load(), name=name, clip=clip or name, loader=load, **parts)
