"""From a recipe to trained weights: the student that it describes, its controls, and its own teacher."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import torch
from torch import nn

from sharpstudy.data.frames import to_tensor
from sharpstudy.data.pairs import PairStore
from sharpstudy.data.patches import Patches
from sharpstudy.distill.card import PLACE, Origin, TaughtBy, make_card, write_card
from sharpstudy.distill.device import choose_device, process_count, process_rank
from sharpstudy.distill.learner import TeacherFeatures
from sharpstudy.distill.loop import train
from sharpstudy.distill.settings import (
    Control,
    OnStep,
    Reads,
    Resume,
    TrainingError,
    TrainingResult,
    TrainingSettings,
)
from sharpstudy.losses import LossSum
from sharpstudy.recipes import BudgetName, Optimiser, Recipe, Schedule, Term, without_teacher
from sharpstudy.recipes.schema import StudentChoice
from sharpstudy.students import Student, build_student, count_parameters, cue_rows, load_student, read_cues
from sharpstudy.students.checkpoints import read_checkpoint
from sharpstudy.students.realtime import Realtime

if TYPE_CHECKING:
    from sharpstudy.teachers import Teacher

VALIDATION = {"quick": (12, 128), "full": (40, 256)}  # frames, and pixels a side of the square out of each
MOST_THREADS = 8  # that read patches for a GPU
TEACHER_SCHEDULE = Schedule("cosine", 0, floor=0.01)
TEACHER_CLIP = 1.0


def distill(
    recipe: Recipe,
    budget: BudgetName,
    *,
    pairs_train: PairStore,
    pairs_validation: PairStore,
    folder: Path,
    control: Control = "none",
    taught_by: TaughtBy | None = None,
    teacher: Teacher | None = None,
    seed: int = 0,
    device: str = "auto",
    resume: Resume = "auto",
    on_step: OnStep | None = None,
    sample_epochs: tuple[int, ...] = (),
    checkpoint_every: int | None = None,
    start: Path | None = None,
) -> TrainingResult:
    """The student of a recipe, trained, with card.json in the folder (see `train` for the other files).

    Targets come with the pairs (PairStore.with_targets), and `taught_by` says whose they are; `teacher` is
    needed for the term `feature` alone. Controls start from the same weights and see the same batches:
    "no-teacher" drops the terms that compare with a teacher and leaves the weights of the others as they are,
    to which Adam is indifferent but gradient clipping is not; "random-teacher" wants targets and a teacher of
    random weights. `start` is a file with weights of the same student that the training goes on from, in
    place of its own first ones; a realtime student also goes on from a shallower one, deepened.
    """
    used = _controlled(recipe, control)
    if teacher is not None and taught_by is None:
        taught_by = TaughtBy(teacher.name, teacher.weights, teacher.sha256)
    _check_teacher(used, control, pairs_train, taught_by, teacher)
    student = build_student(recipe.student.name, seed=seed, **recipe.student.arguments)
    if start is not None:
        student.load_state_dict(_started(recipe.student, start).state_dict())
    _check_scale(student.name, student.scale, pairs_train)
    features = None
    if any(term.term == "feature" for term in used.loss):
        features = TeacherFeatures(used.loss, student, teacher)
    channels = features.channels if features else None
    loss_sum = LossSum(used.loss, budget=budget, channels=channels, seed=seed)
    settings = student_settings(recipe, budget, student.reads, device, sample_epochs, checkpoint_every)
    parts = {"reference", student.reads, *loss_sum.beside}
    parts |= {features.reads} if features else set()
    facts = {"cues": cues_of(pairs_train)} if getattr(student, "cues", 0) else {}
    patches = _patches(recipe, budget, pairs_train, seed, parts, facts)
    try:
        result = train(
            settings, student, loss_sum, patches, pairs_validation, folder, resume, on_step, features
        )
    finally:
        if features:
            features.remove()
    taught = used.needs_teacher
    origin = Origin(
        recipe, budget, pairs_train, pairs_validation, seed, control, taught_by if taught else None, start
    )
    about = {"name": student.name, "arguments": student.arguments}
    learns = {"student": {**about, "parameters": count_parameters(student.folded())}}
    return _with_card(result, make_card(result, settings, origin, loss_sum, learns))


def _started(wanted: StudentChoice, start: Path) -> Student:
    """The student of a file to go on from; a shallower realtime one has grown to the wanted depth."""
    depth = wanted.arguments.get("depth")
    if wanted.name == Realtime.name and depth is not None:
        carried = read_checkpoint(wanted.name, start).arguments
        if carried.get("depth", depth) < depth:
            shallow = load_student(
                wanted.name, start, {**wanted.arguments, "depth": carried["depth"]}
            ).student
            return shallow.deepened(depth)
    return load_student(wanted.name, start, wanted.arguments).student


def train_teacher(
    recipe: Recipe,
    budget: BudgetName,
    network: nn.Module,
    name: str,
    scale: int,
    *,
    pairs_train: PairStore,
    pairs_validation: PairStore,
    folder: Path,
    seed: int = 0,
    device: str = "auto",
    resume: Resume = "auto",
    on_step: OnStep | None = None,
    sample_epochs: tuple[int, ...] = (),
    checkpoint_every: int | None = None,
) -> TrainingResult:
    """A teacher's network, trained or fine-tuned on the recipe's pairs as the recipe's teacher section says.

    What recipes do not say: the rate falls by a cosine to 1 %, gradients are clipped at a norm of 1, and the
    weights with the highest PSNR are kept. `scale` is the network's own; above 1 it reads small frames.
    """
    training, spent = recipe.teacher.training, recipe.budget(budget)
    if training is None or not spent.teacher_epochs:
        raise TrainingError(
            f"teacher of {recipe.name}: expected a training and epochs for it at {budget}, got none"
        )
    reads: Reads = "small" if scale > 1 else "degraded"
    _check_scale(name, scale, pairs_train)
    settings = replace(
        student_settings(recipe, budget, reads, device, sample_epochs, checkpoint_every),
        epochs=spent.teacher_epochs,
        optimiser=Optimiser("adam", training.learning_rate, 0.0),
        schedule=TEACHER_SCHEDULE,
        gradient_clip=TEACHER_CLIP,
        ema=None,
        precision="fp32",
        patience=None,
        selection="psnr",
    )
    loss_sum = LossSum([Term(f"{training.loss}_reference", 1.0)], budget=budget)
    patches = _patches(recipe, budget, pairs_train, seed, {"reference", reads})
    result = train(settings, network, loss_sum, patches, pairs_validation, folder, resume, on_step)
    origin = Origin(recipe, budget, pairs_train, pairs_validation, seed)
    learns = {"teacher_network": {"name": name, "scale": scale, "parameters": count_parameters(network)}}
    return _with_card(result, make_card(result, settings, origin, loss_sum, learns))


def student_settings(
    recipe: Recipe,
    budget: BudgetName,
    reads: Reads,
    device: str = "auto",
    sample_epochs: tuple[int, ...] = (),
    checkpoint_every: int | None = None,
) -> TrainingSettings:
    """The settings that a recipe's training has at a budget."""
    spent, (frames, side) = recipe.budget(budget), VALIDATION[budget]
    on_gpu = choose_device(device).startswith("cuda")
    return TrainingSettings(
        epochs=spent.epochs,
        steps_per_epoch=-(-spent.pairs_per_epoch // spent.batch),
        optimiser=recipe.optimiser,
        schedule=recipe.schedule,
        gradient_clip=recipe.gradient_clip,
        ema=recipe.ema,
        precision=recipe.precision,
        patience=recipe.patience,
        selection=recipe.selection,
        reads=reads,
        device=device,
        checkpoint_every=checkpoint_every,
        validation_frames=frames,
        validation_side=side,
        sample_epochs=sample_epochs,
        threads=min(MOST_THREADS, max(1, (os.cpu_count() or 1) - 1)) if on_gpu else 1,
    )


def _controlled(recipe: Recipe, control: Control) -> Recipe:
    if control not in get_args(Control):
        raise TrainingError(f"control: expected one of {', '.join(get_args(Control))}, got {control!r}")
    if control != "none" and not recipe.needs_teacher:
        raise TrainingError(f"control: expected none, because {recipe.name} has no teacher, got {control!r}")
    if control != "no-teacher":
        return recipe
    if all(term.needs_teacher for term in recipe.loss):
        raise TrainingError(f"control: {recipe.name} has no term left without its teacher")
    return without_teacher(recipe)


def _check_teacher(
    recipe: Recipe,
    control: Control,
    pairs: PairStore,
    taught_by: TaughtBy | None,
    teacher: Teacher | None,
) -> None:
    """Refuses a recipe whose teacher, targets and control do not belong together."""
    terms = {term.term for term in recipe.loss if term.needs_teacher}
    if not terms:
        return
    if terms - {"feature"} and pairs.targets is None:
        raise TrainingError(f"pairs_train: expected targets for {', '.join(sorted(terms))}, got none")
    if "feature" in terms and teacher is None:
        raise TrainingError("teacher: expected one for the term feature, got none")
    if taught_by is None:
        raise TrainingError("taught_by: expected whose the targets are, got none")
    for weights in {taught_by.weights, teacher.weights if teacher else taught_by.weights}:
        if (weights == "random") != (control == "random-teacher"):
            wanted = "random weights" if control == "random-teacher" else "weights that are not random"
            raise TrainingError(f"teacher: expected {wanted} for the control {control!r}, got {weights!r}")


def _check_scale(name: str, scale: int, pairs: PairStore) -> None:
    """Refuses pairs whose small frames a network that enlarges does not enlarge to their full size."""
    others = sorted({entry.scale for entry in pairs.entries} - {scale})
    if scale > 1 and others:
        raise TrainingError(f"{name}: expected pairs with small frames of its scale {scale}, got {others}")


def cues_of(pairs: PairStore) -> np.ndarray:
    """The cues (pairs, n) of every degraded frame as a whole: a patch of it would tell less.

    Frames stay on the disk but for the rows that are read.
    """
    degraded = (pairs.pair(index).degraded for index in range(len(pairs)))
    rows = (np.asarray(frame[cue_rows(len(frame)).numpy()]) for frame in degraded)
    return torch.cat([read_cues(to_tensor(one)[None]) for one in rows]).numpy()


def _patches(
    recipe: Recipe,
    budget: BudgetName,
    pairs: PairStore,
    seed: int,
    parts: set[str],
    facts: Mapping[str, np.ndarray] | None = None,
) -> Patches:
    """The recipe's patches, with this process's share of the batch."""
    spent, processes = recipe.budget(budget), process_count()
    if spent.batch % processes:
        raise TrainingError(
            f"processes: expected a number that divides the batch of {spent.batch}, got {processes}"
        )
    return Patches(pairs, spent.patch, spent.batch // processes, seed, parts=sorted(parts), facts=facts)


def _with_card(result: TrainingResult, card: Mapping[str, Any]) -> TrainingResult:
    """The result with its card, also written beside it; of a training that was found finished, the machine,
    versions and seconds stay those that its card has."""
    path = result.folder / "card.json"
    if result.taken_up == result.steps and path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
        card = {**card, **{key: found[key] for key in PLACE if key in found}}
    if process_rank() == 0:
        write_card(card, path)
    return replace(result, card=card)
