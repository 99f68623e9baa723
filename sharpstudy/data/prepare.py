"""The work behind `prepare_pairs`: which stored arrays are missing, and making them with a few threads."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np

from sharpstudy.data.degrade import (
    Degradation,
    DownUp,
    Mixed,
    degrade,
    degrade_clip,
    settings_key,
    small_frame,
)
from sharpstudy.data.entries import is_whole, map_entry, write_entry
from sharpstudy.data.frames import FrameError
from sharpstudy.data.references import Reference

RUN = 60  # consecutive frames of a clip that one encoder sees: two seconds at 30 frames a second
STALE_S = 3600.0  # a part file that old belongs to a process that was killed


@dataclass(frozen=True)
class Work:
    """What all frames of one call to `prepare_pairs` have in common."""

    folder: Path
    settings: Degradation
    seed: int


@dataclass(frozen=True)
class Item:
    """One degraded frame to be: its reference, the number of the variant, and the files that hold both."""

    reference: Reference
    variant: int
    seed: int
    reference_path: Path
    degraded_path: Path
    small_path: Path | None

    def paths(self) -> list[Path]:
        return [path for path in (self.reference_path, self.degraded_path, self.small_path) if path]


def frame_seed(seed: int, name: str, variant: int) -> int:
    """The seed for one frame, or one run of a clip: of its name, never of its place in a list."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}:{variant}".encode()).digest()[:7], "big")


def scale_of(settings: Degradation) -> int | None:
    """The whole factor of a down-up on the plain grid, whose small frame lies in register with the full one.

    None where there is no such small frame: other degradations, broken factors, shifted grids, mixtures of
    factors.
    """
    if isinstance(settings, Mixed):
        scales = {scale_of(choice) for choice in settings.choices}
        return scales.pop() if len(scales) == 1 else None
    whole = isinstance(settings, DownUp) and settings.factor == int(settings.factor) > 1
    return int(settings.factor) if whole and settings.phase == (0, 0) else None


def make_item(work: Work, reference: Reference, variant: int) -> Item:
    """The item of a frame; its files are named by the hash of everything that decides their content."""
    name, run = reference.frame, ""
    if reference.recording is not None:
        path, index = reference.recording.path, reference.recording.index
        name, run = f"{reference.source}/{path.name}/{index // RUN}", f"{_file_hash(path)}/{index}"
    seed = frame_seed(work.seed, name, variant)
    content = [reference.sha256, settings_key(work.settings), seed, run]
    key = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    small = _place(work.folder, "small", key) if scale_of(work.settings) else None
    first = _place(work.folder, "references", reference.sha256)
    return Item(reference, variant, seed, first, _place(work.folder, "degraded", key), small)


def _place(folder: Path, kind: str, key: str) -> Path:
    return folder / kind / key[:2] / f"{key[:40]}.npy"


def _file_hash(path: Path) -> str:
    state = path.stat()
    return _hash_of_state(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=4096)
def _hash_of_state(path: Path, size: int, changed_ns: int) -> str:
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def run_items(
    work: Work, items: Sequence[Item], workers: int, progress: Callable[[int, int], None] | None
) -> None:
    """Make whatever the items lack; an error stops the rest and leaves what is done to the next call.

    Threads, because coding and hashing release the global lock: for calls, which take longest, two threads
    are quicker than two processes (plain down-ups gain nothing from a second thread). `progress` is told
    (done, all) frames.
    """
    done = 0
    with ThreadPoolExecutor(workers) as pool:
        futures = {pool.submit(_make, work, group): len(group) for group in _groups(items)}
        try:
            for future in as_completed(futures):
                future.result()
                done += futures[future]
                if progress:
                    progress(done, len(items))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _groups(items: Sequence[Item]) -> list[list[Item]]:
    """Items that are made together: the variants of a picture, the chosen frames of one run of a clip."""
    groups: dict[tuple, list[Item]] = {}
    for item in items:
        recording = item.reference.recording
        run = (recording.path, recording.index // RUN, item.seed) if recording else item.reference_path
        groups.setdefault(run, []).append(item)
    return list(groups.values())


def _make(work: Work, group: list[Item]) -> None:
    whole = {path: is_whole(path) for path in {path for item in group for path in item.paths()}}
    missing = [item for item in group if not all(whole[path] for path in item.paths())]
    if not missing:
        return
    if group[0].reference.recording is not None:
        _make_run(work, missing)
    else:
        _make_picture(work, missing)


def _make_picture(work: Work, items: list[Item]) -> None:
    path = items[0].reference_path
    if is_whole(path):
        frame = np.array(map_entry(path))
    else:
        frame = items[0].reference.load()
        write_entry(path, frame)
    for item in items:
        write_entry(item.degraded_path, degrade(frame, work.settings, item.seed))
        _write_small(work, item, frame)


def _make_run(work: Work, items: list[Item]) -> None:
    """Degrade a whole run of a clip: the chosen frames do not depend on which others were chosen."""
    recording = items[0].reference.recording
    start = recording.index // RUN * RUN
    frames = read_run(recording.path, start, RUN)
    degraded = degrade_clip(frames, work.settings, items[0].seed)
    for item in items:
        place = item.reference.recording.index - start
        if place >= len(frames):
            raise FrameError(recording.path, f"it ends before frame {item.reference.recording.index}")
        write_entry(item.reference_path, item.reference.checked(frames[place]))
        write_entry(item.degraded_path, degraded[place])
        _write_small(work, item, frames[place])


def _write_small(work: Work, item: Item, frame: np.ndarray) -> None:
    if item.small_path is not None:
        write_entry(item.small_path, small_frame(frame, work.settings, item.seed))


def read_run(path: Path, start: int, count: int) -> list[np.ndarray]:
    """At most `count` consecutive frames of a video file from the number `start` on."""
    from sharpstudy.data.clips import read_clip

    return [moment.frame for moment in islice(read_clip(path), start, start + count)]


def sweep(folder: Path) -> None:
    """Remove the part files that killed processes left behind."""
    for part in folder.glob("*/*/.*.part.npy"):
        with suppress(OSError):  # its writer, or another sweep, was quicker
            if time.time() - part.stat().st_mtime > STALE_S:
                part.unlink()
