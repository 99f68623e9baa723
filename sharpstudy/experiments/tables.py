"""The tables of the experiments, as DataFrames and as text that a person reads."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from sharpstudy.evaluate import CLEAN
from sharpstudy.experiments.judging import METRICS
from sharpstudy.experiments.material import CONDITIONS
from sharpstudy.experiments.variants import BASE, Variant
from sharpstudy.statistics import SMALLEST_EFFECTS

if TYPE_CHECKING:
    import pandas as pd

FACTS = ("parameters", "kmac_per_pixel", "steps", "seconds")
ENDS = {"difference": "", "low": "_low", "high": "_high", "word": "_word", "adjusted_p": "_p"}
SIGNS = {"better": "+", "worse": "-", "no difference shown": "="}


def gain_columns(conditions: Sequence[str] = tuple(CONDITIONS)) -> list[str]:
    """The columns of gains in a table: over all conditions with intervals, under each, on clean frames."""
    over = [f"gain_{metric}{end}" for metric in METRICS for end in ("", "_low", "_high")]
    each = [f"{condition}_{metric}" for condition in conditions if condition != CLEAN for metric in METRICS]
    return [*over, *each, "clean_psnr", "clean_worst", "clean_pooled"]


def ablation_table(
    runs: Mapping[Variant, Sequence[Mapping[str, Any]]],
    gains: Mapping[str, Mapping[str, Any]],
    differences: pd.DataFrame,
) -> pd.DataFrame:
    """One row a variant: size, cost, gains over doing nothing, and the paired difference to the base.

    `runs` are the facts of a variant's trainings, one for each seed; seconds are their mean.
    """
    import pandas as pd

    rows = []
    for one, trainings in runs.items():
        found, first = gains.get(one.name, {}), trainings[0]
        row = {"variant": one.name, "group": one.group, "changes": one.says}
        row |= {name: first.get(name, math.nan) for name in FACTS}
        row["seconds"] = fmean(facts.get("seconds", math.nan) for facts in trainings)
        row["seeds"] = found.get("seeds", 0)
        row |= {name: found.get(name, math.nan) for name in gain_columns()}
        row |= difference_facts(differences, one.name)
        notes = dict.fromkeys(facts["note"] for facts in trainings if facts.get("note"))
        rows.append({**row, "note": "; ".join(notes), "made_of": first["made_of"]})
    return pd.DataFrame(rows)


def difference_facts(differences: pd.DataFrame, name: str) -> dict[str, Any]:
    """The paired differences of a model, by metric; empty for the one that others are held against."""
    facts: dict[str, Any] = {}
    for metric in METRICS:
        found = differences
        if len(found):
            found = found[(found["model"] == name) & (found["metric"] == metric)]
        for column, end in ENDS.items():
            absent = "" if column == "word" else math.nan
            facts[f"diff_{metric}{end}"] = found[column].iloc[0] if len(found) else absent
    return facts


def ablation_text(table: pd.DataFrame, settings: Mapping[str, Any], machine: Mapping[str, Any]) -> str:
    """The table for people: what it costs and gains, then the gains by condition."""
    first = [
        {
            "variant": row.variant,
            "parameters": number(row.parameters, 0),
            "kMAC/px": number(row.kmac_per_pixel, 2),
            "seconds": number(row.seconds, 0),
            **_gain_cells(row, "base"),
            "worst": number(row.clean_worst, 1),
            "changes": row.changes + (f" ({row.note})" if row.note else ""),
        }
        for row in table.itertuples()
    ]
    words = [
        f"Variants of the realtime recipe after {settings['steps']} steps of {settings['batch']} patches of"
        f" {settings['patch']} pixels, against {BASE!r}: +, - and = say better, worse, no difference shown;"
        f" below {SMALLEST_EFFECTS['psnr']:g} dB nobody would see it.",
        said(settings, machine),
        _about_seeds(table["seeds"]),
        "",
        aligned(first),
        "",
        "Gain over doing nothing by condition, dB PSNR / 100 x SSIM:",
        "",
        aligned(_condition_rows(table)),
    ]
    return "\n".join(words) + "\n"


def _about_seeds(seeds: pd.Series) -> str:
    """What the intervals hold for."""
    fewest = int(seeds[seeds > 0].min()) if (seeds > 0).any() else 0
    if fewest > 1:
        return f"At least {fewest} training seeds each: intervals are over clips and seeds."
    return "One training seed: intervals are over clips, and say nothing about what another seed would give."


def equal_time_table(
    degradation: str,
    runs: Mapping[str, Mapping[str, Any]],
    gains: Mapping[str, Mapping[str, Any]],
    differences: pd.DataFrame,
) -> pd.DataFrame:
    """One row a student that learned on a degradation: cost, gain there, difference to the realtime one."""
    import pandas as pd

    rows = []
    for name, facts in runs.items():
        found = gains.get(name, {})
        row = {"learned_on": degradation, "student": name}
        row |= {fact: facts.get(fact, math.nan) for fact in (*FACTS, "batch", "patch")}
        row |= {fact: found.get(fact, math.nan) for fact in gain_columns(())}
        row |= difference_facts(differences, name)
        rows.append({**row, "note": facts.get("note", ""), "made_of": facts["made_of"]})
    return pd.DataFrame(rows)


def equal_time_text(table: pd.DataFrame, settings: Mapping[str, Any], machine: Mapping[str, Any]) -> str:
    """The table for people, degradation by degradation, the best gain first."""
    words = [
        f"Students after about {settings['seconds']:g} seconds of training each, on {_threads(settings)}:"
        " +, - and = say better, worse, no difference shown against the realtime student.",
        said(settings, machine),
    ]
    for degradation, part in table.groupby("learned_on", sort=False):
        rows = [
            {
                "student": row.student,
                "parameters": number(row.parameters, 0),
                "kMAC/px": number(row.kmac_per_pixel, 1),
                "seconds": number(row.seconds, 0),
                "steps": number(row.steps, 0),
                **_gain_cells(row, "ours"),
                "note": row.note,
            }
            for row in part.sort_values("gain_psnr", ascending=False).itertuples()
        ]
        words += ["", f"Learned and judged on {degradation}:", "", aligned(rows)]
    return "\n".join(words) + "\n"


def _threads(facts: Mapping[str, Any]) -> str:
    return f"{facts['threads']} thread" + ("" if facts["threads"] == 1 else "s")


def _gain_cells(row: Any, base: str) -> dict[str, str]:
    """A student's gains over doing nothing, its differences to a base of that name, and clean frames."""
    return {
        "gain dB [95 %]": spanned(row.gain_psnr, row.gain_psnr_low, row.gain_psnr_high, 3),
        f"against {base} dB [95 %]": spanned(row.diff_psnr, row.diff_psnr_low, row.diff_psnr_high, 3),
        "": SIGNS.get(row.diff_psnr_word, ""),
        "SSIM x100": number(100 * row.gain_ssim, 2, "+"),
        f"against {base}": number(100 * row.diff_ssim, 2, "+"),
        "clean dB": number(row.clean_psnr, 1),
    }


def phases_text(table: pd.DataFrame, frames: int) -> str:
    """Gain and share at each factor and shift, student by student."""
    words = [
        f"PSNR gain over doing nothing (dB) on {frames} held-out frames, and its share of the gain on the"
        " aligned grid, by factor and shift of the grid (pixels up, left)."
    ]
    for student, part in table.groupby("student", sort=False):
        rows = []
        for factor, places in part.groupby("factor", sort=False):
            cells = {f"({row.shift_up:g}, {row.shift_left:g})": _shared(row) for row in places.itertuples()}
            rows.append({"factor": f"x{factor:g}", **cells})
        words += ["", f"{student}:", "", aligned(rows)]
    words += ["", "A shift by whole factors is the aligned grid again; in brackets: 95 % intervals."]
    return "\n".join(words) + "\n"


def _shared(row: Any) -> str:
    """A cell: the gain, and the share with its interval off the aligned grid."""
    gain = number(row.gain, 2, "+")
    if row.grid == "aligned":
        return f"{gain} aligned"
    if math.isnan(row.share):
        return f"{gain} –"
    return f"{gain} {row.share:.0%} [{row.share_low:.0%}, {row.share_high:.0%}]"


def _condition_rows(table: pd.DataFrame) -> list[dict[str, str]]:
    """A row a variant with its gain under each condition, dB / 100 x SSIM."""
    rows = []
    for _, row in table.iterrows():
        cells = {"variant": row["variant"]}
        for name in CONDITIONS:
            if name != CLEAN:
                psnr, ssim = row[f"{name}_psnr"], 100 * row[f"{name}_ssim"]
                cells[name] = f"{number(psnr, 3, '+')} / {number(ssim, 2, '+')}"
        rows.append(cells)
    return rows


def said(settings: Mapping[str, Any], machine: Mapping[str, Any]) -> str:
    """Frames, sources and machine in one line."""
    where = f"{machine['device']}, {machine['processor']}, {_threads(machine)}"
    return (
        f"Held-out frames: {settings['held_frames']} of {settings['source']}, squares of {settings['side']};"
        f" learned from {settings['train_frames']}; {where}."
    )


def aligned(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows of words as aligned text; all but the first and last column to the right."""
    if not rows:
        return "(nothing yet)"
    heads = list(rows[0])
    lines = [heads, *([row[head] for head in heads] for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(heads))]
    lines.insert(1, ["-" * width for width in widths])
    left = {0} | {at for at, head in enumerate(heads) if head in ("changes", "note")}
    return "\n".join(
        "  ".join(
            word.ljust(width) if at in left else word.rjust(width)
            for at, (word, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def number(value: float, digits: int, sign: str = "") -> str:
    """A number with so many digits, a dash where there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:{sign},.{digits}f}"


def spanned(value: float, low: float, high: float, digits: int) -> str:
    """A difference with its interval."""
    if math.isnan(value):
        return "–"
    return f"{value:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"
