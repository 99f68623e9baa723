"""EDSR (Lim et al. 2017): residual blocks without batch norm, then pixel shuffles."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

# Mean colour of DIV2K, which the published weights subtract.
DIV2K_MEAN = (0.4488, 0.4371, 0.4040)
# The published weights were trained on grey levels 0 to 255.
LEVELS = 255.0


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a ReLU between them, scaled and added to their input."""

    def __init__(self, width: int, residual_scale: float = 1.0) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.residual_scale = residual_scale

    def forward(self, x: Tensor) -> Tensor:
        return x + self.residual_scale * self.conv2(torch.relu(self.conv1(x)))


def shuffle_upsampler(width: int, scale: int) -> nn.Sequential:
    """Convolution and pixel shuffle, once for x2 and x3, twice for x4."""
    factors = {2: (2,), 3: (3,), 4: (2, 2)}
    if scale not in factors:
        raise ValueError(f"EDSR enlarges by 2, 3 or 4, not by {scale}")
    layers: list[nn.Module] = []
    for factor in factors[scale]:
        layers += [nn.Conv2d(width, width * factor**2, 3, padding=1), nn.PixelShuffle(factor)]
    return nn.Sequential(*layers)


class EDSR(nn.Module):
    """A frame enlarged by `scale`: (N,3,h,w) to (N,3,scale*h,scale*w), both in [0,1].

    The baseline has 16 blocks of 64 channels (1.37 M parameters at x2), the full network 32 blocks of 256
    channels with residuals scaled by 0.1 (40.7 M at x2).
    """

    def __init__(self, scale: int, width: int = 64, blocks: int = 16, residual_scale: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(DIV2K_MEAN).view(1, 3, 1, 1), persistent=False)
        self.conv_first = nn.Conv2d(3, width, 3, padding=1)
        self.body = nn.Sequential(*(ResidualBlock(width, residual_scale) for _ in range(blocks)))
        self.conv_after_body = nn.Conv2d(width, width, 3, padding=1)
        self.upsample = shuffle_upsampler(width, scale)
        self.conv_last = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        mean = cast(Tensor, self.mean)
        first = self.conv_first((x - mean) * LEVELS)
        features = first + self.conv_after_body(self.body(first))
        return self.conv_last(self.upsample(features)) / LEVELS + mean


def rename_edsr(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights under this module's names, from those of the authors' own checkpoints.

    The authors keep the mean shift as two frozen convolutions; it is a constant here. Weights with the names
    of BasicSR's EDSR pass unchanged.
    """
    if "head.0.weight" not in state:
        return dict(state)
    _check_levels(state)
    last = max((int(key.split(".")[1]) for key in state if re.match(r"body\.\d+\.weight$", key)), default=-1)
    rules = (
        (r"head\.0\.", "conv_first."),
        (rf"body\.{last}\.(?!body)", "conv_after_body."),
        (r"body\.(\d+)\.body\.0\.", r"body.\1.conv1."),
        (r"body\.(\d+)\.body\.2\.", r"body.\1.conv2."),
        (r"tail\.0\.", "upsample."),
        (r"tail\.1\.", "conv_last."),
    )
    renamed = {}
    for key, value in state.items():
        if key.startswith(("sub_mean.", "add_mean.")):
            continue
        for pattern, replacement in rules:
            new, hits = re.subn(f"^{pattern}", replacement, key)
            if hits:
                break
        else:
            new = key
        renamed[new] = value
    return renamed


def _check_levels(state: Mapping[str, Tensor]) -> None:
    """Refuses weights trained on frames in [0,1], which would load and give a wrong picture."""
    shift = state.get("add_mean.bias")
    expected = torch.tensor(DIV2K_MEAN) * LEVELS
    if shift is not None and not (shift.shape == (3,) and torch.allclose(shift.float(), expected, atol=0.5)):
        raise ValueError(
            f"expected weights for grey levels 0-255, with the mean shift {expected.tolist()},"
            f" got {shift.flatten()[:3].tolist()}"
        )
