"""Which part a scene belongs to, and whether the parts keep the proportions of the study."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from sharpstudy.data.references import CATEGORIES, Reference

if TYPE_CHECKING:
    import pandas as pd

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
SPLIT_SHARES: dict[str, float] = {"train": 0.60, "validation": 0.15, "test": 0.25}
TARGET_SHARES: dict[str, float] = dict(zip(CATEGORIES, (0.20, 0.25, 0.25, 0.15, 0.15), strict=True))

# Small sets split by hash can fall badly, so the number was chosen, before anything was trained, such that
# the six scenes of the bundled photographs give a person and a scene of "nature" to both training and test,
# the one animal to the test and one scene to validation, and game_screens and hires_camera come near their
# shares. Changing it changes every split.
SALT = "sharpstudy-855"


def unit_draw(text: str) -> float:
    """A number in [0, 1) that depends on nothing but the text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def split_of(clip: str, among: Sequence[Split] = SPLITS) -> Split:
    """The part of a scene, from the hash of its name alone: adding or removing others never moves it.

    `among` names the parts that the source may fill; they keep their shares relative to each other.
    """
    unknown = set(among) - set(SPLITS)
    if unknown or not among:
        raise ValueError(f"among: expected some of {list(SPLITS)}, got {list(among)}")
    draw = unit_draw(f"{SALT}:{clip}") * sum(SPLIT_SHARES[part] for part in among)
    for part in among:
        draw -= SPLIT_SHARES[part]
        if draw < 0:
            return part
    return among[-1]


def split_table(references: Sequence[Reference]) -> pd.DataFrame:
    """Frames and clips by split and category, with the share of the split's clips beside the share aimed at.

    Shares count clips, because frames of one clip are no independent material. Columns: split, category,
    frames, clips, share, target; a category without an aim has the target 0.
    """
    import pandas as pd

    rows = []
    for part in SPLITS:
        inside = [reference for reference in references if reference.split == part]
        clips = Counter(category for _, category in {(r.clip, r.category) for r in inside})
        frames = Counter(reference.category for reference in inside)
        for category in _in_order({**dict.fromkeys(CATEGORIES, 0), **frames}):
            share = clips[category] / max(1, sum(clips.values()))
            target = TARGET_SHARES.get(category, 0.0)
            rows.append((part, category, frames[category], clips[category], share, target))
    return pd.DataFrame(rows, columns=["split", "category", "frames", "clips", "share", "target"])


def select_balanced(references: Sequence[Reference], count: int, seed: int = 0) -> list[Reference]:
    """At most `count` references, in the order given, as near to the target shares as the material allows.

    Clips take turns, so that a second frame of a clip is chosen only when every clip of its category has
    given one. The choice inside a category is by hash of the seed. What one category cannot fill goes to the
    others.
    """
    if count < 0:
        raise ValueError(f"count: expected 0 or more, got {count}")
    queues = _queues(references, seed)
    available = {category: len(queue) for category, queue in queues.items()}
    chosen = set()
    for category, quota in share_out(count, available).items():
        chosen.update(reference.frame for reference in queues[category][:quota])
    return [reference for reference in references if reference.frame in chosen]


def share_out(count: int, available: dict[str, int]) -> dict[str, int]:
    """How many of `count` each category gives, handed out one by one to the furthest below its share."""
    shares = {category: TARGET_SHARES.get(category, 1 / len(TARGET_SHARES)) for category in available}
    given = dict.fromkeys(_in_order(available), 0)
    for _ in range(min(count, sum(available.values()))):
        open_ones = [category for category in given if given[category] < available[category]]
        # D'Hondt would favour the large; the quotient with +0.5 (Sainte-Lague) is unbiased.
        best = max(open_ones, key=lambda category: shares[category] / (given[category] + 0.5))
        given[best] += 1
    return given


def _queues(references: Sequence[Reference], seed: int) -> dict[str, list[Reference]]:
    """By category, the references in the order in which they would be chosen."""
    by_clip: dict[tuple[str, str], list[Reference]] = {}
    for reference in references:
        by_clip.setdefault((reference.category, reference.clip), []).append(reference)
    turns: dict[str, list[tuple[int, float, Reference]]] = {}
    for (category, clip), members in by_clip.items():
        members.sort(key=lambda reference: unit_draw(f"{seed}:{reference.frame}"))
        place = unit_draw(f"{seed}:{clip}")
        turns.setdefault(category, []).extend((turn, place, member) for turn, member in enumerate(members))
    return {
        category: [entry[2] for entry in sorted(queue, key=lambda e: e[:2])]
        for category, queue in turns.items()
    }


def _in_order(categories: dict[str, int]) -> list[str]:
    """The study's categories first, in their order, then all others by name."""
    known = [category for category in CATEGORIES if category in categories]
    return known + sorted(set(categories) - set(CATEGORIES))
