"""Aligned patches of prepared pairs: an endless sequence whose patch i depends on the seed and i alone."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from torch.utils.data import Dataset

from sharpstudy.data.entries import Rows, keep_some, open_rows
from sharpstudy.data.pairs import PairStore
from sharpstudy.data.split import TARGET_SHARES

Part = Literal["reference", "degraded", "small", "target"]
Balance = Literal["category", "area"]
Symmetry = Literal["eightfold", "none"]

KEPT = 256 * 2**20  # bytes of frames that stay in memory; of the others, rows are read for every patch
_DRAWS = 4  # numbers drawn for each patch: pair, top, left, symmetry


@dataclass(frozen=True)
class Place:
    """Where a patch comes from: the pair's place in the store, the corner in full-size pixels, a symmetry.

    Symmetry s: mirrored left to right when s is 4 or more, then turned by s % 4 quarters, counter-clockwise.
    """

    pair: int
    top: int
    left: int
    symmetry: int


class Patches(Dataset):
    """Patches of one size out of a PairStore, for a DataLoader or, faster, by whole batches.

    A batch is a dict of float32 tensors (B,3,P,P) in [0,1] with the keys of `parts`: by default reference and
    degraded, and target where the store has targets; "small" gives (B,3,P/scale,P/scale), in register with
    the rest. balance "category": a category is drawn by its target share, in it a clip by the area of its
    frames, in it one of its frames, so that neither many pictures of one kind nor a long clip takes over;
    "area": a pair is drawn by its area alone. Frames smaller than the patch are refused: padding
    would teach seams that no call has. `facts` are numbers about whole frames, one row (pairs, n) for each
    pair; a batch has those of its patches (B, n) under the same name.
    """

    def __init__(
        self,
        store: PairStore,
        size: int,
        batch_size: int,
        seed: int,
        *,
        steps: int = 1_000_000,
        parts: Sequence[Part] | None = None,
        balance: Balance = "category",
        symmetry: Symmetry = "eightfold",
        facts: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        for name, value in (("size", size), ("batch_size", batch_size), ("steps", steps)):
            if value < 1:
                raise ValueError(f"{name}: expected at least 1, got {value}")
        for name, value, choices in (("balance", balance, Balance), ("symmetry", symmetry, Symmetry)):
            if value not in get_args(choices):
                raise ValueError(f"{name}: expected one of {get_args(choices)}, got {value!r}")
        self.store, self.size, self.batch_size, self.steps = store, size, batch_size, steps
        self.parts = _check_parts(store, parts)
        self.scale = _check_sizes(store, size, self.parts)
        self.symmetries = 8 if symmetry == "eightfold" else 1
        self._seed = _number(f"patches:{seed}")
        self._chances = np.cumsum(weights(store, balance))
        self.facts = _check_facts(store, facts or {})
        self._rows = {
            part: keep_some([_rows_of(store, i, part) for i in range(len(store))], KEPT // len(self.parts))
            for part in self.parts
        }

    def __len__(self) -> int:
        """Patches in `steps` batches; the sequence itself has no end."""
        return self.steps * self.batch_size

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        """Patch i alone: a dict of (3,P,P) tensors."""
        if not 0 <= index < len(self):
            raise IndexError(f"patch {index}: expected 0 to {len(self) - 1}")
        return {part: tensor[0] for part, tensor in self.take([index]).items()}

    def __getitems__(self, indices: list[int]) -> list[dict[str, torch.Tensor]]:
        """Several patches at once, which is how a DataLoader asks for a batch."""
        together = self.take(indices)
        return [{part: tensor[k] for part, tensor in together.items()} for k in range(len(indices))]

    def batch(self, step: int, rank: int = 0, ranks: int = 1) -> dict[str, torch.Tensor]:
        """The batch of one step; a step has batch_size * ranks patches, of which each rank takes its own."""
        if not 0 <= rank < ranks:
            raise ValueError(f"rank: expected 0 to {ranks - 1}, got {rank}")
        first = (step * ranks + rank) * self.batch_size
        return self.take(range(first, first + self.batch_size))

    def batches(
        self,
        first: int = 0,
        last: int | None = None,
        rank: int = 0,
        ranks: int = 1,
        ahead: int = 4,
        threads: int = 1,
    ) -> Iterator[dict[str, torch.Tensor]]:
        """The batches of the steps from first to last - 1, made by threads up to `ahead` steps in advance."""
        last = self.steps if last is None else last
        with ThreadPoolExecutor(threads) as pool:
            waiting = deque()
            for step in range(first, last):
                while len(waiting) < ahead and step + len(waiting) < last:
                    waiting.append(pool.submit(self.batch, step + len(waiting), rank, ranks))
                yield waiting.popleft().result()

    def take(self, indices: Sequence[int]) -> dict[str, torch.Tensor]:
        """The patches with these numbers as one batch."""
        places = self.places(indices)
        pairs = [place.pair for place in places]
        told = {name: torch.from_numpy(values[pairs]) for name, values in self.facts.items()}
        return {part: self._gather(part, places) for part in self.parts} | told

    def places(self, indices: Sequence[int]) -> list[Place]:
        """Where the patches with these numbers come from."""
        draws = uniforms(self._seed, np.asarray(indices, np.uint64), _DRAWS)
        pairs = np.searchsorted(self._chances, draws[:, 0] * self._chances[-1], side="right")
        return [
            self._place(min(int(pair), len(self.store) - 1), draw)
            for pair, draw in zip(pairs, draws, strict=True)
        ]

    def _place(self, pair: int, draw: np.ndarray) -> Place:
        entry = self.store.entries[pair]
        # Corners on the grid of the small frame, so that its patch covers the same pixels.
        top, left = (
            int(u * ((side - self.size) // self.scale + 1)) * self.scale
            for u, side in zip(draw[1:3], (entry.height, entry.width), strict=True)
        )
        return Place(pair, top, left, int(draw[3] * self.symmetries))

    def _gather(self, part: Part, places: Sequence[Place]) -> torch.Tensor:
        """float32 (B,3,P,P) in [0,1]: uint8 patches converted once for the whole batch, floats as they are.

        By NumPy on one thread: a thread pool that the student's training uses as well would make both wait.
        """
        step, rows = self.scale if part == "small" else 1, self._rows[part]
        side = self.size // step
        stack = np.empty((len(places), 3, side, side), rows[0].dtype)
        for slot, place in zip(stack, places, strict=True):
            patch = rows[place.pair].crop(place.top // step, place.left // step, side)
            slot[:] = turned(patch, place.symmetry).transpose(2, 0, 1)
        if stack.dtype == np.uint8:
            return torch.from_numpy(np.divide(stack, np.float32(255), dtype=np.float32))
        return torch.from_numpy(stack.astype(np.float32, copy=False))


def turned(patch: np.ndarray, symmetry: int) -> np.ndarray:
    """A view of the HxWx3 patch under one of the 8 symmetries of the square (see Place)."""
    if symmetry >= 4:
        patch = patch[:, ::-1]
    if symmetry % 2:
        patch = patch[:, ::-1].swapaxes(0, 1)
    return patch[::-1, ::-1] if symmetry % 4 >= 2 else patch


def turned_back(patch: np.ndarray, symmetry: int) -> np.ndarray:
    """What `turned` was given."""
    upright = np.rot90(patch, -(symmetry % 4))
    return upright[:, ::-1] if symmetry >= 4 else upright


def uniforms(seed: int, counters: np.ndarray, columns: int) -> np.ndarray:
    """Numbers in [0, 1), (N, columns), each decided by the seed, its counter (uint64) and its column alone.

    SplitMix64 (Steele, Lea and Flood 2014) at the place `counter * columns + column` of its sequence: no
    state to carry, and the same on every machine and NumPy.
    """
    places = counters[:, None] * np.uint64(columns) + np.arange(1, columns + 1, dtype=np.uint64)
    z = np.uint64(seed) + places * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53


def weights(store: PairStore, balance: Balance) -> np.ndarray:
    """The chance of every pair to give the next patch, (N,) summing to 1 (see Patches)."""
    area = np.array([entry.width * entry.height for entry in store.entries], float)
    if balance == "category":
        clips = np.array([entry.clip for entry in store.entries])
        categories = np.array([entry.category for entry in store.entries])
        area = area / _sum_by(clips, np.ones_like(area))
        share = np.array([TARGET_SHARES.get(category, 1 / len(TARGET_SHARES)) for category in categories])
        area = share * area / _sum_by(categories, area)
    return area / area.sum()


def _sum_by(keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """For every element the sum of the values that have its key."""
    _, inverse = np.unique(keys, return_inverse=True)
    return np.bincount(inverse, values)[inverse]


def _rows_of(store: PairStore, index: int, part: Part) -> Rows:
    entry = store.entries[index]
    if part == "target":
        return open_rows(store.targets[entry.name])
    return open_rows(store.folder / getattr(entry, part))


def _check_parts(store: PairStore, parts: Sequence[Part] | None) -> tuple[Part, ...]:
    if parts is None:
        parts = ("reference", "degraded") if store.targets is None else ("reference", "degraded", "target")
    unknown = set(parts) - set(get_args(Part))
    if unknown or not parts:
        raise ValueError(f"parts: expected some of {get_args(Part)}, got {tuple(parts)}")
    if "target" in parts and store.targets is None:
        raise ValueError("parts: this store has no targets; give it some by with_targets")
    if "small" in parts and not all(entry.small for entry in store.entries):
        raise ValueError(
            "parts: not every pair has a small frame; only down-ups by a whole factor on the plain grid do"
        )
    return tuple(parts)


def _check_facts(store: PairStore, facts: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The facts as float32, where there is a row of them for every pair."""
    for name, values in facts.items():
        if values.ndim != 2 or len(values) != len(store):
            raise ValueError(
                f"facts: expected {name} as ({len(store)}, n), a row for each pair, got {values.shape}"
            )
    return {name: np.asarray(values, np.float32) for name, values in facts.items()}


def _check_sizes(store: PairStore, size: int, parts: Sequence[Part]) -> int:
    """The grid of the corners: the scale of the small frames where they are asked for, else 1."""
    if not len(store):
        raise ValueError("store: expected at least one pair, got none")
    tight = [entry for entry in store.entries if min(entry.width, entry.height) < size]
    if tight:
        least = min(tight, key=lambda entry: min(entry.width, entry.height))
        raise ValueError(
            f"size: {len(tight)} of {len(store)} frames are smaller than {size} pixels, the smallest "
            f"{least.frame!r} with {least.width}x{least.height}; choose a smaller size, or leave them out"
        )
    scales = {entry.scale for entry in store.entries} if "small" in parts else {1}
    scale = max(scales)
    if len(scales) > 1 or size % scale:
        raise ValueError(f"size: expected a multiple of one scale of small frames, got {size} at {scales}")
    return scale


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
