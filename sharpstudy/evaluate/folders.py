"""Folders of pictures that belong together: matched by name, and everything that does not fit is listed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sharpstudy.data.degrade import DEGRADATIONS
from sharpstudy.data.folder import load_folder
from sharpstudy.data.frames import FrameError, find_frames, read_frame
from sharpstudy.data.references import Reference, file_safe, map_threads

LEAST_SIDE = 32  # pixels, which LPIPS needs


@dataclass(frozen=True)
class Indexed:
    """The pictures of a folder by key, and the keys that several files share."""

    files: Mapping[str, Path]
    twice: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Matched:
    """References with the files that belong to each, by the reference's frame name.

    problems: one sentence for everything that stands in the way of a comparison. unused: files that nothing
    asks for.
    """

    references: tuple[Reference, ...]
    keys: Mapping[str, str]
    degraded: Mapping[str, Path]
    problems: tuple[str, ...]
    unused: tuple[str, ...]


@dataclass
class _Findings:
    problems: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)


def frame_key(path: Path) -> str:
    """What matches a file: its relative path without the suffix, and without a degradation's name after it.

    photo.png, photo.jpg and photo.call-300k.png, as `sharpstudy degrade` names it, have the key photo.
    """
    stem = path.with_suffix("")
    made = next((name for name in DEGRADATIONS if stem.name.endswith(f".{name}")), "")
    return (stem.parent / stem.name.removesuffix(f".{made}")).as_posix()


def index_frames(folder: Path) -> Indexed:
    """The pictures under a folder by their key; of files that share one, the first by name."""
    files: dict[str, Path] = {}
    twice: list[str] = []
    for path in find_frames(folder):
        key = frame_key(path.relative_to(folder))
        if key in files:
            twice.append(f"{files[key].name} and {path.name}")
        files.setdefault(key, path)
    return Indexed(files, tuple(twice))


def match_folders(references: Path, degraded: Path | None, restored: Mapping[str, Path]) -> Matched:
    """References, degraded frames and each model's restored pictures, matched by relative path.

    Everything is decoded once, so that an unreadable file or a wrong size shows before anything is computed.
    """
    found = _Findings()
    known, keys = _read_references(references, found)
    by_key = {keys[one.frame]: one for one in known}
    files = _match("degraded", degraded, by_key, found) if degraded else {}
    for name, folder in restored.items():
        _match(f"restored by {name}", folder, by_key, found)
    paths = {by_key[key].frame: path for key, path in files.items() if key in by_key}
    return Matched(tuple(known), keys, paths, tuple(found.problems), tuple(found.unused))


def _read_references(folder: Path, found: _Findings) -> tuple[list[Reference], dict[str, str]]:
    """The still pictures of the folder with their scenes and categories, and the key of each."""
    indexed = index_frames(folder)
    found.problems += [f"references: {pair} have the same name" for pair in indexed.twice]
    if not indexed.files:
        raise ValueError(f"{folder}: expected pictures in it, found none")
    names = {
        f"folder-{file_safe(path.relative_to(folder).as_posix())}": key for key, path in indexed.files.items()
    }
    skipped: list[FrameError] = []
    known = [one for one in load_folder(folder, on_skip=skipped.append) if one.recording is None]
    found.problems += [f"references: {error}" for error in skipped]
    known = [one for one in known if one.frame in names]
    small = [one for one in known if min(one.width, one.height) < LEAST_SIDE]
    found.problems += [
        f"references: {names[one.frame]} is {one.width}x{one.height}, below {LEAST_SIDE} pixels a side"
        for one in small
    ]
    return known, names


def _match(
    what: str, folder: Path, references: Mapping[str, Reference], found: _Findings
) -> Mapping[str, Path]:
    """The folder's files by key, after every one that a reference asks for was read and measured."""
    indexed = index_frames(folder)
    found.problems += [f"{what}: {pair} have the same name" for pair in indexed.twice]
    missing = [key for key in references if key not in indexed.files]
    found.problems += [f"{what}: no picture of {key!r}" for key in missing]
    found.unused += [
        f"{what}: {path.name} has no reference"
        for key, path in indexed.files.items()
        if key not in references
    ]
    asked = [(references[key], path) for key, path in indexed.files.items() if key in references]
    found.problems += [f"{what}: {problem}" for problem in map_threads(_problem, asked) if problem]
    return indexed.files


def _problem(asked: tuple[Reference, Path]) -> str:
    """Why a file cannot stand beside its reference, or nothing."""
    reference, path = asked
    try:
        height, width = read_frame(path).shape[:2]
    except FrameError as error:
        return str(error)
    if (width, height) == (reference.width, reference.height):
        return ""
    return f"{path.name} is {width}x{height}, its reference {reference.width}x{reference.height}"
