"""A user's own material: a folder of pictures and clips, or a CSV that lists them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

from sharpstudy.data.duplicates import Fingerprints, fingerprint, group_duplicates, joined
from sharpstudy.data.frames import FrameError, find_frames, read_frame
from sharpstudy.data.references import (
    CATEGORIES,
    OTHER,
    Recording,
    Reference,
    file_safe,
    make_reference,
    map_threads,
    sample_clip,
    slug,
)
from sharpstudy.data.split import SPLITS, split_of

LICENCE = "the user's own"
CSV_COLUMNS = ("frame", "category", "split", "clip", "licence")


@dataclass(frozen=True)
class _Entry:
    """One file of the material; empty text where nothing was said."""

    path: Path
    name: str
    category: str
    split: str = ""
    clip: str = ""
    licence: str = LICENCE


def load_folder(
    path: Path,
    every: int = 15,
    frames_per_clip: int = 24,
    on_skip: Callable[[FrameError], None] | None = None,
) -> list[Reference]:
    """The references of a folder (searched to the bottom) or of a CSV; of a clip, every n-th frame.

    In a folder the nearest sub-folder that is named like a category gives the category, otherwise it is
    "other". A CSV has the columns frame (a path, relative to the CSV) and category, and may have split, clip
    and licence. Frames without a given clip form one scene with all their near-duplicates; the scene's name
    comes from its pixels, so that renaming a file moves nothing. Unreadable files are left out and handed to
    `on_skip`.
    """
    path = Path(path)
    entries = _from_csv(path) if path.suffix.lower() == ".csv" else _from_folder(path)
    if not entries:
        raise ValueError(f"{path}: expected pictures or clips in it, found none")
    read = map_threads(partial(_read, every=every, frames_per_clip=frames_per_clip), entries)
    for problem in (item for item in read if isinstance(item, FrameError)):
        if on_skip:
            on_skip(problem)
    kept = [item for item in read if not isinstance(item, FrameError)]
    if not kept:
        raise ValueError(f"{path}: none of its {len(entries)} files could be read; the first: {read[0]}")
    return _with_scenes(kept)


def _from_folder(root: Path) -> list[_Entry]:
    from sharpstudy.data.clips import CLIP_SUFFIXES

    if not root.is_dir():
        raise ValueError(f"{root}: expected a folder of pictures and clips, or a .csv file that lists them")
    clips = (path for path in root.rglob("*") if path.suffix.lower() in CLIP_SUFFIXES and path.is_file())
    found = {path.relative_to(root) for path in (*find_frames(root), *clips)}
    shown = (path for path in found if not any(part.startswith(".") for part in path.parts))
    relative = sorted(shown, key=Path.as_posix)
    return [_Entry(root / path, path.as_posix(), _category_of(path)) for path in relative]


def _category_of(path: Path) -> str:
    folders = [part.lower() for part in reversed(path.parts[:-1])]
    return next((folder for folder in folders if folder in CATEGORIES), OTHER)


def _from_csv(path: Path) -> list[_Entry]:
    import pandas as pd

    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    columns = set(table.columns)
    if not {"frame", "category"} <= columns or not columns <= set(CSV_COLUMNS):
        expected = f"the columns frame and category, perhaps {', '.join(CSV_COLUMNS[2:])}"
        raise ValueError(f"{path.name}: expected {expected}; found {list(table.columns)}")
    for line, row in enumerate(table.to_dict("records"), start=2):
        if row.get("split", "") not in ("", *SPLITS):
            raise ValueError(
                f"{path.name}, line {line}: expected the split {list(SPLITS)}, got {row['split']!r}"
            )
    return [
        _Entry(
            path=path.parent / row["frame"],
            name=row["frame"],
            category=slug(row["category"]) or OTHER,
            split=row.get("split", ""),
            clip=row.get("clip", ""),
            licence=row.get("licence", "") or LICENCE,
        )
        for row in table.to_dict("records")
    ]


def _read(
    entry: _Entry, every: int, frames_per_clip: int
) -> tuple[_Entry, list[Reference], Fingerprints] | FrameError:
    """The frames of one file with their fingerprints, or why there are none."""
    try:
        return _read_file(entry, every, frames_per_clip)
    except FrameError as problem:
        return problem
    except (OSError, ValueError) as problem:
        return FrameError(entry.path, str(problem))


def _read_file(
    entry: _Entry, every: int, frames_per_clip: int
) -> tuple[_Entry, list[Reference], Fingerprints]:
    from sharpstudy.data.clips import CLIP_SUFFIXES

    describe = partial(
        make_reference, clip="", category=entry.category, split="", source="folder", licence=entry.licence
    )
    name = f"folder-{file_safe(entry.name)}"
    if entry.path.suffix.lower() not in CLIP_SUFFIXES:
        frame = read_frame(entry.path)
        return (
            entry,
            [describe(frame, name=name, loader=partial(read_frame, entry.path))],
            fingerprint(frame),
        )
    references, prints = [], []
    for index, frame in sample_clip(entry.path, every, frames_per_clip):
        references.append(describe(frame, name=f"{name}-{index:05d}", recording=Recording(entry.path, index)))
        prints.append(fingerprint(frame))
    if not references:
        raise FrameError(entry.path, "the clip has no frames")
    return entry, references, joined(prints)


def _with_scenes(read: list[tuple[_Entry, list[Reference], Fingerprints]]) -> list[Reference]:
    """All references with their scene and split: a given clip first, else everything that looks alike."""
    flat = [(entry, reference) for entry, references, _ in read for reference in references]
    places = {}
    for place, (entry, _) in enumerate(flat):
        places.setdefault(entry.clip or entry.name, []).append(place)
    same_file = [pair for same in places.values() for pair in pairwise(same)]
    groups = group_duplicates(joined(prints for _, _, prints in read), same_file)
    first_hash: dict[int, str] = {}
    for group, (_, reference) in zip(groups, flat, strict=True):
        first_hash[group] = min(reference.sha256, first_hash.get(group, "g"))
    placed = []
    for group, (entry, reference) in zip(groups, flat, strict=True):
        clip = f"folder-{file_safe(entry.clip)}" if entry.clip else f"folder-{first_hash[group][:12]}"
        placed.append((entry, group, replace(reference, clip=clip)))
    return _with_splits(placed)


def _with_splits(placed: list[tuple[_Entry, int, Reference]]) -> list[Reference]:
    """The split of each group of look-alikes: as the user gave it, else by hash of its first clip."""
    given: dict[int, dict[str, str]] = {}
    lowest: dict[int, str] = {}
    for entry, group, reference in placed:
        lowest[group] = min(reference.clip, lowest.get(group, reference.clip))
        if entry.split:
            given.setdefault(group, {})[entry.split] = entry.name
    for splits in given.values():
        if len(splits) > 1:
            raise ValueError(f"the same scene or near-duplicates are given to different splits: {splits}")
    chosen = {group: next(iter(given.get(group, {split_of(clip): ""}))) for group, clip in lowest.items()}
    return [replace(reference, split=chosen[group]) for _, group, reference in placed]
