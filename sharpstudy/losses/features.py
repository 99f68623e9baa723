"""Feature distillation: what happens inside the student is held against what happens inside its teacher."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from types import TracebackType
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sharpstudy.losses.terms import LossError, at_least_single

FAINTEST = 1e-6  # mean square below which features count as nothing, so that none is divided by
PROBE_SIDE = 64  # of the frame that channels are counted with; every window of a teacher divides it


class FeaturePair(NamedTuple):
    """The features (B,C,H,W) of a student and of its teacher for the same frames; C, H and W may differ."""

    student: Tensor
    teacher: Tensor


class FeatureTap:
    """The latest outputs of named modules of a network, collected as it runs: `tap[name]`.

    The tensors themselves, with their gradients, not copies; they take memory until the next run or `clear`.
    `remove`, or leaving the context, ends it.
    """

    def __init__(self, network: nn.Module, names: Iterable[str]) -> None:
        self._features: dict[str, Tensor] = {}
        layers = {name: _layer(network, name) for name in names}
        self._handles = [
            layer.register_forward_hook(lambda _, __, output, name=name: self._keep(name, output))
            for name, layer in layers.items()
        ]

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._features:
            raise LossError(f"features of {name!r}: expected the network to have run, got none of it")
        return self._features[name]

    def __enter__(self) -> FeatureTap:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def clear(self) -> None:
        """Forgets what was collected, and so frees the memory that it held."""
        self._features.clear()

    def remove(self) -> None:
        """Takes the hooks off the network and forgets what was collected."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self.clear()

    def _keep(self, name: str, output: object) -> None:
        if not isinstance(output, Tensor) or output.ndim != 4:
            got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise LossError(f"features of {name!r}: expected a tensor (B,C,H,W), got {got}")
        self._features[name] = output


class FeatureTaps:
    """Taps on one layer of a student and one of its frozen teacher; `pair` gives what the term compares.

    Both networks belong to the caller: the student is run by the training loop, the teacher by `pair`.
    """

    def __init__(
        self, student: nn.Module, teacher: nn.Module, student_layer: str, teacher_layer: str
    ) -> None:
        if teacher.training:
            raise LossError("feature: expected a teacher in evaluation mode, got one in training mode")
        self.channels = (count_channels(student, student_layer), count_channels(teacher, teacher_layer))
        self._teacher, self._layers = teacher, (student_layer, teacher_layer)
        self._taps = FeatureTap(student, [student_layer]), FeatureTap(teacher, [teacher_layer])

    def pair(self, frames: Tensor) -> FeaturePair:
        """The student's features of its latest run, and the teacher's of these frames, without a gradient.

        `frames` are what the teacher reads, of the places that the student has just restored. The student's
        features are handed over once, so that none of an earlier step can be compared.
        """
        mine, theirs = self._taps
        with torch.no_grad():
            self._teacher(frames)
        pair = FeaturePair(mine[self._layers[0]], theirs[self._layers[1]])
        mine.clear()
        theirs.clear()
        return pair

    def remove(self) -> None:
        """Takes the hooks off both networks."""
        for tap in self._taps:
            tap.remove()


class Adapter(nn.Module):
    """A learned 1x1 convolution from the student's channels to the teacher's, drawn from a seed (FitNets).

    Features are laid over each other by adaptive mean pooling to the smaller height and width of the two. It
    belongs to training alone and ships with nothing.
    """

    def __init__(self, student_channels: int, teacher_channels: int, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]), torch.device("cpu"):
            torch.default_generator.manual_seed(seed)
            self.adapt = nn.Conv2d(student_channels, teacher_channels, 1)

    def forward(self, features: FeaturePair) -> Tensor:
        """The mean squared error of the adapted features over the mean square of the teacher's.

        Both are so divided by the root mean square of the teacher's batch: 0 where the student gives the
        teacher's features, 1 where it gives nothing, whatever scale the teacher works in.
        """
        _check_pair(features, self.adapt)
        with torch.autocast(features.student.device.type, enabled=False):
            mine, theirs = _aligned(*(at_least_single(one) for one in features))
            theirs = theirs.detach()
            error = (self.adapt(mine.to(self.adapt.weight.dtype)) - theirs).square().mean()
            return error / theirs.square().mean().clamp(min=FAINTEST)


def count_channels(network: nn.Module, name: str) -> int:
    """The channels that a named module of a network gives, found by running it once on one grey frame."""
    like = next(network.parameters())
    frame = torch.full((1, 3, PROBE_SIDE, PROBE_SIDE), 0.5, dtype=like.dtype, device=like.device)
    learning = [module for module in network.modules() if module.training]
    with FeatureTap(network, [name]) as tap, torch.no_grad():
        network.eval()  # so that no running mean learns from the grey frame
        try:
            network(frame)
        finally:
            for module in learning:
                module.training = True
        return tap[name].shape[1]


def _layer(network: nn.Module, name: str) -> nn.Module:
    known = {key: module for key, module in network.named_modules() if key}
    if name not in known:
        close = get_close_matches(name, known, n=1)
        parts = ", ".join(part for part, _ in network.named_children())
        hint = f" (did you mean {close[0]!r}?)" if close else f"; its parts are {parts}"
        raise LossError(f"layer: expected a module of {type(network).__name__}, got {name!r}{hint}")
    return known[name]


def _aligned(mine: Tensor, theirs: Tensor) -> tuple[Tensor, Tensor]:
    size = tuple(min(sides) for sides in zip(mine.shape[-2:], theirs.shape[-2:], strict=True))
    return tuple(
        one if tuple(one.shape[-2:]) == size else F.adaptive_avg_pool2d(one, size) for one in (mine, theirs)
    )


def _check_pair(features: FeaturePair, adapt: nn.Conv2d) -> None:
    expected = {"student": adapt.in_channels, "teacher": adapt.out_channels}
    for (owner, channels), one in zip(expected.items(), features, strict=True):
        if one.ndim != 4 or one.shape[1] != channels or one.shape[0] != features.student.shape[0]:
            batch = f"({features.student.shape[0]}, {channels}, H, W)"
            raise LossError(f"feature: expected {owner} features {batch}, got {tuple(one.shape)}")
