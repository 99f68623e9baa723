"""The one training loop: of students, and of the teachers that this study trains itself."""

from __future__ import annotations

import math
from contextlib import closing
from pathlib import Path
from typing import get_args

from torch import nn

from sharpstudy.data.pairs import PairStore
from sharpstudy.data.patches import Patches
from sharpstudy.distill.device import choose_precision, start_fabric
from sharpstudy.distill.job import Job
from sharpstudy.distill.optimise import forget_gradients, limit_norm, set_rate
from sharpstudy.distill.schedule import learning_rate
from sharpstudy.distill.settings import (
    Features,
    OnStep,
    Resume,
    TrainingError,
    TrainingResult,
    TrainingSettings,
)
from sharpstudy.losses import LossSum

LOOK_EVERY = 10  # steps on a GPU, which every look makes wait; a CPU is looked at after each


def train(
    settings: TrainingSettings,
    student: nn.Module,
    loss_sum: LossSum,
    patches: Patches,
    validation: PairStore,
    folder: Path,
    resume: Resume = "auto",
    on_step: OnStep | None = None,
    features: Features | None = None,
) -> TrainingResult:
    """The student, or a teacher's network, with its best weights; it is trained in place.

    `patches.batch_size` is that of one process: under torchrun a step learns from as many times that. Step 0
    is validated too, so the untrained network is the first best. The folder, seen by all processes and
    written by the first, gets log.csv, best.safetensors, samples/ and checkpoint.safetensors, from which
    resume="auto" goes on, on a CPU to the same bits; "never" starts anew. `features`, for a loss with that
    term, gives the pair for the batch just restored. A network with batch normalisation takes its statistics
    from each process's share, and then several processes differ from one; no student here has any.
    """
    if resume not in get_args(Resume):
        raise TrainingError(f"resume: expected one of {', '.join(get_args(Resume))}, got {resume!r}")
    fabric = start_fabric(settings.device, settings.precision)
    job = Job(settings, fabric, student, loss_sum, patches, validation, Path(folder), features)
    if resume == "auto":
        job.load()
    fabric.barrier()  # nobody writes before everybody has read
    if fabric.is_global_zero:
        sweep(job.folder, resume)
    if not job.log.rows:
        job.judge()

    peak, clip = settings.optimiser.learning_rate, settings.gradient_clip or math.inf
    looks = 1 if fabric.device.type == "cpu" else LOOK_EVERY
    places = (job.step, job.last, fabric.global_rank, fabric.world_size)
    with closing(patches.batches(*places, threads=settings.threads)) as batches:
        batch = next(batches, None)
        while batch is not None:
            rate = learning_rate(settings.schedule, peak, job.step, settings.steps, job.patience.factor)
            set_rate(job.optimiser, rate)
            loss, parts = job.parallel(fabric.to_device(batch))
            # Taking a batch starts the reading of another, which then runs beside the backward pass, one long
            # call, rather than beside this thread's Python.
            batch = next(batches, None)
            fabric.backward(loss)
            fabric.strategy.precision.unscale_gradients(job.optimiser)  # of fp16
            norm = limit_norm(job.weights, clip)
            job.stepper.step()
            forget_gradients(job.weights)
            if job.average:
                job.average.update(job.step)
            job.watch.note(loss, norm, parts)
            job.step += 1

            epoch_ends = job.step % settings.steps_per_epoch == 0
            saves = job.step % (settings.checkpoint_every or settings.steps_per_epoch) == 0
            seen = job.look() if job.step % looks == 0 or epoch_ends or saves else None
            if epoch_ends:
                job.judge(rate)
            if saves or job.step == settings.steps or job.stopped == "patience":
                job.save()
            if seen and on_step and fabric.is_global_zero:
                on_step(job.progress(seen))
            if job.stopped == "patience":
                break
    return job.result((*loss_sum.dropped, *_precision_note(settings, fabric.device.type)))


def sweep(folder: Path, resume: Resume) -> None:
    """Removes what a killed training left half-written, and a checkpoint that is not to be gone on with."""
    unwanted = ["checkpoint.safetensors"] if resume == "never" else []
    for pattern in (".*.part*", ".*.tmp", ".tmp*", *unwanted):
        for path in folder.glob(pattern):
            path.unlink()


def _precision_note(settings: TrainingSettings, kind: str) -> tuple[str, ...]:
    exact = choose_precision(settings.precision, kind)
    return () if exact == settings.precision else (f"precision {settings.precision} is {exact} on {kind}",)
