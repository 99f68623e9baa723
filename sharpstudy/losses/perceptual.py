"""The perceptual term: frames compared by what a network trained on photographs sees in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sharpstudy.losses.terms import LossError, frame_term

BackboneName = Literal["vgg19", "vgg19-normalised"]

LEAST_SIDE = 8  # halved twice it leaves the 2 pixels that a reflected border needs
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
POOLED = (2, 4)  # layers that read features of half the size: conv2_1 and conv3_1


class MissingBackbone(LossError):  # noqa: N818 - it is an answer, not a mishap
    """No weights for the perceptual term are here; the text says how to get them."""


@dataclass(frozen=True)
class Layout:
    """What differs between two files of VGG-19: where its layers lie, how it takes RGB, its borders."""

    layers: tuple[str, ...]  # conv1_1, conv1_2, conv2_1, conv2_2, conv3_1
    first: str | None  # a 1x1 convolution that prepares RGB; None where ImageNet's mean and std do
    border: Literal["constant", "reflect"]
    odd_sides: Literal["cut", "kept"]  # what a pooling by 2 does with the last single row or column


# In order of preference: torchvision's network, then the one scaled to mean activations of about 1.
BACKBONES: Mapping[str, Layout] = {
    "vgg19": Layout(tuple(f"features.{index}" for index in (0, 2, 5, 7, 10)), None, "constant", "cut"),
    "vgg19-normalised": Layout(("2", "5", "9", "12", "16"), "0", "reflect", "kept"),
}


class Backbone(nn.Module):
    """VGG-19 (Simonyan and Zisserman 2015) to relu3_1: frames (B,3,H,W) in [0,1] to (B,256,H/4,W/4).

    Its weights are buffers that no checkpoint keeps: they move with the module, and no optimiser sees them.
    """

    def __init__(self, name: BackboneName, stored: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.name, self.layout = name, BACKBONES[name]
        pairs = [(stored[f"{key}.weight"], stored[f"{key}.bias"]) for key in self.layout.layers]
        for index, (weight, bias) in enumerate([_preparation(self.layout, stored), *pairs]):
            self.register_buffer(f"weight{index}", weight.detach().float(), persistent=False)
            self.register_buffer(f"bias{index}", bias.detach().float(), persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        """The features of frames, with a gradient to the frames alone."""
        features = F.conv2d(frames.to(self.weight0.dtype), self.weight0, self.bias0)
        for index in range(len(self.layout.layers)):
            if index in POOLED:
                features = F.max_pool2d(features, 2, ceil_mode=self.layout.odd_sides == "kept")
            weight, bias = getattr(self, f"weight{index + 1}"), getattr(self, f"bias{index + 1}")
            features = F.relu(F.conv2d(F.pad(features, (1, 1, 1, 1), self.layout.border), weight, bias))
        return features


@frame_term(least=LEAST_SIDE)
def perceptual(restored: Tensor, wanted: Tensor, backbone: Backbone) -> Tensor:
    """The mean squared difference of the features relu3_1 (Johnson et al. 2016, its equation 2).

    The two backbones scale their features differently, and so this value.
    """
    with torch.no_grad():
        expected = backbone(wanted)
    return (backbone(restored) - expected).square().mean()


def load_backbone(name: BackboneName | None = None) -> Backbone:
    """The backbone of that name, or the first of BACKBONES that is here; nothing is ever downloaded.

    A weight file that is not intact is refused and not stepped over: another backbone gives other numbers.
    """
    from sharpstudy.assets import ASSETS, find_asset, how_to_get, require_asset

    if name is not None and name not in BACKBONES:
        raise LossError(f"backbone: expected one of {', '.join(BACKBONES)}, got {name!r}")
    wanted = tuple(BACKBONES) if name is None else (name,)
    found = next((one for one in wanted if find_asset(one)), None)
    if found is None:
        ways = "; or ".join(how_to_get(ASSETS[one]) for one in wanted)
        raise MissingBackbone(f"perceptual: expected the weights of a VGG-19, got none: {ways}")
    return read_backbone(found, require_asset(found))


def read_backbone(name: BackboneName, path: Path) -> Backbone:
    """The backbone in a weight file, on the CPU; only tensors are read, no code runs."""
    stored = torch.load(path, map_location="cpu", weights_only=True)
    try:
        return Backbone(name, stored)
    except KeyError as error:
        raise LossError(f"{path}: expected the weights of {name}, got a file without {error}") from None


def _preparation(layout: Layout, stored: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Weight and bias of the 1x1 convolution from RGB in [0,1] to what the first layer was trained on."""
    if layout.first is not None:
        return stored[f"{layout.first}.weight"], stored[f"{layout.first}.bias"]
    mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
    return torch.diag(1 / std)[:, :, None, None], -mean / std
