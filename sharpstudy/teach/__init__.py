"""Who teaches a recipe: its pairs prepared, its teachers judged one after the other, the targets stored.

`python -m sharpstudy.teach RECIPE` does it by hand, `torchrun -m sharpstudy.teach RECIPE` on many devices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

from sharpstudy.data.frames import FrameError
from sharpstudy.data.pairs import PairStore, prepare_pairs
from sharpstudy.data.sources import Reference, SourceOptions, load_source, select_balanced
from sharpstudy.paths import WORK
from sharpstudy.recipes import BudgetName, Recipe, load_recipe
from sharpstudy.teachers import TEACHERS, Teacher, TeacherError
from sharpstudy.teachers.choosing import Restoring, first_that_passes
from sharpstudy.teachers.processes import Processes, join_processes
from sharpstudy.teachers.reporting import NoTeacher, TeachReport
from sharpstudy.teachers.targets import Caching, Shard, cache_targets
from sharpstudy.teachers.teacher import Precision

# Slow teachers take seconds a frame, so the quick budget restores few frames; the full one takes all.
QUICK_TRAIN, QUICK_VALIDATION = 40, 16

Task = Callable[[str, int, int, float], None]  # what, done, all, frames per second (0: not measured)
Watch = Callable[[str], Callable[..., None] | None]


@dataclass(frozen=True)
class TeachSettings:
    """What of a source is taken, and how targets are made.

    max_train and max_validation: at most so many frames, in the study's proportions; None is the budget's own
    limit (40 and 16 at quick, none at full). control "random" asks for the recipe's first teacher with random
    weights instead. weights: files to take instead of published or released weights, by teacher. `work` holds
    pairs/ and targets/; under torchrun on several machines it is a folder that they share. shard (i, N)
    restores one share of the training pairs, for job arrays.
    """

    source: SourceOptions = field(default_factory=lambda: SourceOptions(100, 960, 540))
    max_train: int | None = None
    max_validation: int | None = None
    seed: int = 1
    precision: Precision = "fp32"
    tile: int | None = None
    control: Literal["none", "random"] = "none"
    weights: Mapping[str, Path] = field(default_factory=dict)
    work: Path = WORK
    shard: Shard | None = None

    def __post_init__(self) -> None:
        if self.control not in ("none", "random"):
            raise ValueError(f"control: expected 'none' or 'random', got {self.control!r}")
        if unknown := sorted(set(self.weights) - set(TEACHERS)):
            raise ValueError(f"weights: expected names of teachers, got {unknown[0]!r}")


def teach(
    recipe: Recipe | str | Path,
    budget: BudgetName = "quick",
    settings: TeachSettings | None = None,
    *,
    device: str = "auto",
    when_none: Literal["refuse", "report"] = "refuse",
    progress: Task | None = None,
    on_skip: Callable[[FrameError], None] | None = None,
) -> TeachReport:
    """The first of the recipe's teachers that can be had and passes the gate, and its targets of all pairs.

    The gate judges on the recipe's own validation pairs, by the targets that would be learnt from. Where
    nobody passes, when_none "refuse" raises NoTeacher, and "report" returns the report and the pairs without
    targets, on which recipes.without_teacher(recipe) can still be trained. A recipe whose loss compares with
    no teacher is asked for none.
    """
    if when_none not in ("refuse", "report"):
        raise ValueError(f"when_none: expected 'refuse' or 'report', got {when_none!r}")
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    settings, processes = settings or TeachSettings(), join_processes(device)
    watch = _watcher(progress if processes.rank == 0 else None)
    prepared = processes.agreed(lambda: _prepare(recipe, budget, settings, watch, on_skip))
    if not recipe.needs_teacher and settings.control == "none":
        remark = "its loss compares with no teacher, so none was asked for"
        return TeachReport(recipe.name, budget, *prepared, remarks=(remark,))
    report = _ask(recipe, TeachReport(recipe.name, budget, *prepared), settings, processes, watch)
    if report.teacher is None and when_none == "refuse":
        raise NoTeacher(report)
    return report


def _ask(
    recipe: Recipe, report: TeachReport, settings: TeachSettings, processes: Processes, watch: Watch
) -> TeachReport:
    if unknown := [name for name in recipe.teachers(report.budget) if name not in TEACHERS]:
        known = ", ".join(TEACHERS)
        raise TeacherError(
            f"recipe {recipe.name!r}: teacher {unknown[0]!r} is not known; expected one of {known}"
        )
    clips = {entry.clip for entry in report.validation.entries}
    if len(clips) < 2:
        raise ValueError(f"validation frames of {recipe.name!r}: expected at least 2 clips, got {len(clips)}")
    restoring = Restoring(settings.work / "targets", settings.precision, settings.tile, settings.seed)
    asked = list(_candidates(recipe, report.budget, settings))
    chosen = first_that_passes(asked, report.validation, restoring, processes, watch)
    report = replace(report, validation=chosen.validation, tried=chosen.tried)
    report = replace(report, remarks=tuple(_remarks(recipe, report.budget, settings, chosen.teacher)))
    if chosen.teacher is None:
        return report
    done: list[Caching] = []
    train = cache_targets(
        chosen.teacher,
        report.train,
        restoring.folder,
        tile=settings.tile,
        shard=settings.shard,
        processes=processes,
        progress=watch(f"{chosen.teacher.name}, train"),
        report=done.append,
    )
    return replace(report, teacher=chosen.teacher, train=train, caching=done[0])


def _candidates(recipe: Recipe, budget: BudgetName, settings: TeachSettings) -> Iterator[tuple[str, str]]:
    """Teachers with the weights to try, in order: what the study trained on such pairs before the rest."""
    names = recipe.teachers(budget)
    if settings.control == "random":
        yield names[0], "random"
        return
    kinds = {"official": ("official", "released"), "released": ("released",)}
    for name in names:
        if name in settings.weights:
            yield name, str(settings.weights[name])
            continue
        published = bool(TEACHERS[name].assets)
        for weights in kinds.get(recipe.teacher.weights, ("released", "official")):
            if weights == "released" or published:
                yield name, weights


def _remarks(
    recipe: Recipe, budget: BudgetName, settings: TeachSettings, teacher: Teacher | None
) -> Iterator[str]:
    epochs = recipe.budget(budget).teacher_epochs
    if epochs and settings.control == "none" and not (teacher and teacher.name in settings.weights):
        yield (
            f"the recipe trains its teacher on its own pairs first (epochs: {epochs}); none is trained here,"
            " and released or published weights stand in where they pass"
        )
    if teacher is None:
        terms = ", ".join(term.term for term in recipe.loss if term.needs_teacher)
        yield f"nobody teaches: only without {terms} can the student be trained"


@lru_cache(maxsize=2)
def _references(source: str, options: SourceOptions) -> tuple[list[Reference], list[FrameError]]:
    """The frames of a source and the files that it skipped, read once for all recipes."""
    skipped: list[FrameError] = []
    return load_source(source, options, skipped.append), skipped


def _prepare(
    recipe: Recipe,
    budget: BudgetName,
    settings: TeachSettings,
    watch: Watch,
    on_skip: Callable[[FrameError], None] | None,
) -> tuple[PairStore, PairStore, str]:
    """The training and validation pairs, and what was taken for them, in words."""
    source = recipe.budget(budget).source
    references, skipped = _references(source, settings.source)
    for error in skipped if on_skip else ():
        on_skip(error)
    quick = {"train": QUICK_TRAIN, "validation": QUICK_VALIDATION} if budget == "quick" else {}
    wanted = {"train": settings.max_train, "validation": settings.max_validation}
    stores, counts = [], []
    for split, count in wanted.items():
        there = [reference for reference in references if reference.split == split]
        count = quick.get(split, len(there)) if count is None else count
        taken = select_balanced(there, count)
        if not taken:
            raise ValueError(f"source {source!r}: expected frames in the {split} part, got none")
        pairs = settings.work / "pairs"
        task = watch(f"pairs, {split}")
        draws = recipe.budget(budget).draws if split == "train" else 1
        stores.append(prepare_pairs(taken, recipe.degradation, settings.seed, pairs, draws, progress=task))
        counts.append(f"{len(taken)} of {len(there)} {split} frames")
    return *stores, f"{' and '.join(counts)} of {source}"


def _watcher(progress: Task | None) -> Watch:
    def watch(task: str) -> Callable[..., None] | None:
        if progress is None:
            return None
        return lambda done, total, rate=0.0: progress(task, done, total, rate)

    return watch


def progress_bar() -> Task:
    """What shows progress as bars on stderr, one task after the other."""
    from tqdm import tqdm

    bars: dict[str, tqdm] = {}

    def show(task: str, done: int, total: int, rate: float) -> None:
        if task not in bars:
            bars[task] = tqdm(total=total, desc=task, unit="frame")
        bars[task].update(done - bars[task].n)
        if done == total:
            bars[task].close()

    return show
