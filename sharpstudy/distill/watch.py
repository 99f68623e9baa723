"""The numbers of every step, looked at now and then, so that a GPU is not made to wait at each of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sharpstudy.distill.settings import TrainingDiverged

if TYPE_CHECKING:
    from lightning_fabric import Fabric

EXPLODED = 100  # times the lowest mean loss of an epoch
FAINT = 0.01  # of the sum of the weights: below it no loss is held against another
MOST_SKIPPED = 30  # steps in a row that fp16 may leave out while its scale falls from 65536 to below 1


class Watch:
    """Loss, gradient norm and terms of the steps since the latest row of the log, and whether all is well.

    Several processes look together and get the mean of what they saw.
    """

    def __init__(self, weights: Mapping[str, float], may_skip: bool) -> None:
        self.names = ("loss", "grad_norm", *weights)
        self.sums = dict.fromkeys(self.names, 0.0)
        self.counts = dict.fromkeys(self.names, 0)
        self.skipped, self.lowest = 0, math.inf
        self._faint, self._may_skip = FAINT * sum(weights.values()), may_skip
        self._unseen: list[Tensor] = []

    def note(self, loss: Tensor, norm: Tensor, parts: Mapping[str, Tensor]) -> None:
        """Keeps the numbers of one step on their device."""
        self._unseen.append(torch.stack([loss.detach(), norm.detach(), *parts.values()]).float())

    def look(self, fabric: Fabric, done: int) -> dict[str, float]:
        """The numbers of the latest of `done` steps; a TrainingDiverged at the first that went wrong."""
        unseen = torch.stack(self._unseen)
        if fabric.world_size > 1:
            unseen = fabric.all_reduce(unseen, reduce_op="mean")
        rows = unseen.tolist()
        self._unseen.clear()
        for step, row in enumerate(rows, done - len(rows) + 1):
            seen = dict(zip(self.names, row, strict=True))
            self._check(step, seen)
            for name, value in seen.items():
                if math.isfinite(value):
                    self.sums[name] += value
                    self.counts[name] += 1
        return seen

    def means(self) -> dict[str, float]:
        """The mean of every number since the latest row, and a fresh start."""
        means = {name: self.sums[name] / max(1, self.counts[name]) for name in self.names}
        self.lowest = min(self.lowest, means["loss"])
        self.sums, self.counts = dict.fromkeys(self.names, 0.0), dict.fromkeys(self.names, 0)
        return means

    def facts(self) -> dict[str, object]:
        """What a checkpoint keeps of it; nothing is unseen then."""
        kept = ("sums", "counts", "skipped", "lowest")
        return {name: getattr(self, name) for name in kept}

    def restore(self, facts: Mapping[str, object]) -> None:
        """Goes on from what a checkpoint kept."""
        for name, value in facts.items():
            setattr(self, name, value)

    def _check(self, step: int, seen: Mapping[str, float]) -> None:
        broken = [name for name, value in seen.items() if not math.isfinite(value)]
        if broken == ["grad_norm"] and self._may_skip and self.skipped < MOST_SKIPPED:
            self.skipped += 1
            return
        self.skipped = 0
        if broken:
            raise TrainingDiverged(f"step {step}: {_list(broken)} is no finite number ({_numbers(seen)})")
        if seen["loss"] > EXPLODED * max(self.lowest, self._faint) and math.isfinite(self.lowest):
            raise TrainingDiverged(
                f"step {step}: the loss is more than {EXPLODED} times its best epoch's"
                f" {self.lowest:.4g} ({_numbers(seen)})"
            )


def _numbers(seen: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in seen.items())


def _list(names: Sequence[str]) -> str:
    return " and ".join(names)
