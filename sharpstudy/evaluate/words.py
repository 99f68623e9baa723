"""What a comparison says on a screen: one table, one sentence a model, and loudly what does harm."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sharpstudy.evaluate.comparison import Comparison
from sharpstudy.evaluate.models import DO_NOTHING
from sharpstudy.evaluate.settings import EvalSettings
from sharpstudy.evaluate.tables import summary_table
from sharpstudy.evaluate.verdicts import PRIMARY, UNCLEAN, flags

if TYPE_CHECKING:
    import pandas as pd

SHOWN = {"psnr": ("PSNR dB", 2), "ssim": ("SSIM", 4), "lpips": ("LPIPS", 4), "halo": ("halo", 3)}


def result_rows(found: Comparison) -> list[dict[str, str]]:
    """The table: means on the degraded frames, the gain in PSNR over doing nothing with its interval."""
    means = summary_table(found.scores[found.scores["degradation"] == found.degradation])
    wide = means.pivot(index="model", columns="metric", values="mean")
    shown = {name: how for name, how in SHOWN.items() if name in wide and wide[name].notna().any()}
    rows = []
    for model in means["model"].unique():
        row = {"model": model}
        row |= {label: _number(wide.loc[model, name], digits) for name, (label, digits) in shown.items()}
        verdict = _primary(found, model, "psnr")
        gain, span, word = "", "", ""
        if verdict is not None:
            gain, span = f"{verdict['difference']:+.2f}", f"[{verdict['low']:+.2f}, {verdict['high']:+.2f}]"
            word = _word(found, model)
        rows.append({**row, "gain dB": gain, "95 %": span, "verdict": word})
    return rows


def sentences(found: Comparison) -> Iterator[str]:
    """What each model does, in plain words: degraded frames, then clean ones."""
    clean = found.clean.set_index("model")
    for model in found.scores["model"].unique():
        if model == DO_NOTHING:
            continue
        yield f"{model}: {_against_nothing(found, model)} {_on_clean(clean, model)}"


def warnings(found: Comparison, settings: EvalSettings) -> list[str]:
    """One loud line for every model that does harm, the baselines apart."""
    harmful = flags(found.verdicts)
    for row in found.clean[found.clean["harmful"] == "yes"].itertuples():
        said = f"{UNCLEAN}: {row.pooled:.1f} dB left of them, below the {settings.clean_floor:g} dB asked for"
        harmful.setdefault(row.model, said)
    models = set(found.scores.loc[found.scores["role"] != "baseline", "model"])
    return [f"!!! {model} DOES HARM !!!  {why}" for model, why in harmful.items() if model in models]


def missing_metrics(found: Comparison) -> list[str]:
    """Why a metric has no value, once each."""
    missing = found.scores[found.scores["value"].isna()]
    pairs = missing[["metric", "reason"]].drop_duplicates()
    return [f"{row.metric}: n/a ({row.reason})" for row in pairs.itertuples()]


def _against_nothing(found: Comparison, model: str) -> str:
    rows = [row for row in (_primary(found, model, metric) for metric in PRIMARY) if row is not None]
    if not rows:
        return "no verdict, because that takes at least two clips."
    words = {row["metric"].upper(): row["word"] for row in rows}
    first = rows[0]
    unit = " dB" if first["metric"] == "psnr" else ""
    said = "against doing nothing " + ", ".join(f"{word} by {name}" for name, word in words.items())
    if set(words.values()) == {"no difference shown"}:
        said = "no difference from doing nothing was shown"
    elif len(set(words.values())) == 1:
        said = f"{first['word']} than doing nothing"
    pilot = "; few clips, so take it as a pilot" if first["pilot"] else ""
    return (
        f"{said} ({first['metric'].upper()} {first['difference']:+.2f}{unit}"
        f" [{first['low']:+.2f}, {first['high']:+.2f}], better on {first['share_improved']:.0%} of"
        f" {first['clips']:.0f} clips, {first['frames']:.0f} frames{pilot})."
    )


def _on_clean(clean: pd.DataFrame, model: str) -> str:
    if model not in clean.index:
        return "What it does to clean frames cannot be known from stored pictures."
    kept, worst = clean.loc[model, "psnr"], clean.loc[model, "worst"]
    if kept >= 100:
        return "It leaves clean frames exactly as they are."
    return f"It leaves clean frames at {kept:.1f} dB in the mean, {worst:.1f} dB at worst."


def _word(found: Comparison, model: str) -> str:
    rows = (_primary(found, model, metric) for metric in PRIMARY)
    words = dict.fromkeys(row["word"] for row in rows if row is not None)
    word = next(iter(words)) if len(words) == 1 else "mixed"
    return f"{word} (!)" if model in flags(found.verdicts) else word


def _primary(found: Comparison, model: str, metric: str) -> pd.Series | None:
    rows = found.verdicts
    rows = rows[(rows["model"] == model) & (rows["family"] == "primary") & (rows["metric"] == metric)]
    return rows.iloc[0] if len(rows) else None


def _number(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}f}"
