"""One student of an experiment, trained by the study's own loop for so many steps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from torch import Tensor

from sharpstudy.data.degrade import parse_degradation, settings_key
from sharpstudy.data.pairs import PairStore
from sharpstudy.data.patches import Patches
from sharpstudy.distill import (
    OnStep,
    Progress,
    TrainingDiverged,
    TrainingResult,
    distill,
    recipe_hash,
    student_settings,
    train,
)
from sharpstudy.distill.checkpoint import read_checkpoint
from sharpstudy.distill.from_recipe import cues_of
from sharpstudy.losses import LossSum
from sharpstudy.recipes import Budget, Budgets, Recipe
from sharpstudy.students import Student, build_student

WARM_UP_SHARE = 10  # a warm-up takes at most one step in so many
KEEP_EVERY = 500  # steps after which a checkpoint is written
SAY_EVERY = 50  # steps from one line of progress to the next

Say = Callable[[str], None]
Corners = Literal["anywhere", "on the grid"]  # where patches begin


@dataclass(frozen=True, eq=False)
class Trained:
    """A student with its last weights, or None with the reason why; seconds of the steps alone."""

    student: Student | None
    steps: int
    seconds: float
    note: str = ""


def for_steps(recipe: Recipe, steps: int, batch: int, patch: int) -> Recipe:
    """The recipe with a budget of one epoch of that many steps: nothing is chosen along the way.

    A warm-up is shortened to a tenth of the steps, and nothing stops the training early.
    """
    if steps < 1:
        raise ValueError(f"steps: expected at least 1, got {steps}")
    spent = replace(
        recipe.budgets.quick,
        epochs=1,
        pairs_per_epoch=steps * batch,
        batch=batch,
        patch=patch,
        teacher_epochs=0,
    )
    warm_up = min(recipe.schedule.warm_up_steps, steps // WARM_UP_SHARE)
    return replace(
        recipe,
        budgets=Budgets(spent, spent),
        schedule=replace(recipe.schedule, warm_up_steps=warm_up),
        patience=None,
    )


def train_student(
    recipe: Recipe,
    pairs: tuple[PairStore, PairStore],
    folder: Path,
    *,
    seed: int = 0,
    device: str = "auto",
    corners: Corners = "anywhere",
    name: str = "",
    say: Say | None = None,
) -> Trained:
    """The recipe's student after its quick budget, without a teacher; a training that was stopped goes on.

    corners "on the grid": patches begin where a pixel of the small frame does, for pairs that have small
    frames. Anywhere, even a fixed down-up shows the student its grid at every place.
    """
    spent: Budget = recipe.budgets.quick
    steps = spent.epochs * -(-spent.pairs_per_epoch // spent.batch)
    told = {"seed": seed, "device": device, "on_step": _sayer(name, say), "checkpoint_every": KEEP_EVERY}
    learned, validation = pairs
    try:
        if corners == "anywhere":
            stores = {"pairs_train": learned, "pairs_validation": validation}
            result = distill(recipe, "quick", **stores, folder=folder, **told)
        else:
            result = _on_the_grid(recipe, learned, validation, folder, **told)
    except TrainingDiverged as error:
        return Trained(None, steps, float("nan"), f"lost: {error}")
    seconds = result.steps * spent.batch / result.rows[-1]["pairs_per_s"]
    result.network.load_state_dict(last_weights(folder / "checkpoint.safetensors"))
    return Trained(result.network, result.steps, seconds, "; ".join(result.notes))


def _on_the_grid(
    recipe: Recipe,
    pairs: PairStore,
    validation: PairStore,
    folder: Path,
    *,
    seed: int,
    device: str,
    on_step: OnStep | None,
    checkpoint_every: int,
) -> TrainingResult:
    """As distill does it, but for the patches: those that come with small frames begin on their grid."""
    spent = recipe.budgets.quick
    student = build_student(recipe.student.name, seed=seed, **recipe.student.arguments)
    settings = student_settings(recipe, "quick", student.reads, device, (), checkpoint_every)
    loss_sum = LossSum(recipe.loss, budget="quick", seed=seed)
    parts = ("degraded", "reference", "small")
    facts = {"cues": cues_of(pairs)} if getattr(student, "cues", 0) else {}
    patches = Patches(pairs, spent.patch, spent.batch, seed, parts=parts, facts=facts)
    return train(settings, student, loss_sum, patches, validation, folder, on_step=on_step)


def last_weights(checkpoint: Path) -> dict[str, Tensor]:
    """The weights that a training ended with: their average where it kept one.

    The loop hands out the best of what it validated, the untrained ones among them; an experiment compares
    what so many steps lead to.
    """
    groups = read_checkpoint(checkpoint).tensors
    if groups.get("average"):
        return dict(groups["average"])
    prefix = "network."
    learner = groups["learner"].items()
    return {name.removeprefix(prefix): value for name, value in learner if name.startswith(prefix)}


def run_key(recipe: Recipe, seed: int, *more: object) -> str:
    """Twelve digits that stand for all that an experiment tells a training.

    The recipe counts as it is written, and its degradation by what the name of it means, too.
    """
    meaning = settings_key(parse_degradation(recipe.degradation))
    content = [recipe_hash(recipe), meaning, seed, *more]
    return hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()[:12]


def _sayer(name: str, say: Say | None) -> OnStep | None:
    if say is None:
        return None

    def on_step(progress: Progress) -> None:
        if progress.step % SAY_EVERY == 0 or progress.step == progress.steps:
            say(
                f"{name}: step {progress.step}/{progress.steps}, loss {progress.loss:.5f},"
                f" {progress.pairs_per_s:.0f} pairs/s, {progress.seconds_left:.0f} s left"
            )

    return on_step
