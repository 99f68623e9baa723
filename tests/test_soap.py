"""SOAP against Adam where they have to agree, and where turning the problem must not matter."""

import math

import pytest
import torch

from sharpstudy.distill.optimise import make_optimiser
from sharpstudy.distill.soap import Soap
from sharpstudy.recipes import Optimiser


def draws(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("shape", "largest"), [((6,), 100), ((4, 3, 3, 3), 2)])
def test_without_bases_it_is_adam_after_the_first_gradient(shape, largest):
    mine, other = (torch.nn.Parameter(draws(*shape)) for _ in range(2))
    soap = Soap([mine], 0.01, weight_decay=0.1, betas=(0.9, 0.95), largest=largest)
    adam = torch.optim.AdamW([other], 0.01, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
    mine.grad = draws(*shape, seed=9)
    soap.step()
    assert torch.equal(mine, other)
    for seed in range(1, 6):
        mine.grad = draws(*shape, seed=seed)
        other.grad = mine.grad.clone()
        soap.step()
        adam.step()
    torch.testing.assert_close(mine, other, rtol=0, atol=1e-6)


def after(start: torch.Tensor, gradients: list[torch.Tensor]) -> torch.Tensor:
    """A weight after a step along each of the gradients."""
    weight = torch.nn.Parameter(start.clone())
    soap = Soap([weight], 0.02, refresh=3)
    for gradient in gradients:
        weight.grad = gradient
        soap.step()
    return weight.detach()


def test_turning_the_problem_turns_the_steps():
    start, gradients = draws(5, 5).double(), [draws(5, 5, seed=seed).double() for seed in range(10, 18)]
    left, right = (torch.linalg.qr(draws(5, 5, seed=seed).double())[0] for seed in (3, 4))
    plain = after(start, gradients)
    turned = after(left @ start @ right, [left @ gradient @ right for gradient in gradients])
    assert (plain - start).abs().max() > 0.05
    torch.testing.assert_close(left @ plain @ right, turned, rtol=0, atol=1e-8)


def test_a_direction_of_small_gradients_is_learned_where_adam_hardly_moves():
    mixed = torch.linalg.qr(draws(8, 8, seed=5))[0]
    scales = torch.logspace(0, -2, 8)

    def loss_after(name: str) -> float:
        weight = torch.nn.Parameter(torch.zeros(8, 8))
        optimiser = make_optimiser(Optimiser(name, 0.02, 0.0), [weight], "cpu")
        for step in range(300):
            for group in optimiser.param_groups:
                group["lr"] = 0.02 * (1 - step / 300)
            inputs = mixed @ (scales[:, None] * draws(8, 64, seed=step))
            error = (weight - torch.eye(8)) @ inputs
            optimiser.zero_grad()
            error.square().mean().backward()
            optimiser.step()
        left = weight.detach() - torch.eye(8)
        return float((left @ mixed @ torch.diag(scales)).square().sum())

    assert loss_after("soap") < 0.2 * loss_after("adam")


def test_a_basis_is_orthogonal_and_of_the_largest_variation_first():
    weight = torch.nn.Parameter(torch.zeros(6, 4))
    soap = Soap([weight], 0.01, refresh=2)
    for seed in range(40):
        weight.grad = torch.diag(torch.tensor([5.0, 1, 1, 1, 1, 1])) @ draws(6, 4, seed=seed)
        soap.step()
    (basis,) = soap.state[weight]["outputs_basis"]
    torch.testing.assert_close(basis.T @ basis, torch.eye(6), rtol=0, atol=1e-5)
    assert abs(basis[0, 0]) > 0.95
    assert math.isfinite(float(weight.abs().max()))
