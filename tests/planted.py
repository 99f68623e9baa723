"""Teachers whose restored frames are known, and pairs for them, for tests of targets."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from sharpstudy.data.pairs import PairStore, prepare_pairs
from sharpstudy.data.references import Reference
from sharpstudy.teachers import TEACHERS, Teacher
from tests.material import SIZES, made


class Sharpener(nn.Module):
    """A "network" that adds a share of the detail, enlarges, and counts its calls, also into a file."""

    def __init__(self, strength: float, scale: int = 1, log: Path | None = None, wait_s: float = 0.0) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.tensor(float(strength)))
        self.scale, self.log, self.wait_s, self.calls = scale, log, wait_s, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        time.sleep(self.wait_s)
        self.calls += 1
        if self.log:
            with open(self.log / f"{os.getpid()}.txt", "a") as file:
                file.write(f"{tuple(x.shape)} {x.double().sum().item():.6f}\n")
        detail = x - nn.functional.avg_pool2d(x, 5, 1, 2, count_include_pad=False)
        return nn.functional.interpolate(x + self.strength * detail, scale_factor=self.scale)


def planted(strength: float = 0.5, name: str = "unet", weights: str = "official", **more: object) -> Teacher:
    """A teacher of that name in the registry, with a Sharpener inside."""
    network = Sharpener(strength, TEACHERS[name].scale, **more)
    return Teacher(TEACHERS[name], network.requires_grad_(False), weights, None, torch.device("cpu"), "fp32")


def references(count: int, split: str = "train", first: int = 0) -> list[Reference]:
    """Made-up references of four sizes in one part of the split."""
    return [replace(made(seed, SIZES[seed % 4]), split=split) for seed in range(first, first + count)]


def pairs(folder: Path, count: int = 4, degradation: object = "bicubic-x4", seed: int = 1) -> PairStore:
    """Pairs of the first `count` references."""
    return prepare_pairs(references(count), degradation, seed, folder / "pairs")
