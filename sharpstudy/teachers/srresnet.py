"""SRResNet (Ledig et al. 2017) with ReLU, and MSRResNet, its form without batch norm (Wang et al. 2018)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sharpstudy.teachers.edsr import ResidualBlock


class NormalisedBlock(nn.Module):
    """Convolution, batch norm, ReLU, convolution, batch norm, added to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x)))))


class SRResNet(nn.Module):
    """A frame enlarged by 4: (N,3,h,w) to (N,3,4h,4w), both in [0,1]; 1,549,443 parameters.

    The paper's generator with ReLU where the paper has parametric ReLU.
    """

    def __init__(self, width: int = 64, blocks: int = 16) -> None:
        super().__init__()
        self.conv_first = nn.Conv2d(3, width, 9, padding=4)
        self.body = nn.Sequential(*(NormalisedBlock(width) for _ in range(blocks)))
        self.conv_after_body = nn.Conv2d(width, width, 3, padding=1)
        self.norm_after_body = nn.BatchNorm2d(width)
        self.upconv1 = nn.Conv2d(width, width * 4, 3, padding=1)
        self.upconv2 = nn.Conv2d(width, width * 4, 3, padding=1)
        self.conv_last = nn.Conv2d(width, 3, 9, padding=4)

    def forward(self, x: Tensor) -> Tensor:
        first = torch.relu(self.conv_first(x))
        features = first + self.norm_after_body(self.conv_after_body(self.body(first)))
        for upconv in (self.upconv1, self.upconv2):
            features = torch.relu(F.pixel_shuffle(upconv(features), 2))
        return self.conv_last(features)


class MSRResNet(nn.Module):
    """A frame enlarged by 4: (N,3,h,w) to (N,3,4h,4w), both in [0,1]; 1,517,571 parameters.

    The network learns what bilinear interpolation misses.
    """

    def __init__(self, width: int = 64, blocks: int = 16) -> None:
        super().__init__()
        self.conv_first = nn.Conv2d(3, width, 3, padding=1)
        self.body = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.upconv1 = nn.Conv2d(width, width * 4, 3, padding=1)
        self.upconv2 = nn.Conv2d(width, width * 4, 3, padding=1)
        self.conv_hr = nn.Conv2d(width, width, 3, padding=1)
        self.conv_last = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        features = self.body(F.leaky_relu(self.conv_first(x), 0.1))
        for upconv in (self.upconv1, self.upconv2):
            features = F.leaky_relu(F.pixel_shuffle(upconv(features), 2), 0.1)
        base = F.interpolate(x, scale_factor=4, mode="bilinear", align_corners=False)
        return base + self.conv_last(F.leaky_relu(self.conv_hr(features), 0.1))


def rename_msrresnet(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights under this module's names (BasicSR's), from those of KAIR's MSRResNet."""
    return {
        key.replace("recon_trunk.", "body.").replace("HRconv.", "conv_hr."): value
        for key, value in state.items()
    }
