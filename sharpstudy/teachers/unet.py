"""A small UNet (Ronneberger et al. 2015) that works on the frame at its own size."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def double_conv(channels: int, width: int) -> nn.Sequential:
    """Two 3x3 convolutions, each with a ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=1),
        nn.ReLU(),
    )


class UNet(nn.Module):
    """A frame restored at its own size: (N,3,H,W) in [0,1], H and W multiples of 4; 466,595 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.encode1 = double_conv(3, 32)
        self.encode2 = double_conv(32, 64)
        self.encode3 = double_conv(64, 128)
        self.up2 = nn.ConvTranspose2d(128, 64, 2, stride=2)
        self.decode2 = double_conv(128, 64)
        self.up1 = nn.ConvTranspose2d(64, 32, 2, stride=2)
        self.decode1 = double_conv(64, 32)
        self.last = nn.Conv2d(32, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        skip1 = self.encode1(x)
        skip2 = self.encode2(F.max_pool2d(skip1, 2))
        features = self.encode3(F.max_pool2d(skip2, 2))
        features = self.decode2(torch.cat([self.up2(features), skip2], dim=1))
        features = self.decode1(torch.cat([self.up1(features), skip1], dim=1))
        return self.last(features)
