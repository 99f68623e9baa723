"""Published figures beside what was measured, as tables and as text that a person reads."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sharpstudy.evaluate import (
    CLEAN,
    DO_NOTHING,
    UNSHARP,
    EvalSettings,
    category_table,
    clean_table,
    degradation_name,
)
from sharpstudy.experiments.conditions import condition_table
from sharpstudy.experiments.own_protocols import PROTOCOLS, SHRUNK
from sharpstudy.experiments.tables import aligned, number, spanned
from sharpstudy.recipes import Published, load_recipe

if TYPE_CHECKING:
    import pandas as pd

HONEST = ("call-300k", "call-800k")
ALL = "all"  # the category of rows over all frames
DECIMALS = {"psnr": 2, "ssim": 4}
MEASURED, NOT_RELEASED = "measured", "not released"
ELSEWHERE = {
    "fps": "a speed",
    "milliseconds": "a speed",
    "mos": "a mean opinion score of people",
    "loss": "a sum of terms of unknown weights",
    "parameters": "a size",
}
VERDICT = ("on_nothing", "low_nothing", "high_nothing", "against_nothing")
_SHARE = re.compile(r"(\d+) of (\d+)")


def measure_table(scores: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """A row for each system, degradation, metric and model: mean, gains, verdicts, frames above SSIM 0.90.

    `scores` are by system, those of the honest protocol under ""; there a student's system is its name, and
    doing nothing and the mask have none. Under a system's own degradation each category has a row, too.
    """
    import pandas as pd

    parts = []
    for system, own in scores.items():
        table = condition_table(own).assign(protocol="own" if system else "honest", category=ALL)
        table["system"] = system or table["model"].where(~table["model"].isin((DO_NOTHING, UNSHARP)), "")
        keys = ["degradation", "model"]
        above = category_table(own).groupby(keys)["above_090"].sum()
        clips = own.groupby(keys)["clip"].nunique()
        table = table.join(above, on=keys).join(clips.rename("clips"), on=keys)
        parts += [table, _by_category(own, system)] if system else [_with_harm(table, own)]
    table = pd.concat(parts, ignore_index=True)
    first = ["system", "protocol", "degradation", "category", "metric", "model", "frames", "clips"]
    return table[[*first, *(name for name in table.columns if name not in first)]]


def figure_table(
    measures: pd.DataFrame, cards: Mapping[str, Mapping[str, Any]], sources: Mapping[str, str]
) -> pd.DataFrame:
    """A row for each published figure: what it is, and ours under the system's own and the honest protocol.

    own_ columns are in the figure's metric; a speed, an opinion score, a loss, a size and what is the
    teacher's have none, and `state` says why. `share_` is a published count of frames, where there is one.
    """
    import pandas as pd

    rows = []
    for system in sources:
        for one in load_recipe(system).published:
            row = {"system": system, "metric": one.metric, "of": one.of, "where": one.where}
            row |= {"published": one.value, "words": one.words, **_share(one)}
            row["state"] = _state(one, system in cards)
            if one.metric in DECIMALS and one.of != "teacher":
                row["sources"] = sources[system]
                row |= _own(measures, system, one.metric)
                row |= _honest(measures, system, one.metric)
            card = cards.get(system)
            if card:
                row |= {"budget": trained_words(card), "weights": card["weights"]["sha256"][:12]}
            rows.append(row)
    table = pd.DataFrame(rows)
    counts = [name for name in table.columns if name == "frames" or name.startswith("share_")]
    counts += [name for name in table.columns if name.endswith("_above") and name not in counts]
    return table.astype(dict.fromkeys(counts, "Int64"))


def published_text(figures: pd.DataFrame, measures: pd.DataFrame) -> str:
    """The tables for people, system by system."""
    lines = [
        "Published figures, and the released students under two protocols: the system's own (its",
        "degradation, pictures like its own) and the honest one (calls, and frames never degraded).",
        "Gains are over doing nothing, with 95 % intervals over clips. A student that enlarges reads the",
        "degraded frame shrunk by its factor where there is no small one.",
    ]
    for system, part in figures.groupby("system", sort=False):
        lines += ["", *_section(str(system), part, measures)]
    return "\n".join(lines)


def trained_words(card: Mapping[str, Any]) -> str:
    """How long a card's training was, and whether it was all that the recipe says."""
    words = f"budget {card.get('budget', 'unknown')}"
    if "steps" in card:
        words += f", {card['steps']['done']:,} steps of {card['batch']} squares of {card['patch']} pixels"
    return words + (
        f"; less than the recipe's {', '.join(card['recipe_says'])}" if card.get("recipe_says") else ""
    )


def _section(system: str, figures: pd.DataFrame, measures: pd.DataFrame) -> Iterator[str]:
    released = "weights" in figures and figures["weights"].notna().any()
    head = figures["budget"].iloc[0] if released else NOT_RELEASED
    yield f"== {system} ({head})"
    for (of, state), part in figures.groupby(["of", "state"], sort=False):
        why = "" if state in (MEASURED, NOT_RELEASED) else f" ({state})"
        yield f"published, {of}: {'; '.join(dict.fromkeys(part['words']))}{why}"
    mine = measures[measures["system"] == system]
    own = mine[mine["protocol"] == "own"]
    sources = figures["sources"].dropna().iloc[0]
    for degradation, part in own[own["category"] == ALL].groupby("degradation", sort=False):
        yield from ("", f"own protocol, {degradation}: {_pictures(system, part, sources)}")
        yield aligned([_own_row(model, rows) for model, rows in part.groupby("model", sort=False)])
    if PROTOCOLS[system].categories == "apart":
        yield from ("", aligned(list(_category_rows(own[own["category"] != ALL]))))
    honest = measures[(measures["protocol"] == "honest") & measures["system"].isin(["", system])]
    if released and len(honest):
        count = honest["frames"].max()
        yield from ("", f"honest protocol: gains on {count:.0f} test frames under each degradation")
        yield aligned(list(_honest_rows(honest)))


def _pictures(system: str, part: pd.DataFrame, sources: str) -> str:
    window = PROTOCOLS[system].window
    sized = ""
    if window:
        shrunk = part["degradation"].iloc[0].endswith(SHRUNK)
        sized = f"{'shrunk to' if shrunk else 'the middle'} {window[0]}x{window[1]} of "
    return f"{sized}{part['frames'].max():.0f} frames of {sources} (published: {PROTOCOLS[system].words})"


def _own_row(model: str, rows: pd.DataFrame) -> dict[str, str]:
    by = rows.set_index("metric")
    ssim, psnr = by.loc["ssim"], by.loc["psnr"]
    return {
        "model": model,
        "SSIM": number(ssim["mean"], 4),
        "above 0.90": f"{ssim['above_090']:.0f} of {ssim['frames']:.0f}",
        "gain in SSIM": spanned(*ssim[list(VERDICT[:3])], 4),
        "PSNR dB": number(psnr["mean"], 2),
        "gain in dB": spanned(*psnr[list(VERDICT[:3])], 2),
    }


def _category_rows(own: pd.DataFrame) -> Iterator[dict[str, str]]:
    """Mean SSIM and how many frames are above 0.90, a row a category, as was published."""
    ssim = own[own["metric"] == "ssim"]
    for category, part in ssim.groupby("category", sort=False):
        row = {"category": str(category), "frames": f"{part['frames'].max():.0f}"}
        for one in sorted(part.itertuples(), key=lambda one: one.model != DO_NOTHING):
            row[one.model] = f"{one.mean:.4f} ({one.above_090:.0f})"
        yield row


def _honest_rows(honest: pd.DataFrame) -> Iterator[dict[str, str]]:
    """Gains in dB and SSIM under each call, and what is left of clean frames."""
    table = honest.set_index(["model", "degradation", "metric"])
    for model in dict.fromkeys(honest["model"]):
        if model == DO_NOTHING:
            continue
        row = {"model": str(model)}
        for name in HONEST:
            for metric, unit in (("psnr", "dB"), ("ssim", "SSIM")):
                found = table.loc[(model, name, metric)]
                row[f"{name} {unit}"] = spanned(*found[list(VERDICT[:3])], DECIMALS[metric])
        row |= {"clean dB": "–", "worst": "–", "harm": "–"}
        if (model, CLEAN, "psnr") in table.index:
            kept = table.loc[(model, CLEAN, "psnr")]
            row |= {"clean dB": number(kept["mean"], 1), "worst": number(kept["worst"], 1)}
            row["harm"] = str(kept["harmful"])
        yield row


def _by_category(scores: pd.DataFrame, system: str) -> pd.DataFrame:
    import pandas as pd

    table = category_table(scores)
    keys = ["degradation", "category", "model", "frames", "clips"]
    parts = [
        table[[*keys, "above_090"]].assign(metric=metric, mean=table[metric]) for metric in ("psnr", "ssim")
    ]
    return pd.concat(parts, ignore_index=True).assign(system=system, protocol="own")


def _with_harm(table: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """The table with what is left of clean frames at worst and in all, and whether that is harm."""
    found = ["worst", "pooled", "harmful"]
    clean = clean_table(scores, EvalSettings()).set_index("model")[found]
    table = table.join(clean, on="model")
    here = (table["degradation"] == CLEAN) & (table["metric"] == "psnr")
    return table.assign(**{name: table[name].where(here) for name in found})


def _share(one: Published) -> dict[str, Any]:
    """A count of frames in the published words, such as 87 of 100."""
    found = _SHARE.search(one.words)
    return {"share_above": int(found[1]), "share_frames": int(found[2])} if found else {}


def _state(one: Published, released: bool) -> str:
    if one.metric in ELSEWHERE:
        return f"not measured here: {ELSEWHERE[one.metric]}"
    if one.of == "teacher":
        return "not measured here: the teacher's"
    return MEASURED if released else NOT_RELEASED


def _own(measures: pd.DataFrame, system: str, metric: str) -> dict[str, Any]:
    name = degradation_name(load_recipe(system))
    rows = measures[(measures["system"] == system) & (measures["protocol"] == "own")]
    rows = rows[(rows["category"] == ALL) & (rows["metric"] == metric) & (rows["degradation"] == name)]
    row: dict[str, Any] = {"degradation": name, "frames": rows["frames"].max()}
    for key, model in (("nothing", DO_NOTHING), ("mask", UNSHARP), ("student", system)):
        there = rows[rows["model"] == model]
        row[f"own_{key}"] = there["mean"].iloc[0] if len(there) else math.nan
        row[f"own_{key}_above"] = there["above_090"].iloc[0] if len(there) and metric == "ssim" else math.nan
    return row | _verdict(rows[rows["model"] == system], "own")


def _honest(measures: pd.DataFrame, system: str, metric: str) -> dict[str, Any]:
    rows = measures[(measures["system"] == system) & (measures["protocol"] == "honest")]
    row: dict[str, Any] = {}
    for name in HONEST:
        row |= _verdict(rows[(rows["degradation"] == name) & (rows["metric"] == metric)], name)
    kept = rows[(rows["degradation"] == CLEAN) & (rows["metric"] == "psnr")]
    if len(kept):
        row |= {"clean_psnr": kept["mean"].iloc[0], "clean_worst": kept["worst"].iloc[0]}
        row["clean_harmful"] = kept["harmful"].iloc[0]
    return row


def _verdict(rows: pd.DataFrame, name: str) -> dict[str, Any]:
    ends = ("gain", "low", "high", "word")
    if rows.empty:
        return {}
    return {f"{name}_{end}": rows[column].iloc[0] for end, column in zip(ends, VERDICT, strict=True)}
