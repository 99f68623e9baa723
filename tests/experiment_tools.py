"""Small material and planted scores for the tests of the experiments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from sharpstudy.evaluate import DO_NOTHING
from sharpstudy.experiments.material import Material
from tests.evaluate_tools import planted
from tests.material import made

CATEGORIES = ("people", "text", "nature", "graphics", "animals", "people")


def small_material(train: int = 4, held: int = 3) -> Material:
    """Made-up frames of 112x96 pixels to learn from, and smaller ones to be judged on."""
    learned = [made(seed, (112, 96), CATEGORIES[seed % 6]) for seed in range(train)]
    judged = [replace(made(seed, (96, 64)), split="validation") for seed in range(20, 20 + held)]
    return Material(tuple(learned), tuple(judged), tuple(judged), "made")


def scores_of(values: Mapping[str, Mapping[str, list[float]]]) -> pd.DataFrame:
    """PSNR by model and degradation, a value for each frame; SSIM is a hundredth of it."""
    parts = []
    for model, conditions in values.items():
        role = "baseline" if model == DO_NOTHING else "student"
        for name, numbers in conditions.items():
            parts.append(planted(model, numbers, "psnr", name, role))
            parts.append(planted(model, [value / 100 for value in numbers], "ssim", name, role))
    return pd.concat(parts, ignore_index=True)


def rungs_of(metric: str, nothing: tuple[float, ...], restored: tuple[float, ...]) -> list[dict[str, object]]:
    """Means of doing nothing and of a sharpener at 100, 200 and 400 kbit/s, as the table of conditions."""
    return [
        {"degradation": f"call-{kbps}k", "metric": metric, "model": model, "mean": mean}
        for model, means in ((DO_NOTHING, nothing), ("sharpener", restored))
        for kbps, mean in zip((100, 200, 400), means, strict=True)
    ]
