"""What one training is told and what comes of it, apart from the networks and the pairs themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from sharpstudy.losses import FeaturePair
from sharpstudy.recipes import Optimiser, Schedule
from sharpstudy.recipes.settings import RecipeError, Settings, limited

Reads = Literal["degraded", "small"]
Precision = Literal["fp32", "bf16", "fp16", "mixed"]
Control = Literal["none", "no-teacher", "random-teacher"]
Resume = Literal["auto", "never"]
Stopped = Literal["finished", "patience"]
Features = Callable[[Mapping[str, Tensor]], FeaturePair]  # of a batch that the student has just restored


class TrainingError(ValueError):
    """A training that cannot start or go on; one sentence of expected and got."""


class TrainingDiverged(TrainingError):  # noqa: N818 - it is an answer, not a mishap
    """A student that is lost: where, by which terms, and which checkpoint is still good."""


@dataclass(frozen=True)
class TrainingSettings(Settings):
    """How a network is trained; an epoch is `steps_per_epoch` steps, after which it is validated.

    reads: which part of a pair the network is given. precision "mixed": bf16 where the device computes in it,
    else fp16, and fp32 on a device that gains by neither; weights stay float32 in all of them. patience and
    ema as in Recipe. checkpoint_every: steps between checkpoints, null for one at each validation.
    validation_frames, validation_side: how many frames are validated on, and the pixels of the square out of
    each. sample_epochs: after which epochs restored squares are kept as pictures, sample_frames of them; 0 is
    before the first step. threads: those that read patches ahead.
    """

    epochs: int = limited(1, 100_000)
    steps_per_epoch: int = limited(1, 10_000_000)
    optimiser: Optimiser
    schedule: Schedule = field(default_factory=lambda: Schedule("constant", 0))
    gradient_clip: float | None = limited(1e-4, 1e4, default=None)
    ema: float | None = limited(0.5, 0.99999, default=None)
    precision: Precision = "fp32"
    patience: int | None = limited(1, 10_000, default=None)
    selection: Literal["psnr", "ssim", "loss", "last"] = "psnr"
    reads: Reads = "degraded"
    device: str = "auto"
    memory: Literal["channels-last", "contiguous"] = "channels-last"
    checkpoint_every: int | None = limited(1, 10_000_000, default=None)
    validation_frames: int = limited(1, 10_000, default=16)
    validation_side: int = limited(16, 4096, default=128)
    sample_epochs: tuple[int, ...] = ()
    sample_frames: int = limited(1, 100, default=4)
    threads: int = limited(1, 64, default=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.validation_side % 4:
            raise RecipeError("validation_side", "a multiple of 4", self.validation_side)

    @property
    def steps(self) -> int:
        """All steps of the training, if nothing stops it before."""
        return self.epochs * self.steps_per_epoch


@dataclass(frozen=True)
class Progress:
    """Where a training stands, as `on_step` is told. The rate leaves validation out; the time left has it."""

    step: int
    steps: int
    epoch: int
    epochs: int
    loss: float
    terms: Mapping[str, float]  # unweighted, of the latest steps
    gain_db: float  # PSNR over doing nothing, at the latest validation
    pairs_per_s: float
    seconds_left: float


OnStep = Callable[[Progress], None]


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A finished training: the network with its best weights, in evaluation mode on the CPU, and its files.

    stopped: "finished" after all steps, "patience" before. scores: the row of the log that the best weights
    have. notes: one sentence for each thing that went otherwise than the settings say.
    """

    network: nn.Module
    folder: Path
    steps: int
    epochs: int
    stopped: Stopped
    best_step: int
    taken_up: (
        int  # the step at which this call took the training up; all its steps where it found it finished
    )
    scores: Mapping[str, float]
    rows: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...] = ()
    card: Mapping[str, Any] = field(default_factory=dict)

    @property
    def weights(self) -> Path:
        """The best weights, as float32 safetensors."""
        return self.folder / "best.safetensors"

    @property
    def log(self) -> Path:
        """The CSV with one row for each validation."""
        return self.folder / "log.csv"
