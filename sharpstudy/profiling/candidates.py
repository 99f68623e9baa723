"""Who is timed: every model of the study by name, in each backend and precision that it runs in."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from sharpstudy.students import Student

Role = Literal["baseline", "teacher", "student", "realtime"]
Backend = Literal["numpy", "opencv", "scipy", "torch", "torch-channels-last", "onnxruntime", "openvino"]
Precision = Literal["uint8", "fp32", "bf16", "int8"]

PUBLISHED = ("swinir-cnn", "unet-attention", "srresnet-edge", "edsr-residual", "bsrgan-ultralight")
SIZES = ("nano", "S", "M", "L")
REALTIME = tuple(f"realtime-{size}" for size in SIZES)
BASELINES = ("copy", "unsharp")
FAST_FORMS: tuple[tuple[Backend, Precision], ...] = (
    ("onnxruntime", "fp32"),
    ("onnxruntime", "int8"),
    ("openvino", "fp32"),
    ("openvino", "bf16"),
    ("openvino", "int8"),
)
EAGER_FORMS: tuple[tuple[Backend, Precision], ...] = (("torch", "fp32"), ("torch-channels-last", "fp32"))
BASELINE_FORMS: dict[str, tuple[tuple[Backend, Precision], ...]] = {
    "copy": (("numpy", "uint8"),),
    "unsharp": (("opencv", "uint8"), ("torch", "fp32"), ("scipy", "fp32")),
}
LIBRARIES = {"opencv": "cv2", "openvino": "openvino", "onnxruntime": "onnxruntime"}


class ProfileError(ValueError):
    """A model, backend or size that cannot be timed; one sentence of expected and got."""


@dataclass(frozen=True)
class Candidate:
    """One model in one backend and precision; `model` is a name of the study or the path of a file."""

    model: str
    role: Role
    backend: Backend
    precision: Precision

    def __str__(self) -> str:
        return f"{self.model} ({self.backend}, {self.precision})"


def find_candidate(model: str, backend: str = "", precision: str = "") -> Candidate:
    """The candidate of that name; what is not given is as in the form that the model usually runs in."""
    name = full_name(model)
    forms = forms_of(name)
    fitting = [form for form in forms if backend in ("", form[0]) and precision in ("", form[1])]
    if not fitting:
        known = ", ".join(f"{one} {kind}" for one, kind in forms)
        raise ProfileError(
            f"{model}: expected a backend and precision among {known}, got {backend or 'any'} "
            f"{precision or 'any'}"
        )
    return Candidate(name, role_of(name), *fitting[0])


def list_candidates(models: Iterable[str]) -> list[Candidate]:
    """Every form of every model, in order, those whose library is not installed left out."""
    named = (full_name(model) for model in models)
    found = [Candidate(name, role_of(name), *form) for name in named for form in forms_of(name)]
    return [one for one in found if is_installed(one.backend)]


def full_name(model: str) -> str:
    """The model's name in tables: M is realtime-M; a file's path stays as it is."""
    if model in SIZES:
        return f"realtime-{model}"
    if model == "realtime":
        return "realtime-M"
    if model in (*BASELINES, *PUBLISHED, *REALTIME) or _is_teacher(model):
        return model
    path = Path(model)
    if path.suffix in (".onnx", ".safetensors") and path.is_file():
        return str(path)
    known = ", ".join((*SIZES, *PUBLISHED, *BASELINES))
    raise ProfileError(
        f"model: expected one of {known}, a teacher's name, or an existing .onnx or .safetensors file, "
        f"got {model!r}"
    )


def role_of(name: str) -> Role:
    """What a table calls the model; a file is counted as a realtime student."""
    if name in BASELINES:
        return "baseline"
    if name in PUBLISHED:
        return "student"
    return "teacher" if _is_teacher(name) else "realtime"


def forms_of(name: str) -> tuple[tuple[Backend, Precision], ...]:
    """The backends and precisions that the model runs in, the usual one first."""
    if name in BASELINE_FORMS:
        return tuple(form for form in BASELINE_FORMS[name] if is_installed(form[0]))
    if _is_teacher(name):
        return EAGER_FORMS[:1]
    if name in PUBLISHED:
        return EAGER_FORMS + FAST_FORMS
    if name.endswith(".onnx"):
        quantised = _is_int8(Path(name))
        return tuple(form for form in FAST_FORMS if (form[1] == "int8") == quantised)
    return (FAST_FORMS[1], *EAGER_FORMS, *(form for form in FAST_FORMS if form != FAST_FORMS[1]))


def is_installed(backend: Backend) -> bool:
    """Whether the library of a backend is on this machine."""
    if backend not in get_args(Backend):
        raise ProfileError(f"backend: expected one of {', '.join(get_args(Backend))}, got {backend!r}")
    return backend not in LIBRARIES or importlib.util.find_spec(LIBRARIES[backend]) is not None


def scale_of(name: str) -> int:
    """How many times larger the model's frames are than what it reads: 4 for a x4 network, else 1."""
    if _is_teacher(name):
        from sharpstudy.teachers import TEACHERS

        return TEACHERS[name].scale
    from sharpstudy.students import STUDENTS

    return STUDENTS[name].scale if name in PUBLISHED else 1


def parameters_of(name: str) -> int | None:
    """The values that the model has learned, in the form that ships; None where nobody can say."""
    if _is_teacher(name):
        from sharpstudy.teachers import TEACHERS

        return TEACHERS[name].parameters
    from sharpstudy.students import count_parameters, fold

    student = _student(name)
    return 0 if name in BASELINES else count_parameters(fold(student)) if student else None


@cache
def kmac_per_pixel(name: str) -> float | None:
    """Thousands of multiply-adds for one pixel of the restored frame; None where nobody can say."""
    if name in BASELINES:
        return 0.0
    if _is_teacher(name):
        from sharpstudy.teachers import macs_per_pixel as macs_of_teacher

        return macs_of_teacher(name) / 1000
    from sharpstudy.students import macs_per_pixel

    student = _student(name)
    return macs_per_pixel(student, 1080, 1920) / 1000 if student else None


@cache
def _student(name: str) -> Student | None:
    from .models import student_of

    return None if name in BASELINES or name.endswith(".onnx") else student_of(name)


def _is_int8(path: Path) -> bool:
    """Whether an exported file holds whole numbers, as it says of itself."""
    from sharpstudy.runtime.models import read_card

    return read_card(path.read_bytes(), str(path)).get("precision") == "int8"


def _is_teacher(name: str) -> bool:
    from sharpstudy.teachers.registry import TEACHERS

    return name in TEACHERS
