"""The card of a training: what made the weights, on what, and how they did; and the weights as they ship."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sharpstudy.data.frames import write_bytes
from sharpstudy.data.pairs import PairStore
from sharpstudy.distill.checkpoint import write_weights
from sharpstudy.distill.device import choose_device, process_count
from sharpstudy.distill.identity import data_hash, plain, recipe_hash
from sharpstudy.distill.settings import Control, TrainingError, TrainingResult, TrainingSettings
from sharpstudy.losses import LossSum
from sharpstudy.recipes import BudgetName, Recipe, shipped_otherwise

CONTROLS: Mapping[Control, str] = {
    "none": "no control",
    "no-teacher": "terms that compare with a teacher left out, the others with their own weights",
    "random-teacher": "everything as in the recipe, but for a teacher with random weights",
}
LIBRARIES = ("torchvision", "lightning-fabric", "lightning", "numpy", "safetensors")
TRAINING = ("optimiser", "schedule", "gradient_clip", "ema", "precision", "patience", "selection")
PLACE = ("versions", "machine", "seconds")  # of a card: where and how long, not what
SCORES = ("val_psnr", "val_ssim", "do_nothing_psnr", "do_nothing_ssim", "gain_db", "val_squares", "val_side")


@dataclass(frozen=True)
class TaughtBy:
    """Who made the targets: the teacher's name, its weights ("official", "released", "random" ...) and their
    sha256, and what the gate said of it."""

    name: str
    weights: str
    sha256: str | None = None
    gate: str | None = None


@dataclass(frozen=True, eq=False)
class Origin:
    """What the weights of a training come from, apart from its settings."""

    recipe: Recipe
    budget: BudgetName
    train: PairStore
    validation: PairStore
    seed: int
    control: Control = "none"
    taught_by: TaughtBy | None = None
    start: Path | None = None  # weights that the training went on from


def make_card(
    result: TrainingResult,
    settings: TrainingSettings,
    origin: Origin,
    loss_sum: LossSum,
    learns: Mapping[str, Any],
) -> dict[str, Any]:
    """What JSON says about a training: all that made its weights, its validation, and where it ran.

    `learns` says which network learned. The validation figures are of squares, not of whole frames.
    """
    spent = origin.recipe.budget(origin.budget)
    shipped = shipped_otherwise(origin.recipe, origin.budget)
    return {
        **learns,
        **_made_from(origin),
        "loss": loss_sum.formula(),
        "dropped_terms": list(loss_sum.dropped),
        "notes": list(result.notes),
        "training": {name: plain(getattr(settings, name)) for name in TRAINING},
        "batch": spent.batch,
        "patch": spent.patch,
        "epochs": {"planned": settings.epochs, "done": result.epochs},
        **({"recipe_says": shipped} if shipped else {}),
        "steps": {"planned": settings.steps, "done": result.steps, "best": result.best_step},
        "stopped": result.stopped,
        "validation": {name: result.scores[name] for name in SCORES},
        "versions": _versions(),
        "machine": describe_machine(settings.device),
        "seconds": round(result.rows[-1]["seconds"], 1),
    }


def _made_from(origin: Origin) -> dict[str, Any]:
    stores = {"train": origin.train, "validation": origin.validation}
    return {
        "recipe": origin.recipe.name,
        "recipe_hash": recipe_hash(origin.recipe),
        "budget": origin.budget,
        "control": {"name": origin.control, "meaning": CONTROLS[origin.control]},
        "teacher": None if origin.taught_by is None else asdict(origin.taught_by),
        "data": {name: {"pairs": len(store), "sha256": data_hash(store)} for name, store in stores.items()},
        "seed": origin.seed,
        **({} if origin.start is None else {"started_from": started_from(origin.start)}),
    }


def started_from(start: Path) -> dict[str, str]:
    """Which weights a training went on from: the file's name and its sha256."""
    return {"file": start.name, "sha256": hashlib.sha256(start.read_bytes()).hexdigest()}


def write_card(card: Mapping[str, Any], path: Path) -> None:
    """Writes a card as JSON that people can read."""
    write_bytes(path, (json.dumps(plain(card), indent=2, ensure_ascii=False) + "\n").encode())


def export_weights(result: TrainingResult, path: Path, card: Mapping[str, Any] | None = None) -> Path:
    """Writes the best weights of a training as `ship_weights` does, with its card or another one."""
    return ship_weights(result.network, path, result.card if card is None else card)


def ship_weights(network: nn.Module, path: Path, card: Mapping[str, Any]) -> Path:
    """Writes a network's weights as float16 safetensors, and the card beside them as .json.

    They are read back into float32. A weight that float16 cannot hold is refused.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise TrainingError(f"weights: expected a name that ends in .safetensors, got {path.name!r}")
    state = network.state_dict()
    half = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    lost = [name for name, tensor in half.items() if not torch.isfinite(tensor).all()]
    if lost:
        raise TrainingError(f"weights: expected values that float16 holds, got larger ones in {lost[0]!r}")
    write_weights(network, half, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    weights = {"file": path.name, "type": "float16", "sha256": digest}
    write_card({**card, "weights": weights}, path.with_suffix(".json"))
    return path


def describe_machine(device: str = "auto") -> dict[str, Any]:
    """What a training ran on, without the name of the machine."""
    chosen = choose_device(device)
    index = int(chosen.partition(":")[2] or 0)
    return {
        "device": torch.cuda.get_device_name(index) if chosen.startswith("cuda") else chosen,
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "processes": process_count(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor() -> str:
    """The processor's own name; Python knows only its family on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "torch": torch.__version__}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
