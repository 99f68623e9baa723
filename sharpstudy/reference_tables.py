"""The measurements in results/reference as tables and sentences for the report; pandas alone.

They were made once, by commands that results/reference/README.md names, and not by the run that shows them.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

NOTHING, MASK, CLEAN = "do nothing", "tuned unsharp", "clean"
STUDENTS = ("realtime-S", "realtime", "realtime-L")
METRIC_NAMES = {
    "psnr": "PSNR",
    "ssim": "SSIM",
    "lpips": "LPIPS",
    "cer": "character error rate",
    "flicker": "flicker",
}
IN_HUNDREDTHS = ("ssim", "lpips", "cer")


def gains_table(conditions: pd.DataFrame, metric: str = "psnr") -> pd.DataFrame:
    """A row for each degradation: what doing nothing scores, and what mask and students gain on it.

    Gains of metrics from 0 to 1 are told in hundredths. A student better than the mask is marked ▲, a worse
    one ▽; of LPIPS, character errors and flicker less is better.
    """
    rows = []
    for degradation, group in _of(conditions, metric).groupby("degradation", sort=False):
        if degradation == CLEAN:
            continue
        by_model = group.set_index("model")
        row = {"degradation": degradation, NOTHING: _mean(by_model.loc[NOTHING, "mean"], metric)}
        for name in (MASK, *STUDENTS):
            if name in set(conditions["model"]):
                row[name] = _gain(by_model.loc[name], metric) if name in by_model.index else "–"
        rows.append(row)
    return pd.DataFrame(rows)


def frames_words(conditions: pd.DataFrame) -> str:
    """On how many test frames the degradations were measured."""
    counts = conditions.loc[conditions["degradation"] != CLEAN, "frames"]
    low, high = counts.min(), counts.max()
    return f"{low:.0f} test frames" if low == high else f"{low:.0f} to {high:.0f} test frames"


def against_words(conditions: pd.DataFrame, student: str = "realtime") -> str:
    """On how many degradations a student is better or worse than doing nothing and the mask, in PSNR."""
    rows = _of(conditions, "psnr")
    rows = rows[(rows["model"] == student) & (rows["degradation"] != CLEAN)]
    parts = []
    for key, name in (("nothing", "doing nothing"), ("mask", "the mask tuned on the degradation")):
        words = rows[f"against_{key}"]
        worse = rows.loc[words == "worse", "degradation"]
        lost = f", worse on {', '.join(worse)}" if len(worse) else ", worse on none"
        parts.append(f"better than {name} on {(words == 'better').sum()} of {len(rows)} degradations{lost}")
    return f"{student} is {'; it is '.join(parts)}."


def clean_words(conditions: pd.DataFrame) -> str:
    """How near each student stays to frames that were not degraded."""
    rows = _of(conditions, "psnr")
    rows = rows[(rows["degradation"] == CLEAN) & rows["model"].isin(STUDENTS)]
    told = [f"{row.model} {row.mean:.1f} dB" for row in rows.itertuples(index=False)]
    return f"What the students make of frames that were not degraded has a mean PSNR of: {', '.join(told)}."


def bitrate_words(bitrates: pd.DataFrame, student: str = "realtime", metric: str = "ssim") -> str:
    """What share of a call's bits the student saves at an equal score, by rung."""
    rows, name = _of(bitrates, metric), METRIC_NAMES[metric]
    rows = rows[rows["model"] == student]
    if rows.empty:
        return f"{student}: on no rung of the ladder is there an untouched call of equal {name}."
    told = [f"{row.saved:.0%} at {row.kbps} kbit/s" for row in rows.itertuples(index=False)]
    return f"At equal mean {name} {student} saves, of a call's bits: {', '.join(told)}."


def _of(conditions: pd.DataFrame, metric: str) -> pd.DataFrame:
    if metric not in METRIC_NAMES:
        raise ValueError(f"metric: expected one of {', '.join(METRIC_NAMES)}, got {metric!r}")
    return conditions[conditions["metric"] == metric]


def _mean(value: float, metric: str) -> str:
    return f"{value:.3f}" if metric in IN_HUNDREDTHS else f"{value:.2f}"


def _gain(row: pd.Series, metric: str) -> str:
    factor = 100 if metric in IN_HUNDREDTHS else 1
    gain, low, high = (factor * row[f"{end}_nothing"] for end in ("on", "low", "high"))
    mark = {"better": " ▲", "worse": " ▽"}.get(row.get("against_mask"), "")
    return f"{gain:+.2f} [{low:+.2f}, {high:+.2f}]{mark}"


def two_protocols(published: pd.DataFrame) -> pd.DataFrame:
    """A row for each released student and metric: its gain under its own protocol and on calls, and its harm.

    Gains are over doing nothing, in the unit of the metric, with 95 % intervals.
    """
    rows = []
    there = published[published["state"] == "measured"].drop_duplicates(["system", "metric"])
    for _, one in there.iterrows():
        row = {"system": one["system"], "metric": METRIC_NAMES[one["metric"]]}
        row["own protocol"] = _spanned(one, "own")
        row |= {name: _spanned(one, name) for name in ("call-300k", "call-800k")}
        harm = " ✗" if one["clean_harmful"] == "yes" else ""
        row["clean frames (dB)"] = f"{one['clean_psnr']:.1f}, worst {one['clean_worst']:.1f}{harm}"
        rows.append(row)
    return pd.DataFrame(rows)


def _spanned(row: pd.Series, name: str) -> str:
    style = "+.2f" if row["metric"] == "psnr" else "+.4f"
    gain, low, high = (row[f"{name}_{end}"] for end in ("gain", "low", "high"))
    return f"{gain:{style}} [{low:{style}}, {high:{style}}]"


def read_published(folder: Path) -> pd.DataFrame | None:
    """The table of sharpstudy.experiments.published in a folder; None where it was not made."""
    return _read(folder, "published")


def read_conditions(folder: Path) -> pd.DataFrame | None:
    """The table of sharpstudy.experiments.conditions in a folder; None where it was not made."""
    return _read(folder, "conditions")


def helped_rows(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Verdicts of trainings as the report shows them: who is held against whom, dB of PSNR, and the word."""
    rows = verdicts[verdicts["metric"] == "psnr"]
    show = rows[["recipe", "of", "against", "word"]].rename(columns={"of": "judged", "word": "verdict"})
    ends = zip(rows["difference"], rows["low"], rows["high"], strict=True)
    show.insert(3, "difference (dB)", [f"{gain:+.2f} [{low:+.2f}, {high:+.2f}]" for gain, low, high in ends])
    return show


def kept_words(shares: pd.DataFrame, student: str = "realtime") -> str:
    """Which share of the strongest teacher's gain the student keeps, by degradation."""
    rows = shares[shares["model"] == student]
    told = [
        f"{row.share:.0%} [{row.share_low:.0%}, {row.share_high:.0%}] of {row.strongest}'s under"
        f" {row.degradation} ({row.gain:+.2f} dB)"
        for row in rows.itertuples(index=False)
    ]
    return f"Of the gain of the strongest teacher at hand {student} keeps {', '.join(told)}."


def read_shares(folder: Path) -> pd.DataFrame | None:
    """The table of sharpstudy.experiments.teacher_share in a folder; None where it was not made."""
    return _read(folder, "teacher-share")


def read_calls(folder: Path) -> pd.DataFrame | None:
    """The table of sharpstudy.experiments.calls in a folder; None where it was not made."""
    return _read(folder, "calls")


def _read(folder: Path, name: str) -> pd.DataFrame | None:
    path = folder / name / f"{name}.csv"
    return pd.read_csv(path) if path.is_file() else None


def read_distillation(folder: Path) -> pd.DataFrame | None:
    """The verdicts of trainings with their controls, kept in a folder; None where none were."""
    paths = sorted((folder / "distillation").glob("*/verdicts.csv"))
    return pd.concat(map(pd.read_csv, paths), ignore_index=True) if paths else None
