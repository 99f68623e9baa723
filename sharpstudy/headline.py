"""The report's first words: what the verdicts say in sentences, and one row for each system."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from sharpstudy.wording import join_words

PLAIN = {"better": "better", "no difference shown": "not shown to differ", "worse": "worse"}


def answer(verdicts: pd.DataFrame, helped: pd.DataFrame, budgets: Iterable[str] = ()) -> str:
    """How this run's students stand against doing nothing, whether teachers helped, and at which budget.

    A student counts by its verdict on PSNR; the harmful ones are named, whatever that verdict is.
    """
    primary, budgets = _primary(verdicts, "run"), list(budgets)
    spent = f" (budget {', '.join(budgets)})" if budgets else ""
    first = f"No student was trained here{spent}."
    if len(primary):
        first = f"{_number_of(len(primary), 'student')} trained here{spent}: against doing nothing"
        first += f" {_counted(primary['word'])} (PSNR)."
    harmful = primary.loc[primary["harmful"].fillna("") != "", "model"].tolist()
    if harmful:
        first = first[:-1] + f"; {join_words(harmful)} {'does' if len(harmful) == 1 else 'do'} harm."
    if "quick" in budgets:
        first += " The quick budget is a demonstration, no verdict on the published training."
    if helped.empty:
        return first + " Whether distillation helps is not answered: no student stands beside its control."
    taught = _number_of(len(helped), "student")
    return (
        f"{first} {taught} with a teacher: against the same one without, {_counted(helped['word'])} (PSNR)."
    )


def is_pilot(verdicts: pd.DataFrame) -> bool:
    """Whether a primary verdict on a student rests on too few clips for a firm word."""
    return bool((_primary(verdicts)["pilot"].astype(str) == "True").any())


def scored_words(verdicts: pd.DataFrame, budgets: Iterable[str]) -> str:
    """What of how many test frames a student is judged on under its own degradation."""
    counts = _primary(verdicts)["frames"].dropna()
    low, high = (int(counts.min()), int(counts.max())) if len(counts) else (0, 0)
    number = f"{low} test frames" if low == high else f"{low} to {high} test frames"
    return f"the busiest square of each of {number}" if "quick" in budgets else f"{number}, each whole,"


def headline_table(verdicts: pd.DataFrame, clean: pd.DataFrame, models: pd.DataFrame) -> pd.DataFrame:
    """One row for each student: its PSNR against doing nothing and the mask, verdict, harm and size."""
    rows = []
    mask = verdicts[(verdicts["against"] == "tuned unsharp") & (verdicts["metric"] == "psnr")]
    mask = mask[mask["family"] != "cross"].set_index(["model", "degradation"])
    cost = models.set_index("name")
    untouched = clean.set_index("model")["psnr"]
    for one in _primary(verdicts).itertuples():
        flag = " ✗" if isinstance(one.harmful, str) and one.harmful else ""
        rows.append(
            {
                "system": one.model,
                "degradation": one.degradation,
                "gain (dB)": f"{one.difference:+.2f} [{one.low:+.2f}, {one.high:+.2f}]",
                "verdict": one.word + flag,
                "over unsharp (dB)": _over(mask, (one.model, one.degradation)),
                "clean (dB)": _number(untouched.get(one.model), "{:.1f}"),
                "parameters": _number(cost["parameters"].get(one.model), "{:,.0f}"),
                "kMAC/px": _number(cost["kmac_per_pixel"].get(one.model), "{:,.1f}"),
            }
        )
    return pd.DataFrame(rows)


def helped_table(folder: Path) -> pd.DataFrame:
    """The verdicts of the students that somebody taught against the same ones without a teacher (PSNR)."""
    every = _trained(folder)
    if every.empty:
        return pd.DataFrame(columns=["recipe", "word"])
    of_student = (every["of"] == "student") & (every["against"] == "no-teacher")
    return every[of_student & (every["metric"] == "psnr")].reset_index(drop=True)


def budgets_of(folder: Path) -> list[str]:
    """The budgets that the students under this folder of records were trained at."""
    every = _trained(folder)
    return [] if every.empty else sorted(every["budget"].unique())


def frame_rates(profiles: pd.DataFrame, sizes: Iterable[tuple[int, int]]) -> pd.DataFrame:
    """For each student its best frame rate end to end by p95 at each size, and the form that reached it.

    What was measured without a quiet machine is told without decimals, after "~".
    """
    done = profiles[(profiles["stage"] == "end_to_end") & (profiles["valid"] != "not measured")]
    done = done[done["role"].isin(("student", "realtime")) & (done["threads"] == done["threads"].max())]
    rows = []
    for model, own in done.groupby("model", sort=False):
        row: dict[str, object] = {"system": model}
        for width, height in sizes:
            there = own[(own["width"] == width) & (own["height"] == height)]
            best = there.nlargest(1, "fps")
            told = [f"{_rate(one)} ({one.backend} {one.precision})" for one in best.itertuples()]
            row[f"FPS at {width}x{height}"] = told[0] if told else "not measured"
        rows.append(row)
    return pd.DataFrame(rows)


def _rate(row: Any) -> str:
    if row.valid == "quiet":
        return f"{row.fps:,.1f}"
    return f"~{row.fps:,.0f}" if row.fps >= 3 else f"~{row.fps:.1g}"


def _trained(folder: Path) -> pd.DataFrame:
    """The verdicts of every recipe's training."""
    tables = [pd.read_csv(path) for path in sorted(folder.glob("*/verdicts.csv"))]
    tables = [table for table in tables if len(table)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _primary(verdicts: pd.DataFrame, origin: str = "") -> pd.DataFrame:
    chosen = (verdicts["family"] == "primary") & (verdicts["metric"] == "psnr")
    chosen &= verdicts["role"] == "student"
    if origin:
        chosen &= verdicts["origin"] == origin
    return verdicts[chosen & (verdicts["against"] == "do nothing")]


def _number_of(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _counted(words: pd.Series) -> str:
    counts = words.value_counts()
    there = [word for word in PLAIN if word in counts]
    parts = [f"{counts[word]} {'is' if counts[word] == 1 else 'are'} {PLAIN[word]}" for word in there]
    return join_words(parts) if parts else "none is judged"


def _over(mask: pd.DataFrame, place: tuple[str, str]) -> str:
    """The difference to the tuned mask with its interval; a dash where it was not judged."""
    if place not in mask.index:
        return "–"
    row = mask.loc[[place]].iloc[0]
    if pd.isna(row["difference"]):
        return "–"
    return f"{row['difference']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}]"


def _number(value: object, style: str) -> str:
    return "–" if value is None or pd.isna(value) else style.format(value)
