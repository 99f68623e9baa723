"""What a recipe says, as frozen settings that refuse a wrong type, a value out of range, or two at odds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from .settings import RecipeError, Settings, limited

TermName = Literal[
    "l1_reference",
    "charbonnier_reference",
    "pseudo_huber_reference",
    "mse_reference",
    "relative_reference",
    "l1_target",
    "mse_target",
    "ssim",
    "sobel_edge",
    "gradient_edge",
    "perceptual",
    "feature",
    "frequency",
]
StudentName = Literal[
    "swinir-cnn", "unet-attention", "srresnet-edge", "edsr-residual", "bsrgan-ultralight", "realtime"
]
BudgetName = Literal["quick", "full"]
TERMS: tuple[str, ...] = get_args(TermName)
TEACHER_TERMS: tuple[str, ...] = ("l1_target", "mse_target", "feature")  # they compare with a teacher
SLUG = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*")


@dataclass(frozen=True)
class TeacherTraining(Settings):
    """How this study trains or fine-tunes a teacher on the recipe's own pairs before it may teach."""

    loss: Literal["l1", "mse"]
    learning_rate: float = limited(1e-7, 0.1)


@dataclass(frozen=True)
class TeacherChoice(Settings):
    """The published teacher, and who stands in for it under their own names where it is absent or fails.

    weights: "official" as its authors published them; "fine-tuned" from those on the recipe's pairs;
    "trained" from nothing on them; "released" as shipped with this study. Those who stand in start from
    their official weights, or the released ones where none are published, and are fine-tuned likewise.
    """

    name: str
    weights: Literal["official", "fine-tuned", "trained", "released"]
    fallback: tuple[str, ...] = ()
    training: TeacherTraining | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        learns = self.weights in ("fine-tuned", "trained")
        if learns and self.training is None:
            raise RecipeError("training", f"loss and learning_rate, because weights is {self.weights}", None)
        if not learns and self.training is not None:
            raise RecipeError("training", f"null, because weights is {self.weights}", "settings")
        if self.name in self.fallback or len(set(self.fallback)) < len(self.fallback):
            raise RecipeError("fallback", "other teachers than the first, each once", list(self.fallback))


@dataclass(frozen=True)
class StudentChoice(Settings):
    """The student by name, with every argument that it is built with."""

    name: StudentName
    arguments: Mapping[str, int | float | str]


@dataclass(frozen=True)
class Term(Settings):
    """One weighted part of the loss.

    when_missing: what happens where the weights of a term's network are not on the machine: "refuse", or
    "drop-at-quick" to train without the term at the quick budget and say so. Layers are module names, for the
    term "feature" alone.
    """

    term: TermName
    weight: float = limited(1e-6, 1e3)
    when_missing: Literal["refuse", "drop-at-quick"] = "refuse"
    student_layer: str | None = None
    teacher_layer: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("student_layer", "teacher_layer"):
            if self.term == "feature" and getattr(self, key) is None:
                raise RecipeError(key, "the name of a module, because feature compares two", None)
            if self.term != "feature" and getattr(self, key) is not None:
                raise RecipeError(key, f"nothing, because {self.term} compares frames", getattr(self, key))

    @property
    def needs_teacher(self) -> bool:
        """Whether the term compares with what a teacher made."""
        return self.term in TEACHER_TERMS


@dataclass(frozen=True)
class Optimiser(Settings):
    """The optimiser and its peak learning rate."""

    name: Literal["adam", "adamw", "soap"]
    learning_rate: float = limited(1e-7, 0.1)
    weight_decay: float = limited(0, 1)


@dataclass(frozen=True)
class Schedule(Settings):
    """How the learning rate moves: a linear warm-up over so many steps, then constant, cosine or plateau.

    cosine ends at `floor` times the peak; plateau multiplies by `factor`, never below `floor`, after
    `patience` epochs in which the selection score did not improve. A kind ignores what does not concern it,
    and then it must be null.
    """

    name: Literal["constant", "cosine", "plateau"]
    warm_up_steps: int = limited(0, 100_000)
    floor: float | None = limited(0, 1, default=None)
    factor: float | None = limited(0.01, 0.99, default=None)
    patience: int | None = limited(0, 1000, default=None)

    def __post_init__(self) -> None:
        super().__post_init__()
        needed = {"constant": (), "cosine": ("floor",), "plateau": ("floor", "factor", "patience")}[self.name]
        for key in ("floor", "factor", "patience"):
            value = getattr(self, key)
            if (value is not None) != (key in needed):
                expected = "a number" if key in needed else "null"
                raise RecipeError(key, f"{expected}, because the schedule is {self.name}", value)


@dataclass(frozen=True)
class Budget(Settings):
    """How much is spent: where references come from, how long it learns, on squares of `patch` pixels.

    source: names of data.sources joined by "+". teacher_epochs: how long the teacher is trained or
    fine-tuned first; with 0 it is taken as it is, from released weights or official ones. teachers: the
    order in which this budget tries teachers; empty for the recipe's own order. draws: degraded frames made
    of each training frame, for a degradation that the seed draws.
    """

    source: str
    epochs: int = limited(1, 100_000)
    pairs_per_epoch: int = limited(1, 10_000_000)
    batch: int = limited(1, 4096)
    patch: int = limited(16, 1024)
    teacher_epochs: int = limited(0, 100_000)
    teachers: tuple[str, ...] = ()
    draws: int = limited(1, 100, default=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pairs_per_epoch < self.batch:
            raise RecipeError("pairs_per_epoch", f"at least one batch of {self.batch}", self.pairs_per_epoch)
        if self.patch % 4:
            raise RecipeError("patch", "a multiple of 4, so that a small patch has whole pixels", self.patch)
        if not all(SLUG.fullmatch(name) for name in self.source.split("+")):
            raise RecipeError("source", "names of sources joined by +", self.source)


@dataclass(frozen=True)
class Budgets(Settings):
    """The two budgets: `quick` for a laptop in minutes, `full` for the published training."""

    quick: Budget
    full: Budget


@dataclass(frozen=True)
class Published(Settings):
    """One figure in its authors' own words, with what speaks against taking it at face value.

    where: the size, set, criterion or category that the figure belongs to.
    """

    metric: Literal["ssim", "psnr", "fps", "milliseconds", "loss", "mos", "parameters"]
    of: Literal["student", "teacher", "goal"]
    where: str | None
    value: float = limited(0, 1e12)
    words: str
    doubt: str | None


@dataclass(frozen=True)
class Recipe(Settings):
    """Everything that makes one student reproducible.

    gradient_clip is the largest gradient norm; ema the decay of the averaged weights that are kept; precision
    "mixed" is bfloat16 where a GPU has it, else float16, and float32 on a CPU; "bf16" is bfloat16 on any
    device, which pays on CPUs with instructions for it; patience counts epochs without a better selection
    score, which is taken on fixed validation pairs; "last" keeps the last weights, whatever they score. null
    switches gradient_clip, ema or patience off.
    """

    name: str
    summary: str
    degradation: str | Mapping[str, Any]
    teacher: TeacherChoice
    student: StudentChoice
    loss: tuple[Term, ...]
    optimiser: Optimiser
    schedule: Schedule
    gradient_clip: float | None = limited(1e-4, 1e4)
    ema: float | None = limited(0.5, 0.99999)
    precision: Literal["fp32", "bf16", "mixed"]
    patience: int | None = limited(1, 10_000)
    selection: Literal["psnr", "ssim", "loss", "last"]
    budgets: Budgets
    published: tuple[Published, ...] = ()
    doubts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not SLUG.fullmatch(self.name):
            raise RecipeError("name", "lower-case letters, digits and dashes", self.name)
        names = [term.term for term in self.loss]
        if not names or len(set(names)) < len(names):
            raise RecipeError("loss", "at least one term, each once", names)
        for budget in get_args(BudgetName):
            epochs = self.budget(budget).teacher_epochs
            if epochs and self.teacher.training is None:
                expected = f"0, because the teacher's weights are {self.teacher.weights}"
                raise RecipeError(f"budgets.{budget}.teacher_epochs", expected, epochs)

    def budget(self, name: BudgetName) -> Budget:
        """The budget of that name."""
        if name not in get_args(BudgetName):
            raise RecipeError("budget", "quick or full", name)
        return getattr(self.budgets, name)

    def teachers(self, budget: BudgetName) -> tuple[str, ...]:
        """The teachers in the order in which a budget tries them; the first that passes the gate teaches."""
        return self.budget(budget).teachers or (self.teacher.name, *self.teacher.fallback)

    @property
    def needs_teacher(self) -> bool:
        """Whether any term compares with what a teacher made."""
        return any(term.needs_teacher for term in self.loss)
