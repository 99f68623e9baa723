"""Degradations: pure functions of (reference, settings, seed) that give a frame of the same size.

`degrade` treats one frame, `degrade_clip` the frames of one recording; what the settings leave to chance is
drawn once from the seed, so a clip does not flicker between kernels. DEGRADATIONS names what the study uses;
a recipe may write its own as a mapping. The kinds are defined in degradations.py, resample.py and codec.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from numbers import Integral
from types import MappingProxyType

import numpy as np

from sharpstudy.data.codec import Call
from sharpstudy.data.degradations import Blind, Blur, Chain, Clean, Degradation, Jpeg, Mixed, Noise
from sharpstudy.data.resample import (
    DegradationError,
    DownUp,
    Method,
    Size,
    check_frame,
    enlarge,
    expect,
    shrink,
    small_size,
)

__all__ = [
    "DEGRADATIONS",
    "LADDERS",
    "Blind",
    "Blur",
    "Call",
    "Chain",
    "Clean",
    "Degradation",
    "DegradationError",
    "DownUp",
    "Jpeg",
    "Method",
    "Mixed",
    "Noise",
    "Size",
    "degrade",
    "degrade_clip",
    "describe",
    "enlarge",
    "parse_degradation",
    "settings_key",
    "shrink",
    "small_frame",
    "small_size",
    "to_mapping",
]

ALGORITHM = 1  # part of every cache key: raise it when the same settings give other pixels

KINDS = {
    "clean": Clean,
    "down-up": DownUp,
    "blur": Blur,
    "noise": Noise,
    "jpeg": Jpeg,
    "call": Call,
    "mixed": Mixed,
    "chain": Chain,
    "blind": Blind,
}

# Bitrate and scaling go together as in the tables of browsers: a 720p camera is sent as 320x180, 427x240,
# 480x270, 640x360, 960x540 and 1280x720.
_CALLS = {
    "call-100k": Call(100, 4),
    "call-200k": Call(200, 3),
    "call-300k": Call(300, 8 / 3),
    "call-500k": Call(500, 2),
    "call-800k": Call(800, 4 / 3),
    "call-1500k": Call(1500, 1),
    "call-vp9-300k": Call(300, 2, "vp9"),
}

DEGRADATIONS: Mapping[str, Degradation] = MappingProxyType(
    {
        "clean": Clean(),
        **{f"bicubic-x{factor:g}": DownUp(factor) for factor in (1.5, 2, 2.5, 3, 4)},
        **{f"bilinear-x{factor}": DownUp(factor, "bilinear") for factor in (2, 3, 4)},
        # The same strength on another grid: a network that has merely learned the grid fails here.
        "bicubic-x2-offgrid": DownUp(2, phase=(1.0, 1.0)),
        "bicubic-x4-offgrid": DownUp(4, phase=(1.0, 2.0)),
        **{f"mixed-x{f}": Mixed((DownUp(f, "bicubic"), DownUp(f, "bilinear"))) for f in (2, 4)},
        "blur": Blur(),
        **{f"blur-{sigma}": Blur(9, sigma) for sigma in (1.0, 1.5, 2.0, 2.5)},
        "jpeg-30": Jpeg(30),
        "jpeg-60": Jpeg(60),
        **_CALLS,
        "call-mix": Mixed(tuple(_CALLS.values())),
        "blind": Blind(),
    }
)

# Names from mild to strong, for curves of gain against strength.
LADDERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "bicubic": ("bicubic-x1.5", "bicubic-x2", "bicubic-x2.5", "bicubic-x3", "bicubic-x4"),
        "bilinear": ("bilinear-x2", "bilinear-x3", "bilinear-x4"),
        "blur": ("blur-1.0", "blur-1.5", "blur-2.0", "blur-2.5"),
        "jpeg": ("jpeg-60", "jpeg-30"),
        "call": ("call-1500k", "call-800k", "call-500k", "call-300k", "call-200k", "call-100k"),
    }
)


def degrade(reference: np.ndarray, settings: Degradation, seed: int) -> np.ndarray:
    """The degraded frame, uint8 and of the reference's size; the same arguments give the same frame."""
    check_frame("reference", reference)
    return _degrade([reference], settings, seed)[0]


def degrade_clip(references: Sequence[np.ndarray], settings: Degradation, seed: int) -> list[np.ndarray]:
    """The degraded frames of one recording: settings drawn once, noise new per frame, coded as one stream.

    A clip of a single frame is a still, as in `degrade`.
    """
    frames = list(references)
    expect(bool(frames), "references", "at least one frame", 0)
    for index, frame in enumerate(frames):
        check_frame(f"references[{index}]", frame)
        same = frame.shape == frames[0].shape
        expect(same, f"references[{index}]", f"the first frame's shape {frames[0].shape}", frame.shape)
    return _degrade(frames, settings, seed)


def small_frame(reference: np.ndarray, settings: Degradation, seed: int) -> np.ndarray:
    """The small frame inside a down-up: what a network that enlarges by itself reads.

    `degrade` with the same settings and seed is `enlarge` of it, by the drawn method, factor and phase. Only
    down-up settings, and mixtures of them, have one.
    """
    check_frame("reference", reference)
    drawn = settings.drawn(_generator(seed))
    fits = isinstance(drawn, DownUp)
    expect(fits, "settings", "a down-up, which alone has a small frame", to_mapping(settings))
    return drawn.shrink(reference)


def describe(settings: Degradation) -> str:
    """The settings as one plain sentence."""
    return f"The frame is {settings.phrase}."


def parse_degradation(spec: str | Mapping[str, object]) -> Degradation:
    """The settings that a name of DEGRADATIONS or a mapping such as {kind: down-up, factor: 4} stands for.

    Lists stand for tuples, and the parts of a chain or mixture are names or mappings themselves.
    """
    if isinstance(spec, str):
        expect(spec in DEGRADATIONS, "degradation", f"one of {', '.join(DEGRADATIONS)}, or a mapping", spec)
        return DEGRADATIONS[spec]
    expect(isinstance(spec, Mapping), "degradation", "a name or a mapping with a kind", spec)
    kind = spec.get("kind")
    expect(isinstance(kind, str) and kind in KINDS, "kind", f"one of {', '.join(KINDS)}", kind)
    values = {key: _parse_value(key, value) for key, value in spec.items() if key != "kind"}
    _check_keys(kind, values)
    return KINDS[kind](**values)


def to_mapping(settings: Degradation) -> dict[str, object]:
    """The mapping that `parse_degradation` reads back: kind and every field, tuples as lists."""
    kind = next(name for name, cls in KINDS.items() if type(settings) is cls)
    return {"kind": kind} | {field.name: _plain(getattr(settings, field.name)) for field in fields(settings)}


def settings_key(settings: Degradation) -> str:
    """Sixteen hex digits that are the same for equal settings on every machine, and differ for others."""
    content = {"algorithm": ALGORITHM, "settings": to_mapping(settings)}
    return hashlib.sha256(json.dumps(_floats(content), sort_keys=True).encode()).hexdigest()[:16]


def _degrade(frames: list[np.ndarray], settings: Degradation, seed: int) -> list[np.ndarray]:
    expect(isinstance(settings, Degradation), "settings", "a degradation (see parse_degradation)", settings)
    rng = _generator(seed)
    return settings.drawn(rng).run(frames, rng)


def _generator(seed: int) -> np.random.Generator:
    expect(isinstance(seed, Integral) and seed >= 0, "seed", "a whole number from 0", seed)
    return np.random.default_rng(int(seed))


def _parse_value(key: str, value: object) -> object:
    if key in ("choices", "steps"):
        expect(isinstance(value, (list, tuple)), key, "a list of degradations", value)
        return tuple(part if isinstance(part, Degradation) else parse_degradation(part) for part in value)
    return tuple(value) if isinstance(value, list) else value


def _check_keys(kind: str, values: Mapping[str, object]) -> None:
    known = {field.name: field.default is MISSING for field in fields(KINDS[kind])}
    for key in values:
        expect(key in known, f"{kind} setting", f"one of {', '.join(known) or 'none'}", key)
    missing = [name for name, required in known.items() if required and name not in values]
    expect(not missing, kind, f"the settings {', '.join(missing)}", sorted(values))


def _plain(value: object) -> object:
    if is_dataclass(value):
        return to_mapping(value)
    return [_plain(part) for part in value] if isinstance(value, tuple) else value


def _floats(value: object) -> object:
    """The value with every number a float, so that 4 and 4.0, which are equal, have one key."""
    if isinstance(value, dict):
        return {key: _floats(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_floats(part) for part in value]
    return value if isinstance(value, str) or value is None else float(value)
