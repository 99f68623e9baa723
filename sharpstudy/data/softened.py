"""Training frames that are soft by nature: what a camera out of focus or a phone that enlarges delivers.

The references at hand are sharp, so a blind student learns that what is soft was degraded, and sharpens what
a call with bits to spare delivers just as it was filmed. Copies that are soft to begin with are references of
their own: of them nothing is to be restored but what the degradation took.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from sharpstudy.data.degradations import Blur, Chain, Degradation, Noise
from sharpstudy.data.degrade import degrade
from sharpstudy.data.references import Reference, hash_frame, map_threads
from sharpstudy.data.resample import DownUp
from sharpstudy.data.split import select_balanced

NAME = "softened"
SHARE = 0.15  # of the training frames, how many have a softened copy
SHARP_BY_NATURE = "text"  # pages are drawn pixel by pixel, and never out of focus


def soften(frame: np.ndarray, seed: int) -> np.ndarray:
    """The frame blurred or enlarged from less, in half the cases with a little noise of a camera on top."""
    rng = np.random.default_rng(seed)
    steps: list[Degradation] = [_optics(rng)]
    if rng.random() < 0.5:
        steps.append(Noise(rng.uniform(0.3, 2.0)))
    return degrade(frame, Chain(tuple(steps)), seed)


def softened(references: Iterable[Reference], share: float = SHARE) -> list[Reference]:
    """Softened copies of a share of the training references, each a clip of its own: soft-NAME."""
    others = [one for one in references if one.split == "train" and one.category != SHARP_BY_NATURE]
    return map_threads(_copy_of, select_balanced(others, round(share * len(others))))


def _optics(rng: np.random.Generator) -> Degradation:
    if rng.random() < 0.5:
        return Blur(9, rng.uniform(0.5, 1.6))
    up = str(rng.choice(("bicubic", "bilinear", "lanczos")))
    return DownUp(rng.uniform(1.2, 2.2), "bicubic", up)


def _copy_of(reference: Reference) -> Reference:
    seed = int(reference.sha256[:8], 16)

    def load() -> np.ndarray:
        return soften(reference.load(), seed)

    names = {"frame": f"soft-{reference.frame}", "clip": f"soft-{reference.clip}", "source": NAME}
    return replace(reference, **names, sha256=hash_frame(load()), loader=load, recording=None)
