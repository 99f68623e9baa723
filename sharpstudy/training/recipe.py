"""Everything that a recipe trains, from its pairs to the last control."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from sharpstudy.data.pairs import PairStore
from sharpstudy.distill import Control, TaughtBy, TrainingError, distill
from sharpstudy.recipes import BudgetName, Recipe, load_recipe
from sharpstudy.teach import Task, TeachSettings, teach
from sharpstudy.teachers import Teacher
from sharpstudy.teachers.reporting import TeachReport
from sharpstudy.training.keys import run_key
from sharpstudy.training.own_teacher import train_own_teacher
from sharpstudy.training.settings import SEEDS, Line, RecipeTraining, Run, TrainOptions, on_step_of


@dataclass(frozen=True, eq=False)
class Lesson:
    """What one model learns from: pairs, with a teacher's targets where it has one."""

    model: Literal["student", "no-teacher", "random-teacher"]
    control: Control
    train: PairStore
    validation: PairStore
    teacher: Teacher | None = None
    taught_by: TaughtBy | None = None


def train_recipe(
    recipe: Recipe | str | Path,
    budget: BudgetName = "quick",
    teaching: TeachSettings | None = None,
    options: TrainOptions | None = None,
    *,
    progress: Task | None = None,
    line: Line | None = None,
) -> RecipeTraining:
    """The recipe's students and their controls, trained or found, one of each a seed.

    A recipe that trains its teacher first has that done where the budget has epochs for it; the gate judges
    it like any other. Where nobody teaches, the student is trained without one, and is its own control.
    Controls start from the student's first weights and see its batches. Under torchrun every process calls
    this; work/ is a folder that they share. `progress` is told of frames, `line` makes a training's line.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    teaching, options = teaching or TeachSettings(), options or TrainOptions()
    if teaching.shard or teaching.control != "none":
        raise TrainingError(
            "teaching: expected all pairs and the recipe's own teacher, got a share or a control"
        )
    own = train_own_teacher(recipe, budget, teaching, options, progress, line)
    if own is not None:
        teaching = replace(teaching, weights={**teaching.weights, own.name: own.path})
    report = teach(recipe, budget, teaching, device=options.device, when_none="report", progress=progress)
    notes: list[str] = []
    lessons = [_student(recipe, report)]
    for control in options.controls:
        lessons += _control(recipe, control, report, teaching, options, progress, notes)
    seeds = SEEDS[budget] if options.seeds is None else options.seeds
    runs = [
        _run(recipe, budget, lesson, seed, teaching.work, options, line)
        for seed in range(seeds)
        for lesson in lessons
    ]
    return RecipeTraining(recipe, budget, report, tuple(runs), own, tuple(notes))


def _student(recipe: Recipe, report: TeachReport) -> Lesson:
    if report.teacher is not None:
        return Lesson("student", "none", report.train, report.validation, report.teacher, _taught_by(report))
    untaught: Control = "no-teacher" if recipe.needs_teacher else "none"
    return Lesson("student", untaught, _bare(report.train), _bare(report.validation))


def _control(
    recipe: Recipe,
    control: Control,
    report: TeachReport,
    teaching: TeachSettings,
    options: TrainOptions,
    progress: Task | None,
    notes: list[str],
) -> Iterator[Lesson]:
    """The control's lesson; none, with a note, where it cannot be had or would be the student itself."""
    if not recipe.needs_teacher:
        notes.append(f"control {control}: not trained, because the recipe asks for no teacher")
    elif control == "no-teacher" and report.teacher is None:
        notes.append("control no-teacher: not trained, because the student itself had no teacher")
    elif control == "no-teacher" and all(term.needs_teacher for term in recipe.loss):
        notes.append("control no-teacher: not trained, because no term of the loss is left without a teacher")
    elif control == "no-teacher":
        yield Lesson(control, control, _bare(report.train), _bare(report.validation))
    else:
        asked = replace(teaching, control="random")
        given = teach(
            recipe, report.budget, asked, device=options.device, when_none="report", progress=progress
        )
        if given.teacher is None:
            notes.append(f"control {control}: not trained, because {given.tried[-1].reason}")
            return
        yield Lesson(control, control, given.train, given.validation, given.teacher, _taught_by(given))


def _run(
    recipe: Recipe,
    budget: BudgetName,
    lesson: Lesson,
    seed: int,
    work: Path,
    options: TrainOptions,
    line: Line | None,
) -> Run:
    key = run_key(
        *(
            recipe,
            budget,
            lesson.control,
            seed,
            lesson.train,
            lesson.validation,
            lesson.taught_by,
            options.start,
        )
    )
    title = f"{recipe.name}, {lesson.model}" + (f" {seed}" if seed else "")
    with on_step_of(line, title) as on_step:
        result = distill(
            recipe,
            budget,
            pairs_train=lesson.train,
            pairs_validation=lesson.validation,
            folder=work / "runs" / f"{recipe.name}-{budget}-{lesson.control}-{seed}-{key}",
            control=lesson.control,
            taught_by=lesson.taught_by,
            teacher=lesson.teacher,
            seed=seed,
            device=options.device,
            resume=options.resume,
            on_step=on_step,
            sample_epochs=sample_epochs(recipe.budget(budget).epochs),
            start=options.start,
        )
    return Run(lesson.model, seed, result)


def sample_epochs(epochs: int) -> tuple[int, ...]:
    """The epochs after which restored squares are kept: before the first step, and four on the way."""
    return tuple(sorted({0, 1, -(-epochs // 4), -(-epochs // 2), epochs}))


def _taught_by(report: TeachReport) -> TaughtBy:
    teacher = report.teacher
    gate = next(str(one.result) for one in report.tried if one.state in ("teaches", "control"))
    return TaughtBy(teacher.name, Path(teacher.weights).name, teacher.sha256, gate)


def _bare(pairs: PairStore) -> PairStore:
    """The pairs without targets, so that an untaught training is the same whoever might have taught."""
    return PairStore(pairs.folder, pairs.entries)
