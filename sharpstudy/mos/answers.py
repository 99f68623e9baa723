"""What a browser may send: every field of a vote is checked before anything is stored or collected."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

FLAGS = ("focus-lost", "zoomed", "changed")
_RATER = re.compile(r"[0-9a-f]{32}")
_TRIAL = re.compile(r"s([1-9]\d{0,2})-r([1-9]\d{0,4})-t([1-9]\d{0,3})")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
_DAY_MS = 86_400_000
_NUMBERS = {  # field: whole number, least, most
    "revision": (True, 1, 1000),
    "milliseconds": (True, 0, _DAY_MS),
    "first_ms": (True, 0, _DAY_MS),
    "toggles": (True, 0, 100_000),
    "focus_losses": (True, 0, 100_000),
    "k": (True, 1, 16),
    "density": (False, 0.1, 20),
}
_FIELDS = {"trial", "score", "shown_at", "flags", "beside", *_NUMBERS}
_DEVICE = {
    "user_agent": str,
    "screen_width": (int, float),
    "screen_height": (int, float),
    "density": (int, float),
    "depth": (int, float),
    "touch": bool,
    "look": str,
    "language": str,
    "automated": bool,
}


def check_rater(rater: object) -> str:
    """The rater's token: 32 hex digits."""
    if not isinstance(rater, str) or not _RATER.fullmatch(rater):
        raise ValueError("rater: expected 32 hex digits")
    return rater


def check_device(device: object) -> dict[str, Any]:
    """What a browser says of itself: known fields of known types, short."""
    if not isinstance(device, dict) or not set(device) <= set(_DEVICE):
        raise ValueError(f"device: expected an object of {', '.join(_DEVICE)}")
    for name, value in device.items():
        if not isinstance(value, _DEVICE[name]) or (isinstance(value, str) and len(value) > 500):
            raise ValueError(f"device: {name} is of the wrong type or too long")
    return device


def check_vote(vote: object, sessions: Mapping[int, Mapping[str, Any]], seat: int) -> dict[str, Any]:
    """The vote, once it is known to answer a trial of that seat with a score on its scale.

    `sessions` are those of study.json by their number.
    """
    if not isinstance(vote, dict) or set(vote) != _FIELDS:
        raise ValueError(f"vote: expected exactly the fields {', '.join(sorted(_FIELDS))}")
    block = _block_of(vote["trial"], sessions, seat)
    if not _is_number(vote["score"], True, block["low"], block["high"]):
        raise ValueError(f"vote: score must be a whole number of {block['low']} to {block['high']}")
    for name, limits in _NUMBERS.items():
        if not _is_number(vote[name], *limits):
            raise ValueError(f"vote: {name} must be a number of {limits[1]} to {limits[2]}")
    if not isinstance(vote["shown_at"], str) or not _TIME.fullmatch(vote["shown_at"]):
        raise ValueError("vote: shown_at must be a time in UTC")
    flags = vote["flags"]
    if not isinstance(flags, list) or len(flags) > len(FLAGS) or any(flag not in FLAGS for flag in flags):
        raise ValueError(f"vote: flags must be some of {', '.join(FLAGS)}")
    if not isinstance(vote["beside"], bool):
        raise ValueError("vote: beside must be true or false")
    return vote


def _is_number(value: object, whole: bool, least: float, most: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        return False
    return math.isfinite(value) and least <= value <= most


def _block_of(trial: object, sessions: Mapping[int, Mapping[str, Any]], seat: int) -> Mapping[str, Any]:
    match = _TRIAL.fullmatch(trial) if isinstance(trial, str) else None
    if match is None:
        raise ValueError("vote: trial must be a trial's name")
    number, of_seat, position = map(int, match.groups())
    rows = sessions.get(number, {}).get("seats", {}).get(str(seat), [])
    if of_seat != seat or position > len(rows):
        raise ValueError(f"vote: {match[0]} is no trial of this rater")
    return sessions[number]["blocks"][rows[position - 1][0]]
