"""Pairs of reference and degraded frames on disk: prepared once, shared by all recipes, memory-mapped.

A folder of pairs holds `references/`, `degraded/` and `small/`, whose files are named by what they were made
from, and one CSV for each list of pairs that was saved. A frame is degraded at its full size and stored so;
nothing is ever shrunk.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sharpstudy.data.degrade import Degradation, parse_degradation
from sharpstudy.data.entries import map_entry, open_rows
from sharpstudy.data.frames import write_bytes
from sharpstudy.data.prepare import Item, Work, make_item, run_items, scale_of, sweep
from sharpstudy.data.references import Reference

if TYPE_CHECKING:
    from sharpstudy.data.patches import Patches

__all__ = ["Pair", "PairEntry", "PairStore", "Patches", "open_pairs", "prepare_pairs"]


def __getattr__(name: str) -> Any:
    """Patches, from a module of its own because it needs torch, which preparing pairs does not."""
    if name == "Patches":
        from sharpstudy.data.patches import Patches

        return Patches
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@dataclass(frozen=True)
class PairEntry:
    """One row of a list of pairs: what the pair is, and its files relative to the folder of pairs.

    `name` is the frame's id, with ".v1", ".v2" ... for its further variants; it is what targets are named by.
    `scale` is the factor of the small frame, 1 where there is none.
    """

    name: str
    frame: str
    clip: str
    category: str
    split: str
    variant: int
    width: int
    height: int
    scale: int
    reference: str
    degraded: str
    small: str = ""


@dataclass(frozen=True)
class Pair:
    """One pair in full: uint8 HxWx3 reference and degraded, memory-mapped, read-only.

    small is the frame from which the degraded one was enlarged, target what a teacher made of it; None
    without them.
    """

    name: str
    frame: str
    clip: str
    category: str
    reference: np.ndarray
    degraded: np.ndarray
    small: np.ndarray | None = None
    target: np.ndarray | None = None


class PairStore:
    """A list of prepared pairs, and where a teacher's targets for them lie."""

    def __init__(
        self, folder: Path, entries: Sequence[PairEntry], targets: Mapping[str, Path] | None = None
    ) -> None:
        self.folder = Path(folder)
        self.entries = tuple(entries)
        self.targets = dict(targets) if targets is not None else None

    def __len__(self) -> int:
        return len(self.entries)

    def pair(self, index: int) -> Pair:
        """The pair at a place in the list; nothing is read before its pixels are used."""
        entry = self.entries[index]
        return Pair(
            entry.name,
            entry.frame,
            entry.clip,
            entry.category,
            map_entry(self.folder / entry.reference),
            map_entry(self.folder / entry.degraded),
            map_entry(self.folder / entry.small) if entry.small else None,
            map_entry(self.targets[entry.name]) if self.targets is not None else None,
        )

    def part(self, split: str) -> PairStore:
        """The pairs of one split, in the same order."""
        return PairStore(self.folder, [entry for entry in self.entries if entry.split == split], self.targets)

    def with_targets(self, targets: Path | Mapping[str, Path]) -> PairStore:
        """The same pairs with a teacher's targets: a folder of .npy files named by pair, or names and files.

        Each, HxWx3, must be there, of the reference's size, as uint8 or as float16 or float32 in [0,1].
        """
        if not isinstance(targets, Mapping):
            targets = {entry.name: Path(targets) / f"{entry.name}.npy" for entry in self.entries}
        found = {entry.name: Path(targets[entry.name]) for entry in self.entries if entry.name in targets}
        missing = [e.name for e in self.entries if e.name not in found or not found[e.name].is_file()]
        if missing:
            raise ValueError(
                f"targets: {len(missing)} of {len(self)} pairs have none, the first is {missing[0]!r}"
            )
        layouts = [open_rows(found[entry.name]) for entry in self.entries]
        for entry, layout in zip(self.entries, layouts, strict=True):
            expected = (entry.height, entry.width, 3)
            if layout.shape != expected:
                raise ValueError(f"target of {entry.name!r}: expected {expected}, found {layout.shape}")
        types = {str(layout.dtype) for layout in layouts}
        if len(types) > 1:
            raise ValueError(f"targets: expected one type of number, found {sorted(types)}")
        return PairStore(self.folder, self.entries, found)

    def save(self, name: str) -> Path:
        """Write the list beside its files, as `name`.csv; targets are not part of it."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        columns = [field.name for field in fields(PairEntry)]
        writer.writerow(columns)
        writer.writerows([getattr(entry, column) for column in columns] for entry in self.entries)
        path = self.folder / f"{name}.csv"
        write_bytes(path, text.getvalue().encode())
        return path


def open_pairs(path: Path) -> PairStore:
    """The list of pairs that `PairStore.save` wrote; a ValueError when a file that it names is gone."""
    path = Path(path)
    columns = [field.name for field in fields(PairEntry)]
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != columns:
            raise ValueError(f"{path.name}: expected the columns {columns}, found {reader.fieldnames}")
        rows = list(reader)
    numbers = ("variant", "width", "height", "scale")
    entries = [PairEntry(**{**row, **{column: int(row[column]) for column in numbers}}) for row in rows]
    for entry in entries:
        for file in filter(None, (entry.reference, entry.degraded, entry.small)):
            if not (path.parent / file).is_file():
                raise ValueError(f"{path.name}: {file} of {entry.name!r} is gone; prepare the pairs again")
    return PairStore(path.parent, entries)


def prepare_pairs(
    references: Iterable[Reference],
    degradation: Degradation | str | Mapping[str, object],
    seed: int,
    folder: Path,
    variants: int = 1,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> PairStore:
    """The pairs of all references under one degradation, with `variants` draws of each.

    What is on disk is believed only when its hash is right, so a run that was killed goes on where it
    stopped, and several processes may prepare the same folder at once. A frame's draw depends on seed, frame
    and variant alone; frames of a clip are degraded together with the frames between them. `progress` is told
    (done, all) frames.
    """
    references, folder = list(references), Path(folder)
    for name, value in (("variants", variants), ("workers", workers)):
        if value < 1:
            raise ValueError(f"{name}: expected at least 1, got {value}")
    repeated = len(references) - len({reference.frame for reference in references})
    if repeated:
        raise ValueError(f"references: expected every frame once, {repeated} are there again")
    settings = degradation if isinstance(degradation, Degradation) else parse_degradation(degradation)
    work = Work(folder, settings, seed)
    items = [make_item(work, reference, variant) for reference in references for variant in range(variants)]
    sweep(folder)
    run_items(work, items, workers, progress)
    return PairStore(folder, [_entry(folder, item, scale_of(settings) or 1) for item in items])


def _entry(folder: Path, item: Item, scale: int) -> PairEntry:
    reference = item.reference
    small = item.small_path.relative_to(folder).as_posix() if item.small_path else ""
    return PairEntry(
        name=reference.frame + (f".v{item.variant}" if item.variant else ""),
        frame=reference.frame,
        clip=reference.clip,
        category=reference.category,
        split=reference.split,
        variant=item.variant,
        width=reference.width,
        height=reference.height,
        scale=scale,
        reference=item.reference_path.relative_to(folder).as_posix(),
        degraded=item.degraded_path.relative_to(folder).as_posix(),
        small=small,
    )
