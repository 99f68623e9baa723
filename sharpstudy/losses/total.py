"""The loss of a recipe: the weighted sum of its terms, with each term's own value for the log."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Literal, Protocol, get_args

from torch import Tensor, nn

from sharpstudy.losses.features import Adapter, FeaturePair, FeatureTaps
from sharpstudy.losses.perceptual import BackboneName, MissingBackbone, load_backbone, perceptual
from sharpstudy.losses.terms import (
    Compare,
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

BudgetName = Literal["quick", "full"]

TARGET_TERMS: Mapping[str, Compare] = {"l1_target": l1, "mse_target": mse}
REFERENCE_TERMS: Mapping[str, Compare] = {
    "l1_reference": l1,
    "charbonnier_reference": charbonnier,
    "pseudo_huber_reference": pseudo_huber,
    "mse_reference": mse,
    "relative_reference": relative,
    "ssim": one_minus_ssim,
    "sobel_edge": sobel_edge,
    "gradient_edge": gradient_edge,
    "perceptual": perceptual,
    "frequency": frequency,
}
TERMS: tuple[str, ...] = (*REFERENCE_TERMS, *TARGET_TERMS, "feature")


class Term(Protocol):
    """What is read of a recipe's term; its two layers are read too where it is `feature`."""

    @property
    def term(self) -> str:
        """One of TERMS."""

    @property
    def weight(self) -> float:
        """A finite number above 0."""

    @property
    def when_missing(self) -> str:
        """`refuse`, or `drop-at-quick` for a term whose network may be absent at the quick budget."""


class LossSum(nn.Module):
    """The weighted sum of a recipe's terms; `parameters()` are those of the feature adapter alone.

    weights: the terms in use. dropped: a sentence for each term that the quick budget goes without. channels:
    those of the two feature layers, from FeatureTaps, for the term `feature`. A weight of 0 is refused: a
    term without influence is left out of a recipe, so that nobody reads it as part of the loss.
    """

    def __init__(
        self,
        terms: Iterable[Term],
        *,
        budget: BudgetName = "full",
        channels: tuple[int, int] | None = None,
        backbone: BackboneName | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if budget not in get_args(BudgetName):
            raise LossError(f"budget: expected one of {', '.join(get_args(BudgetName))}, got {budget!r}")
        terms = tuple(terms)
        self.weights = _weights(terms)
        self.dropped: tuple[str, ...] = ()
        self.backbone = self._find_backbone(terms, budget, backbone) if "perceptual" in self.weights else None
        self.adapter = _adapter(channels, seed) if "feature" in self.weights else None
        if not self.weights:
            raise LossError(
                f"loss: expected at least one term, got none; {'; '.join(self.dropped) or 'none given'}"
            )

    @property
    def needs_target(self) -> bool:
        """Whether a term compares with the teacher's target."""
        return any(name in TARGET_TERMS for name in self.weights)

    @property
    def beside(self) -> tuple[str, ...]:
        """The parts of a batch that terms compare with besides the reference: "target", "degraded"."""
        degraded = ("degraded",) if "relative_reference" in self.weights else ()
        return (("target",) if self.needs_target else ()) + degraded

    @property
    def needs_features(self) -> bool:
        """Whether a term compares features."""
        return self.adapter is not None

    @property
    def backbone_name(self) -> str | None:
        """The weights that the perceptual term compares with; None where it is not in use."""
        return None if self.backbone is None else self.backbone.name

    def formula(self) -> str:
        """The sum in one line, such as "1 l1_reference + 0.6 perceptual (vgg19)"."""
        notes = {"perceptual": f" ({self.backbone_name})"}
        return " + ".join(f"{weight:g} {name}{notes.get(name, '')}" for name, weight in self.weights.items())

    def forward(
        self,
        restored: Tensor,
        reference: Tensor,
        *,
        target: Tensor | None = None,
        degraded: Tensor | None = None,
        features: FeaturePair | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss to differentiate, and each term's value, detached and without its weight.

        Frames are (B,3,H,W) in [0,1]; the values are scalars on their device, float32 unless frames are
        float64.
        """
        given = (restored, reference, target, degraded, features)
        parts = {name: self._part(name, *given) for name in self.weights}
        loss = sum(self.weights[name] * part for name, part in parts.items())
        return loss, {name: part.detach() for name, part in parts.items()}

    def _part(
        self,
        name: str,
        restored: Tensor,
        reference: Tensor,
        target: Tensor | None,
        degraded: Tensor | None,
        features: FeaturePair | None,
    ) -> Tensor:
        if name == "feature":
            if features is None:
                raise LossError("feature: expected a FeaturePair, such as FeatureTaps.pair gives, got none")
            return self.adapter(features)
        if name in TARGET_TERMS:
            if target is None:
                raise LossError(f"{name}: expected a teacher's target of the same frames, got none")
            return TARGET_TERMS[name](restored, target)
        if name == "relative_reference" and degraded is None:
            raise LossError(f"{name}: expected the degraded frames that were restored, got none")
        needs = {"perceptual": (self.backbone,), "relative_reference": (degraded,)}.get(name, ())
        return REFERENCE_TERMS[name](restored, reference, *needs)

    def _find_backbone(
        self, terms: tuple[Term, ...], budget: BudgetName, name: BackboneName | None
    ) -> nn.Module | None:
        try:
            return load_backbone(name)
        except MissingBackbone as error:
            rule = next(term.when_missing for term in terms if term.term == "perceptual")
            if rule != "drop-at-quick" or budget != "quick":
                raise
            self.dropped = (f"dropped at the quick budget: {error}",)
            del self.weights["perceptual"]
            return None


def tap_features(terms: Iterable[Term], student: nn.Module, teacher: nn.Module) -> FeatureTaps | None:
    """The taps on the two layers that the term `feature` compares; None where a recipe does not have it."""
    term = next((term for term in terms if term.term == "feature"), None)
    return None if term is None else FeatureTaps(student, teacher, term.student_layer, term.teacher_layer)


def _weights(terms: tuple[Term, ...]) -> dict[str, float]:
    """Term names and weights in the order of the recipe, each checked."""
    weights: dict[str, float] = {}
    for term in terms:
        name, weight = term.term, term.weight
        if name not in TERMS:
            close = get_close_matches(str(name), TERMS, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise LossError(f"term: expected one of {', '.join(TERMS)}, got {name!r}{hint}")
        if name in weights:
            raise LossError(f"{name}: expected each term once, got it twice")
        number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
        if not number or not math.isfinite(weight) or weight <= 0:
            raise LossError(f"weight of {name}: expected a finite number above 0, got {weight!r}")
        weights[name] = float(weight)
    return weights


def _adapter(channels: tuple[int, int] | None, seed: int) -> Adapter:
    if channels is None:
        raise LossError("feature: expected channels=(of the student's layer, of the teacher's), got none")
    return Adapter(*channels, seed=seed)
