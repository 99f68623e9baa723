"""The cues of sharpstudy.students.cues as operations of an ONNX graph: what they mean is said there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .graph_nodes import Graph

ROWS, REACH = 64, 4
STRONG, WEAK = 48.0, 12.0  # grey levels
FEWEST, UNKNOWN = 20.0, 0.5
FAR = 1 << 30  # beyond the end of any row


def add_cues(graph: Graph, frame: str, count: int) -> str:
    """The name of the first `count` cues of the frame, uint8 (count,); the graph knows the frame's `size`."""
    rows = _rows(graph, frame)
    one, two, four = (_second_difference(graph, rows, reach) for reach in (1, 2, 4))
    step = graph.add("Abs", [one], "cue_steps")
    values = [
        _left_over(graph, "cue_strong", one, two, STRONG, None),
        _left_over(graph, "cue_wide", two, four, STRONG, None),
        _left_over(graph, "cue_weak", one, two, WEAK, STRONG),
        _share(graph, "cue_flat", step, 0.5),
        _share(graph, "cue_smooth", step, 1.5),
    ]
    told = graph.add("Concat", values[:count], "cue_values", axis=0)
    bounds = [graph.hold("cue_least", np.float32(0)), graph.hold("cue_most", np.float32(1))]
    told = graph.add("Clip", [told, *bounds], "cue_clipped")
    told = graph.add("Mul", [told, graph.hold("cue_levels", np.float32(255))], "cue_scaled")
    return graph.cast(graph.add("Round", [told], "cue_rounded"), "cues", "UINT8")


def _rows(graph: Graph, frame: str) -> str:
    """ROWS rows of green, float32 (ROWS, W)."""
    height = graph.add("Gather", ["size", graph.hold("at_height", np.array([0]))], "cue_height")
    odd = graph.hold("cue_odd", 2 * np.arange(ROWS) + 1)
    at = graph.add("Mul", [odd, height], "cue_at_rows")
    at = graph.add("Div", [at, graph.hold("cue_parts", np.array([2 * ROWS]))], "cue_rows_at")
    rows = graph.add("Gather", [frame, at], "cue_rows", axis=0)
    green = graph.add("Gather", [rows, graph.hold("cue_green", np.int64(1))], "cue_green_rows", axis=2)
    return graph.cast(green, "cue_grey", "FLOAT")


def _second_difference(graph: Graph, rows: str, reach: int) -> str:
    """left - 2 centre + right, over `reach` pixels, of each place that has REACH pixels to either side."""

    def shifted(side: str, by: int) -> str:
        first, last = REACH + by, by - REACH or FAR
        ends = [graph.hold(f"cue_at_{place}", np.array([place])) for place in (first, last, 1)]
        return graph.add("Slice", [rows, *ends], f"cue_{side}{reach}")

    around = graph.add("Add", [shifted("left", -reach), shifted("right", reach)], f"cue_around{reach}")
    two = graph.hold("cue_two", np.float32(2))
    centre = graph.add("Mul", [shifted("centre", 0), two], f"cue_twice{reach}")
    return graph.add("Sub", [around, centre], f"cue_difference{reach}")


def _left_over(graph: Graph, name: str, near: str, far: str, least: float, most: float | None) -> str:
    """Root mean square of `near` by that of `far`, where `far` has least to below most grey levels, (1,)."""
    size = graph.add("Abs", [far], f"{name}_size")
    start = graph.hold(f"{name}_from", np.float32(least))
    edges = graph.add("GreaterOrEqual", [size, start], f"{name}_edges")
    if most is not None:
        below = graph.add("Less", [size, graph.hold(f"{name}_to", np.float32(most))], f"{name}_below")
        edges = graph.add("And", [edges, below], f"{name}_between")
    weights = graph.cast(edges, f"{name}_weights", "FLOAT")
    powers = []
    for part, values in (("near", near), ("far", far)):
        there = graph.add("Mul", [values, weights], f"{name}_{part}_there")
        square = graph.add("Mul", [there, there], f"{name}_{part}_square")
        powers.append(_sum(graph, square, f"{name}_{part}_power"))
    floor = graph.add("Max", [powers[1], graph.hold("cue_one", np.float32(1))], f"{name}_floor")
    ratio = graph.add("Sqrt", [graph.add("Div", [powers[0], floor], f"{name}_ratio")], f"{name}_root")
    count = _sum(graph, weights, f"{name}_count")
    enough = graph.hold("cue_fewest", np.float32(FEWEST))
    known = graph.add("GreaterOrEqual", [count, enough], f"{name}_known")
    return graph.add("Where", [known, ratio, graph.hold("cue_unknown", np.float32(UNKNOWN))], name)


def _share(graph: Graph, name: str, steps: str, below: float) -> str:
    """The share of places with steps of fewer grey levels, (1,)."""
    small = graph.add("Less", [steps, graph.hold(f"{name}_below", np.float32(below))], f"{name}_small")
    count = _sum(graph, graph.cast(small, f"{name}_there", "FLOAT"), f"{name}_count")
    places = graph.cast(graph.add("Size", [steps], f"{name}_places"), f"{name}_all", "FLOAT")
    places = graph.add("Max", [places, graph.hold("cue_one", np.float32(1))], f"{name}_some")
    return graph.add("Div", [count, places], name)


def _sum(graph: Graph, values: str, name: str) -> str:
    """The sum over a matrix, (1,)."""
    axes = graph.hold("cue_axes", np.array([0, 1]))
    total = graph.add("ReduceSum", [values, axes], f"{name}_total", keepdims=0)
    return graph.add("Reshape", [total, graph.hold("cue_scalar", np.array([1]))], name)
