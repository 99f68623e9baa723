"""The report's first words: what the verdicts say in sentences, and one row for each system."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from sharpstudy.wording import join_words

QUALITY = {"ssim": "{:.4f}", "psnr": "{:.2f} dB"}  # published scores that are measured here, too
SPEED = {"fps": ("{:,.1f} FPS", "our_fps"), "milliseconds": ("{:,.0f} ms", "our_p50_ms")}
ABSENT = "not measured"
OWN = "own protocol, reference run"
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
                OWN: _own(one, own),
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
