"""Distillation: the one training loop, and what a recipe asks of it.

result = distill(
    load_recipe("realtime"), "quick", folder=Path("results/models/realtime"),
    pairs_train=pairs.part("train").with_targets(targets), pairs_validation=pairs.part("validation"),
    taught_by=TaughtBy("unet", "released"),
)
export_weights(result, Path("realtime.safetensors"))

On several GPUs or machines the same script is started by `torchrun --nproc-per-node=... script.py`: every
process takes its share of the recipe's batch, so that the student learns the same, and the first writes the
files.
"""

from __future__ import annotations

from .card import PLACE, TaughtBy, describe_machine, export_weights, ship_weights, write_card
from .device import choose_device, process_count, process_rank
from .from_recipe import distill, student_settings, train_teacher
from .identity import data_hash, recipe_hash
from .log import Sample, describe_progress, progress_line, read_samples
from .loop import train
from .settings import (
    Control,
    OnStep,
    Progress,
    TrainingDiverged,
    TrainingError,
    TrainingResult,
    TrainingSettings,
)
from .validate import CAP, Squares, choose_squares, scores_of, validate

__all__ = [
    "CAP",
    "PLACE",
    "Control",
    "OnStep",
    "Progress",
    "Sample",
    "Squares",
    "TaughtBy",
    "TrainingDiverged",
    "TrainingError",
    "TrainingResult",
    "TrainingSettings",
    "choose_device",
    "choose_squares",
    "data_hash",
    "describe_machine",
    "describe_progress",
    "distill",
    "export_weights",
    "process_count",
    "process_rank",
    "progress_line",
    "read_samples",
    "recipe_hash",
    "scores_of",
    "ship_weights",
    "student_settings",
    "train",
    "train_teacher",
    "validate",
    "write_card",
]
