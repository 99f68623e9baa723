"""Hashes that say whether two trainings are the same: of pairs, of a recipe, of all that decides weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

from torch import nn

from sharpstudy.data.entries import TRAILER
from sharpstudy.data.pairs import PairStore
from sharpstudy.data.patches import Patches
from sharpstudy.distill.checkpoint import cloned
from sharpstudy.distill.settings import TrainingError, TrainingSettings
from sharpstudy.recipes import Recipe

# These change where and how a training runs, or what is kept of it, and not what it is.
APART = ("device", "memory", "threads", "checkpoint_every", "sample_epochs", "sample_frames")
PROSE = ("summary", "published", "doubts")
DRAWS = 16  # patches whose places stand for the seed that draws them


def data_hash(store: PairStore) -> str:
    """The sha256 of a list of pairs: names, categories and contents, wherever the folder lies.

    Stored frames end with the hash of their own content (data.entries), so no pixels are read.
    """
    digest = hashlib.sha256()
    for entry in store.entries:
        files = [store.folder / file for file in (entry.reference, entry.degraded, entry.small) if file]
        if store.targets is not None:
            files.append(Path(store.targets[entry.name]))
        ends = [_ending(file) for file in files]
        digest.update(json.dumps([entry.name, entry.clip, entry.category, entry.scale, ends]).encode())
    return digest.hexdigest()


def recipe_hash(recipe: Recipe) -> str:
    """The sha256 of what a recipe says, without its prose and published figures."""
    content = {key: value for key, value in plain(recipe).items() if key not in PROSE}
    return _digest(content)


def fingerprint(
    settings: TrainingSettings,
    learner: nn.Module,
    formula: str,
    patches: Patches,
    ranks: int,
    validation: PairStore,
) -> dict[str, str]:
    """What must agree for a checkpoint to be gone on with, by name; `learner` has its first weights."""
    batch = patches.batch_size * ranks
    draws = [[place.pair, place.top, place.left, place.symmetry] for place in patches.places(range(DRAWS))]
    weights = hashlib.sha256()
    for name, tensor in sorted(cloned(learner).items()):
        weights.update(f"{name} {tuple(tensor.shape)}".encode() + tensor.numpy().tobytes())
    own = {key: value for key, value in asdict(settings).items() if key not in APART}
    return {
        **{key: json.dumps(value) for key, value in own.items()},
        "loss": formula,
        "batch": f"{batch} patches of {patches.size} pixels: {', '.join(patches.parts)}",
        "patches": _digest(draws),
        "first weights": weights.hexdigest(),
        "pairs": data_hash(patches.store),
        "validation pairs": data_hash(validation),
    }


def check_same(found: Mapping[str, str], wanted: Mapping[str, str], place: Path) -> None:
    """Refuses to go on with the checkpoint of another training, and names what differs."""
    differing = [key for key in dict.fromkeys((*wanted, *found)) if found.get(key) != wanted.get(key)]
    if not differing:
        return
    key = differing[0]
    was, now = (str(one.get(key))[:60] for one in (found, wanted))
    raise TrainingError(
        f"{place.name}: expected the checkpoint of this training, got one that differs in"
        f" {', '.join(differing)} ({key} was {was}, is {now}); choose another folder, or resume='never'"
    )


def plain(value: Any) -> Any:
    """Settings, mappings and tuples as what JSON knows."""
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, (tuple, list)) else value


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _ending(path: Path) -> str:
    """Size and last bytes of a file, which of a stored frame are its content's hash."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        file.seek(max(0, size - TRAILER))
        return f"{size}:{file.read().hex()}"
