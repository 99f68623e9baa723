"""A realtime student as plain arrays: what a graph is built from, without torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from .errors import SharpenerError

if TYPE_CHECKING:
    from sharpstudy.students import Student

Activation = Literal["relu", "leaky", "none"]


@dataclass(frozen=True, eq=False)
class Layers:
    """The folded 3x3 convolutions in order, float32 (outputs, inputs, 3, 3) and (outputs,), and what follows.

    Packed channels lie as (row, column, colour) of the r x r block, as in memory, so that packing a frame
    only moves runs of 3r bytes; torch's unshuffle has the colour first. The first layer's last inputs are the
    planes of the `cues` that the student reads off the whole frame.
    """

    unshuffle: int
    activations: tuple[Activation, ...]
    kernels: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    cues: int = 0

    @property
    def depth(self) -> int:
        return len(self.kernels)

    @property
    def width(self) -> int:
        return self.kernels[0].shape[0]

    def sha256(self) -> str:
        """The digest of all weights in order."""
        digest = hashlib.sha256()
        for values in (*self.kernels, *self.biases):
            digest.update(np.ascontiguousarray(values, "<f4").tobytes())
        return digest.hexdigest()


def layers_of(student: Student) -> Layers:
    """The layers of a realtime student, its branches folded; another student is refused."""
    if student.name != "realtime":
        raise SharpenerError(f"expected a realtime student, whose frame is packed, got {student.name!r}")
    plain = student.folded()
    modules = [plain.first, *plain.body, plain.last]
    kernels, biases, activations = [], [], []
    for module in modules:
        if hasattr(module, "weight"):
            kernels.append(module.weight.detach().float().cpu().numpy().copy())
            biases.append(module.bias.detach().float().cpu().numpy().copy())
            activations.append("none")
        else:
            activations[-1] = plain.arguments["activation"]
    order = packed_order(plain.unshuffle)
    kernels[0] = kernels[0][:, np.append(order, np.arange(len(order), kernels[0].shape[1]))]
    kernels[-1], biases[-1] = kernels[-1][order], biases[-1][order]
    return Layers(plain.unshuffle, tuple(activations), tuple(kernels), tuple(biases), plain.cues)


def packed_order(unshuffle: int) -> np.ndarray:
    """For each channel in the order (row, column, colour), its place in torch's (colour, row, column)."""
    return np.arange(3 * unshuffle**2).reshape(3, unshuffle**2).T.ravel()
