"""The report's first words: what the verdicts say in sentences, and one row for each system."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

WORDS = ("better", "no difference shown", "worse")
PLAIN = {"better": "better", "no difference shown": "not shown to differ", "worse": "worse"}


def answer(verdicts: pd.DataFrame, helped: pd.DataFrame) -> str:
    """Two sentences: how this run's students stand against doing nothing, and whether teachers helped."""
    primary = _primary(verdicts, "run")
    first = f"Of {len(primary)} students trained in this run, {_counted(primary['word'])} than doing nothing."
    harmful = primary.loc[primary["harmful"].fillna("") != "", "recipe"]
    if len(harmful):
        first = first[:-1] + f"; {_joined(harmful)} {'does' if len(harmful) == 1 else 'do'} harm."
    if helped.empty:
        return first + " Whether distillation helps is not answered: no teacher that passed the gate is here."
    share = _counted(helped["word"])
    return f"{first} Of {len(helped)} that a teacher taught, {share} than the same student without it (PSNR)."


def headline_table(verdicts: pd.DataFrame, clean: pd.DataFrame, models: pd.DataFrame) -> pd.DataFrame:
    """One row for each student: its PSNR gain over doing nothing with interval, verdict, harm and size."""
    rows = []
    cost = models.set_index("name")
    untouched = clean.set_index("model")["psnr"]
    for one in _primary(verdicts).itertuples():
        flag = f" (harmful: {one.harmful})" if isinstance(one.harmful, str) and one.harmful else ""
        rows.append(
            {
                "system": one.model,
                "degradation": one.degradation,
                "gain (dB)": f"{one.difference:+.2f} [{one.low:+.2f}, {one.high:+.2f}]",
                "verdict": one.word + flag,
                "clean frames (dB)": _number(untouched.get(one.model), "{:.1f}"),
                "parameters": _number(cost["parameters"].get(one.model), "{:,.0f}"),
                "k mult-adds/px": _number(cost["kmac_per_pixel"].get(one.model), "{:,.1f}"),
            }
        )
    return pd.DataFrame(rows)


def helped_table(folder: Path) -> pd.DataFrame:
    """The verdicts of the students that somebody taught against the same ones without a teacher (PSNR)."""
    tables = [pd.read_csv(path) for path in sorted(folder.glob("*/verdicts.csv"))]
    if not tables:
        return pd.DataFrame(columns=["recipe", "word"])
    every = pd.concat(tables, ignore_index=True)
    of_student = (every["of"] == "student") & (every["against"] == "no-teacher")
    return every[of_student & (every["metric"] == "psnr")].reset_index(drop=True)


def frame_rates(profiles: pd.DataFrame, sizes: Iterable[tuple[int, int]]) -> pd.DataFrame:
    """For each student its best frame rate end to end by p95 at each size, and the form that reached it."""
    done = profiles[(profiles["stage"] == "end_to_end") & (profiles["valid"] != "not measured")]
    done = done[done["role"].isin(("student", "realtime")) & (done["threads"] == done["threads"].max())]
    rows = []
    for model, own in done.groupby("model", sort=False):
        row: dict[str, object] = {"system": model}
        for width, height in sizes:
            there = own[(own["width"] == width) & (own["height"] == height)]
            best = there.nlargest(1, "fps")
            form = [f"{one.fps:,.1f} ({one.backend} {one.precision})" for one in best.itertuples()]
            row[f"FPS at {width}x{height}"] = form[0] if form else "not measured"
        rows.append(row)
    return pd.DataFrame(rows)


def _primary(verdicts: pd.DataFrame, origin: str = "") -> pd.DataFrame:
    chosen = (verdicts["family"] == "primary") & (verdicts["metric"] == "psnr")
    chosen &= verdicts["role"] == "student"
    if origin:
        chosen &= verdicts["origin"] == origin
    return verdicts[chosen & (verdicts["against"] == "do nothing")]


def _counted(words: pd.Series) -> str:
    counts = words.value_counts()
    parts = [
        f"{counts[word]} {'is' if counts[word] == 1 else 'are'} {PLAIN[word]}"
        for word in WORDS
        if word in counts
    ]
    return _joined(parts) if parts else "none is judged"


def _joined(parts: Iterable[str]) -> str:
    *others, last = list(parts)
    return f"{', '.join(others)} and {last}" if others else last


def _number(value: object, style: str) -> str:
    return "–" if value is None or pd.isna(value) else style.format(value)
