"""Weights between files and students: safetensors and plain .pth are read, anything else is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from .base import Student, StudentError

METADATA_KEY = "sharpstudy"  # one key only: safetensors orders several differently from run to run
WRAPPERS = (
    "state_dict",
    "model_state_dict",
    "student_state_dict",
    "params_ema",
    "params",
    "model",
    "student",
    "weights",
)
PREFIXES = ("module.", "model.", "student.", "net.", "network.", "generator.", "_orig_mod.")

Order = Literal["registration", "unknown"]


@dataclass(frozen=True)
class Checkpoint:
    """What a weight file holds: tensors by name, their order, and what they were saved as if it says."""

    path: Path
    tensors: dict[str, torch.Tensor]
    student: str | None
    arguments: dict[str, Any]
    order: Order


def write_checkpoint(student: Student, path: Path) -> None:
    """Writes safetensors with name and arguments inside, atomically; same weights, same bytes."""
    from safetensors.torch import save

    tensors = {name: value.detach().cpu().contiguous() for name, value in student.state_dict().items()}
    card = json.dumps({"student": student.name, "arguments": student.arguments}, sort_keys=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(save(tensors, metadata={METADATA_KEY: card}))
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_checkpoint(name: str, path: Path) -> Checkpoint:
    """What the file holds for the student of that name; no code in the file is run."""
    if not path.is_file():
        raise StudentError(f"{name}: expected a weight file at {path}, found none")
    if path.suffix == ".safetensors":
        checkpoint = _read_safetensors(name, path)
    elif path.suffix in (".pth", ".pt"):
        checkpoint = _read_pickled(name, path)
    else:
        raise StudentError(
            f"{name}: {path} must end in .safetensors, .pth or .pt, got {path.suffix or 'no suffix'!r}"
        )
    for key, tensor in checkpoint.tensors.items():
        plain = tensor.is_floating_point() and tensor.layout == torch.strided
        if not plain or not torch.isfinite(tensor).all():
            raise StudentError(f"{name}: {path} must hold finite floating-point weights, {key!r} does not")
    return checkpoint


def fit_tensors(student: Student, checkpoint: Checkpoint) -> tuple[dict[str, torch.Tensor], str]:
    """The student's state from the file's tensors, and a note on how they were matched.

    By name after common prefixes are dropped; where no names agree, by order, but only if the file keeps the
    order in which its network was built and every shape agrees in that order.
    """
    wanted = student.state_dict()
    given, dropped = _drop_prefixes(checkpoint.tensors, wanted)
    if given.keys() == wanted.keys():
        for key, tensor in given.items():
            if tensor.shape != wanted[key].shape:
                shapes = f"{key!r} of shape {tuple(wanted[key].shape)}, got {tuple(tensor.shape)}"
                raise StudentError(f"{student.name}: {checkpoint.path} does not fit: expected {shapes}")
        note = f"matched by name, prefix {dropped!r} dropped" if dropped else "matched by name"
        return {key: tensor.float() for key, tensor in given.items()}, note
    same_shapes = [value.shape for value in given.values()] == [value.shape for value in wanted.values()]
    if checkpoint.order == "registration" and same_shapes and not given.keys() & wanted.keys():
        state = {key: tensor.float() for key, tensor in zip(wanted, given.values(), strict=True)}
        return state, "matched by order: names differ from this student's, every shape agrees in that order"
    raise StudentError(f"{student.name}: {checkpoint.path} does not fit: {_difference(wanted, given)}")


def _difference(wanted: Mapping[str, torch.Tensor], given: Mapping[str, torch.Tensor]) -> str:
    sizes = [
        f"{len(part)} tensors ({sum(t.numel() for t in part.values()):,} values)" for part in (wanted, given)
    ]
    missing = next((key for key in wanted if key not in given), None)
    foreign = next((key for key in given if key not in wanted), None)
    return f"expected {sizes[0]}, got {sizes[1]}; first missing {missing!r}, first unknown {foreign!r}"


def _drop_prefixes(
    tensors: dict[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]
) -> tuple[dict[str, torch.Tensor], str]:
    dropped = ""
    while tensors and tensors.keys() != wanted.keys():
        prefix = next((p for p in PREFIXES if all(key.startswith(p) for key in tensors)), None)
        if prefix is None:
            break
        tensors = {key[len(prefix) :]: value for key, value in tensors.items()}
        dropped += prefix
    return tensors, dropped


def _read_safetensors(name: str, path: Path) -> Checkpoint:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (the handle is no mapping)
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise StudentError(
            f"{name}: {path} must be a whole safetensors file, got one that is not: {reason}"
        ) from error
    student, arguments = _read_card(name, path, metadata.get(METADATA_KEY))
    return Checkpoint(path, tensors, student, arguments, "unknown")


def _read_card(name: str, path: Path, text: str | None) -> tuple[str | None, dict[str, Any]]:
    if text is None:
        return None, {}
    try:
        card = json.loads(text)
        student, arguments = card["student"], dict(card["arguments"])
    except (ValueError, KeyError, TypeError) as error:
        raise StudentError(
            f"{name}: {path} must name its student and arguments, got {text[:80]!r}"
        ) from error
    if student != name:
        raise StudentError(f"{name}: {path} holds another student: expected {name!r}, got {student!r}")
    return student, arguments


def _read_pickled(name: str, path: Path) -> Checkpoint:
    # A foreign or hostile file may break the reader in any way, and every way means no.
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = str(error).strip().splitlines()[:1]
        found = f"one that torch refuses ({type(error).__name__}: {''.join(reason)[:120]})"
        raise StudentError(f"{name}: {path} must be a whole file of plain weights, got {found}") from error
    tensors = _unwrap(content)
    if tensors is None:
        raise StudentError(f"{name}: {path} must hold tensors by name, got {_kind(content)}")
    return Checkpoint(path, tensors, None, {}, "registration")


def _unwrap(content: object, depth: int = 3) -> dict[str, torch.Tensor] | None:
    if not isinstance(content, Mapping) or not content or depth == 0:
        return None
    if all(isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in content.items()):
        return dict(content)
    inner = (_unwrap(content[key], depth - 1) for key in WRAPPERS if key in content)
    return next((tensors for tensors in inner if tensors is not None), None)


def _kind(content: object) -> str:
    if isinstance(content, Mapping):
        return f"a mapping with keys {', '.join(map(repr, list(content)[:5])) or 'none'}"
    return f"a {type(content).__name__}"
