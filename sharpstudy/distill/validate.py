"""Validation on fixed squares of the validation frames: 8-bit PSNR and SSIM beside those of doing nothing.

A square is cut out after its frame was degraded at full size, where the reference has most detail, and is
never shrunk. Squares are scored higher or lower than whole frames: they say which weights are better, not how
good a student is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import torch
from torch import Tensor, nn

from sharpstudy.data.frames import to_frame, to_tensor
from sharpstudy.data.pairs import Pair, PairStore
from sharpstudy.distill.settings import Features, Reads, TrainingError
from sharpstudy.losses import LossSum
from sharpstudy.metrics import psnr, ssim

GRID = 4  # every teacher and student takes sides that are multiples of this
TOGETHER = 8  # squares restored at once
# Frames that a call left clean have 100 dB or more, of which a student can only lose, and a few of them
# outweigh all that it mends elsewhere. At 45 dB the error is about 1.4 grey levels, which nobody sees.
CAP = 45.0
NOTHING = 1e-6  # of values in [0,1]: what rounding may leave where nothing differs


@dataclass(frozen=True)
class Square:
    """Where a validation square lies: the frame's id, its corner and its side in pixels."""

    frame: str
    top: int
    left: int
    side: int


@dataclass(frozen=True, eq=False)
class Squares:
    """The validation squares: places, uint8 frames, and what networks are given, (3,h,w) in [0,1] by part."""

    places: tuple[Square, ...]
    references: tuple[np.ndarray, ...]
    degraded: tuple[np.ndarray, ...]
    parts: tuple[Mapping[str, Tensor], ...]
    reads: Reads

    def do_nothing(self) -> tuple[float, float]:
        """Mean PSNR in dB and SSIM of the degraded squares as they are."""
        return mean_scores(self.references, self.degraded)

    def batches(self) -> Iterator[dict[str, Tensor]]:
        """The squares in their order, as many at once as are of one size and TOGETHER allows."""
        waiting: list[Mapping[str, Tensor]] = []
        for part in self.parts:
            other_size = waiting and waiting[0]["reference"].shape != part["reference"].shape
            if other_size or len(waiting) == TOGETHER:
                yield _stacked(waiting)
                waiting = []
            waiting.append(part)
        yield _stacked(waiting)


@dataclass(frozen=True, eq=False)
class Validation:
    """Mean PSNR in dB and SSIM, the mean loss where it was asked for, and the restored squares, uint8.

    fault: in words, why this network has stopped depending on what it is given; None for a live one.
    """

    psnr: float
    ssim: float
    loss: float | None
    fault: str | None
    restored: tuple[np.ndarray, ...]


def choose_squares(store: PairStore, frames: int, side: int, reads: Reads) -> Squares:
    """The busiest square of at most `side` pixels of up to `frames` pairs, spread evenly over the list."""
    if not len(store):
        raise TrainingError("validation: expected at least one pair, got none")
    if reads == "small" and not all(entry.small for entry in store.entries):
        raise TrainingError(
            "validation: expected pairs with small frames, which this network reads, got none"
        )
    count = min(frames, len(store))
    pairs = [store.pair(index * len(store) // count) for index in range(count)]
    cut = [_cut(pair, side) for pair in pairs]
    return Squares(
        places=tuple(place for place, _ in cut),
        references=tuple(parts["reference"] for _, parts in cut),
        degraded=tuple(parts["degraded"] for _, parts in cut),
        parts=tuple({name: _unit(part) for name, part in parts.items()} for _, parts in cut),
        reads=reads,
    )


def validate(
    network: nn.Module,
    squares: Squares,
    device: torch.device,
    loss_sum: LossSum | None = None,
    features: Features | None = None,
) -> Validation:
    """How the network does on the squares, in float32 and evaluation mode; it is left as it was found.

    The loss, where a LossSum is given, is of values that are neither clipped nor rounded.
    """
    was_training = network.training
    outputs: list[Tensor] = []
    losses: list[float] = []
    network.eval()
    try:
        with torch.no_grad():
            for batch in squares.batches():
                batch = {name: part.to(device) for name, part in batch.items()}
                restored = network(batch[squares.reads])
                outputs += restored.float().cpu().unbind()
                if loss_sum is not None:
                    losses += [_loss(loss_sum, restored, batch, features)] * len(restored)
    finally:
        network.train(was_training)
    if not all(torch.isfinite(output).all() for output in outputs):
        return Validation(math.nan, math.nan, None, "restored frames hold values that are no numbers", ())
    frames = tuple(to_frame(output) for output in outputs)
    fault = find_fault(outputs, [part["degraded"] for part in squares.parts])
    return Validation(
        *mean_scores(squares.references, frames), fmean(losses) if losses else None, fault, frames
    )


def scores_of(
    references: Sequence[np.ndarray], frames: Sequence[np.ndarray]
) -> tuple[list[float], list[float]]:
    """PSNR in dB, at most CAP, and SSIM of each uint8 frame."""
    pairs = list(zip(references, frames, strict=True))
    return [min(psnr(*pair), CAP) for pair in pairs], [ssim(*pair) for pair in pairs]


def mean_scores(references: Sequence[np.ndarray], frames: Sequence[np.ndarray]) -> tuple[float, float]:
    """Mean PSNR in dB, of each at most CAP, and mean SSIM of uint8 frames."""
    decibels, similarities = scores_of(references, frames)
    return fmean(decibels), fmean(similarities)


def find_fault(restored: Sequence[Tensor], degraded: Sequence[Tensor]) -> str | None:
    """Why the restored squares (3,h,w) show a dead network, in words; None where they do not.

    Dead is one that adds the same to every square, be it nothing, or that restores the same picture from all
    of them: no variance is left from one square to the next, place by place.
    """
    side = min(min(output.shape[-2:]) for output in restored)
    outputs, inputs = (torch.stack([one[:, :side, :side] for one in many]) for many in (restored, degraded))
    if _spread(inputs) <= NOTHING:
        return None  # nothing could be told apart
    if _spread(outputs - inputs) <= NOTHING:
        return "the residual has no variance: the network adds the same to every frame, whatever it shows"
    if _spread(outputs) <= NOTHING:
        return "the network restores the same picture from every frame"
    return None


def _spread(squares: Tensor) -> float:
    """The largest standard deviation from square to square; from pixel to pixel where there is but one."""
    if len(squares) == 1:
        return squares.std(dim=(-2, -1)).max().item()
    return squares.std(dim=0).max().item()


def _cut(pair: Pair, side: int) -> tuple[Square, dict[str, np.ndarray]]:
    reference = np.asarray(pair.reference)
    scale = 1 if pair.small is None else round(reference.shape[0] / pair.small.shape[0])
    grid = math.lcm(GRID, scale)
    side = min(side, *reference.shape[:2]) // grid * grid
    top, left = busiest(reference, side, grid)
    full = {"reference": reference, "degraded": pair.degraded, "target": pair.target}
    parts = {
        name: np.ascontiguousarray(frame[top : top + side, left : left + side])
        for name, frame in full.items()
        if frame is not None
    }
    if pair.small is not None:
        rows, columns = (slice(start // scale, (start + side) // scale) for start in (top, left))
        parts["small"] = np.ascontiguousarray(pair.small[rows, columns])
    return Square(pair.frame, top, left, side), parts


def busiest(frame: np.ndarray, side: int, grid: int) -> tuple[int, int]:
    """The corner, on the grid, of the square with the largest sum of steps from pixel to pixel.

    The uppermost, then leftmost, where several are alike.
    """
    grey = frame.astype(np.int32).sum(axis=2)
    steps = np.abs(np.diff(grey, axis=0, append=grey[-1:]))
    steps += np.abs(np.diff(grey, axis=1, append=grey[:, -1:]))
    total = np.pad(steps.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    sums = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    sums = sums[::grid, ::grid]
    row, column = np.unravel_index(int(sums.argmax()), sums.shape)
    return int(row) * grid, int(column) * grid


def _loss(
    loss_sum: LossSum, restored: Tensor, batch: Mapping[str, Tensor], features: Features | None
) -> float:
    pair = features(batch) if features else None
    beside = {part: batch.get(part) for part in ("target", "degraded")}
    loss, _ = loss_sum(restored.float(), batch["reference"], **beside, features=pair)
    return loss.item()


def _unit(part: np.ndarray) -> Tensor:
    """float32 (3,h,w) in [0,1] of uint8 or float HxWx3."""
    if part.dtype == np.uint8:
        return to_tensor(part)
    return torch.from_numpy(part.transpose(2, 0, 1).astype(np.float32, order="C"))


def _stacked(parts: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([part[name] for part in parts]) for name in parts[0]}
