"""What of a recipe is trained, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sharpstudy.distill import Control, OnStep, TrainingError, TrainingResult, process_rank
from sharpstudy.recipes import BudgetName, Recipe
from sharpstudy.teachers.reporting import TeachReport

if TYPE_CHECKING:
    from sharpstudy.training.own_teacher import OwnTeacher

SEEDS = {"quick": 1, "full": 3}
CONTROLS: tuple[Control, ...] = ("no-teacher", "random-teacher")
Line = Callable[[str], AbstractContextManager[OnStep]]  # of a title, such as distill.progress_line


@dataclass(frozen=True)
class TrainOptions:
    """How much of a recipe is trained, and where.

    seeds: how many students, each from weights and batches of its own; None is the budget's own number, 1 at
    quick and 3 at full. controls: which of "no-teacher" and "random-teacher" are trained beside every
    student. resume "never" starts anew instead of going on with what is found. start: a file with weights of
    the same student that every training goes on from, such as released ones that are tuned on other pictures.
    """

    seeds: int | None = None
    controls: tuple[Control, ...] = ("no-teacher",)
    device: str = "auto"
    resume: Literal["auto", "never"] = "auto"
    start: Path | None = None

    def __post_init__(self) -> None:
        if self.seeds is not None and not 1 <= self.seeds <= 100:
            raise TrainingError(f"seeds: expected 1 to 100, got {self.seeds}")
        unknown = [name for name in self.controls if name not in CONTROLS]
        if unknown or len(set(self.controls)) < len(self.controls):
            expected = f"any of {', '.join(CONTROLS)}, each once"
            raise TrainingError(f"controls: expected {expected}, got {' '.join(self.controls)!r}")


@dataclass(frozen=True, eq=False)
class Run:
    """One trained network: `model` is "student" or its control, `name` tells the seed too, as "student-1"."""

    model: Literal["student", "no-teacher", "random-teacher"]
    seed: int
    result: TrainingResult

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"{self.model}-{self.seed}" if self.seed else self.model

    @property
    def role(self) -> Literal["student", "control"]:
        """What a table calls it."""
        return "student" if self.model == "student" else "control"


@dataclass(frozen=True, eq=False)
class RecipeTraining:
    """All runs of a recipe at a budget, and who taught; `own` is the teacher that was trained for it."""

    recipe: Recipe
    budget: BudgetName
    report: TeachReport
    runs: tuple[Run, ...]
    own: OwnTeacher | None = None
    notes: tuple[str, ...] = ()

    @property
    def models(self) -> dict[str, tuple[Run, ...]]:
        """The runs of each model, one a seed, the student first."""
        names = dict.fromkeys(run.model for run in self.runs)
        return {name: tuple(run for run in self.runs if run.model == name) for name in names}

    @property
    def dropped(self) -> tuple[str, ...]:
        """A sentence for each term that was left out, and for whatever else went otherwise than asked."""
        return tuple(dict.fromkeys(note for run in self.runs for note in run.result.notes))

    @property
    def taught(self) -> str:
        """Who taught the student, in a sentence."""
        if self.report.teacher is not None:
            return next(one.reason for one in self.report.tried if one.state == "teaches")
        if not self.recipe.needs_teacher:
            return "nobody teaches: no term of the loss asks for a teacher"
        terms = ", ".join(term.term for term in self.recipe.loss if term.needs_teacher)
        return (
            "nobody taught: no teacher of this recipe is here and passes the gate, so its student was trained"
            f" without {terms}"
        )

    def __str__(self) -> str:
        return "\n".join([self.taught, *self.notes, *self.dropped])


def parse_controls(words: str) -> tuple[Control, ...]:
    """The controls that words name: "none", or any of CONTROLS with blanks between."""
    return () if words.split() == ["none"] else tuple(words.split())


def on_step_of(line: Line | None, title: str) -> AbstractContextManager[OnStep | None]:
    """The line of progress for a training, on the first process alone."""
    return nullcontext() if line is None or process_rank() else line(title)
