"""Feature distillation: what taps collect, how the adapter compares, and that a student learns from it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sharpstudy.losses import Adapter, FeaturePair, FeatureTap, FeatureTaps, LossError, count_channels
from sharpstudy.students import build_student


class Tiny(nn.Module):
    """A network with a norm that keeps running means, and a part that gives two tensors."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, width, 3, padding=1)
        self.inner = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU())
        self.pair = TwoOutputs()
        self.tail = nn.Conv2d(width, 3, 1)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.tail(self.pair(self.inner(self.head(frames)))[0])


class TwoOutputs(nn.Module):
    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return features, features


def random(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def hooks(network: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in network.modules())


def test_a_tap_collects_what_the_modules_give():
    network, frames = Tiny().eval(), random(2, 3, 8, 9)
    with FeatureTap(network, ["head", "inner.1"]) as tap:
        network(frames)
        assert torch.equal(tap["head"], network.head(frames))
        assert torch.equal(tap["inner.1"], network.inner(network.head(frames)))
        assert tap["head"].requires_grad


def test_a_tap_leaves_no_trace():
    network = Tiny()
    tap = FeatureTap(network, ["head", "inner.1"])
    assert hooks(network) == 2
    network(random(1, 3, 8, 8))
    tap.remove()
    assert hooks(network) == 0
    with pytest.raises(LossError, match="'head': expected the network to have run"):
        tap["head"]
    with pytest.raises(RuntimeError, match="inside"), FeatureTap(network, ["head"]):
        raise RuntimeError("inside")
    assert hooks(network) == 0


def test_unknown_layers_are_refused_with_the_nearest_name_and_no_hook_stays():
    network = Tiny()
    with pytest.raises(LossError, match=r"module of Tiny, got 'inner.l' \(did you mean 'inner.1'\?\)"):
        FeatureTap(network, ["head", "inner.l"])
    assert hooks(network) == 0
    with pytest.raises(LossError, match="its parts are head, inner, pair, tail"):
        FeatureTap(network, ["zzz"])


def test_a_module_without_a_single_tensor_is_refused():
    network = Tiny()
    with FeatureTap(network, ["pair"]), pytest.raises(LossError, match=r"expected a tensor .* got tuple"):
        network(random(1, 3, 8, 8))


def test_counting_channels_leaves_the_network_as_it_was():
    network = Tiny(7).train()
    network.inner.eval()  # a frozen part stays frozen
    before = {key: value.clone() for key, value in network.state_dict().items()}
    assert count_channels(network, "inner") == 7
    assert network.training
    assert not network.inner.training
    assert hooks(network) == 0
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_the_layers_of_the_published_recipe_have_32_channels_each():
    from sharpstudy.recipes import load_recipe
    from sharpstudy.teachers import build_network

    term = next(term for term in load_recipe("unet-attention").loss if term.term == "feature")
    assert count_channels(build_student("unet-attention"), term.student_layer) == 32
    assert count_channels(build_network("unet"), term.teacher_layer) == 32


def test_the_adapters_value_by_hand():
    adapter = Adapter(4, 6)
    mine, theirs = random(2, 4, 8, 9), random(2, 6, 8, 9, seed=2)
    adapted = torch.einsum("oi,bihw->bohw", adapter.adapt.weight[:, :, 0, 0], mine)
    error = (adapted + adapter.adapt.bias[:, None, None] - theirs).square().mean()
    expected = error / theirs.square().mean()
    assert adapter(FeaturePair(mine, theirs)).item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_teachers_own_features_score_0_and_none_score_1_in_any_scale():
    adapter = Adapter(5, 5)
    features = random(2, 5, 6, 6)
    with torch.no_grad():
        adapter.adapt.bias.zero_()
        adapter.adapt.weight.copy_(torch.eye(5)[:, :, None, None])
        for scale in (1e-2, 1.0, 1e3):
            assert adapter(FeaturePair(features * scale, features * scale)).item() == pytest.approx(
                0, abs=1e-10
            )
            nothing = FeaturePair(torch.zeros_like(features), features * scale)
            assert adapter(nothing).item() == pytest.approx(1)


@pytest.mark.parametrize(("mine", "theirs"), [((8, 12), (4, 6)), ((4, 6), (8, 12)), ((8, 6), (4, 12))])
def test_other_sizes_are_laid_over_each_other_by_the_mean(mine, theirs):
    adapter = Adapter(3, 5)
    student, teacher = random(2, 3, *mine), random(2, 5, *theirs, seed=2)
    pooled = [F.avg_pool2d(one, (one.shape[2] // 4, one.shape[3] // 6)) for one in (student, teacher)]
    value = adapter(FeaturePair(student, teacher)).item()
    assert value == pytest.approx(adapter(FeaturePair(*pooled)).item(), rel=1e-5)


def test_gradients_reach_student_and_adapter_but_never_the_teacher():
    adapter = Adapter(3, 5)
    student, teacher = random(1, 3, 6, 6).requires_grad_(), random(1, 5, 6, 6, seed=2).requires_grad_()
    adapter(FeaturePair(student, teacher)).backward()
    assert student.grad.abs().max() > 0
    assert teacher.grad is None
    assert all(parameter.grad.abs().max() > 0 for parameter in adapter.parameters())


def test_the_adapters_gradient_is_that_of_finite_differences():
    adapter = Adapter(2, 3).double()
    teacher = random(1, 3, 3, 3, seed=2).double()
    student = random(1, 2, 6, 5).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda one: adapter(FeaturePair(one, teacher)), student)


def test_features_of_nothing_and_constant_ones_have_finite_gradients():
    adapter = Adapter(3, 3)
    for level in (0.0, 1.0):
        student = torch.full((1, 3, 4, 4), level, requires_grad=True)
        value = adapter(FeaturePair(student, torch.full((1, 3, 4, 4), level)))
        value.backward()
        assert value.isfinite()
        assert student.grad.isfinite().all()


def test_half_precision_features_and_autocast_score_as_float32():
    adapter = Adapter(3, 5)
    student, teacher = random(2, 3, 8, 8), random(2, 5, 8, 8, seed=2)
    value = adapter(FeaturePair(student, teacher))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(adapter(FeaturePair(student, teacher)), value)
    half = adapter(FeaturePair(student.bfloat16(), teacher.half()))
    assert half.dtype == torch.float32
    assert half.item() == pytest.approx(value.item(), rel=0.01)


def test_adapters_are_drawn_from_their_seed_alone():
    state = torch.random.get_rng_state()
    first, again, other = Adapter(4, 4, seed=1), Adapter(4, 4, seed=1), Adapter(4, 4, seed=2)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(first.adapt.weight, again.adapt.weight)
    assert not torch.equal(first.adapt.weight, other.adapt.weight)


def test_features_that_do_not_fit_the_adapter_are_refused():
    adapter = Adapter(3, 5)
    with pytest.raises(LossError, match=r"teacher features \(2, 5, H, W\), got \(2, 4, 6, 6\)"):
        adapter(FeaturePair(random(2, 3, 6, 6), random(2, 4, 6, 6)))
    with pytest.raises(LossError, match=r"teacher features \(2, 5, H, W\), got \(1, 5, 6, 6\)"):
        adapter(FeaturePair(random(2, 3, 6, 6), random(1, 5, 6, 6)))
    with pytest.raises(LossError, match=r"student features \(2, 3, H, W\), got \(2, 4, 6, 6\)"):
        adapter(FeaturePair(random(2, 4, 6, 6), random(2, 5, 6, 6)))


def test_taps_give_the_features_of_this_step_alone():
    student, teacher, frames = Tiny(4), Tiny(6).eval(), random(2, 3, 8, 8)
    taps = FeatureTaps(student, teacher, "head", "inner")
    assert taps.channels == (4, 6)
    student(frames)
    pair = taps.pair(frames)
    assert pair.student.requires_grad
    assert not pair.teacher.requires_grad
    assert torch.equal(pair.student, student.head(frames))
    assert torch.equal(pair.teacher, teacher.inner(teacher.head(frames)))
    taps.pair(frames)  # the student ran again: its head, above
    with pytest.raises(LossError, match="expected the network to have run"):
        taps.pair(frames)
    taps.remove()
    assert hooks(student) + hooks(teacher) == 0


def test_a_teacher_that_would_learn_is_refused():
    with pytest.raises(LossError, match="expected a teacher in evaluation mode"):
        FeatureTaps(Tiny(), Tiny(), "head", "head")


def test_a_student_and_its_adapter_learn_the_teachers_features():
    torch.manual_seed(0)
    student, teacher, frames = Tiny(4), Tiny(6).eval(), random(2, 3, 12, 12)
    taps = FeatureTaps(student, teacher, "inner", "inner")
    adapter = Adapter(*taps.channels)
    optimiser = torch.optim.Adam([*student.parameters(), *adapter.parameters()], 0.02)
    values = []
    for _ in range(60):
        student(frames)
        value = adapter(taps.pair(frames))
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        values.append(value.item())
    assert values[-1] < 0.3 * values[0]
