"""Checkpoints: one safetensors file with every tensor of a training, and all else as JSON in its header.

Reading one runs no code. A file replaces the one before it in one step, so that after a kill or a full disk
the earlier one is there, whole.
"""

from __future__ import annotations

import copy
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sharpstudy.data.files import CANNOT_WRITE, one_sentence
from sharpstudy.data.frames import FrameError, whole_file, write_bytes
from sharpstudy.distill.settings import TrainingError
from sharpstudy.students import Student, save_student

HEADER_KEY = "sharpstudy"
FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """What a file held: tensors by group and name, and the JSON part."""

    tensors: Mapping[str, Mapping[str, Tensor]]
    facts: Mapping[str, Any]


def write_checkpoint(
    path: Path, tensors: Mapping[str, Mapping[str, Tensor]], facts: Mapping[str, Any]
) -> None:
    """Write tensors by group and name, and facts that JSON can hold; a TrainingError where it cannot be."""
    from safetensors.torch import save_file

    flat = {
        f"{group}/{name}": tensor.detach().cpu().contiguous()
        for group, part in tensors.items()
        for name, tensor in part.items()
    }
    header = {HEADER_KEY: json.dumps({"format": FORMAT, **facts}, sort_keys=True)}
    try:
        # Straight from the tensors: their bytes put together first would take three times as long.
        with whole_file(path) as part, one_sentence(path, CANNOT_WRITE):
            save_file(flat, part, metadata=header)
    except FrameError as error:
        kept = "; the one before it is whole" if path.exists() else ""
        raise TrainingError(f"checkpoint: {error}{kept}") from error


def read_checkpoint(path: Path) -> Checkpoint:
    """What `write_checkpoint` wrote; a TrainingError for any other file."""
    from safetensors.torch import load

    try:
        content = path.read_bytes()
        (length,) = struct.unpack("<Q", content[:8])
        facts = json.loads(json.loads(content[8 : 8 + length])["__metadata__"][HEADER_KEY])
        flat = load(content)
        if facts["format"] != FORMAT:
            raise TrainingError(f"checkpoint {path.name}: expected format {FORMAT}, got {facts['format']}")
    except TrainingError:
        raise
    except Exception as error:  # a damaged file may break its readers in any way
        reason = f"{type(error).__name__}: {str(error)[:120]}"
        raise TrainingError(
            f"checkpoint {path.name}: expected a whole one, got {reason}; delete it to start anew"
        ) from error
    groups: dict[str, dict[str, Tensor]] = {}
    for key, tensor in flat.items():
        group, _, name = key.partition("/")
        groups.setdefault(group, {})[name] = tensor
    return Checkpoint(groups, facts)


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What the optimiser remembers of each parameter, by "number.name"; rates and betas are settings."""
    state = optimiser.state_dict()["state"]
    return {f"{number}.{name}": value for number, memory in state.items() for name, value in memory.items()}


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Gives the optimiser back its memory, in the memory layout of its parameters."""
    state = optimiser.state_dict()
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    for key, tensor in tensors.items():
        number, _, name = key.partition(".")
        like = parameters[int(number)]
        if tensor.shape == like.shape:
            tensor = torch.empty_like(like, dtype=tensor.dtype).copy_(tensor)
        state["state"].setdefault(int(number), {})[name] = tensor
    optimiser.load_state_dict(state)


def write_weights(network: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write a network's weights, given by name, as safetensors; a student's file also says what it is."""
    from safetensors.torch import save

    try:
        if isinstance(network, Student):
            filled = copy.deepcopy(network).to("cpu", next(iter(tensors.values())).dtype)
            filled.load_state_dict(tensors)
            save_student(filled, path)
        else:
            write_bytes(path, save({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}))
    except (OSError, FrameError) as error:
        raise TrainingError(f"weights: {path.name} cannot be written ({error})") from error


def cloned(network: nn.Module) -> dict[str, Tensor]:
    """A copy of the network's weights by name, on the CPU."""
    return {
        name: tensor.detach().to("cpu", copy=True).contiguous()
        for name, tensor in network.state_dict().items()
    }
