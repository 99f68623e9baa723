"""The published student that reads the small frame and enlarges it four times itself."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import nn
from torch.nn import functional as F

from .base import Student, check_choice, check_integer, conv3x3
from .residual import ResidualBlock

TanhRange = Literal["halved", "raw"]


class SrresnetEdge(Student):
    """srresnet-edge: conv 3>32>64>64, 4 residual blocks, conv 64>1024, shuffle, conv 64>3; 944,323 values.

    Takes the small frame (B,3,H,W) and gives (B,3,4H,4W). A ReLU follows each of the first three
    convolutions, none the add of a block. The published text ends at "tanh", whose range is (-1,1), and does
    not say how that meets frames in [0,1]. "halved" reads it as (tanh + 1) / 2, as SRGAN generators with
    inputs in [0,1] do, and reaches the whole range; "raw" gives the tanh itself, whose lower half no frame
    needs. The parameters are the same.
    """

    name = "srresnet-edge"
    scale = 4
    reads = "small"
    features = ("head", "blocks")

    def __init__(self, width: int = 64, blocks: int = 4, tanh_range: TanhRange = "halved") -> None:
        super().__init__({"width": width, "blocks": blocks, "tanh_range": tanh_range})
        check_integer(self.name, "width", width, 2, 512)
        check_integer(self.name, "blocks", blocks, 1, 64)
        check_choice(self.name, "tanh_range", tanh_range, get_args(TanhRange))
        self.tanh_range = tanh_range
        half = width // 2
        stem = (
            conv3x3(3, half),
            nn.ReLU(),
            conv3x3(half, width),
            nn.ReLU(),
            conv3x3(width, width),
            nn.ReLU(),
        )
        self.head = nn.Sequential(*stem)
        self.blocks = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.enlarge = conv3x3(width, width * self.scale**2)
        self.tail = conv3x3(width, 3)

    def restore(self, frames: torch.Tensor) -> torch.Tensor:
        features = F.pixel_shuffle(self.enlarge(self.blocks(self.head(frames))), self.scale)
        restored = torch.tanh(self.tail(features))
        return (restored + 1) / 2 if self.tanh_range == "halved" else restored
