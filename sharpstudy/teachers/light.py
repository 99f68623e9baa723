"""Small published networks that spandrel does not have: RLFN, IMDN and a light SRGAN generator.

Module names follow the published checkpoints, so that these load without renaming.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv3(channels: int, width: int) -> nn.Conv2d:
    """A 3x3 convolution that keeps the size."""
    return nn.Conv2d(channels, width, 3, padding=1)


def shuffle_tail(width: int, scale: int) -> nn.Sequential:
    """One convolution and one pixel shuffle to the enlarged frame."""
    return nn.Sequential(conv3(width, 3 * scale**2), nn.PixelShuffle(scale))


class SpatialAttention(nn.Module):
    """Enhanced spatial attention (Liu et al. 2020) in RLFN's shortened form; needs 15 pixels a side."""

    def __init__(self, width: int, inner: int = 16) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, inner, 1)
        self.conv_f = nn.Conv2d(inner, inner, 1)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride=2)
        self.conv3 = conv3(inner, inner)
        self.conv4 = nn.Conv2d(inner, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.conv1(x)
        coarse = self.conv3(F.max_pool2d(self.conv2(inner), 7, stride=3))
        coarse = F.interpolate(coarse, x.shape[-2:], mode="bilinear", align_corners=False)
        return x * torch.sigmoid(self.conv4(coarse + self.conv_f(inner)))


class LocalFeatureBlock(nn.Module):
    """RLFN's block: three convolutions with a skip, a 1x1 convolution, spatial attention."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.c1_r = conv3(width, width)
        self.c2_r = conv3(width, width)
        self.c3_r = conv3(width, width)
        self.c5 = nn.Conv2d(width, width, 1)
        self.esa = SpatialAttention(width)

    def forward(self, x: Tensor) -> Tensor:
        features = x
        for conv in (self.c1_r, self.c2_r, self.c3_r):
            features = F.leaky_relu(conv(features), 0.05)
        return self.esa(self.c5(features + x))


class RLFN(nn.Module):
    """A frame enlarged by `scale`, (N,3,h,w) in [0,1] (Kong et al. 2022; 543,740 parameters at x4).

    The published weights work on grey levels 0 to 255.
    """

    def __init__(self, scale: int, width: int = 52, blocks: int = 6) -> None:
        super().__init__()
        self.conv_1 = conv3(3, width)
        self.blocks = [f"block_{number}" for number in range(1, blocks + 1)]
        for name in self.blocks:
            self.add_module(name, LocalFeatureBlock(width))
        self.conv_2 = conv3(width, width)
        self.upsampler = shuffle_tail(width, scale)

    def forward(self, x: Tensor) -> Tensor:
        first = features = self.conv_1(x * 255)
        for name in self.blocks:
            features = self.get_submodule(name)(features)
        return self.upsampler(self.conv_2(features) + first) / 255


class ContrastAttention(nn.Module):
    """Channels weighted by their standard deviation plus mean over the whole frame."""

    def __init__(self, width: int, reduction: int = 16) -> None:
        super().__init__()
        self.conv_du = nn.Sequential(
            nn.Conv2d(width, width // reduction, 1),
            nn.ReLU(),
            nn.Conv2d(width // reduction, width, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        spread = x.float().std(dim=(2, 3), correction=0, keepdim=True)
        return x * self.conv_du(spread.to(x.dtype) + x.mean(dim=(2, 3), keepdim=True))


class DistillationBlock(nn.Module):
    """IMDN's block: each convolution sets a quarter of its channels aside and passes the rest on."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.kept = width // 4
        passed = width - self.kept
        self.c1 = conv3(width, width)
        self.c2 = conv3(passed, width)
        self.c3 = conv3(passed, width)
        self.c4 = conv3(passed, self.kept)
        self.c5 = nn.Conv2d(width, width, 1)
        self.cca = ContrastAttention(width)

    def forward(self, x: Tensor) -> Tensor:
        kept, passed = [], x
        for conv in (self.c1, self.c2, self.c3):
            features = F.leaky_relu(conv(passed), 0.05)
            kept.append(features[:, : self.kept])
            passed = features[:, self.kept :]
        kept.append(self.c4(passed))
        return x + self.c5(self.cca(torch.cat(kept, dim=1)))


class IMDN(nn.Module):
    """A frame enlarged by `scale`, (N,3,h,w) in [0,1] (Hui et al. 2019; 715,176 parameters at x4)."""

    def __init__(self, scale: int, width: int = 64, blocks: int = 6) -> None:
        super().__init__()
        self.fea_conv = conv3(3, width)
        self.blocks = [f"IMDB{number}" for number in range(1, blocks + 1)]
        for name in self.blocks:
            self.add_module(name, DistillationBlock(width))
        self.c = nn.Sequential(nn.Conv2d(width * blocks, width, 1), nn.LeakyReLU(0.05))
        self.LR_conv = conv3(width, width)
        self.upsampler = shuffle_tail(width, scale)

    def forward(self, x: Tensor) -> Tensor:
        first = features = self.fea_conv(x)
        outputs = []
        for name in self.blocks:
            features = self.get_submodule(name)(features)
            outputs.append(features)
        return self.upsampler(self.LR_conv(self.c(torch.cat(outputs, dim=1))) + first)


class PReluBlock(nn.Module):
    """Convolution, batch norm, PReLU, convolution, batch norm, added to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = conv3(width, width)
        self.bn1 = nn.BatchNorm2d(width)
        self.prelu = nn.PReLU()
        self.conv2 = conv3(width, width)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bn2(self.conv2(self.prelu(self.bn1(self.conv1(x)))))


class ShuffleBlock(nn.Module):
    """Convolution, pixel shuffle by 2, PReLU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = conv3(width, width * 4)
        self.prelu = nn.PReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.prelu(F.pixel_shuffle(self.conv(x), 2))


class SRGANGenerator(nn.Module):
    """A frame enlarged by 2 or 4, (N,3,h,w) in [0,1]: SRResNet with five blocks and a tanh at the end."""

    def __init__(self, scale: int, width: int = 64, blocks: int = 5) -> None:
        super().__init__()
        self.block1 = nn.Sequential(nn.Conv2d(3, width, 9, padding=4), nn.PReLU())
        self.blocks = [f"block{number}" for number in range(2, blocks + 2)]
        for name in self.blocks:
            self.add_module(name, PReluBlock(width))
        self.block7 = nn.Sequential(conv3(width, width), nn.PReLU())
        shuffles = [ShuffleBlock(width) for _ in range({2: 1, 4: 2}[scale])]
        self.block8 = nn.Sequential(*shuffles, nn.Conv2d(width, 3, 9, padding=4))

    def forward(self, x: Tensor) -> Tensor:
        first = features = self.block1(x)
        for name in self.blocks:
            features = self.get_submodule(name)(features)
        return (torch.tanh(self.block8(first + self.block7(features))) + 1) / 2
