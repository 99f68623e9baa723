"""Pictures that are the same, or nearly: by SHA-256 of the pixels and by two perceptual hashes of 64 bits
each.

The DCT hash keeps the signs of the 64 lowest frequencies of a 32x32 grey thumbnail against their median
(Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010), the gradient hash which
of two neighbours is the brighter on a 9x8 grid. Both survive resizing, re-encoding and moderate changes of
light; mirror images are compared as well. Cropped or rotated copies are not found.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from sharpstudy.data.references import Reference, load_each

# Two unrelated photographs differ in 32 of 64 bits on average. Among the 180,000 pairs of 600 photographs and
# screenshots no unrelated pair is within 11 bits of the DCT hash, and none within 14 is within 20 of the
# gradient hash; resized and re-encoded copies are within 5 of both. Dark pages of text can be within 6 of
# both by chance, but their thumbnails correlate by 0.55, those of copies by 0.98 and those of a stereo pair
# by 0.74.
DCT_BITS = 10
GRADIENT_BITS = 16
LIKENESS = 0.65


@dataclass(frozen=True)
class Fingerprints:
    """What N frames are compared by.

    `bits` (N, 2, 2, 64) bool: of the frame and of its mirror image, the DCT hash and the gradient hash.
    `thumbnails` (N, 32, 32) float32, of mean 0 and norm 1.
    """

    bits: np.ndarray
    thumbnails: np.ndarray

    def __len__(self) -> int:
        return len(self.bits)


@dataclass(frozen=True)
class Leak:
    """Two frames in different parts of the split that show one picture; distance in bits of the DCT hash."""

    first: str
    first_split: str
    second: str
    second_split: str
    kind: Literal["identical", "near-duplicate"]
    distance: int


def dct_hash(grey: np.ndarray) -> np.ndarray:
    """64 bits of a 32x32 grey thumbnail."""
    from scipy.fft import dctn

    low = dctn(grey.astype(np.float64), norm="ortho")[:8, :8].ravel()
    # The mean brightness (the first coefficient) would dominate the median's neighbourhood and says nothing.
    return low > np.median(low[1:])


def gradient_hash(grey: np.ndarray) -> np.ndarray:
    """64 bits of an 8x9 grey thumbnail: whether each pixel is brighter than its left neighbour."""
    return (grey[:, 1:] > grey[:, :-1]).ravel()


def fingerprint(frame: np.ndarray) -> Fingerprints:
    """What one frame, uint8 HxWx3 of any size, is compared by (N is 1)."""
    grey = Image.fromarray(frame).convert("L")
    square = np.asarray(grey.resize((32, 32), Image.Resampling.LANCZOS))
    wide = np.asarray(grey.resize((9, 8), Image.Resampling.LANCZOS))
    upright = [dct_hash(square), gradient_hash(wide)]
    mirrored = [dct_hash(square[:, ::-1]), gradient_hash(wide[:, ::-1])]
    centred = square - square.mean(dtype=np.float32)
    return Fingerprints(
        np.array([[upright, mirrored]]), centred[None] / max(float(np.linalg.norm(centred)), 1e-6)
    )


def joined(prints: Iterable[Fingerprints]) -> Fingerprints:
    """The fingerprints of all, in order."""
    prints = list(prints)
    return Fingerprints(
        np.concatenate([one.bits for one in prints]), np.concatenate([one.thumbnails for one in prints])
    )


def near_duplicates(prints: Fingerprints) -> list[tuple[int, int, int]]:
    """All pairs i < j of frames that look the same, mirrored or not, and the distance of their DCT hashes."""
    found: dict[tuple[int, int], int] = {}
    upright, thumbnails = prints.bits[:, 0], prints.thumbnails.reshape(len(prints), -1)
    for turn, turned in enumerate((prints.thumbnails, prints.thumbnails[:, :, ::-1])):
        turned = turned.reshape(len(prints), -1)
        for start in range(0, len(prints), 1024):  # bounds the memory to 1024 rows of the all-pairs matrix
            rows = prints.bits[start : start + 1024, turn]
            far = _distances(rows[:, 0], upright[:, 0])
            near = (far <= DCT_BITS) & (_distances(rows[:, 1], upright[:, 1]) <= GRADIENT_BITS)
            for row, j in zip(*np.nonzero(near), strict=True):
                i, bits = start + int(row), int(far[row, j])
                if i < j and turned[i] @ thumbnails[j] >= LIKENESS:
                    found[i, int(j)] = min(bits, found.get((i, int(j)), 64))
    return [(i, j, bits) for (i, j), bits in sorted(found.items())]


def _distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Differing bits of every pair of rows, by one matrix product of signs."""
    signs, others = (np.where(bits, 1, -1).astype(np.float32) for bits in (first, second))
    return ((64 - signs @ others.T) / 2).round().astype(np.int16)


def group_duplicates(prints: Fingerprints, also: Sequence[tuple[int, int]] = ()) -> np.ndarray:
    """A number for each frame, equal where a chain of near-duplicates or of the pairs `also` connects two."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = np.array([(i, j) for i, j, _ in near_duplicates(prints)] + list(also), int).reshape(-1, 2)
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(prints),) * 2)
    return connected_components(links, directed=False)[1]


def check_leaks(references: Sequence[Reference]) -> list[Leak]:
    """The pairs of identical or nearly identical frames in different parts of the split, in the order given.

    Frames of one clip lie in one part by construction; frames of *different* recordings of the same still
    room do count, which is a warning worth having.
    """
    listed, prints = [], []
    for reference, frame in load_each(references):
        listed.append(reference)
        prints.append(fingerprint(frame))
    if not prints:
        return []
    leaks = []
    for i, j, bits in near_duplicates(joined(prints)):
        first, second = listed[i], listed[j]
        if first.split != second.split:
            kind = "identical" if first.sha256 == second.sha256 else "near-duplicate"
            leaks.append(Leak(first.frame, first.split, second.frame, second.split, kind, bits))
    return leaks
