"""What experiments learn from and are judged on: the sources that are here, and the conditions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from sharpstudy.assets import AssetError
from sharpstudy.data.degrade import DEGRADATIONS, Degradation, DownUp, parse_degradation
from sharpstudy.data.pairs import PairStore, prepare_pairs
from sharpstudy.data.references import Reference
from sharpstudy.data.sources import SourceOptions, load_source, select_balanced
from sharpstudy.evaluate import CLEAN, EvalSettings, FrameSet, clean_set, degraded_set

Remark = Callable[[str], None]

PAIRS_SEED = 1  # of the degradations that are drawn; the study's own pairs have it too
FEWEST_CLIPS = 2
SCREENS = SourceOptions(100, 960, 540)  # as many and as large as the study trains on
FALLBACK = "bundled"

# From mild to strong, one of each kind that a call brings; the factor 3 on a grid that nobody aligned.
CONDITIONS: Mapping[str, Degradation] = MappingProxyType(
    {
        **{name: DEGRADATIONS[name] for name in ("bicubic-x2",)},
        "bicubic-x3-offgrid": DownUp(3, phase=(1.0, 2.0)),
        **{
            name: DEGRADATIONS[name]
            for name in ("bicubic-x4", "blur-1.5", "call-200k", "call-300k", "call-800k", CLEAN)
        },
    }
)


@dataclass(frozen=True)
class Material:
    """References to learn from, `held` ones to be judged on, and the names of their sources."""

    train: tuple[Reference, ...]
    validation: tuple[Reference, ...]
    held: tuple[Reference, ...]
    source: str

    def facts(self) -> dict[str, object]:
        """What of it decides a score: the sources, and which frames they gave."""
        return {
            "source": self.source,
            "train_frames": f"{len(self.train)} ({frames_hash(self.train)})",
            "held_frames": f"{len(self.held)} ({frames_hash(self.held)})",
        }


def present_sources(
    names: Iterable[str], options: SourceOptions, remark: Remark | None = None
) -> dict[str, list[Reference]]:
    """The frames of each source whose files are on this machine; `remark` is told of the others."""
    found = {}
    for name in names:
        try:
            found[name] = load_source(name, options)
        except AssetError as error:
            if remark:
                remark(f"source {name} is left out: {error}")
    return found


def load_material(
    source: str,
    frames: int,
    train_frames: int = 0,
    options: SourceOptions = SCREENS,
    remark: Remark | None = None,
) -> Material:
    """The training part of the sources, and `frames` of their validation part, in the study's proportions.

    Sources whose files are not on this machine are left out, and `remark` is told; the bundled frames are
    always here. train_frames 0 takes all.
    """
    found = present_sources(source.split("+"), options, remark) or present_sources([FALLBACK], options)
    names, references = list(found), [one for part in found.values() for one in part]
    train = [one for one in references if one.split == "train"]
    validation = [one for one in references if one.split == "validation"]
    if train_frames:
        train = select_balanced(train, train_frames)
    held = select_balanced(validation, frames)
    clips = len({one.clip for one in held})
    if clips < FEWEST_CLIPS or not train:
        raise ValueError(
            f"source {'+'.join(names)!r}: expected training frames and at least {FEWEST_CLIPS} held-out"
            f" clips, got {len(train)} frames and {clips} clips"
        )
    return Material(tuple(train), tuple(validation), tuple(held), "+".join(names))


def training_pairs(
    material: Material,
    degradation: str | Mapping[str, Any],
    draws: int,
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[PairStore, PairStore]:
    """The training pairs under a degradation, and the held-out frames for the loop to look at.

    A degradation that leaves nothing to chance has one draw of each frame, however many are asked for.
    """
    known = parse_degradation(degradation)
    draws = draws if is_drawn(known) else 1
    train = prepare_pairs(material.train, known, PAIRS_SEED, folder, draws, progress=progress)
    return train, prepare_pairs(material.held, known, PAIRS_SEED, folder)


def is_drawn(degradation: Degradation) -> bool:
    """Whether the seed decides what the degradation does, apart from noise."""
    return degradation.drawn(np.random.default_rng(0)) != degradation


def held_sets(
    references: Sequence[Reference],
    conditions: Mapping[str, Degradation],
    folder: Path,
    settings: EvalSettings,
    line: Remark | None = None,
) -> list[FrameSet]:
    """The references under each condition, by name; `line` is told of each."""
    sets = []
    for name, degradation in conditions.items():
        if name == CLEAN:
            sets.append(clean_set(references, settings))
        else:
            sets.append(degraded_set(references, degradation, folder, settings, name))
        if line:
            line(f"held-out frames, {name}: {len(sets[-1])}")
    return sets


def frames_hash(references: Sequence[Reference]) -> str:
    """Eight digits that stand for the frames, in any order."""
    names = sorted(f"{one.frame}:{one.sha256}" for one in references)
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()[:8]
