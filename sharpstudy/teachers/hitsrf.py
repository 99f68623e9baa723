"""HiT-SRF (Zhang et al., ECCV 2024): a transformer whose windows grow from block to block.

Module names follow the published checkpoints. It is a network of its own, not a SwinIR.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sharpstudy.teachers.edsr import DIV2K_MEAN


class DualFeatures(nn.Module):
    """The product of a bottleneck of convolutions and a linear map, (N,C,H,W)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = width // 5
        self.conv = nn.Sequential(
            nn.Conv2d(width, inner, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(inner, inner, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(inner, width, 1),
        )
        self.linear = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) * self.linear(x)


class PositionBias(nn.Module):
    """A learnt function of the offset between two pixels, one value a head: (M,2) to (M,heads)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.pos_proj = nn.Linear(2, width)
        self.pos1, self.pos2, self.pos3 = (
            nn.Sequential(nn.LayerNorm(width), nn.ReLU(), nn.Linear(width, outputs))
            for outputs in (width, width, heads)
        )

    def forward(self, offsets: Tensor) -> Tensor:
        return self.pos3(self.pos2(self.pos1(self.pos_proj(offsets))))


class Correlation(nn.Module):
    """Spatial and channel self-correlation inside windows, (N,H,W,C) with H and W multiples of the window.

    Keys and values of a window larger than `base` are pooled to base x base cells by one learnt weighting, so
    that the cost grows with the window's area, not with its square.
    """

    def __init__(self, width: int, heads: int, window: int, base: int) -> None:
        super().__init__()
        self.heads, self.window, self.cells = heads, window, min(window, base)
        self.cell = window // self.cells
        self.qv = DualFeatures(width)
        self.proj = nn.Linear(width, width)
        self.spatial_linear = nn.Linear(self.cell**2, 1)
        self.pos = PositionBias(width // 16, heads)

    def forward(self, x: Tensor) -> Tensor:
        count, height, width, channels = x.shape
        rows, columns, side = height // self.window, width // self.window, self.window
        qv = self.qv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        qv = qv.reshape(count, rows, side, columns, side, channels).transpose(2, 3)
        qv = qv.reshape(-1, side * side, 2, channels // 2)
        query, value = qv.unbind(2)
        both = torch.cat([self._over_space(query, value), self._over_channels(query, value)], dim=-1)
        both = both.reshape(count, rows, columns, side, side, channels).transpose(2, 3)
        return self.proj(both.reshape(count, height, width, channels))

    def _over_space(self, query: Tensor, value: Tensor) -> Tensor:
        windows, pixels, channels = query.shape
        depth = channels // self.heads
        query = query.reshape(windows, pixels, self.heads, depth).transpose(1, 2)
        shape = (windows, self.cells, self.cell, self.cells, self.cell, self.heads, depth)
        pooled = value.reshape(shape).permute(0, 5, 1, 3, 6, 2, 4).flatten(5).flatten(2, 3)
        pooled = self.spatial_linear(pooled).squeeze(-1)
        weights = query @ pooled.transpose(-2, -1) / depth + self._bias()
        return (weights @ pooled).transpose(1, 2).reshape(windows, pixels, channels)

    @staticmethod
    def _over_channels(query: Tensor, value: Tensor) -> Tensor:
        weights = query.transpose(-2, -1) @ value / query.shape[1]
        return value @ weights.transpose(-2, -1)

    def _bias(self) -> Tensor:
        """The position bias between each pixel and each cell: (heads, window^2, cells^2).

        A cell's bias is the mean over its pixels. The bias depends on the offset alone, so that mean is a box
        filter over the table of offsets, and the table of all pairs of pixels is never built.
        """
        side, device = self.window, self.proj.weight.device
        line = torch.arange(1 - side, side, device=device, dtype=self.proj.weight.dtype)
        table = self.pos(torch.cartesian_prod(line, line)).T.reshape(
            1, self.heads, 2 * side - 1, 2 * side - 1
        )
        table = F.avg_pool2d(table, self.cell, stride=1)[0]
        pixel = torch.arange(side, device=device)[:, None]
        offset = pixel - self.cell * torch.arange(self.cells, device=device) + side - self.cell
        bias = table[:, offset[:, None, :, None], offset[None, :, None, :]]
        return bias.reshape(self.heads, side**2, self.cells**2)


class ConvFeedForward(nn.Module):
    """Two linear layers with a depthwise 5x5 convolution added between them, (N,H,W,C)."""

    def __init__(self, width: int, expansion: int) -> None:
        super().__init__()
        inner = width * expansion
        self.fc1 = nn.Linear(width, inner)
        conv = nn.Conv2d(inner, inner, 5, padding=2, groups=inner)
        self.dwconv = nn.ModuleDict({"depthwise_conv": nn.Sequential(conv, nn.GELU())})
        self.fc2 = nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        x = F.gelu(self.fc1(x))
        local = self.dwconv["depthwise_conv"](x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return self.fc2(x + local)


class WindowBlock(nn.Module):
    """Correlation in windows of one size, then the feed-forward layers; each is normalised after it ran."""

    def __init__(self, width: int, heads: int, window: int, base: int, expansion: int) -> None:
        super().__init__()
        self.window = window
        self.norm1 = nn.LayerNorm(width)
        self.correlation = Correlation(width, heads, window, base)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = ConvFeedForward(width, expansion)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[1:3]
        inner = self.correlation(reflect_to_multiple(x, self.window))[:, :height, :width]
        x = x + self.norm1(inner)
        return x + self.norm2(self.mlp(x))


def reflect_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """The features continued below and right by reflection to multiples of `multiple`, (N,H,W,C).

    A frame smaller than what is missing is reflected more than once.
    """
    x = x.permute(0, 3, 1, 2)
    targets = [-(-size // multiple) * multiple for size in x.shape[-2:]]
    while (missing := (targets[0] - x.shape[-2], targets[1] - x.shape[-1])) != (0, 0):
        down, right = (min(lack, size - 1) for lack, size in zip(missing, x.shape[-2:], strict=True))
        x = F.pad(x, (0, right, 0, down), mode="reflect")
    return x.permute(0, 2, 3, 1)


class WindowGroup(nn.Module):
    """One block for each window size, a convolution, and a skip around them, (N,H,W,C)."""

    def __init__(self, width: int, heads: int, windows: tuple[int, ...], base: int, expansion: int) -> None:
        super().__init__()
        blocks = nn.ModuleList(WindowBlock(width, heads, window, base, expansion) for window in windows)
        self.residual_group = nn.ModuleDict({"blocks": blocks})
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        features = x
        for block in cast(nn.ModuleList, self.residual_group["blocks"]):
            features = block(features)
        return x + self.conv(features.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class HiTSRF(nn.Module):
    """A frame enlarged by `scale`: (N,3,h,w) in [0,1], h and w at least 2; 866,420 parameters at x4."""

    def __init__(
        self, scale: int = 4, width: int = 60, heads: int = 6, base: int = 8, groups: int = 4
    ) -> None:
        super().__init__()
        windows = tuple(int(base * ratio) for ratio in (0.5, 1, 2, 4, 6, 8))
        self.register_buffer("mean", torch.tensor(DIV2K_MEAN).view(1, 3, 1, 1), persistent=False)
        self.conv_first = nn.Conv2d(3, width, 3, padding=1)
        self.patch_embed = nn.ModuleDict({"norm": nn.LayerNorm(width)})
        self.layers = nn.ModuleList(WindowGroup(width, heads, windows, base, 2) for _ in range(groups))
        self.norm = nn.LayerNorm(width)
        self.conv_after_body = nn.Conv2d(width, width, 3, padding=1)
        self.upsample = nn.Sequential(nn.Conv2d(width, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))

    def forward(self, x: Tensor) -> Tensor:
        mean = cast(Tensor, self.mean)
        first = self.conv_first(x - mean)
        features = self.patch_embed["norm"](first.permute(0, 2, 3, 1))
        for layer in self.layers:
            features = layer(features)
        features = self.norm(features).permute(0, 3, 1, 2)
        return self.upsample(self.conv_after_body(features) + first) + mean
