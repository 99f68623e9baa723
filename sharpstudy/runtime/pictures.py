"""Picture files: restored frames written in the format, and with the words, of the file they came from."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Literal

import numpy as np

from sharpstudy.data.files import FrameError
from sharpstudy.data.frames import FRAME_SUFFIXES
from sharpstudy.runtime.compare import side_frame, split_frame
from sharpstudy.runtime.picture_files import read_picture, write_picture
from sharpstudy.runtime.tiles import Tiles, restore_large

Restore = Callable[[np.ndarray], np.ndarray]
Show = Literal["restored", "side", "split"]

_WORDS = {"restored": "sharp", "side": "compare", "split": "compare"}
MADE_WORDS = tuple(f".{word}" for word in sorted(set(_WORDS.values())))


@dataclass(frozen=True)
class PictureReport:
    """What became of one picture."""

    source: Path
    target: Path
    width: int
    height: int
    seconds: float
    notes: tuple[str, ...]  # what the new file could not keep, or does not show

    def __str__(self) -> str:
        notes = "".join(f"; {note}" for note in self.notes)
        return f"{self.target}  {self.width} x {self.height} in {self.seconds:.2f} s{notes}"


def sharpen_picture(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    restore: Restore,
    *,
    show: Show = "restored",
    quality: int = 95,
    overwrite: Literal["no", "yes"] = "no",
    tiles: Tiles | None = None,
) -> PictureReport:
    """What was done; `target` holds the restored picture in the format that its suffix names.

    EXIF, ICC profile, XMP, resolution and transparency are kept where the format has a place for them. Of
    16-bit pictures the network sees 8 bits, and what it changes is added to the 16. `show` puts before and
    after into one picture. `quality` is that of JPEG and WebP.
    """
    source, target, began_s = Path(source), Path(target), time.perf_counter()
    if target.exists() and overwrite == "no":
        raise FrameError(target, "it is there already")
    picture = read_picture(source)
    raw = picture.frame
    restored = restore_large(raw, restore, tiles or getattr(restore, "tiles", None))
    if show == "restored":
        shown = picture.with_restored(restored)
    else:
        shown = split_frame(raw, restored) if show == "split" else side_frame(raw, restored)
        picture = picture.plain()
    notes = write_picture(target, shown, picture, quality)
    height, width = raw.shape[:2]
    return PictureReport(source, target, width, height, time.perf_counter() - began_s, notes)


def picture_target(source: Path, show: Show = "restored", into: Path | None = None) -> Path:
    """photo.sharp.jpg for photo.jpg, or photo.compare.jpg where before and after are shown."""
    return (into or source.parent) / f"{source.stem}.{_WORDS[show]}{source.suffix}"


def named_files(words: Iterable[str], suffixes: tuple[str, ...] = FRAME_SUFFIXES) -> dict[Path, Path]:
    """The files that words name: files, folders (what lies in them), and patterns such as *.jpg.

    Each with the folder that it lies in below the one that was named. Sorted within each word, each file
    once; what a sharpener made before is left out of folders and patterns. A word that names nothing is kept
    as a path, for the reader to complain of.
    """
    found: dict[Path, Path] = {}
    for word in words:
        path = Path(word)
        if path.is_dir():
            inside = _files_in(path, suffixes)
        elif path.exists() or not any(sign in word for sign in "*?["):
            found.setdefault(path, Path())
            continue
        else:
            inside = sorted(one for one in map(Path, glob(word, recursive=True)) if one.is_file())
            if not inside:
                raise FrameError(word, "no file is named like this")
        for one in inside:
            if not one.stem.endswith(MADE_WORDS):
                found.setdefault(one, one.parent.relative_to(path) if path.is_dir() else Path())
    return found


def _files_in(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Below the folder, sorted; hidden ones are left out."""
    inside = [path.relative_to(folder) for path in folder.rglob("*") if path.suffix.lower() in suffixes]
    seen = [path for path in inside if not any(part.startswith(".") for part in path.parts)]
    return sorted(folder / path for path in seen if (folder / path).is_file())
