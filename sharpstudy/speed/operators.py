"""Where a runtime's time goes, by operation, from what the runtimes themselves record."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol as Shape

SUFFIX = "_kernel_time"


@dataclass(frozen=True)
class OpTime:
    """One node of a network: its name, its kind of operation, and its milliseconds for one frame."""

    node: str
    op: str
    milliseconds: float


class OpenvinoNode(Shape):
    """What OpenVINO's get_profiling_info gives for one node."""

    node_name: str
    node_type: str
    exec_type: str
    real_time: object


def parse_ort_profile(text: str, skip: int = 0) -> list[OpTime]:
    """The mean time of each node for one frame, from ONNX Runtime's profile, in the order of running.

    The profile is a list of events; a node's kernel event holds its duration in microseconds. The first
    `skip` frames are warm-up and left out.
    """
    durations: dict[str, list[float]] = {}
    kinds: dict[str, str] = {}
    for event in _events(text):
        name = str(event.get("name", ""))
        if event.get("cat") == "Node" and name.endswith(SUFFIX):
            node = name.removesuffix(SUFFIX)
            durations.setdefault(node, []).append(float(event["dur"]) / 1000)
            kinds[node] = str(event.get("args", {}).get("op_name", "unknown"))
    if not durations:
        raise ValueError("onnxruntime profile: expected kernel events of nodes, found none")
    kept = {node: values[skip:] for node, values in durations.items()}
    if empty := [node for node, values in kept.items() if not values]:
        raise ValueError(f"onnxruntime profile: expected more than {skip} frames, {empty[0]} ran fewer")
    return [OpTime(node, kinds[node], sum(values) / len(values)) for node, values in kept.items()]


def parse_openvino_profile(frames: Iterable[Iterable[OpenvinoNode]]) -> list[OpTime]:
    """The mean time of each node for one frame, from OpenVINO's counters of several frames."""
    total: dict[tuple[str, str], float] = {}
    count = 0
    for nodes in frames:
        count += 1
        for node in nodes:
            took = node.real_time.total_seconds() * 1000  # type: ignore[attr-defined]
            key = node.node_name, node.node_type
            total[key] = total.get(key, 0.0) + took
    if not count:
        raise ValueError("OpenVINO profile: expected the counters of at least one frame, got none")
    return [OpTime(name, kind, took / count) for (name, kind), took in total.items() if took > 0]


def _events(text: str) -> list[dict]:
    """The events; a profile that was not closed lacks its last bracket."""
    text = text.strip()
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        try:
            return json.loads(text.rstrip(",") + "]")
        except json.JSONDecodeError as error:
            raise ValueError(f"onnxruntime profile: expected a list of events as JSON, {error}") from None
