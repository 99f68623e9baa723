"""Stored arrays that prove themselves: ordinary .npy files with the SHA-256 of everything before it as a
trailer.

NumPy reads and memory-maps such a file like any other. Header, data and trailer go to the disk in one atomic
step, so that an entry is whole or absent, and whatever was damaged later does not pass `is_whole`.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from sharpstudy.data.frames import write_bytes

TRAILER = 32  # bytes of a SHA-256


def write_entry(path: Path, array: np.ndarray) -> None:
    """Store an array; two processes that store the same one at once leave one whole file."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    buffer.write(hashlib.sha256(buffer.getbuffer()).digest())
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        write_bytes(path, buffer.getvalue())
    except PermissionError:
        # Windows does not replace a file that another process has open; that process stored the same content.
        if not is_whole(path):
            raise


def is_whole(path: Path) -> bool:
    """Whether the file is there and its trailer is the hash of the rest; reads the file."""
    try:
        content = path.read_bytes()
    except OSError:
        return False
    body = memoryview(content)[:-TRAILER]
    return len(content) > TRAILER and hashlib.sha256(body).digest() == content[-TRAILER:]


def map_entry(path: Path) -> np.ndarray:
    """The stored array, read-only and memory-mapped."""
    return np.load(path, mmap_mode="r", allow_pickle=False)


@dataclass(frozen=True)
class Rows:
    """A stored HxWx3 array of which blocks of rows are read, without keeping a file or a mapping open.

    A mapping holds a file descriptor for as long as it lives, and thousands of frames exceed what a process
    may have.
    """

    path: Path
    offset: int
    shape: tuple[int, int, int]
    dtype: np.dtype

    def crop(self, top: int, left: int, size: int) -> np.ndarray:
        """The square of `size` pixels whose corner is at (top, left), a view of the rows that were read."""
        return self.read(top, size)[:, left : left + size]

    def read(self, top: int, count: int) -> np.ndarray:
        """So many rows from the row `top` on."""
        rows = np.empty((count, *self.shape[1:]), self.dtype)
        with open(self.path, "rb", buffering=0) as file:
            file.seek(self.offset + top * (rows.nbytes // count))
            got = file.readinto(rows.data.cast("B"))
        if got != rows.nbytes:
            raise ValueError(
                f"{self.path.name}: expected {rows.nbytes} bytes from row {top}, the file ends after {got}"
            )
        return rows

    @property
    def nbytes(self) -> int:
        """The size of the whole array."""
        return math.prod(self.shape) * self.dtype.itemsize


class KeptRows(Rows):
    """Rows of a stored array that is read once, as a whole, and stays in memory."""

    def crop(self, top: int, left: int, size: int) -> np.ndarray:
        """The square as a copy: whoever turns it goes through it in steps, which out of a frame is slow."""
        return self._whole[top : top + size, left : left + size].copy()

    @cached_property
    def _whole(self) -> np.ndarray:
        return self.read(0, self.shape[0])


def open_rows(path: Path) -> Rows:
    """The layout of a stored HxWx3 array of any of the types uint8, float16 and float32."""
    mapped = map_entry(path)
    fits = mapped.ndim == 3 and mapped.shape[2] == 3 and mapped.dtype in (np.uint8, np.float16, np.float32)
    if not fits or not mapped.flags.c_contiguous:
        raise ValueError(f"{path.name}: expected a C-ordered HxWx3 array of uint8, float16 or float32, "
                         f"found {mapped.dtype} {mapped.shape}")  # fmt: skip
    return Rows(path, mapped.offset, mapped.shape, mapped.dtype)


def keep_some(rows: Sequence[Rows], most: int) -> list[Rows]:
    """The same rows, of which the first are kept in memory, as many as fit into `most` bytes together."""
    ends = itertools.accumulate(one.nbytes for one in rows)
    return [
        KeptRows(one.path, one.offset, one.shape, one.dtype) if end <= most else one
        for one, end in zip(rows, ends, strict=True)
    ]
