"""Backends by name: which there are, which load, and which is the fastest, measured in a short trial."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from .errors import SharpenerError
from .models import Model

Backend = Literal[
    "onnxruntime",
    "openvino",
    "torch",
    "torch-compiled",
    "torch-cuda",
    "onnxruntime-cuda",
    "onnxruntime-tensorrt",
]

TRIAL_SIZE = (360, 640)  # height, width of the trial's frame
TRIAL_RUNS = 5
AGREE = 3  # grey levels that a backend may differ from ONNX Runtime by before it is passed over
_chosen: dict[tuple[str, int], Choice] = {}


class Session(Protocol):
    """A model loaded by a backend. One call at a time; `frame` and `out` are contiguous uint8 HxWx3."""

    def run(self, frame: np.ndarray, out: np.ndarray) -> None: ...

    def with_strength(self, strength: float) -> Session: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Choice:
    """The backend that was chosen, and why, in words."""

    backend: str
    why: str


def open_session(model: Model, backend: str, threads: int) -> Session:
    """The model loaded by the backend of that name; a SharpenerError that says why where it cannot be."""
    if backend not in _OPENERS:
        raise SharpenerError(f"backend: expected auto or one of {', '.join(_OPENERS)}, got {backend!r}")
    try:
        return _OPENERS[backend](model, threads)
    except ModuleNotFoundError as error:
        raise SharpenerError(f"backend {backend} needs {error.name}, which is not installed") from error
    except Exception as error:  # backends raise types of their own for all that can be wrong
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise SharpenerError(f"backend {backend} cannot run {model.name}: {reason}") from error


def available_backends() -> dict[str, str]:
    """Each backend with "ready", or what it lacks; nothing heavy is imported to find out."""
    return {name: _lack(name) or "ready" for name in _OPENERS}


def choose(model: Model, threads: int) -> tuple[Choice, Session]:
    """The fastest backend that loads, with its session; a choice once made is kept for equal models."""
    known = _chosen.get((model.key, threads))
    if known is not None:
        return known, open_session(model, known.backend, threads)
    tried = dict(_trials(model, threads))
    sessions = {name: one for name, one in tried.items() if not isinstance(one, SharpenerError)}
    notes = [str(one) for one in tried.values() if isinstance(one, SharpenerError)]
    if not sessions:
        raise SharpenerError(f"no backend can run {model.name}: {'; '.join(notes)}")
    if len(sessions) == 1:
        best, why = next(iter(sessions)), "the only one that runs it"
    else:
        times = _times(sessions, notes, model.multiple)
        best, why = min(times, key=times.__getitem__), _ranking(times)
    choice = Choice(best, "; ".join([why, *notes]))
    _chosen[model.key, threads] = choice
    for name, session in sessions.items():
        if name != best:
            session.close()
    return choice, sessions[best]


def _trials(model: Model, threads: int) -> Iterator[tuple[str, Session | SharpenerError]]:
    for name in _candidates(model):
        try:
            yield name, open_session(model, name, threads)
        except SharpenerError as problem:
            yield name, problem


def _candidates(model: Model) -> list[str]:
    """What is worth a trial: torch, slow to load, only where nothing else runs it or a GPU is there."""
    if model.onnx is None:
        return ["torch-cuda", "torch"] if _nvidia() else ["torch"]
    names = ["onnxruntime", "openvino", "onnxruntime-cuda"]
    return [name for name in names if not _lack(name)] + (["torch-cuda"] if _torch_gpu(model) else [])


def _times(sessions: Mapping[str, Session], notes: list[str], multiple: int) -> dict[str, float]:
    """Milliseconds of the fastest of a few runs; those that fail or disagree are left out with a note."""
    height, width = (-(-side // multiple) * multiple for side in TRIAL_SIZE)
    frame = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    out, times, first = np.empty_like(frame), {}, None
    for name, session in sessions.items():
        try:
            spent = [_spent(lambda one=session: one.run(frame, out)) for _ in range(TRIAL_RUNS + 1)]
        except Exception as error:
            notes.append(f"{name} failed in a trial: {str(error).splitlines()[0][:120]}")
            continue
        first = out.copy() if first is None else first
        apart = int(np.abs(out.astype(np.int16) - first).max())
        if apart > AGREE:
            notes.append(f"{name} differs from {next(iter(times))} by {apart} grey levels")
            continue
        times[name] = min(spent[1:])
    if not times:
        raise SharpenerError(f"every backend failed: {'; '.join(notes)}")
    return times


def _spent(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1000


def _ranking(times: Mapping[str, float]) -> str:
    height, width = TRIAL_SIZE
    ranked = sorted(times.items(), key=lambda item: item[1])
    listed = ", ".join(f"{name} {spent:.1f} ms" for name, spent in ranked)
    return f"the fastest at {width}x{height} of {listed}"


def _lack(name: str) -> str:
    """What a backend lacks on this machine; nothing where it may work."""
    library = name.split("-")[0]
    if importlib.util.find_spec(library) is None:
        extra = ' (pip install "sharpstudy[fast]")' if library == "openvino" else ""
        return f"{library} is not installed{extra}"
    if name == "torch-cuda" and not _nvidia():
        return "no NVIDIA driver"
    if name.startswith("onnxruntime-"):
        import onnxruntime

        from .ort_session import PROVIDERS

        provider = PROVIDERS[name.partition("-")[2]]
        if provider not in onnxruntime.get_available_providers():
            return f"this build of onnxruntime has no {provider}"
    return ""


def _nvidia() -> bool:
    return shutil.which("nvidia-smi") is not None


def _torch_gpu(model: Model) -> bool:
    """Whether torch, which is slow to load, is loaded already and a GPU waits for it."""
    return model.student is not None and "torch" in sys.modules and _nvidia()


def _onnx(model: Model) -> bytes:
    if model.onnx is None:
        raise SharpenerError("this student has no graph that takes frames; torch runs it")
    return model.onnx


def _ort(provider: str) -> Callable[[Model, int], Session]:
    def open_it(model: Model, threads: int) -> Session:
        from .ort_session import OrtSession

        return OrtSession(_onnx(model), threads, provider)

    return open_it


def _openvino(model: Model, threads: int) -> Session:
    from .openvino_session import OpenvinoSession

    return OpenvinoSession(_onnx(model), threads, model.multiple)


def _torch(form: str) -> Callable[[Model, int], Session]:
    def open_it(model: Model, threads: int) -> Session:
        from .torch_session import TorchSession
        from .unbuilt import student_of

        return TorchSession(model.student or student_of(_onnx(model)), threads, form)

    return open_it


_OPENERS: dict[str, Callable[[Model, int], Session]] = {
    "onnxruntime": _ort("cpu"),
    "openvino": _openvino,
    "torch": _torch("cpu"),
    "torch-compiled": _torch("compiled"),
    "torch-cuda": _torch("cuda"),
    "onnxruntime-cuda": _ort("cuda"),
    "onnxruntime-tensorrt": _ort("tensorrt"),
}
