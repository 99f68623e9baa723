"""Small pairs, small networks and short trainings for the tests of the training loop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from sharpstudy.data.pairs import PairStore, prepare_pairs
from sharpstudy.data.patches import Patches
from sharpstudy.distill import TrainingResult, TrainingSettings, train
from sharpstudy.losses import LossSum
from sharpstudy.recipes import Budget, Budgets, Optimiser, Recipe, Schedule, Term, load_recipe
from tests.material import made

CATEGORIES = ("people", "text", "nature", "graphics", "animals", "people")
PATCH, BATCH = 32, 4


def make_pairs(folder: Path, degradation: Any = "bicubic-x2", count: int = 6) -> PairStore:
    references = [made(seed, (96, 64), CATEGORIES[seed % 6]) for seed in range(count)]
    return prepare_pairs(references, degradation, 3, folder, workers=1)


def with_reference_targets(store: PairStore) -> PairStore:
    """Pairs whose targets are the references themselves: the teacher that nobody has."""
    return store.with_targets({entry.name: store.folder / entry.reference for entry in store.entries})


def with_degraded_targets(store: PairStore) -> PairStore:
    """Pairs whose targets are the degraded frames: a teacher that does nothing."""
    return store.with_targets({entry.name: store.folder / entry.degraded for entry in store.entries})


class TinyNetwork(nn.Module):
    """frames + conv(LeakyReLU(conv(frames))), drawn from a seed, with a first residual that is small."""

    def __init__(self, seed: int = 0, width: int = 6) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, width, 3, padding=1), nn.Conv2d(width, 3, 3, padding=1)
        draws = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=draws) * 0.1)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return frames + self.last(F.leaky_relu(self.first(frames), 0.1))


def make_settings(**changes: Any) -> TrainingSettings:
    base = TrainingSettings(
        epochs=4,
        steps_per_epoch=3,
        optimiser=Optimiser("adam", 2e-3, 0.0),
        schedule=Schedule("cosine", 2, floor=0.1),
        gradient_clip=1.0,
        device="cpu",
        validation_frames=3,
        validation_side=32,
    )
    return replace(base, **changes)


def run_training(
    store: PairStore,
    folder: Path,
    settings: TrainingSettings | None = None,
    network: nn.Module | None = None,
    terms: tuple[Term, ...] = (Term("l1_reference", 1.0),),
    batch: int = BATCH,
    **more: Any,
) -> TrainingResult:
    settings = settings or make_settings()
    loss_sum = LossSum(terms)
    parts = ["reference", settings.reads, *(["target"] if loss_sum.needs_target else [])]
    patches = Patches(store, PATCH, batch, 5, parts=parts)
    network = TinyNetwork() if network is None else network
    return train(settings, network, loss_sum, patches, store, folder, **more)


def small_recipe(name: str = "realtime", epochs: int = 2, pairs: int = 8, **changes: Any) -> Recipe:
    """A shipped recipe with a budget of seconds; patches are small enough for the frames of make_pairs."""
    recipe = load_recipe(name)
    spent = Budget("bundled", epochs, pairs, BATCH, PATCH, recipe.budgets.quick.teacher_epochs)
    return replace(recipe, budgets=Budgets(spent, spent), **changes)


def small_student(name: str, arguments: dict[str, int], **changes: Any) -> Recipe:
    """A small recipe with a student of other arguments."""
    recipe = small_recipe(name, **changes)
    return replace(recipe, student=replace(recipe.student, arguments=arguments))


def state_of(result: TrainingResult) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in result.network.state_dict().items()}


def assert_same_bits(first: TrainingResult, second: TrainingResult) -> None:
    states = state_of(first), state_of(second)
    assert states[0].keys() == states[1].keys()
    for name in states[0]:
        np.testing.assert_array_equal(states[0][name], states[1][name], err_msg=name)
