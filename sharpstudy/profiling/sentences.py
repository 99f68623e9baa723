"""What a profile says, in sentences made from its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sharpstudy.wording import join_words

if TYPE_CHECKING:
    import pandas as pd

MARGIN = {30: "within_33", 60: "within_17"}


def holding(profiles: pd.DataFrame, width: int, height: int, fps: int) -> pd.DataFrame:
    """The rows, end to end on all threads, whose p95 holds a frame rate at a size, the fastest first."""
    rows = whole_frames(profiles)
    rows = rows[(rows["width"] == width) & (rows["height"] == height) & (rows["role"] != "baseline")]
    return rows[rows["fps"] >= fps].sort_values("p95_ms")


def whole_frames(profiles: pd.DataFrame) -> pd.DataFrame:
    """The measured rows end to end on as many threads as the profile used at most."""
    rows = profiles[(profiles["stage"] == "end_to_end") & (profiles["valid"] != "not measured")]
    return rows[rows["threads"] == profiles["threads"].max()]


def who_holds(profiles: pd.DataFrame, width: int, height: int, fps: int) -> str:
    """One sentence: which models hold a frame rate at a size on this machine by p95, and in which form."""
    rows = holding(profiles, width, height, fps)
    what = f"{fps} frames a second at {width}x{height}, end to end and by p95"
    if not len(_at(whole_frames(profiles), width, height)):
        return f"Nothing was measured at {width}x{height}."
    if rows.empty:
        return f"No network measured here holds {what}, on this machine."
    best = rows.drop_duplicates("model")
    named = [f"{row.model} ({row.backend} {row.precision}, {row.fps:.0f} FPS)" for row in best.itertuples()]
    return f"On this machine {join_words(named)} {'holds' if len(named) == 1 else 'hold'} {what}."


def how_much_faster(profiles: pd.DataFrame, fast: str, slow: str) -> str:
    """One sentence: how many times faster one model is than another as published, at the largest size."""
    rows = whole_frames(profiles)
    eager = rows[(rows["model"] == slow) & (rows["backend"] == "torch")]
    ours = rows[rows["model"] == fast]
    shared = sorted(set(zip(eager["width"], eager["height"], strict=True)) & _sizes(ours), key=_pixels)
    if not shared:
        return f"{fast} and {slow} as published share no size that both were measured at."
    width, height = shared[-1]
    above = _at(eager, width, height)["p50_ms"].min()
    below = _at(ours, width, height).nsmallest(1, "p50_ms").iloc[0]
    form, ours_ms = f"{below['backend']} {below['precision']}", below["p50_ms"]
    return (
        f"At {width}x{height}, {fast} ({form}) takes {ours_ms:.1f} ms a frame, {slow} as published "
        f"{above:,.0f} ms: {above / ours_ms:,.0f} times as long (medians)."
    )


def peace(profiles: pd.DataFrame) -> str:
    """One sentence: how many measurements were taken on a quiet machine."""
    taken = profiles[profiles["valid"] != "not measured"]
    left = len(profiles) - len(taken)
    quiet = int((taken["valid"] == "quiet").sum())
    empty = f" {left} cells stay empty, each with its reason." if left else ""
    if quiet == len(taken):
        return f"All {len(taken)} rows were measured while the machine was quiet.{empty}"
    return (
        f"{quiet} of {len(taken)} rows were measured while the machine was quiet; of the others only the "
        f"order of magnitude can be trusted.{empty}"
    )


def plausible(profiles: pd.DataFrame) -> list[str]:
    """A sentence for each step in size whose time does not grow as its pixels, within 0.7 to 1.4."""
    odd = []
    rows = profiles[(profiles["valid"] != "not measured") & (profiles["stage"] != "sustained")]
    for (model, backend, precision, stage, threads), part in rows.groupby(
        ["model", "backend", "precision", "stage", "threads"], sort=False
    ):
        part = part.assign(pixels=part["width"] * part["height"]).sort_values("pixels")
        for before, after in zip(part.iloc[:-1].itertuples(), part.iloc[1:].itertuples(), strict=True):
            ratio = (after.p50_ms / before.p50_ms) / (after.pixels / before.pixels)
            if not 0.7 <= ratio <= 1.4:
                step = f"{before.width}x{before.height} to {after.width}x{after.height}"
                odd.append(
                    f"{model} ({backend} {precision}, {stage}, {threads} threads): from {step} the time "
                    f"grows {ratio:.2f} times as fast as the pixels"
                )
    return odd


def _sizes(rows: pd.DataFrame) -> set[tuple[int, int]]:
    return set(zip(rows["width"], rows["height"], strict=True))


def _at(rows: pd.DataFrame, width: int, height: int) -> pd.DataFrame:
    return rows[(rows["width"] == width) & (rows["height"] == height)]


def _pixels(size: tuple[int, int]) -> int:
    return size[0] * size[1]
