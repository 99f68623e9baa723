"""A training between two of its steps: everything it holds, how it is judged, kept and taken up again."""

from __future__ import annotations

import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from sharpstudy.data.pairs import PairStore
from sharpstudy.data.patches import Patches
from sharpstudy.distill.checkpoint import (
    cloned,
    optimiser_tensors,
    read_checkpoint,
    restore_optimiser,
    write_checkpoint,
    write_weights,
)
from sharpstudy.distill.identity import check_same, fingerprint
from sharpstudy.distill.learner import Average, Learner
from sharpstudy.distill.log import Log, write_samples
from sharpstudy.distill.optimise import learning, make_optimiser
from sharpstudy.distill.schedule import Patience
from sharpstudy.distill.settings import (
    Features,
    Progress,
    Stopped,
    TrainingDiverged,
    TrainingError,
    TrainingResult,
    TrainingSettings,
)
from sharpstudy.distill.validate import Validation, choose_squares, validate
from sharpstudy.distill.watch import Watch
from sharpstudy.losses import LossSum

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Job:
    """All that a training holds. Every process has one and decides alike; only the first writes files."""

    step = 0  # steps done
    stopped: Stopped = "finished"
    saved_step: int | None = None
    taken_up = 0  # the step of the checkpoint that was gone on with
    seconds = 0.0  # up to the latest mark
    judging_s = 0.0  # that the latest validation took
    marked_step = 0

    def __init__(
        self,
        settings: TrainingSettings,
        fabric: Fabric,
        network: nn.Module,
        loss_sum: LossSum,
        patches: Patches,
        validation: PairStore,
        folder: Path,
        features: Features | None,
    ) -> None:
        check_parts(settings, loss_sum, patches, validation, features)
        self.settings, self.fabric, self.network, self.folder = settings, fabric, network, folder
        self.loss_sum, self.features = loss_sum, features
        self.squares = choose_squares(
            validation, settings.validation_frames, settings.validation_side, settings.reads
        )
        self.do_nothing = self.squares.do_nothing()
        self.batch = patches.batch_size * fabric.world_size
        self.learner = Learner(network.requires_grad_(True).train(), loss_sum, settings.reads, features)
        self.identity = fingerprint(
            settings, self.learner, loss_sum.formula(), patches, fabric.world_size, validation
        )
        self._place()
        self.patience = Patience()
        self.watch = Watch(loss_sum.weights, may_skip=bool(fabric.strategy.precision.state_dict()))
        self.log = Log(folder / "log.csv", tuple(loss_sum.weights))
        self.best = cloned(self.judged)
        self.marked_s = time.perf_counter()

    @property
    def judged(self) -> nn.Module:
        """The network whose weights are validated and kept: the average where there is one."""
        return self.average.network if self.average else self.network

    @property
    def checkpoint(self) -> Path:
        """The file that a training is taken up from."""
        return self.folder / "checkpoint.safetensors"

    @property
    def last(self) -> int:
        """The step that the training ends before."""
        return self.step if self.stopped == "patience" else self.settings.steps

    def look(self) -> dict[str, float]:
        """The numbers of the latest step; a TrainingDiverged where one since the latest look went wrong."""
        try:
            return self.watch.look(self.fabric, self.step)
        except TrainingDiverged as error:
            raise self.lost(str(error)) from None

    def judge(self, rate: float | None = None) -> None:
        """Validates, puts a row into the log, keeps the best weights, and moves plateau and patience."""
        pairs_per_s = self._pairs_per_s() if self.step else None
        self._mark()
        seen = self._validate()
        self.judging_s = time.perf_counter() - self.marked_s
        self._mark()
        row = self._row(seen, rate, pairs_per_s)
        dead = seen.fault is not None and self.step > 0
        better = not dead and self._take(seen)
        self._write(row, seen, better)
        if dead:
            raise self.lost(f"step {self.step}: {seen.fault}")
        self._mark()

    def save(self) -> None:
        """Writes the checkpoint, in place of the one before."""
        if not self.fabric.is_global_zero:
            return
        average = self.average.network.state_dict() if self.average else {}
        tensors = {
            "learner": self.learner.state_dict(),
            "average": average,
            "best": self.best,
            "optimiser": optimiser_tensors(self.optimiser),
        }
        facts = {
            "identity": self.identity,
            "step": self.step,
            "stopped": self.stopped,
            "seconds": self.seconds + time.perf_counter() - self.marked_s,
            "patience": asdict(self.patience),
            "watch": self.watch.facts(),
            "precision": self.fabric.strategy.precision.state_dict(),
            "rows": self.log.rows,
        }
        write_checkpoint(self.checkpoint, tensors, facts)
        self.saved_step = self.step

    def load(self) -> None:
        """Takes the training up where its checkpoint left it; nothing where there is none."""
        if not self.checkpoint.exists():
            return
        saved = read_checkpoint(self.checkpoint)
        facts, tensors = saved.facts, saved.tensors
        check_same(facts["identity"], self.identity, self.folder)
        self.learner.load_state_dict(tensors["learner"])
        if self.average:
            self.average.network.load_state_dict(tensors["average"])
        restore_optimiser(self.optimiser, tensors.get("optimiser", {}))
        if facts["precision"]:  # the scale of fp16; none where it went by another precision
            self.fabric.strategy.precision.load_state_dict(facts["precision"])
        self.best = dict(tensors["best"])
        self.patience = Patience(**facts["patience"])
        self.watch.restore(facts["watch"])
        self.log.rows = list(facts["rows"])
        self.step = self.saved_step = self.marked_step = self.taken_up = facts["step"]
        self.stopped, self.seconds = facts["stopped"], facts["seconds"]
        self.marked_s = time.perf_counter()

    def progress(self, seen: dict[str, float]) -> Progress:
        """Where the training stands, after a look."""
        settings = self.settings
        rate = self._pairs_per_s()
        epoch = -(-self.step // settings.steps_per_epoch)
        left = settings.steps - self.step
        terms = {name: seen[name] for name in self.loss_sum.weights}
        unjudged = settings.epochs - self.step // settings.steps_per_epoch
        seconds_left = left * self.batch / rate + unjudged * self.judging_s
        gain = self.log.rows[-1]["gain_db"]
        return Progress(
            self.step, settings.steps, epoch, settings.epochs, seen["loss"], terms, gain, rate, seconds_left
        )

    def lost(self, reason: str) -> TrainingDiverged:
        """The error that a lost training ends in, with what is left of it."""
        kept = "no checkpoint was written before"
        if self.saved_step is not None:
            kept = f"the checkpoint of step {self.saved_step} and the best weights, of step"
            kept += f" {self.patience.best_step}, are kept"
        return TrainingDiverged(f"{reason}; {kept}")

    def result(self, notes: tuple[str, ...]) -> TrainingResult:
        """What came of it, with the best weights in the network."""
        self.network.load_state_dict(self.best)
        self.network.to("cpu", memory_format=torch.contiguous_format).eval()
        if self.fabric.is_global_zero:
            write_weights(self.network, self.best, self.folder / "best.safetensors")
        best = next(row for row in self.log.rows if row["step"] == self.patience.best_step)
        return TrainingResult(
            network=self.network,
            folder=self.folder,
            steps=self.step,
            epochs=self.step // self.settings.steps_per_epoch,
            stopped=self.stopped,
            best_step=self.patience.best_step,
            taken_up=self.taken_up,
            scores=best,
            rows=tuple(self.log.rows),
            notes=notes,
        )

    def _place(self) -> None:
        """Puts what learns onto the device, with its optimiser and the average of its weights."""
        settings = self.settings
        if settings.memory == "channels-last":
            self.learner.to(memory_format=torch.channels_last)  # weights alone: convolutions follow them
        self.weights = learning(self.learner)
        self.optimiser = make_optimiser(settings.optimiser, self.weights, self.fabric.device.type)
        self.parallel, self.stepper = self.fabric.setup(self.learner, self.optimiser)
        self.average = Average(self.network, settings.ema) if settings.ema else None

    def _validate(self) -> Validation:
        """What the first process measures, with the restored squares there alone."""
        seen = None
        if self.fabric.is_global_zero:
            loss_sum = self.loss_sum if self.settings.selection == "loss" else None
            seen = validate(self.judged, self.squares, self.fabric.device, loss_sum, self.features)
        shared = None if seen is None else (seen.psnr, seen.ssim, seen.loss, seen.fault)
        psnr, ssim, loss, fault = self.fabric.broadcast(shared)
        if math.isnan(psnr):
            raise self.lost(f"step {self.step}: {fault}")
        return Validation(psnr, ssim, loss, fault, seen.restored if seen else ())

    def _row(self, seen: Validation, rate: float | None, pairs_per_s: float | None) -> dict[str, Any]:
        """What the log says of this step."""
        return {
            **(self.watch.means() if self.step else {}),
            "step": self.step,
            "epoch": self.step // self.settings.steps_per_epoch,
            "lr": rate,
            "val_psnr": seen.psnr,
            "val_ssim": seen.ssim,
            "val_loss": seen.loss,
            "do_nothing_psnr": self.do_nothing[0],
            "do_nothing_ssim": self.do_nothing[1],
            "gain_db": seen.psnr - self.do_nothing[0],
            "val_squares": len(self.squares.places),
            "val_side": max(place.side for place in self.squares.places),
            "pairs_per_s": pairs_per_s,
            "seconds": self.seconds,
        }

    def _take(self, seen: Validation) -> bool:
        """Whether these are the best weights so far; moves plateau and patience, and keeps them if so."""
        settings = self.settings
        if settings.selection == "last":
            score = self.step
        else:
            score = -seen.loss if settings.selection == "loss" else getattr(seen, settings.selection)
        better = self.patience.take(score, self.step, settings.schedule)
        if better:
            self.best = cloned(self.judged)
        if settings.patience is not None and self.patience.waited >= settings.patience:
            self.stopped = "patience"
        return better

    def _write(self, row: dict[str, Any], seen: Validation, better: bool) -> None:
        if not self.fabric.is_global_zero:
            self.log.rows.append(row)
            return
        self.log.add(row)
        epoch = self.step // self.settings.steps_per_epoch
        if epoch in self.settings.sample_epochs:
            write_samples(self.folder / "samples", epoch, self.squares, seen, self.settings.sample_frames)
        if better:
            write_weights(self.network, self.best, self.folder / "best.safetensors")

    def _pairs_per_s(self) -> float:
        """Pairs learned from since the latest mark, by the time since then; at a mark, as the log has it."""
        if self.step == self.marked_step:
            return self.log.rows[-1]["pairs_per_s"]
        elapsed = time.perf_counter() - self.marked_s
        return self.batch * (self.step - self.marked_step) / max(elapsed, 1e-9)

    def _mark(self) -> None:
        """Counts the time since the latest mark; rates are of the steps after it."""
        now = time.perf_counter()
        self.seconds += now - self.marked_s
        self.marked_s, self.marked_step = now, self.step


def check_parts(
    settings: TrainingSettings,
    loss_sum: LossSum,
    patches: Patches,
    validation: PairStore,
    features: Features | None,
) -> None:
    """Refuses pairs without a part that the network or its loss needs."""
    needed = {"reference", settings.reads, *loss_sum.beside}
    if not needed <= set(patches.parts):
        raise TrainingError(f"patches: expected the parts {sorted(needed)}, got {sorted(patches.parts)}")
    if settings.selection == "loss" and loss_sum.needs_target and validation.targets is None:
        raise TrainingError("validation: expected targets, because the loss selects and needs them, got none")
    if loss_sum.needs_features != (features is not None):
        wanted = "a function for the term feature" if loss_sum.needs_features else "none without that term"
        raise TrainingError(f"features: expected {wanted}, got {features!r}")
