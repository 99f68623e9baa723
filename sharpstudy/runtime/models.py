"""What a Sharpener is told to run: a released name, a file, or a student; torch only where one needs it."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sharpstudy import paths

from .errors import SharpenerError
from .graph import build_graph
from .graph_nodes import CARD_KEY
from .layers import layers_of

if TYPE_CHECKING:
    from sharpstudy.students import Student

RELEASED: Mapping[str, str] = {
    "realtime": "realtime.onnx",
    "realtime-M": "realtime.onnx",
    "realtime-S": "realtime-S.onnx",
    "realtime-L": "realtime-L.onnx",
    "realtime-nano": "realtime-nano.onnx",
}
_MOST_HEADER = 1 << 24


@dataclass(frozen=True, eq=False)
class Model:
    """A model ready for the backends: an ONNX file that takes frames, or a student for torch, or both."""

    name: str
    onnx: bytes | None
    student: Student | None
    card: Mapping[str, Any]

    @property
    def multiple(self) -> int:
        """Frames must have a height and width that are multiples of this."""
        return int(self.card.get("multiple", 1))

    @property
    def key(self) -> str:
        """The same for equal models, as far as speed goes."""
        return hashlib.sha256(self.onnx).hexdigest() if self.onnx else f"{self.name} {id(self.student)}"


def available_models() -> tuple[str, ...]:
    """The released names whose file lies in the package."""
    return tuple(name for name, file in RELEASED.items() if (paths.WEIGHTS / file).is_file())


def find_model(model: str | Path | Student) -> Model:
    """The model of a released name, of an .onnx or .safetensors file, or of a student itself."""
    if not isinstance(model, (str, Path)):
        return _of_student(model, f"a {model.name} student")
    if str(model) in RELEASED:
        return _released(str(model))
    path = Path(model)
    if path.suffix not in (".onnx", ".safetensors"):
        close = get_close_matches(str(model), RELEASED, 1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        expected = f"one of {', '.join(RELEASED)}, or a file ending in .onnx or .safetensors"
        raise SharpenerError(f"model: expected {expected}, got {str(model)!r}{hint}")
    if not path.is_file():
        raise SharpenerError(f"model: expected a file at {path}, found none")
    if path.suffix == ".onnx":
        return _of_file(path, path.stem)
    return _of_checkpoint(path)


def read_card(model: bytes, name: str = "model") -> dict[str, Any]:
    """What an exported file says of itself; a file that this package did not write is refused."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        return dict(json.loads(session.get_modelmeta().custom_metadata_map[CARD_KEY]))
    except Exception as error:  # every way in which a foreign or damaged file can break means no
        reason = str(error).splitlines()[0][:160] if not isinstance(error, KeyError) else "no such card in it"
        wanted = "an ONNX file that `sharpstudy export` wrote"
        raise SharpenerError(f"{name}: expected {wanted}, got one that is not: {reason}") from error


def _released(name: str) -> Model:
    path = paths.WEIGHTS / RELEASED[name]
    if not path.is_file():
        way = "train one (sharpstudy distill realtime) and give the path of its best.safetensors instead"
        raise SharpenerError(f"{name}: its weights {path.name} are not part of this installation; {way}")
    return _of_file(path, name)


def _of_file(path: Path, name: str) -> Model:
    content = path.read_bytes()
    card = read_card(content, str(path))
    if card.get("takes") != "frame":
        raise SharpenerError(
            f"{path}: expected a file that takes frames, got one that takes {card.get('takes')}"
        )
    return Model(name, content, None, card)


def _of_checkpoint(path: Path) -> Model:
    from sharpstudy.students import load_student

    return _of_student(load_student(student_in(path), path).student, path.stem)


def _of_student(student: Student, name: str) -> Model:
    """A realtime student as a float graph too; the others, which only torch runs, as they are."""
    if student.scale != 1 or student.reads != "degraded":
        raise SharpenerError(f"{name}: expected a student that keeps the frame's size, got {student.name}")
    student = student.folded().eval()
    if student.name != "realtime":
        return Model(name, None, student, {"student": student.name, "precision": "float32"})
    layers = layers_of(student)
    card = {
        "student": "realtime",
        "arguments": dict(student.arguments),
        "precision": "float32",
        "multiple": layers.unshuffle,
        "takes": "frame",
    }
    return Model(name, build_graph(layers, card=card), student, card)


def student_in(path: Path) -> str:
    """The name of the student in a safetensors file, from its header alone."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, _MOST_HEADER)))
        return str(json.loads(header["__metadata__"]["sharpstudy"])["student"])
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        wanted = "a safetensors file that names its student, as `sharpstudy distill` writes it"
        raise SharpenerError(f"{path}: expected {wanted}, got one that does not") from error
