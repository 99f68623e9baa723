"""Published scores and speeds beside what was measured here, one row for each."""

from __future__ import annotations

from typing import Any

import pandas as pd

QUALITY = {"ssim": "{:.4f}", "psnr": "{:.2f} dB"}  # published scores that are measured here, too
SPEED = {"fps": ("{:,.1f} FPS", "our_fps"), "milliseconds": ("{:,.0f} ms", "our_p50_ms")}
ABSENT = "not measured"
OWN = "own protocol, reference run"


def published_table(
    figures: pd.DataFrame,
    summary: pd.DataFrame,
    categories: pd.DataFrame,
    speeds: pd.DataFrame,
    gates: pd.DataFrame,
    own: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Each published score and speed beside doing nothing and this run's own, with what is open about it.

    `figures` has a row for each: system, degradation, metric, of, where, value, words and doubt. The others
    are this run's tables: means and counts of the evaluation, published speeds, and gates. `own` is the
    reference measurement of the released students under the systems' own protocols, where there is one.
    """
    rows = []
    for one in figures[figures["metric"].isin((*QUALITY, *SPEED))].itertuples():
        if one.metric in SPEED:
            place, nothing, ours = _speed(one, speeds)
        elif one.of == "teacher":
            place, nothing, ours = _gate(one, gates)
        else:
            place, nothing, ours = _scores(one, summary, categories)
        rows.append(
            {
                "system": one.system,
                "published": _as_published(one, figures),
                "do nothing": nothing,
                "this run": ours,
                "measured on": place,
                OWN: "–" if one.metric in SPEED else _own(one, own),
                "open about the figure": one.doubt if isinstance(one.doubt, str) else "",
            }
        )
    return pd.DataFrame(rows)


def _as_published(one: Any, figures: pd.DataFrame) -> str:
    """The authors' own words; where those hold several figures, this one with whose it is and where."""
    name = {"ssim": "SSIM ", "psnr": "PSNR "}.get(one.metric, "")
    same = (figures["system"] == one.system) & (figures["words"] == one.words)
    if same.sum() == 1:
        return one.words if name.strip() in one.words else name + one.words
    value = (QUALITY.get(one.metric) or SPEED[one.metric][0]).format(one.value)
    where = f" at {one.where}" if isinstance(one.where, str) else ""
    return f"{'' if one.of == 'student' else f'{one.of}: '}{name}{value}{where}"


def _speed(one: Any, speeds: pd.DataFrame) -> tuple[str, str, str]:
    style, column = SPEED[one.metric]
    found = speeds[(speeds["model"] == one.system) & (speeds["words"] == one.words)]
    if isinstance(one.where, str):
        found = found[found["width"].map("{:.0f}".format) == one.where.split("x")[0]]
    if found.empty:
        return "", "–", ABSENT
    row = found.iloc[0]
    size = f"{row['our_width']:.0f}x{row['our_height']:.0f}"
    return size, "–", ABSENT if pd.isna(row[column]) else style.format(row[column])


def _gate(one: Any, gates: pd.DataFrame) -> tuple[str, str, str]:
    """What the teacher that teaches the recipe here scores on the recipe's validation frames."""
    found = gates[(gates["recipe"] == one.system) & (gates["state"] == "teaches")]
    if found.empty:
        return one.degradation, "–", "no teacher here"
    row, style = found.iloc[0], QUALITY[one.metric]
    ours = f"{style.format(row[f'{one.metric}_teacher'])} ({row['teacher']})"
    return f"{one.degradation}, validation", style.format(row[f"{one.metric}_do_nothing"]), ours


def _scores(one: Any, summary: pd.DataFrame, categories: pd.DataFrame) -> tuple[str, str, str]:
    """The first student that this run trained for the system, on test frames of its own degradation."""
    there = summary[(summary["degradation"] == one.degradation) & (summary["metric"] == one.metric)]
    own = there[(there["recipe"] == one.system) & (there["role"] == "student") & (there["origin"] == "run")]
    rows = (there[there["model"] == "do nothing"], own)
    said = [_mean(part.iloc[0], categories) if len(part) else ABSENT for part in rows]
    frames = f", {own.iloc[0]['frames']:.0f} frames" if len(own) else ""
    return f"{one.degradation}{frames}", said[0], said[1]


def _own(one: Any, own: pd.DataFrame | None) -> str:
    """What the released student scores under the system's own protocol, beside doing nothing there."""
    if own is None:
        return "not run"
    found = own[(own["system"] == one.system) & (own["metric"] == one.metric) & (own["words"] == one.words)]
    where = one.where if isinstance(one.where, str) else ""
    found = found[(found["of"] == one.of) & (found["where"].fillna("") == where)]
    if found.empty:
        return "not run"
    row = found.iloc[0]
    if row["state"] not in ("measured", "not released"):
        return ABSENT
    ours = "student not released"
    if row["state"] == "measured":
        ours = _counted_mean(row, "student")
    return f"{ours}; do nothing {_counted_mean(row, 'nothing')}"


def _counted_mean(row: pd.Series, whose: str) -> str:
    """A mean score, and of SSIM how many of the frames are above 0.90."""
    said = QUALITY[row["metric"]].format(row[f"own_{whose}"])
    if row["metric"] != "ssim":
        return said
    return f"{said} ({row[f'own_{whose}_above']:.0f} of {row['frames']:.0f})"


def _mean(row: pd.Series, categories: pd.DataFrame) -> str:
    """A mean score; of SSIM also how many of the frames are above 0.90, which is what is published."""
    said = QUALITY[row["metric"]].format(row["mean"])
    if row["metric"] != "ssim":
        return said
    same = (categories["model"] == row["model"]) & (categories["degradation"] == row["degradation"])
    counts = categories.loc[same, ["above_090", "frames"]].sum()
    return f"{said} ({counts['above_090']:.0f} of {counts['frames']:.0f})"
