"""The terms that a student learns by, and their weighted sum as a recipe states it.

taps = tap_features(recipe.loss, student, teacher.network)  # None without a feature term
loss_sum = LossSum(recipe.loss, budget="quick", channels=taps.channels if taps else None)
optimiser = Adam([*student.parameters(), *loss_sum.parameters()])
restored = student(degraded)
features = taps.pair(degraded) if taps else None
loss, parts = loss_sum(restored, reference, target=target, features=features)
"""

from __future__ import annotations

from .features import Adapter, FeaturePair, FeatureTap, FeatureTaps, count_channels
from .perceptual import BACKBONES, Backbone, MissingBackbone, load_backbone, perceptual
from .terms import (
    CHARBONNIER_EPS,
    LossError,
    charbonnier,
    frequency,
    gradient_edge,
    l1,
    mse,
    one_minus_ssim,
    pseudo_huber,
    relative,
    sobel_edge,
)
from .total import TERMS, LossSum, tap_features

__all__ = [
    "BACKBONES",
    "CHARBONNIER_EPS",
    "TERMS",
    "Adapter",
    "Backbone",
    "FeaturePair",
    "FeatureTap",
    "FeatureTaps",
    "LossError",
    "LossSum",
    "MissingBackbone",
    "charbonnier",
    "count_channels",
    "frequency",
    "gradient_edge",
    "l1",
    "load_backbone",
    "mse",
    "one_minus_ssim",
    "perceptual",
    "pseudo_huber",
    "relative",
    "sobel_edge",
    "tap_features",
]
