"""Where reference frames come from: one closed list of sources, each yielding frames with category, split and
licence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sharpstudy.data.folder import load_folder
from sharpstudy.data.frames import FrameError
from sharpstudy.data.known_sets import CLIP_SETS, PICTURE_SETS, load_clips, load_pictures
from sharpstudy.data.photographs import load_photographs, load_screens
from sharpstudy.data.references import (
    CATEGORIES,
    OTHER,
    Recording,
    Reference,
    read_frames_csv,
    to_table,
    write_frames_csv,
)
from sharpstudy.data.softened import NAME as SOFTENED
from sharpstudy.data.softened import softened
from sharpstudy.data.split import SPLITS, TARGET_SHARES, select_balanced, split_of, split_table

__all__ = [
    "CATEGORIES",
    "OTHER",
    "SOURCES",
    "SPLITS",
    "TARGET_SHARES",
    "Recording",
    "Reference",
    "SourceOptions",
    "load_source",
    "read_frames_csv",
    "select_balanced",
    "split_of",
    "split_table",
    "to_table",
    "write_frames_csv",
]


@dataclass(frozen=True)
class SourceOptions:
    """How much of a source is taken; sources ignore what does not concern them.

    `screens` of `screen_width` x `screen_height` join the bundled photographs; of a clip every `every`-th
    frame is taken, at most `frames_per_clip`; `folder` is the folder or CSV of the source "folder".
    """

    screens: int = 42
    screen_width: int = 1280
    screen_height: int = 720
    every: int = 10
    frames_per_clip: int = 12
    folder: Path | None = None

    def __post_init__(self) -> None:
        if self.screens < 0:
            raise ValueError(f"screens: expected 0 or more, got {self.screens}")
        for name in ("screen_width", "screen_height", "every", "frames_per_clip"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, got {getattr(self, name)}")


Loader = Callable[[SourceOptions, Callable[[FrameError], None] | None], list[Reference]]


def _bundled(options: SourceOptions, on_skip: Callable[[FrameError], None] | None) -> list[Reference]:
    return load_photographs() + load_screens(options.screens, options.screen_width, options.screen_height)


def _folder(options: SourceOptions, on_skip: Callable[[FrameError], None] | None) -> list[Reference]:
    if options.folder is None:
        raise ValueError(
            'the source "folder" needs SourceOptions(folder=...): a folder of pictures, or a .csv file'
        )
    return load_folder(options.folder, options.every, options.frames_per_clip, on_skip)


def _pictures(
    name: str, options: SourceOptions, on_skip: Callable[[FrameError], None] | None
) -> list[Reference]:
    return load_pictures(name)


def _clips(
    name: str, options: SourceOptions, on_skip: Callable[[FrameError], None] | None
) -> list[Reference]:
    return load_clips(name, options.every, options.frames_per_clip)


SOURCES: dict[str, Loader] = {
    "bundled": _bundled,
    "folder": _folder,
    **{name: partial(_pictures, name) for name in PICTURE_SETS},
    **{name: partial(_clips, name) for name in CLIP_SETS},
}


def load_source(
    name: str,
    options: SourceOptions | None = None,
    on_skip: Callable[[FrameError], None] | None = None,
) -> list[Reference]:
    """The references of one source, or of several joined by plus signs ("bundled+bsds500"), in a stable
    order. "softened" adds copies of the others' training frames that are soft by nature (see data.softened).

    Every frame is decoded once, for its size and hash. Files of a user's folder that cannot be read go to
    `on_skip`.
    """
    names, known = name.split("+"), sorted((*SOURCES, SOFTENED))
    for one in names:
        if one not in known:
            raise ValueError(f"source: expected one of {known} or several joined by '+', got {one!r}")
    if len(set(names)) < len(names):
        raise ValueError(f"source: {name!r} names a source twice")
    if names == [SOFTENED]:
        raise ValueError(f"source: expected sources whose frames are softened beside it, got {name!r} alone")
    options = options or SourceOptions()
    loaders = [SOURCES[one] for one in names if one != SOFTENED]
    references = [reference for load in loaders for reference in load(options, on_skip)]
    if SOFTENED in names:
        references += softened(references)
    repeated = [frame for frame, count in Counter(r.frame for r in references).items() if count > 1]
    if repeated:
        raise ValueError(
            f"source: {name!r} has {len(repeated)} frames of a name that is taken: {repeated[:3]}"
        )
    return references
