"""The weighted sum: built from every shipped recipe, weighed as stated, refused where it is not whole."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from sharpstudy import losses, recipes
from sharpstudy.losses import FeaturePair, LossError, LossSum, MissingBackbone, tap_features
from sharpstudy.recipes import load_recipe
from sharpstudy.students import build_student
from sharpstudy.teachers import build_network


def term(name: str, weight: object = 1.0, when_missing: str = "refuse", **layers: str) -> SimpleNamespace:
    return SimpleNamespace(term=name, weight=weight, when_missing=when_missing, **layers)


def frames(seed: int, size: int = 32) -> torch.Tensor:
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def no_backbone(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setattr("sharpstudy.assets.search_folders", lambda: {"assets": tmp_path})


def test_the_terms_are_those_that_a_recipe_may_name():
    assert sorted(losses.TERMS) == sorted(recipes.TERMS)


EXPECTED = {  # each term as the pure function of the frames that its name promises
    "l1_reference": ("l1", "reference"),
    "charbonnier_reference": ("charbonnier", "reference"),
    "pseudo_huber_reference": ("pseudo_huber", "reference"),
    "mse_reference": ("mse", "reference"),
    "l1_target": ("l1", "target"),
    "mse_target": ("mse", "target"),
    "ssim": ("one_minus_ssim", "reference"),
    "sobel_edge": ("sobel_edge", "reference"),
    "gradient_edge": ("gradient_edge", "reference"),
    "frequency": ("frequency", "reference"),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_each_name_compares_what_it_says(name):
    given = {"reference": frames(2), "target": frames(3)}
    loss, parts = LossSum([term(name, 2.5)])(frames(1), **given)
    function, with_what = EXPECTED[name]
    expected = getattr(losses, function)(frames(1), given[with_what])
    assert set(parts) == {name}
    assert torch.equal(parts[name], expected)
    assert loss.item() == pytest.approx(2.5 * expected.item(), rel=1e-6)


def test_an_error_is_weighed_by_that_of_the_degraded_frame():
    reference, degraded = frames(2), frames(2).clone()
    degraded[0] += 0.1  # a strong degradation, mean squared error 0.01
    degraded[1:] += 0.01  # faint ones, 0.0001
    loss_sum = LossSum([term("relative_reference", 2.0)])
    assert loss_sum.beside == ("degraded",)
    _, parts = loss_sum(degraded, reference, degraded=degraded)
    faint = 1e-4 / (1e-4 + 2e-4)
    expected = (0.01 / (0.01 + 2e-4) + faint * (len(reference) - 1)) / len(reference)
    assert parts["relative_reference"].item() == pytest.approx(expected, rel=1e-4)
    assert loss_sum(reference, reference, degraded=degraded)[0].item() == 0
    with pytest.raises(LossError, match="relative_reference: expected the degraded frames"):
        loss_sum(degraded, reference)


def test_the_sum_is_weighted_and_its_parts_are_not():
    restored = frames(1).requires_grad_()
    loss, parts = LossSum([term("l1_reference", 0.7), term("mse_target", 0.3)])(
        restored, frames(2), target=frames(3)
    )
    l1, mse = (restored - frames(2)).abs().mean().item(), (restored - frames(3)).square().mean().item()
    assert list(parts) == ["l1_reference", "mse_target"]
    assert parts["l1_reference"].item() == pytest.approx(l1, rel=1e-6)
    assert parts["mse_target"].item() == pytest.approx(mse, rel=1e-6)
    assert loss.item() == pytest.approx(0.7 * l1 + 0.3 * mse, rel=1e-6)
    assert not any(part.requires_grad for part in parts.values())
    loss.backward()
    by_hand = 0.7 * (restored - frames(2)).sign() + 0.3 * 2 * (restored - frames(3))
    assert torch.allclose(restored.grad, by_hand.detach() / restored.numel(), atol=1e-9)


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_the_loss_of_every_shipped_recipe_is_computed_and_differentiated(name, no_backbone):
    recipe = load_recipe(name)
    student = build_student(name, **recipe.student.arguments)
    teacher = build_network("unet").eval()
    taps = tap_features(recipe.loss, student, teacher)
    loss_sum = LossSum(recipe.loss, budget="quick", channels=taps.channels if taps else None)
    restored = student(frames(1, 32 // student.scale))
    features = taps.pair(frames(1)) if taps else None
    loss, parts = loss_sum(restored, frames(2), target=frames(3), degraded=frames(1), features=features)
    assert loss.item() == pytest.approx(
        sum(loss_sum.weights[key] * parts[key].item() for key in parts), rel=1e-5
    )
    loss.backward()
    assert all(value.grad is not None for value in [*student.parameters(), *loss_sum.parameters()])
    missing = {"perceptual"} if name == "unet-attention" else set()
    assert {one.term for one in recipe.loss} - set(parts) == missing
    assert len(loss_sum.dropped) == len(missing)
    assert loss_sum.needs_target is any(one.term.endswith("_target") for one in recipe.loss)
    assert loss_sum.needs_features is (taps is not None)


def test_a_missing_backbone_is_dropped_only_where_the_recipe_and_the_budget_say_so(no_backbone):
    soft = [term("l1_reference"), term("perceptual", 0.6, "drop-at-quick")]
    dropped = LossSum(soft, budget="quick")
    assert list(dropped.weights) == ["l1_reference"]
    assert dropped.backbone_name is None
    (reason,) = dropped.dropped
    assert reason.startswith("dropped at the quick budget: perceptual: expected")
    assert "`sharpstudy fetch vgg19` gets it (574.7 MB)" in reason
    with pytest.raises(MissingBackbone):
        LossSum(soft, budget="full")
    with pytest.raises(MissingBackbone):
        LossSum([term("perceptual")], budget="quick")
    with pytest.raises(LossError, match="at least one term, got none; dropped at the quick budget"):
        LossSum(soft[1:], budget="quick")


def test_the_backbone_in_use_is_named_and_stays_out_of_the_checkpoint(assets):
    terms = [term("l1_reference"), term("perceptual", 0.6), term("feature", 0.4)]
    loss_sum = LossSum(terms, channels=(4, 6), backbone="vgg19-normalised")
    assert loss_sum.dropped == ()
    assert loss_sum.backbone_name == "vgg19-normalised"
    assert loss_sum.formula() == "1 l1_reference + 0.6 perceptual (vgg19-normalised) + 0.4 feature"
    assert sum(value.numel() for value in loss_sum.parameters()) == 4 * 6 + 6
    assert set(loss_sum.state_dict()) == {"adapter.adapt.weight", "adapter.adapt.bias"}
    features = FeaturePair(torch.rand(2, 4, 8, 8), torch.rand(2, 6, 8, 8))
    _, parts = loss_sum(frames(1), frames(2), features=features)
    expected = losses.perceptual(frames(1), frames(2), loss_sum.backbone)
    assert parts["perceptual"].item() == pytest.approx(expected.item())
    assert torch.equal(parts["feature"], loss_sum.adapter(features).detach())


def test_mixed_precision_training_gives_about_the_same_loss(no_backbone):
    recipe = load_recipe("unet-attention")
    student, teacher = build_student("unet-attention"), build_network("unet").eval()
    taps = tap_features(recipe.loss, student, teacher)
    loss_sum = LossSum(recipe.loss, budget="quick", channels=taps.channels)
    values = {}
    for enabled in (False, True):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            restored = student(frames(1))
            loss, parts = loss_sum(restored, frames(2), target=frames(3), features=taps.pair(frames(1)))
        values[enabled] = {name: part.item() for name, part in parts.items()}
        assert loss.dtype == torch.float32
    assert restored.dtype == torch.bfloat16
    assert values[True] == pytest.approx(values[False], rel=0.03)


def test_what_a_term_needs_and_does_not_get_is_named():
    with pytest.raises(
        LossError, match="l1_target: expected a teacher's target of the same frames, got none"
    ):
        LossSum([term("l1_reference"), term("l1_target")])(frames(1), frames(2))
    with pytest.raises(LossError, match="feature: expected a FeaturePair"):
        LossSum([term("feature")], channels=(3, 3))(frames(1), frames(2))
    with pytest.raises(LossError, match="feature: expected channels="):
        LossSum([term("feature")])


def test_unknown_names_are_refused_with_the_nearest_one():
    with pytest.raises(LossError, match=r"got 'l1_refrence' \(did you mean 'l1_reference'\?\)"):
        LossSum([term("l1_refrence")])
    with pytest.raises(LossError, match="budget: expected one of quick, full, got 'demo'"):
        LossSum([term("l1_reference")], budget="demo")


@pytest.mark.parametrize("weight", [0, -1.0, math.nan, math.inf, True, "0.5", None])
def test_a_weight_that_is_no_finite_number_above_0_is_refused(weight):
    with pytest.raises(LossError, match="weight of ssim: expected a finite number above 0"):
        LossSum([term("l1_reference"), term("ssim", weight)])


def test_a_sum_of_nothing_and_a_term_that_comes_twice_are_refused():
    with pytest.raises(LossError, match="expected at least one term, got none"):
        LossSum([])
    with pytest.raises(LossError, match="ssim: expected each term once"):
        LossSum([term("ssim"), term("l1_reference"), term("ssim", 0.5)])


def test_a_recipe_without_features_is_not_tapped():
    assert (
        tap_features(load_recipe("realtime").loss, build_student("realtime"), build_network("unet")) is None
    )
