"""SOAP: Adam in the eigenbasis of Shampoo's preconditioners (Vyas et al. 2024), for networks of small layers.

The detail that a sharpener adds is a small part of what passes through it: a picture's coarse structure gives
the large gradients, and Adam, which scales each weight by itself, learns the fine one slowly. Turned into the
directions in which a layer's gradients vary independently, each gets a step of its own size. A layer of n
outputs and m inputs costs matrices of n x n and m x m, which is little for a few hundred and too much for
many thousands: beyond `largest` a side keeps its own basis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from sharpstudy.losses.terms import at_least_single

BETAS = (0.95, 0.95)  # of the mean gradient and of its squares; the squares' also of the preconditioners
REFRESH = 40  # steps from one turn of the bases to the next
LARGEST = 2048
SIDES = ("outputs", "inputs")  # of a weight as a matrix


class Soap(torch.optim.Optimizer):
    """SOAP over weights of any shape; vectors, such as biases, learn by Adam. Weight decay is AdamW's.

    Weights of one shape are a stack: turned in one multiplication, as a small network has many small ones.
    The state of a stack is kept with the first of its weights. All weights learn at every step; one that has
    no gradient is taken to have one of zeros.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        weight_decay: float = 0.0,
        betas: tuple[float, float] = BETAS,
        eps: float = 1e-8,
        refresh: int = REFRESH,
        largest: int = LARGEST,
    ) -> None:
        settings = {"lr": lr, "weight_decay": weight_decay, "betas": betas, "eps": eps}
        super().__init__(params, {**settings, "refresh": refresh, "largest": largest})

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """One step for every weight; the first only looks at how gradients vary."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for stack in _stacks(group["params"]):
                self._step(stack, group)
        return loss

    def _step(self, weights: list[Tensor], group: dict[str, Any]) -> None:
        gradients = _gradients(weights)
        state = self.state[weights[0]]
        if not state:
            _start(state, gradients, group["largest"])
            return
        first, second = group["betas"]
        state["step"] += 1
        turned = _turn(state, gradients)
        state["mean"].lerp_(turned, 1 - first)
        state["square"].mul_(second).addcmul_(turned, turned, value=1 - second)
        count = float(state["step"])
        rate = group["lr"] * (1 - second**count) ** 0.5 / (1 - first**count)
        change = _turn_back(state, state["mean"] / state["square"].sqrt().add_(group["eps"])).mul_(-rate)
        changes = [one.view(weight.shape) for one, weight in zip(change, weights, strict=True)]
        if group["weight_decay"]:
            torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(weights, changes)
        for side in SIDES:
            if side in state:
                state[side].baddbmm_(*_factors(gradients, side), beta=second, alpha=1 - second)
        if count % group["refresh"] == 0:
            _refresh(state)


def _stacks(weights: Iterable[Tensor]) -> list[list[Tensor]]:
    """The weights that learn, by shape and type."""
    stacks: dict[tuple[Any, ...], list[Tensor]] = {}
    for weight in weights:
        if weight.requires_grad:
            stacks.setdefault((weight.shape, weight.dtype, weight.device), []).append(weight)
    return list(stacks.values())


def _gradients(weights: list[Tensor]) -> Tensor:
    """A stack's gradients, (weights, outputs, inputs), or (weights, n) of vectors, in float32 at least."""
    found = [torch.zeros_like(one) if one.grad is None else one.grad for one in weights]
    stack = at_least_single(torch.stack(found))
    return stack.flatten(2) if stack.ndim > 2 else stack.reshape(len(found), -1)


def _start(state: dict[str, Tensor], gradients: Tensor, largest: int) -> None:
    state["step"] = torch.zeros(())
    for name in ("mean", "square"):
        state[name] = gradients.new_zeros(gradients.shape)
    sides = zip(SIDES, gradients.shape[1:], strict=True) if gradients.ndim > 2 else ()
    for side, size in sides:
        if size <= largest:
            state[side] = torch.bmm(*_factors(gradients, side))
            state[f"{side}_basis"] = torch.linalg.eigh(state[side])[1].flip(2).contiguous()


def _factors(gradients: Tensor, side: str) -> tuple[Tensor, Tensor]:
    """What multiplies to how gradients vary along a side."""
    return (gradients, gradients.mT) if side == "outputs" else (gradients.mT, gradients)


def _turn(state: dict[str, Tensor], values: Tensor) -> Tensor:
    """The values seen in the bases."""
    if "outputs_basis" in state:
        values = state["outputs_basis"].mT @ values
    return values @ state["inputs_basis"] if "inputs_basis" in state else values


def _turn_back(state: dict[str, Tensor], values: Tensor) -> Tensor:
    if "outputs_basis" in state:
        values = state["outputs_basis"] @ values
    return values @ state["inputs_basis"].mT if "inputs_basis" in state else values


def _refresh(state: dict[str, Tensor]) -> None:
    """Turns the bases one step of the power method nearer to the eigenvectors, largest first.

    Mean and squares are those seen in the bases. The mean is turned with them; the squares keep their places
    among the directions, which hardly move. Bases lie in memory as a checkpoint keeps them, so that a
    training which goes on multiplies to the same bits.
    """
    mean = _turn_back(state, state["mean"])
    for axis, side in enumerate(SIDES, 1):
        if side in state:
            turned = state[side] @ state[f"{side}_basis"]
            order = (state[f"{side}_basis"] * turned).sum(1).argsort(1, descending=True)
            places = order.unsqueeze(3 - axis).expand_as(state["square"])
            state["square"] = state["square"].gather(axis, places)
            turned = turned.gather(2, order[:, None].expand_as(turned))
            state[f"{side}_basis"] = torch.linalg.qr(turned)[0].contiguous()
    state["mean"] = _turn(state, mean)
