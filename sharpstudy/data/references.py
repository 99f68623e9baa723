"""Reference frames: what is known about each one, how it is loaded, and the table that lists them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from sharpstudy.data.frames import FrameError, write_bytes

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
R = TypeVar("R")

CATEGORIES = ("text", "nature", "people", "animals", "graphics")
OTHER = "other"  # the category of pictures that nobody has labelled
COLUMNS = ("frame", "clip", "category", "split", "width", "height", "source", "licence", "sha256")


@dataclass(frozen=True)
class Recording:
    """A place in a video file: the file and the number of the frame in it, counted from 0."""

    path: Path
    index: int


@dataclass(frozen=True)
class Reference:
    """One pristine frame: `frame` is its own name, `clip` that of the scene it shows, in however many frames.

    The clip is the unit of the split and of all statistics. `frame` and `clip` hold only lower-case letters,
    digits, dot, dash and underscore. `sha256` is that of the pixels (height, width and the RGB bytes).
    """

    frame: str
    clip: str
    category: str
    split: str
    width: int
    height: int
    source: str
    licence: str
    sha256: str
    loader: Callable[[], np.ndarray] | None = field(default=None, repr=False, compare=False)
    recording: Recording | None = field(default=None, repr=False, compare=False)

    def load(self) -> np.ndarray:
        """The frame, uint8 HxWx3; a FrameError when its pixels are no longer those that were listed."""
        if self.recording is not None:
            return self.checked(_frame_of(self.recording))
        if self.loader is None:
            raise FrameError(self.frame, f"this row has no pixels behind it; load its source {self.source!r}")
        return self.checked(self.loader())

    def checked(self, frame: np.ndarray) -> np.ndarray:
        """The same frame, after its hash was compared with the one listed."""
        found = hash_frame(frame)
        if found != self.sha256:
            raise FrameError(self.frame, "its pixels are no longer those that were listed")
        return frame


def hash_frame(frame: np.ndarray) -> str:
    """The SHA-256 of a frame's size and pixels, in hexadecimal."""
    digest = hashlib.sha256(f"{frame.shape[0]}x{frame.shape[1]}:".encode())
    digest.update(np.ascontiguousarray(frame).data)
    return digest.hexdigest()


def slug(text: str) -> str:
    """The text in lower case; whatever is no letter a-z, digit, dot, dash or underscore becomes one dash."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-.")


def file_safe(text: str, longest: int = 80) -> str:
    """A stable name for any text, safe on every file system and different for different texts.

    A text that has to be changed or shortened carries eight digits of its own hash at the end.
    """
    name = slug(text)
    if name == text and len(name) <= longest:
        return name
    digits = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{name[: longest - 9].rstrip('-.')}-{digits}".lstrip("-")


def make_reference(
    frame: np.ndarray,
    *,
    name: str,
    clip: str,
    category: str,
    split: str,
    source: str,
    licence: str,
    loader: Callable[[], np.ndarray] | None = None,
    recording: Recording | None = None,
) -> Reference:
    """The Reference of a frame that has just been read; size and hash come from its pixels."""
    height, width = frame.shape[:2]
    digest = hash_frame(frame)
    return Reference(name, clip, category, split, width, height, source, licence, digest, loader, recording)


def load_each(references: Iterable[Reference]) -> Iterator[tuple[Reference, np.ndarray]]:
    """Every reference with its frame; a video file is decoded once for all its neighbours in the list."""
    for path, group in groupby(references, lambda one: one.recording and one.recording.path):
        if path is None:
            yield from ((reference, reference.load()) for reference in group)
            continue
        wanted: dict[int, list[Reference]] = {}
        for reference in group:
            wanted.setdefault(reference.recording.index, []).append(reference)
        for index, frame in read_indices(path, wanted):
            yield from ((reference, reference.checked(frame)) for reference in wanted[index])


def read_indices(path: Path, indices: Iterable[int]) -> Iterator[tuple[int, np.ndarray]]:
    """The frames of a video file with these numbers, in ascending order, from one pass over the file."""
    from sharpstudy.data.clips import read_clip

    wanted = set(indices)
    for index, moment in enumerate(read_clip(path)):
        if index in wanted:
            wanted.discard(index)
            yield index, moment.frame
        if not wanted:
            return
    raise FrameError(path, f"it ends before frame {min(wanted)}")


def sample_clip(path: Path, every: int, at_most: int) -> Iterator[tuple[int, np.ndarray]]:
    """Every n-th frame of a video file with its number (n-1, 2n-1 ...), until there are `at_most`.

    The first frame would be a key frame in every call, which the others are not. Of a clip shorter than n
    frames the last is taken.
    """
    from sharpstudy.data.clips import read_clip

    index, moment = -1, None
    for index, moment in enumerate(read_clip(path)):
        if index >= every * at_most:
            return
        if index % every == every - 1:
            yield index, moment.frame
    if 0 <= index < every - 1:
        yield index, moment.frame


def map_threads(function: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """The function's answers in order; threads will do where decoding and hashing release the global lock."""
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return list(pool.map(function, items))


def _frame_of(recording: Recording) -> np.ndarray:
    return next(frame for _, frame in read_indices(recording.path, [recording.index]))


def to_table(references: Iterable[Reference]) -> pd.DataFrame:
    """One row for each reference with the columns of frames.csv, in the order given."""
    import pandas as pd

    rows = [[getattr(reference, column) for column in COLUMNS] for reference in references]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def write_frames_csv(path: Path, references: Iterable[Reference]) -> None:
    """Write frames.csv: the same bytes for the same references on every system."""
    write_bytes(path, to_table(references).to_csv(index=False, lineterminator="\n").encode())


def read_frames_csv(path: Path) -> pd.DataFrame:
    """The table in a frames.csv, its columns checked; names stay text even where they look like numbers."""
    import pandas as pd

    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if list(table.columns) != list(COLUMNS):
        raise ValueError(
            f"{Path(path).name}: expected the columns {list(COLUMNS)}, found {list(table.columns)}"
        )
    if table["frame"].duplicated().any():
        raise ValueError(
            f"{Path(path).name}: frame {table['frame'][table['frame'].duplicated()].iloc[0]} is there twice"
        )
    return table.astype({"width": int, "height": int})
