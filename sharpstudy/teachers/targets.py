"""A teacher's targets on disk: each computed once, shared by all recipes, read crop by crop.

They are stored as uint8, as a call delivers frames. Measured on RLFN's targets of 16 frames, read as crops of
96 pixels: uint8 is 60.4 dB from the exact target at 3 bytes a pixel and 31,000 crops a CPU second; float16
81.3 dB, 6 bytes, 12,000; float32 12 bytes, 13,000. PNG (0.8 bytes) and WebP (0.6) give 110 and 190 crops,
since each is a whole decode.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from sharpstudy.data.entries import TRAILER, is_whole, open_rows, write_entry
from sharpstudy.data.pairs import PairEntry, PairStore
from sharpstudy.data.prepare import sweep
from sharpstudy.data.references import map_threads
from sharpstudy.teachers.processes import Processes, join_processes
from sharpstudy.teachers.teacher import Precision, Teacher

Progress = Callable[[int, int, float], None]
Shard = tuple[int, int]

MEANING = 1  # of a stored target; another number makes all that are stored strangers
VISIBLE_S = 90.0  # what another machine wrote appears in a shared folder after a while


@dataclass(frozen=True)
class TargetKey:
    """What decides a target's pixels besides its pair; the device is not part of it, see `cache_targets`."""

    teacher: str
    weights: str  # SHA-256 of the network's tensors
    precision: Precision
    tile: int | None

    @property
    def folder(self) -> str:
        """The name of the folder that holds all targets with this key."""
        digest = hashlib.sha256(json.dumps([MEANING, asdict(self)]).encode()).hexdigest()
        return f"{self.teacher}-{self.precision}-{digest[:16]}"


@dataclass(frozen=True)
class Caching:
    """What a call had to do: targets computed and found, and the pixels and seconds of those computed."""

    computed: int
    found: int
    pixels: int
    seconds: float

    def row(self) -> dict[str, int | float | None]:
        """The counts and speeds for a table."""
        return {
            "computed": self.computed,
            "found": self.found,
            "frames_per_second": self.frames_per_second,
            "seconds_per_megapixel": self.seconds_per_megapixel,
        }

    @property
    def frames_per_second(self) -> float | None:
        """Of all processes together; None where nothing was computed."""
        return self.computed / self.seconds if self.computed else None

    @property
    def seconds_per_megapixel(self) -> float | None:
        """Of all processes together; None where nothing was computed."""
        return self.seconds * 1e6 / self.pixels if self.computed else None


def target_key(teacher: Teacher, tile: int | None = None) -> TargetKey:
    """The key of a teacher's targets, with the hash of the weights that it really has."""
    return TargetKey(teacher.name, hash_weights(teacher.network), teacher.precision, tile)


def hash_weights(network: nn.Module) -> str:
    """The SHA-256 of all tensors with their names, types and shapes, whatever file they came from."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)}:".encode())
        digest.update(tensor.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def target_path(folder: Path, key: TargetKey, teacher: Teacher, store: PairStore, entry: PairEntry) -> Path:
    """Where the target of a pair lies: named by the key and the content of the frames that are read.

    Content, not their names: another encoder's version makes another degraded frame under the same settings.
    """
    read = [entry.degraded, entry.small] if _reads_small(teacher, store, entry) else [entry.degraded]
    digests = [_content(store.folder / file) for file in read]
    name = hashlib.sha256(json.dumps(digests).encode()).hexdigest()
    return Path(folder) / key.folder / name[:2] / f"{name[:40]}.npy"


def target_paths(
    teacher: Teacher, store: PairStore, folder: Path, tile: int | None = None
) -> dict[str, Path]:
    """Where the targets of all pairs lie, by the pair's name, whether they are there or not."""
    key = target_key(teacher, tile)
    return {entry.name: target_path(folder, key, teacher, store, entry) for entry in store.entries}


def missing_targets(
    teacher: Teacher, store: PairStore, folder: Path, tile: int | None = None
) -> list[PairEntry]:
    """The pairs whose target is absent or damaged; of pairs that share a target, the first."""
    return _missing(store.entries, target_paths(teacher, store, folder, tile))


def shard_of(entries: Sequence[PairEntry], shard: Shard) -> list[PairEntry]:
    """Share i of N of the entries, all of them with nearly the same number of pixels; i counts from 0."""
    index, count = shard
    if not 0 <= index < count:
        raise ValueError(f"shard: expected (i, N) with 0 <= i < N, got {shard!r}")
    loads, chosen = [0] * count, []
    for entry in sorted(entries, key=lambda entry: (-entry.width * entry.height, entry.name)):
        lightest = loads.index(min(loads))
        loads[lightest] += entry.width * entry.height
        if lightest == index:
            chosen.append(entry)
    return chosen


def cache_targets(
    teacher: Teacher,
    store: PairStore,
    folder: Path,
    *,
    tile: int | None = None,
    shard: Shard | None = None,
    processes: Processes | None = None,
    progress: Progress | None = None,
    report: Callable[[Caching], None] | None = None,
) -> PairStore:
    """The pairs with the teacher's targets, after those that `folder` lacks were computed.

    What is stored is believed only when its hash is right, and every target is written whole, so that a
    killed run goes on where it stopped and any number of processes may fill one folder. Under torchrun they
    share what is missing by pixels, wait for each other and all get all pairs; elsewhere `shard` (i, N)
    restores and returns one share, for job arrays. `tile` computes in tiles (Teacher.restore_tiled).
    `progress` is told (done, all, frames per second) of the frames that this process restores, `report` what
    was done. Devices round a few pixels differently; a target found is taken, whichever computed it.
    """
    processes = processes or join_processes(teacher.device)
    if shard and processes.ranks > 1:
        raise ValueError(f"shard: torchrun shares the frames already, so expected none, got {shard!r}")
    store = PairStore(store.folder, shard_of(store.entries, shard) if shard else store.entries)
    paths = target_paths(teacher, store, folder, tile)
    sweep(Path(folder))
    missing = processes.agreed(lambda: _missing(store.entries, paths))
    mine = shard_of(missing, (processes.rank, processes.ranks))
    done = _compute(_placed(teacher, processes), PairStore(store.folder, mine), paths, tile, progress)
    everyone = _together(done, processes)  # nobody goes on before all are done
    if report:
        report(replace(everyone, found=len(store) - everyone.computed))
    if processes.ranks > 1:
        _await_visible(paths.values())
    return store.with_targets(paths)


def _compute(
    teacher: Teacher, mine: PairStore, paths: Mapping[str, Path], tile: int | None, progress: Progress | None
) -> Caching:
    computed, pixels, start = 0, 0, time.perf_counter()
    for place, entry in enumerate(mine.entries):
        path = paths[entry.name]
        if not is_whole(path):  # another process may have been quicker
            write_entry(path, _restore(teacher, mine, place, tile))
            computed, pixels = computed + 1, pixels + entry.width * entry.height
        if progress:
            progress(place + 1, len(mine), computed / (time.perf_counter() - start))
    return Caching(computed, 0, pixels, time.perf_counter() - start)


def _restore(teacher: Teacher, store: PairStore, place: int, tile: int | None) -> np.ndarray:
    """What `gate.restore_pair` gives, in tiles where that is asked for."""
    entry, pair = store.entries[place], store.pair(place)
    small = pair.small if _reads_small(teacher, store, entry) else None
    for file in filter(None, (entry.degraded, entry.small if small is not None else "")):
        if not is_whole(store.folder / file):
            raise ValueError(f"pair {entry.name!r}: {file} is damaged; prepare the pairs again")
    if tile is None:
        return teacher.restore(np.asarray(pair.degraded), small)
    return teacher.restore_tiled(np.asarray(pair.degraded), small, tile)


def _reads_small(teacher: Teacher, store: PairStore, entry: PairEntry) -> bool:
    """Whether the teacher reads the stored small frame, which costs nothing to ask: sizes have no pixels."""
    if not entry.small:
        return False
    _content(store.folder / entry.small)
    height, width, _ = open_rows(store.folder / entry.small).shape
    small = torch.empty(3, height, width, device="meta")
    return teacher.reads(small, torch.empty(3, entry.height, entry.width, device="meta"))


def _content(path: Path) -> str:
    """The hash of a stored array, which is its trailer."""
    try:
        with open(path, "rb") as file:
            file.seek(-TRAILER, 2)
            return file.read(TRAILER).hex()
    except OSError as error:
        raise ValueError(f"{path.name} is gone or empty; prepare the pairs again") from error


def _missing(entries: Sequence[PairEntry], paths: Mapping[str, Path]) -> list[PairEntry]:
    first = {paths[entry.name]: entry for entry in reversed(entries)}
    whole = dict(zip(first, map_threads(is_whole, first), strict=True))
    return [entry for entry in entries if first[paths[entry.name]] is entry and not whole[paths[entry.name]]]


def _placed(teacher: Teacher, processes: Processes) -> Teacher:
    """The teacher on the device that is this process's own."""
    if processes.ranks == 1:
        return teacher
    return replace(teacher, network=teacher.network.to(processes.device), device=processes.device)


def _together(done: Caching, processes: Processes) -> Caching:
    every = processes.gathered([done.computed, done.pixels, done.seconds])
    computed, pixels, seconds = zip(*every, strict=True)
    return Caching(round(sum(computed)), 0, round(sum(pixels)), max(seconds))


def _await_visible(paths: Iterable[Path]) -> None:
    limit = time.monotonic() + VISIBLE_S
    for path in paths:
        while not path.is_file() and time.monotonic() < limit:
            time.sleep(0.5)
