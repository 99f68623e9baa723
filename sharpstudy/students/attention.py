"""The published student that normalises its features and weighs them by channel and by place."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from .base import Student, check_integer, conv3x3

NORM_EPS = 1e-5
LEAK = 0.1
REDUCTION = 16  # 32 channels are squeezed to 2
SPATIAL_KERNEL = 7


class InstanceNorm(nn.Module):
    """Each channel of each frame with mean 0 and variance 1; no learned scale (Ulyanov et al. 2016).

    One group per channel is instance norm by definition. Unlike torch's InstanceNorm2d it takes a single
    pixel, whose variance is 0 and whose result is therefore 0.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return torch.group_norm(features, self.width, None, None, NORM_EPS)


class NormBlock(nn.Module):
    """features + norm(conv(LeakyReLU(norm(conv(features))))), 3x3 convolutions without bias."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = InstanceNorm(width)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        inner = F.leaky_relu(self.norm(self.first(features)), LEAK)
        return features + self.norm(self.second(inner))


class ChannelAttention(nn.Module):
    """features times a weight in (0,1) per channel, read from the channel means (squeeze and excitation)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        squeezed = max(1, width // REDUCTION)
        self.squeeze = nn.Conv2d(width, squeezed, 1, bias=False)
        self.excite = nn.Conv2d(squeezed, width, 1, bias=False)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        means = features.mean(dim=(2, 3), keepdim=True)
        return features * torch.sigmoid(self.excite(F.relu(self.squeeze(means))))


class SpatialAttention(nn.Module):
    """features times a weight in (0,1) per place, read from maximum and mean over channels (CBAM)."""

    def __init__(self) -> None:
        super().__init__()
        self.weigh = nn.Conv2d(2, 1, SPATIAL_KERNEL, padding=SPATIAL_KERNEL // 2, bias=False)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        summary = torch.cat([features.amax(dim=1, keepdim=True), features.mean(dim=1, keepdim=True)], dim=1)
        return features * torch.sigmoid(self.weigh(summary))


class UnetAttention(Student):
    """unet-attention: conv 3>32, 6 normalised blocks, two attentions, conv 32>3 + sigmoid, 1x1 refinement.

    The count, 112,593, settles what the text leaves open: the attentions stand once, after the blocks, and
    the first, the 32>3 and the 1x1 convolution have a bias. The refinement comes last as published and is not
    bounded, so values may leave [0,1]. Norm and channel attention read the whole frame: a frame restored in
    tiles differs from one restored whole.
    """

    name = "unet-attention"
    features = ("head", "blocks", "spatial")

    def __init__(self, width: int = 32, blocks: int = 6) -> None:
        super().__init__({"width": width, "blocks": blocks})
        check_integer(self.name, "width", width, 1, 512)
        check_integer(self.name, "blocks", blocks, 1, 64)
        self.head = conv3x3(3, width)
        self.blocks = nn.Sequential(*(NormBlock(width) for _ in range(blocks)))
        self.channel = ChannelAttention(width)
        self.spatial = SpatialAttention()
        self.tail = conv3x3(width, 3)
        self.refine = nn.Conv2d(3, 3, 1)

    def restore(self, frames: torch.Tensor) -> torch.Tensor:
        features = self.spatial(self.channel(self.blocks(self.head(frames))))
        return self.refine(torch.sigmoid(self.tail(features)))
