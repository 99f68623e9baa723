"""Sharpness measured against the reference, and its price: detail returned, halo at edges, and the
slanted-edge test."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.ndimage import maximum_filter, minimum_filter

from sharpstudy.metrics.inputs import check_frame, check_pair, check_side, grey

NEIGHBOURHOOD = 7  # pixels a side: an edge, the plateau beside it, and the ring of a sharpener of usual width
EDGE_CONTRAST = 32.0  # grey levels; below this, noise and compression would pass for edges
HALO_FLAG = 0.10  # overshoot of a slanted edge from which a result is flagged as over-sharpened
OVERSAMPLING = 4  # bins per pixel across the slanted edge, as in ISO 12233
EDGE_DEGREES = 5.0


class EdgeResponse(NamedTuple):
    """What a slanted edge says: mtf50 in cycles per pixel, overshoot as a share of the edge's height."""

    mtf50: float
    overshoot: float


def detail(reference: np.ndarray, restored: np.ndarray) -> float:
    """Share (0 to 1) of the reference's luma gradient energy that the restored frame returns.

    Each pixel counts as at most what the reference has, and not at all where its gradient points the other
    way: neither over-sharpening nor noise adds to it. It is 1 for a reference without any gradient.
    """
    check_pair(reference, restored)
    check_side(reference, 2, "detail")
    across, down = _gradient(grey(reference))
    restored_across, restored_down = _gradient(grey(restored))
    energy = across**2 + down**2
    returned = np.clip(across * restored_across + down * restored_down, 0, energy)
    whole = energy.sum(dtype=np.float64)
    return float(returned.sum(dtype=np.float64) / whole) if whole else 1.0


def halo(reference: np.ndarray, restored: np.ndarray) -> float:
    """Mean overshoot at the reference's edges as a share of the edge's own height, from 0 up.

    Overshoot is what leaves the range of the reference's luma within 7x7 pixels; at each edge the strongest
    within 7x7 pixels counts. Blur cannot overshoot. A slanted edge gives the overshoot of `edge_response`. It
    is 0 for a reference without edges.
    """
    check_pair(reference, restored)
    truth, result = grey(reference), grey(restored)
    high, low = maximum_filter(truth, NEIGHBOURHOOD), minimum_filter(truth, NEIGHBOURHOOD)
    height = high - low
    step = maximum_filter(truth, 3) - minimum_filter(truth, 3)
    edges = (height >= EDGE_CONTRAST) & (step >= height / 2)
    if not edges.any():
        return 0.0
    overshoot = np.maximum(np.maximum(result - high, low - result), 0)
    strongest = maximum_filter(overshoot, NEIGHBOURHOOD)
    return float(np.mean(strongest[edges] / height[edges], dtype=np.float64))


def slanted_edge(
    size: int = 128, low: int = 64, high: int = 192, degrees: float = EDGE_DEGREES
) -> np.ndarray:
    """A uint8 frame (size, size, 3) of one straight edge, `degrees` off the vertical, area-sampled."""
    if size < 64 or not 0 <= low < high <= 255:
        raise ValueError(
            f"slanted_edge: expected size >= 64 and 0 <= low < high <= 255, got {size}, {low}, {high}"
        )
    fine = 8 * size
    places = (np.arange(fine) + 0.5) / 8 - size / 2
    angle = math.radians(degrees)
    side = places[None, :] * math.cos(angle) + places[:, None] * math.sin(angle) > 0
    share = side.reshape(size, 8, size, 8).mean(axis=(1, 3))
    return np.repeat(np.rint(low + (high - low) * share).astype(np.uint8)[..., None], 3, axis=2)


def edge_response(frame: np.ndarray) -> EdgeResponse:
    """MTF50 and overshoot of a frame that shows one nearly vertical edge, dark on the left.

    The method is that of ISO 12233: the edge line is fitted through the rows' gradient centroids, pixels are
    binned by their distance from it at four bins a pixel, and the binned profile's derivative is Fourier
    transformed. Sharper is better only while the overshoot stays low.
    """
    check_frame(frame, "frame")
    check_side(frame, 64, "edge_response")
    profile = _edge_profile(grey(frame).astype(np.float64))
    quarter = len(profile) // 4
    low, high = profile[:quarter].mean(), profile[-quarter:].mean()
    if high - low < EDGE_CONTRAST:
        raise ValueError(
            f"edge_response: expected an edge from dark to light, got {low:.0f} left and {high:.0f} right"
        )
    overshoot = max(profile.max() - high, low - profile.min(), 0.0) / (high - low)
    return EdgeResponse(_mtf50(profile), float(overshoot))


def _edge_profile(plane: np.ndarray) -> np.ndarray:
    """Mean luma by distance from the fitted edge line, OVERSAMPLING values a pixel, dark to light."""
    height, width = plane.shape
    slope = np.abs(np.gradient(plane, axis=1)) * np.hamming(width)
    centres = (slope * np.arange(width)).sum(axis=1) / np.maximum(slope.sum(axis=1), 1e-12)
    tilt, start = np.polyfit(np.arange(height), centres, 1)
    distance = (np.arange(width)[None, :] - (tilt * np.arange(height)[:, None] + start)) * math.cos(
        math.atan(tilt)
    )
    reach = int(min(-distance.min(), distance.max()) - 1) * OVERSAMPLING
    bins = np.rint(distance * OVERSAMPLING).astype(int)
    inside = np.abs(bins) <= reach
    places = bins[inside] + reach
    count = np.bincount(places, minlength=2 * reach + 1)
    if reach < 4 * OVERSAMPLING or not count.all():
        raise ValueError(
            "edge_response: expected one edge about 5 degrees off the vertical, away from the frame's sides"
        )
    return np.bincount(places, plane[inside], 2 * reach + 1) / count


def _mtf50(profile: np.ndarray) -> float:
    """The frequency in cycles per pixel at which the profile's spectrum falls to half."""
    spread = np.gradient(profile) * np.hamming(len(profile))
    padded = 16 * len(spread)
    response = np.abs(np.fft.rfft(spread, padded))
    response /= response[0]
    frequencies = np.fft.rfftfreq(padded, 1 / OVERSAMPLING)
    below = int(np.argmax(response < 0.5))
    share = (response[below - 1] - 0.5) / (response[below - 1] - response[below])
    return float(frequencies[below - 1] + share * (frequencies[below] - frequencies[below - 1]))


def _gradient(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Differences to the right and to the lower neighbour."""
    return np.diff(plane, axis=1)[:-1], np.diff(plane, axis=0)[:, :-1]
