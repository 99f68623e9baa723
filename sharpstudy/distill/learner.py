"""What is trained, as one module: a network and its loss; its teacher's features, its weights' average."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from sharpstudy.distill.settings import Features, Reads
from sharpstudy.losses import FeaturePair, LossSum, tap_features

if TYPE_CHECKING:
    from sharpstudy.recipes import Term
    from sharpstudy.teachers import Teacher

FIRST_STEPS = 10  # over which the average is young and follows closely, whatever its decay


class Learner(nn.Module):
    """A network with its loss: a batch goes in, the loss and each term's value come out.

    One module, so that several processes exchange the gradients of the network and of a feature adapter
    together.
    """

    def __init__(
        self, network: nn.Module, loss_sum: LossSum, reads: Reads, features: Features | None
    ) -> None:
        super().__init__()
        self.network, self.loss_sum = network, loss_sum
        self._reads, self._features = reads, features

    def forward(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss to differentiate and the terms by name, of a batch by part (see data.patches)."""
        told = {"cues": batch["cues"]} if "cues" in batch else {}
        restored = self.network(batch[self._reads], **told)
        features = self._features(batch) if self._features else None
        beside = {part: batch.get(part) for part in ("target", "degraded")}
        return self.loss_sum(restored, batch["reference"], **beside, features=features)


class TeacherFeatures:
    """The features of a student and its teacher for a batch, for the term `feature`.

    The teacher is a copy, because it moves to the device that the batch is on.
    """

    def __init__(self, terms: Iterable[Term], student: nn.Module, teacher: Teacher) -> None:
        self._network = copy.deepcopy(teacher.network).eval()
        self.reads: Reads = "small" if teacher.info.scale > 1 else "degraded"
        self._taps = tap_features(terms, student, self._network)
        self.channels = self._taps.channels

    def __call__(self, batch: Mapping[str, Tensor]) -> FeaturePair:
        """The pair for the batch that the student has just restored."""
        frames = batch[self.reads]
        self._network.to(frames.device)
        return self._taps.pair(frames)

    def remove(self) -> None:
        """Takes the hooks off the student."""
        self._taps.remove()


class Average:
    """The exponential moving average of a network's weights, as a network of its own in evaluation mode.

    The decay rises to its value as min(decay, (1 + n) / (10 + n)) at update n, so that a short training's
    average is not mostly its first weights. Buffers, such as running means, are taken over as they are.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay
        # Listed once: walking through the modules at every step takes longer than the averaging.
        self._mine, self._theirs = list(self.network.parameters()), list(network.parameters())
        self._buffers = list(zip(self.network.buffers(), network.buffers(), strict=True))

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Takes the network's weights after a step (from 0) into the average."""
        decay = min(self.decay, (1 + step) / (FIRST_STEPS + step))
        torch._foreach_lerp_(self._mine, self._theirs, 1 - decay)
        for mine, theirs in self._buffers:
            mine.copy_(theirs)
