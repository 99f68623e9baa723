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
REFRESH = 20  # steps from one turn of the bases to the next
LARGEST = 2048
SIDES = ("outputs", "inputs")  # of a weight as a matrix


class Soap(torch.optim.Optimizer):
    """SOAP over weights of any shape; vectors, such as biases, learn by Adam. Weight decay is AdamW's."""

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
        """One step for every weight that has a gradient; the first only looks at how gradients vary."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._step(weight, group)
        return loss

    def _step(self, weight: Tensor, group: dict[str, Any]) -> None:
        gradient = at_least_single(weight.grad)
        if weight.ndim > 1:
            gradient = gradient.reshape(len(weight), -1)
        state = self.state[weight]
        if not state:
            self._start(state, gradient, group["largest"])
            return
        first, second = group["betas"]
        state["step"] += 1
        turned = _turn(state, gradient)
        state["mean"].lerp_(turned, 1 - first)
        state["square"].lerp_(turned.square(), 1 - second)
        count = float(state["step"])
        rate = group["lr"] * (1 - second**count) ** 0.5 / (1 - first**count)
        change = state["mean"] / (state["square"].sqrt() + group["eps"])
        change = _turn_back(state, change).reshape(weight.shape).to(weight.dtype)
        weight.mul_(1 - group["lr"] * group["weight_decay"]).sub_(change, alpha=rate)
        for side in SIDES:
            if side in state:
                state[side].lerp_(_power(gradient, side), 1 - second)
        if count % group["refresh"] == 0:
            _refresh(state)

    @staticmethod
    def _start(state: dict[str, Tensor], gradient: Tensor, largest: int) -> None:
        state["step"] = torch.zeros(())
        for name in ("mean", "square"):
            state[name] = gradient.new_zeros(gradient.shape)
        sides = zip(SIDES, gradient.shape, strict=True) if gradient.ndim > 1 else ()
        for side, size in sides:
            if size <= largest:
                state[side] = _power(gradient, side)
                state[f"{side}_basis"] = torch.linalg.eigh(state[side])[1].flip(1).contiguous()


def _power(gradient: Tensor, side: str) -> Tensor:
    """How a gradient varies along a side."""
    return gradient @ gradient.T if side == "outputs" else gradient.T @ gradient


def _turn(state: dict[str, Tensor], values: Tensor) -> Tensor:
    """The values seen in the bases."""
    if "outputs_basis" in state:
        values = state["outputs_basis"].T @ values
    return values @ state["inputs_basis"] if "inputs_basis" in state else values


def _turn_back(state: dict[str, Tensor], values: Tensor) -> Tensor:
    if "outputs_basis" in state:
        values = state["outputs_basis"] @ values
    return values @ state["inputs_basis"].T if "inputs_basis" in state else values


def _refresh(state: dict[str, Tensor]) -> None:
    """Turns the bases one step of the power method nearer to the eigenvectors, largest first.

    Mean and squares are those seen in the bases. The mean is turned with them; the squares keep their places
    among the directions, which hardly move. Bases lie in memory as a checkpoint keeps them, so that a
    training which goes on multiplies to the same bits.
    """
    mean = _turn_back(state, state["mean"])
    for axis, side in enumerate(SIDES):
        if side in state:
            power, basis = state[side], state[f"{side}_basis"]
            order = (basis * (power @ basis)).sum(0).argsort(descending=True)
            state["square"] = state["square"].index_select(axis, order)
            state[f"{side}_basis"] = torch.linalg.qr(power @ basis[:, order])[0].contiguous()
    state["mean"] = _turn(state, mean)
