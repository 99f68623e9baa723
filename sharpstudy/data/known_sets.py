"""The sets that the registry of assets names: which folder fills which part, and what each picture shows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sharpstudy.data.frames import find_frames, read_frame
from sharpstudy.data.labels import SIGNERS, category_of
from sharpstudy.data.references import (
    OTHER,
    Recording,
    Reference,
    make_reference,
    map_threads,
    sample_clip,
    slug,
)
from sharpstudy.data.split import Split, split_of

POOL: tuple[Split, ...] = ("train", "validation")
TEST: tuple[Split, ...] = ("test",)


@dataclass(frozen=True)
class KnownSet:
    """A set of pictures: its folders, each with the parts of the split that it may fill.

    A folder is named by its asset, or as a folder inside one; among several parts the hash decides.
    `category` is that of every picture; None means that labels.py has one for each. `without` are names left
    out.
    """

    folders: dict[str, tuple[Split, ...]]
    category: str | None = None
    without: frozenset[str] = field(default_factory=frozenset)


PICTURE_SETS: dict[str, KnownSet] = {
    # BSD100 and CBSD68 lie inside "val", so that it is never trained on; 302003 is a picture of Set5.
    "bsds500": KnownSet(
        {"bsds500/train": POOL, "bsds500/test": POOL, "bsds500/val": TEST}, without=frozenset({"302003"})
    ),
    "div2k": KnownSet({"div2k-train": POOL, "div2k-valid": TEST}, OTHER),
    "set5": KnownSet({"set5": TEST}),
    "set14": KnownSet({"set14": TEST}),
    "kodak24": KnownSet({"kodak24": TEST}),
    "hires_camera": KnownSet({"hires_camera": POOL}),
    "hires_cc0": KnownSet({"hires_cc0": TEST}),
    "game_screens": KnownSet({"game_screens": ("train", "test")}, "graphics"),
    "call_screens": KnownSet({"call_screens": TEST}, "text"),
}
CLIP_SETS = ("webcam_clips", "call_clips")


def load_pictures(name: str) -> list[Reference]:
    """The references of a set of pictures; an AssetError with directions when it is not on this machine."""
    from sharpstudy.assets import ASSETS, require_asset

    known, jobs = PICTURE_SETS[name], []
    for place, among in known.folders.items():
        asset, _, inside = place.partition("/")
        paths = [
            path for path in find_frames(require_asset(asset) / inside) if path.stem not in known.without
        ]
        jobs += [partial(_picture, name, among, ASSETS[asset].licence, path) for path in paths]
    return map_threads(lambda job: job(), jobs)


def _picture(name: str, among: tuple[Split, ...], licence: str, path: Path) -> Reference:
    own = slug(f"{name}-{path.stem}")
    return make_reference(
        read_frame(path),
        name=own,
        clip=own,
        category=PICTURE_SETS[name].category or category_of(name, path.stem),
        split=split_of(own, among),
        source=name,
        licence=licence,
        loader=partial(read_frame, path),
    )


def load_clips(name: str, every: int, frames_per_clip: int) -> list[Reference]:
    """Every n-th frame of each clip of a set, at most `frames_per_clip` of each.

    webcam_clips is split by person: one signer trains, one validates, one tests. All three stand in the same
    room, so its test frames are of an unseen person before a seen wall. call_clips is for tests.
    """
    from sharpstudy.assets import ASSETS, require_asset
    from sharpstudy.data.clips import CLIP_SUFFIXES

    licence = ASSETS[name].licence
    paths = sorted(path for path in require_asset(name).iterdir() if path.suffix.lower() in CLIP_SUFFIXES)
    per_clip = map_threads(lambda path: _clip(name, licence, path, every, frames_per_clip), paths)
    return [reference for references in per_clip for reference in references]


def _clip(name: str, licence: str, path: Path, every: int, frames_per_clip: int) -> list[Reference]:
    # Two files that differ only in the size in their name show the same scene.
    scene = re.sub(r"_\d+x\d+.*", "", path.stem)
    by_person = name == "webcam_clips"
    describe = partial(
        make_reference,
        clip=slug(f"{name}-{scene}"),
        category="people" if by_person else category_of(name, path.stem),
        split=SIGNERS[path.stem] if by_person else "test",
        source=name,
        licence=licence,
    )
    return [
        describe(frame, name=slug(f"{name}-{path.stem}-{index:05d}"), recording=Recording(path, index))
        for index, frame in sample_clip(path, every, frames_per_clip)
    ]
