"""Reading weights from files that may be wrong, broken or hostile."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt")
MAX_BYTES = 2**30
# The names under which checkpoints keep the weights beside training state, the best first.
WRAPPERS = ("params_ema", "params", "model_state_dict", "state_dict", "model", "net")
# Tensors that follow from the network's shape or its training history: never taken from a file.
DERIVED = (
    "attn_mask",
    "relative_position_index",
    "relative_position_index_h",
    "relative_position_index_v",
    "biases_h",
    "biases_v",
    "num_batches_tracked",
)


class TeacherError(ValueError):
    """A teacher that cannot be had: one sentence that names the teacher, the file and the reason."""


def read_weights(path: str | Path, teacher: str, sha256: str | None = None) -> tuple[dict[str, Tensor], str]:
    """The tensors of a weight file by name, floating ones in float32, and the file's sha256.

    The hash, where one is expected, is compared before anything is parsed; it may be shortened to its
    beginning. A pickle is read by torch's restricted reader, which knows tensors and plain containers and
    refuses everything else.
    """
    path = Path(path)
    content = _content(path, teacher)
    digest = hashlib.sha256(content).hexdigest()
    if sha256 and not digest.startswith(sha256):
        raise _refusal(teacher, path, f"expected sha256 {sha256[:12]}, got {digest[:12]}")
    state = _unwrap(_parse(content, path, teacher))
    strange = [key for key, value in state.items() if not isinstance(value, Tensor)]
    if not state or strange:
        found = f"got {type(state[strange[0]]).__name__} under {strange[0]!r}" if strange else "got none"
        raise _refusal(teacher, path, f"expected tensors by name, {found}")
    tensors = {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
    if broken := [key for key, value in tensors.items() if not torch.isfinite(value).all()]:
        raise _refusal(teacher, path, f"{broken[0]} holds values that are not finite numbers")
    return tensors, digest


def fill(network: nn.Module, state: Mapping[str, Tensor], teacher: str, path: str | Path) -> None:
    """Puts the tensors into the network, which must have exactly these names and shapes."""
    own = network.state_dict()
    wanted = {key for key in own if not key.endswith(DERIVED)}
    given = {key: value for key, value in state.items() if not key.endswith(DERIVED)}
    missing, foreign = sorted(wanted - given.keys()), sorted(given.keys() - wanted)
    odd = sorted(key for key in wanted & given.keys() if own[key].shape != given[key].shape)
    if missing or foreign or odd:
        parts = [
            f"{len(keys)} {words} (such as {keys[0]})"
            for keys, words in ((missing, "missing"), (foreign, "not known to it"), (odd, "of another shape"))
            if keys
        ]
        raise _refusal(teacher, Path(path), f"the weights of another network: {', '.join(parts)}")
    network.load_state_dict({**own, **given})


def _refusal(teacher: str, path: Path, reason: str) -> TeacherError:
    return TeacherError(f"teacher {teacher!r} refuses the weight file {path.name}: {reason}")


def _content(path: Path, teacher: str) -> bytes:
    if path.suffix.lower() not in SUFFIXES:
        raise _refusal(teacher, path, f"expected a name that ends in {', '.join(SUFFIXES)}")
    try:
        size = path.stat().st_size
        if not 0 < size <= MAX_BYTES:
            raise _refusal(teacher, path, f"expected 1 byte to {MAX_BYTES >> 20} MiB, got {size} bytes")
        return path.read_bytes()
    except OSError as error:
        raise _refusal(teacher, path, f"the file cannot be read ({error.strerror})") from error


def _parse(content: bytes, path: Path, teacher: str) -> object:
    from safetensors.torch import load

    try:
        if path.suffix.lower() == ".safetensors":
            return load(content)
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:
        # Broken files raise almost any type, and some messages run over a page.
        named = re.search(r"GLOBAL ([\w.]+)", str(error))
        reason = (
            f"it asks for {named[1]}, and only tensors are allowed"
            if named
            else "it is broken or no weight file"
        )
        raise _refusal(teacher, path, reason) from error


def _unwrap(content: object) -> dict[str, object]:
    """The innermost mapping of names, without the prefix that a parallel wrapper leaves."""
    while isinstance(content, Mapping):
        inner = next((content[key] for key in WRAPPERS if isinstance(content.get(key), Mapping)), None)
        if inner is None:
            break
        content = inner
    state = {str(key): value for key, value in content.items()} if isinstance(content, Mapping) else {}
    if state and all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    return state
