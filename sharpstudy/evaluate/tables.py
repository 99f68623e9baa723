"""Scores into the tables that are shown: means with intervals, categories, gains, clean frames."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from sharpstudy.evaluate.frames import CLEAN
from sharpstudy.evaluate.models import DO_NOTHING
from sharpstudy.evaluate.settings import EvalSettings
from sharpstudy.metrics import PSNR_CAP

if TYPE_CHECKING:
    import pandas as pd

ABOVE = 0.90  # the SSIM that published tables count frames above
WHO = ["model", "role", "recipe", "origin"]


def clips_of(scores: pd.DataFrame) -> dict[str, str]:
    """The clip of each frame, as statistics want it."""
    return dict(zip(scores["frame"], scores["clip"], strict=True))


def summary_table(scores: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Each model's mean by degradation and metric with its 95 % interval over clips.

    A mean over a part of the frames is never given: where one score is missing the mean is empty, and so is
    the interval where there is a single clip.
    """
    import pandas as pd

    from sharpstudy.statistics import estimate

    clips = clips_of(scores)
    rows = []
    for keys, part in scores.groupby([*WHO, "degradation", "metric"], sort=False):
        degradation, metric = keys[-2:]
        row = {"mean": float("nan"), "low": float("nan"), "high": float("nan"), "pilot": True}
        if part["value"].notna().all():
            row["mean"] = float(capped(part)["value"].groupby(part["clip"]).mean().mean())
            if part["clip"].nunique() > 1:
                found = estimate(part, clips, keys[0], metric, degradation, seed=seed)
                row |= {"mean": found.mean, "low": found.low, "high": found.high, "pilot": found.pilot}
        row |= {"frames": part["frame"].nunique(), "clips": part["clip"].nunique()}
        rows.append({**dict(zip((*WHO, "degradation", "metric"), keys, strict=True)), **row})
    columns = [*WHO, "degradation", "metric", "mean", "low", "high", "frames", "clips", "pilot"]
    return pd.DataFrame(rows, columns=columns)


def category_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean PSNR and SSIM by category, and how many frames are above an SSIM of 0.90, as was published.

    The row "do nothing" says what the same count is worth without any model.
    """
    wanted = capped(scores[scores["metric"].isin(["psnr", "ssim"])])
    keys = [*WHO, "degradation", "category"]
    index = [*keys, "frame", "clip"]
    wide = wanted.set_index([*index, "metric"])["value"].unstack("metric").reset_index()
    wide["above_090"] = wide["ssim"] > ABOVE
    table = wide.groupby(keys, sort=False).agg(
        frames=("frame", "nunique"),
        clips=("clip", "nunique"),
        psnr=("psnr", "mean"),
        ssim=("ssim", "mean"),
        above_090=("above_090", "sum"),
    )
    return table.reset_index()


def gain_table(
    scores: pd.DataFrame, baseline: str = DO_NOTHING, metrics: Iterable[str] = ("psnr", "ssim")
) -> pd.DataFrame:
    """The difference of every other model from a baseline, frame by frame, in the metric's own unit."""
    values = capped(scores[scores["metric"].isin(list(metrics))])
    place = ["degradation", "frame", "clip", "category", "metric"]
    own = values[values["model"] == baseline].set_index(place)["value"].rename("baseline")
    if own.empty:
        known = ", ".join(sorted(scores["model"].unique()))
        raise ValueError(f"baseline: expected one of {known}, got {baseline!r}")
    others = values[values["model"] != baseline].join(own, on=place, how="inner")
    gain = others["value"] - others["baseline"]
    return others.assign(gain=gain)[[*WHO, *place, "gain"]].reset_index(drop=True)


def cross_table(scores: pd.DataFrame, own: Mapping[str, str], metric: str = "psnr") -> pd.DataFrame:
    """Students and controls on every degradation, against doing nothing: trained on one, tested on others."""
    import pandas as pd

    from sharpstudy.statistics import compare

    clips, rows = clips_of(scores), []
    facts = ("low", "high", "word", "frames", "clips", "pilot")
    judged = scores[scores["role"].isin(["student", "control"]) & (scores["degradation"] != CLEAN)]
    judged = judged[(judged["metric"] == metric) & judged["recipe"].isin(list(own))]
    for (*who, degradation), part in judged.groupby([*WHO, "degradation"], sort=False):
        if part["clip"].nunique() < 2:
            continue
        shared = same_frames(scores, who[0])
        found = compare(shared, clips, who[0], DO_NOTHING, metric, degradation)
        row = dict(zip(WHO, who, strict=True)) | {"own": own[who[2]], "degradation": degradation}
        row |= {"metric": metric, "gain": found.difference}
        rows.append(row | {name: getattr(found, name) for name in facts})
    return pd.DataFrame(rows, columns=[*WHO, "own", "degradation", "metric", "gain", *facts])


def clean_table(scores: pd.DataFrame, settings: EvalSettings) -> pd.DataFrame:
    """What each model leaves of frames that were not degraded: PSNR of restored against untouched, in dB.

    A frame left exactly as it is counts as 100 dB in the mean. worst is the lowest frame. pooled is the PSNR
    of the mean squared error of all frames, which a few frames left untouched cannot raise: harmful is "yes"
    where it is below the settings' clean_floor.
    """
    import pandas as pd

    clean = scores[scores["degradation"] == CLEAN]
    table = summary_table(clean[clean["metric"].isin(["psnr", "ssim"])], settings.seed)
    rows = []
    for _, row in table[table["metric"] == "psnr"].iterrows():
        own = capped(clean[(clean["model"] == row["model"]) & (clean["metric"] == "psnr")])
        pooled = -10 * math.log10((10 ** (-own["value"] / 10)).mean())
        ssim = table[(table["model"] == row["model"]) & (table["metric"] == "ssim")]["mean"]
        rows.append(
            {
                **{name: row[name] for name in WHO},
                "psnr": row["mean"],
                "low": row["low"],
                "high": row["high"],
                "worst": own["value"].min(),
                "pooled": pooled,
                "ssim": ssim.iloc[0] if len(ssim) else float("nan"),
                "frames": row["frames"],
                "clips": row["clips"],
                "harmful": "yes" if pooled < settings.clean_floor else "no",
            }
        )
    columns = [*WHO, "psnr", "low", "high", "worst", "pooled", "ssim", "frames", "clips", "harmful"]
    return pd.DataFrame(rows, columns=columns)


def same_frames(scores: pd.DataFrame, model: str) -> pd.DataFrame:
    """The scores on the frames that a model was asked to restore, degradation by degradation.

    Baselines have more of them than a model that is tried on a few frames of a foreign degradation.
    """
    asked = scores.loc[scores["model"] == model, ["degradation", "frame"]].drop_duplicates()
    return scores.merge(asked, on=["degradation", "frame"])


def capped(scores: pd.DataFrame) -> pd.DataFrame:
    """The scores with a PSNR of at most 100 dB, so that a mean can be taken."""
    psnr = scores["metric"].str.startswith("psnr")
    return scores.assign(value=scores["value"].where(~psnr, scores["value"].clip(upper=PSNR_CAP)))
