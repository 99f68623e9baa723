"""One step of the optimiser: its rate, the limit on its gradients, and the gradients cleared after it.

A small network has many small weights, and what is done to each of them alone takes as long as learning from
a patch or two. So all of them are handed to torch at once where it allows that, on a CPU too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from sharpstudy.distill.soap import Soap
from sharpstudy.recipes import Optimiser


def make_optimiser(optimiser: Optimiser, weights: Sequence[nn.Parameter], kind: str) -> torch.optim.Optimizer:
    """The optimiser over the weights on a kind of device, Adam with torch's own betas.

    On a CPU one pass over each weight does what torch's choice takes a dozen for. On a GPU torch's choice is
    fast, and with that one pass fp16 gradients could not be clipped.
    """
    rates = {"lr": optimiser.learning_rate, "weight_decay": optimiser.weight_decay}
    if optimiser.name == "soap":
        return Soap(weights, **rates)
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    return kinds[optimiser.name](weights, **rates, fused=True if kind == "cpu" else None)


def learning(module: nn.Module) -> list[nn.Parameter]:
    """The parameters that learn, listed once: to walk through the modules at every step takes long."""
    return [parameter for parameter in module.parameters() if parameter.requires_grad]


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Gives the rate to the next step."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def limit_norm(weights: Iterable[nn.Parameter], most: float) -> Tensor:
    """The norm of all gradients together, a scalar; gradients of a larger norm than `most` are scaled to it.

    A CPU can look at the norm and leave the others alone; a GPU would have to be waited for, and multiplies
    them by 1.
    """
    weights = [weight for weight in weights if weight.grad is not None]
    gradients = [weight.grad for weight in weights]
    on_cpu = gradients[0].device.type == "cpu"
    together = True if on_cpu else None  # None: where torch has kernels for it
    norm = get_total_norm(gradients, foreach=together)
    if math.isfinite(most) and not (on_cpu and norm <= most):
        clip_grads_with_norm_(weights, most, norm, foreach=together)
    return norm


def forget_gradients(weights: Iterable[nn.Parameter]) -> None:
    """Clears the gradients for the next step."""
    for weight in weights:
        weight.grad = None
