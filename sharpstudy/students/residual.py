"""The three published students that restore at full resolution with plain residual blocks."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import nn
from torch.nn import functional as F

from .base import Student, check_choice, check_integer, check_share, conv3x3

AfterAdd = Literal["none", "relu"]
Skip = Literal["none", "input"]


class ResidualBlock(nn.Module):
    """features + residual_scale * conv(ReLU(conv(features))), then a ReLU where `after_add` says so."""

    def __init__(self, width: int, residual_scale: float = 1.0, after_add: AfterAdd = "none") -> None:
        super().__init__()
        self.first = conv3x3(width, width)
        self.second = conv3x3(width, width)
        self.residual_scale = residual_scale
        self.after_add = after_add

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        residual = self.second(F.relu(self.first(features)))
        if self.residual_scale != 1.0:
            residual = residual * self.residual_scale
        total = features + residual
        return F.relu(total) if self.after_add == "relu" else total


class SwinirCnn(Student):
    """swinir-cnn: conv 3>64, 6 residual blocks, conv 64>64 closing a long skip, conv 64>3; 483,587 values.

    The long skip joins the features before and after the blocks. Neither the published text nor the count
    speaks of an output activation or of a skip from the input frame, so there is none: values may leave
    [0,1].
    """

    name = "swinir-cnn"
    features = ("head", "blocks", "close")

    def __init__(self, width: int = 64, blocks: int = 6) -> None:
        super().__init__({"width": width, "blocks": blocks})
        check_integer(self.name, "width", width, 1, 512)
        check_integer(self.name, "blocks", blocks, 1, 64)
        self.head = conv3x3(3, width)
        self.blocks = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.close = conv3x3(width, width)
        self.tail = conv3x3(width, 3)

    def restore(self, frames: torch.Tensor) -> torch.Tensor:
        features = self.head(frames)
        return self.tail(features + self.close(self.blocks(features)))


class EdsrResidual(Student):
    """edsr-residual: conv 3>64, 5 residual blocks with residual scaling, conv 64>3, clamp; 372,803 values.

    Twelve convolutions in all, so no thirteenth closes a long skip as EDSR's does. The factor of the residual
    scaling is not published: 0.1 is what the EDSR paper (Lim et al. 2017) uses. The clamp is part of the
    published forward pass, in training too: values outside [0,1] pass no gradient.
    """

    name = "edsr-residual"
    features = ("head", "blocks")

    def __init__(self, width: int = 64, blocks: int = 5, residual_scale: float = 0.1) -> None:
        super().__init__({"width": width, "blocks": blocks, "residual_scale": residual_scale})
        check_integer(self.name, "width", width, 1, 512)
        check_integer(self.name, "blocks", blocks, 1, 64)
        check_share(self.name, "residual_scale", residual_scale)
        self.head = conv3x3(3, width)
        self.blocks = nn.Sequential(*(ResidualBlock(width, float(residual_scale)) for _ in range(blocks)))
        self.tail = conv3x3(width, 3)

    def restore(self, frames: torch.Tensor) -> torch.Tensor:
        return self.tail(self.blocks(self.head(frames))).clamp(0, 1)


class BsrganUltralight(Student):
    """bsrgan-ultralight: conv 3>32>64, 4 residual blocks, conv 64>32, conv 32>3, clamp; 334,147 values.

    A ReLU follows every convolution but the last; in a block it stands between the two convolutions and after
    the add. As published there is no skip from the input frame, so even "do nothing" has to be learned;
    `skip="input"` adds one, as a variant to study that costs no parameter. The clamp holds in training too:
    values outside [0,1] pass no gradient.
    """

    name = "bsrgan-ultralight"
    features = ("widen", "blocks", "narrow")

    def __init__(self, width: int = 64, blocks: int = 4, skip: Skip = "none") -> None:
        super().__init__({"width": width, "blocks": blocks, "skip": skip})
        check_integer(self.name, "width", width, 2, 512)
        check_integer(self.name, "blocks", blocks, 1, 64)
        check_choice(self.name, "skip", skip, get_args(Skip))
        half = width // 2
        self.skip = skip
        self.head = conv3x3(3, half)
        self.widen = conv3x3(half, width)
        self.blocks = nn.Sequential(*(ResidualBlock(width, after_add="relu") for _ in range(blocks)))
        self.narrow = conv3x3(width, half)
        self.tail = conv3x3(half, 3)

    def restore(self, frames: torch.Tensor) -> torch.Tensor:
        features = F.relu(self.widen(F.relu(self.head(frames))))
        restored = self.tail(F.relu(self.narrow(self.blocks(features))))
        return (frames + restored if self.skip == "input" else restored).clamp(0, 1)
