"""Reference measurements as the report tells them, against rows written by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from sharpstudy.reference_tables import (
    against_words,
    bitrate_words,
    clean_words,
    frames_words,
    gains_table,
    helped_rows,
    kept_words,
    read_calls,
    read_conditions,
    read_distillation,
    read_published,
    read_shares,
    two_protocols,
)


def _row(degradation, model, mean, gain=None, word="", on_mask=""):
    ends = {} if gain is None else {"on_nothing": gain, "low_nothing": gain - 0.1, "high_nothing": gain + 0.1}
    facts = {"degradation": degradation, "metric": "psnr", "model": model, "frames": 9, "mean": mean}
    return {**facts, **ends, "against_nothing": word, "against_mask": on_mask}


TABLE = pd.DataFrame(
    [
        _row("blur", "do nothing", 25.0),
        _row("blur", "tuned unsharp", 26.0, 1.0, "better"),
        _row("blur", "realtime", 26.5, 1.5, "better", "better"),
        _row("call-800k", "do nothing", 28.0),
        _row("call-800k", "tuned unsharp", 28.5, 0.5, "better"),
        _row("call-800k", "realtime", 28.2, 0.2, "no difference shown", "worse"),
        _row("clean", "do nothing", 100.0),
        _row("clean", "realtime", 46.25, -53.75, "worse"),
    ]
)


def test_gains_stand_beside_doing_nothing_and_are_marked_against_the_mask():
    table = gains_table(TABLE).set_index("degradation")
    assert list(table.index) == ["blur", "call-800k"]  # what is clean has no gain
    assert list(table.columns) == ["do nothing", "tuned unsharp", "realtime"]
    assert table.loc["blur"].tolist() == ["25.00", "+1.00 [+0.90, +1.10]", "+1.50 [+1.40, +1.60] ▲"]
    assert table.loc["call-800k", "realtime"] == "+0.20 [+0.10, +0.30] ▽"
    with pytest.raises(ValueError, match="expected one of psnr, ssim"):
        gains_table(TABLE, "gmsd")


def test_sentences_count_and_name():
    assert against_words(TABLE) == (
        "realtime is better than doing nothing on 1 of 2 degradations, worse on none; it is better than the"
        " mask tuned on the degradation on 1 of 2 degradations, worse on call-800k."
    )
    assert clean_words(TABLE) == (
        "What the students make of frames that were not degraded has a mean PSNR of: realtime 46.2 dB."
    )
    assert frames_words(TABLE) == "9 test frames"
    more = pd.concat([TABLE, TABLE.assign(frames=12)])
    assert frames_words(more) == "9 to 12 test frames"


def test_ssim_is_told_in_hundredths_to_two_digits():
    table = TABLE.assign(metric="ssim", mean=0.75)
    small = [f"{end}_nothing" for end in ("on", "low", "high")]
    table[small] = table[small] / 1000
    shown = gains_table(table, "ssim").set_index("degradation")
    assert shown.loc["blur"].tolist() == ["0.750", "+0.10 [+0.09, +0.11]", "+0.15 [+0.14, +0.16] ▲"]


def test_bits_saved_are_those_of_the_student():
    bits = pd.DataFrame(
        [("ssim", "realtime", 100, 0.25), ("ssim", "other", 100, 0.5), ("psnr", "realtime", 200, 0.1)],
        columns=["metric", "model", "kbps", "saved"],
    )
    assert bitrate_words(bits).endswith("of a call's bits: 25% at 100 kbit/s.")
    assert "on no rung" in bitrate_words(bits[bits["metric"] == "psnr"])


def test_a_folder_without_measurements_has_no_table(tmp_path):
    assert read_conditions(tmp_path) is None
    (tmp_path / "conditions").mkdir()
    TABLE.to_csv(tmp_path / "conditions" / "conditions.csv", index=False)
    assert len(read_conditions(tmp_path)) == len(TABLE)


def test_two_protocols_tell_gains_in_the_unit_of_the_metric_and_harm(tmp_path):
    spans = {
        f"{name}_{end}": value
        for name, at in (("own", 0.5), ("call-300k", -0.25), ("call-800k", 0.3))
        for end, value in (("gain", at), ("low", at - 0.1), ("high", at + 0.1))
    }
    clean = {"clean_psnr": 21.96, "clean_worst": 18.04, "clean_harmful": "yes"}
    row = {"system": "a", "metric": "psnr", "state": "measured", **spans, **clean}
    rows = [row, {**row, "metric": "ssim", "clean_harmful": "no"}, {**row, "state": "not released"}]
    (tmp_path / "published").mkdir()
    pd.DataFrame(rows).to_csv(tmp_path / "published" / "published.csv", index=False)
    table = two_protocols(read_published(tmp_path))
    assert table.values.tolist() == [
        ["a", "PSNR", "+0.50 [+0.40, +0.60]", "-0.25 [-0.35, -0.15]", "+0.30 [+0.20, +0.40]",
         "22.0, worst 18.0 ✗"],
        ["a", "SSIM", "+0.5000 [+0.4000, +0.6000]", "-0.2500 [-0.3500, -0.1500]",
         "+0.3000 [+0.2000, +0.4000]", "22.0, worst 18.0"],
    ]  # fmt: skip
    assert read_published(tmp_path / "nowhere") is None


def test_verdicts_of_trainings_are_told_in_db(tmp_path):
    assert read_distillation(tmp_path) is None
    facts = {"recipe": "realtime-x4", "of": "student", "against": "no-teacher", "word": "better", "seeds": 3}
    rows = [{**facts, "metric": name, "difference": 0.125, "low": -0.004, "high": 0.25}
            for name in ("psnr", "ssim")]  # fmt: skip
    folder = tmp_path / "distillation" / "realtime-x4"
    folder.mkdir(parents=True)
    pd.DataFrame(rows).to_csv(folder / "verdicts.csv", index=False)
    shown = helped_rows(read_distillation(tmp_path))
    assert list(shown.columns) == ["recipe", "judged", "against", "difference (dB)", "verdict"]
    assert shown.to_numpy().tolist() == [
        ["realtime-x4", "student", "no-teacher", "+0.12 [-0.00, +0.25]", "better"]
    ]


def test_less_of_lpips_is_told_in_hundredths_and_its_bits_by_name(tmp_path):
    assert read_calls(tmp_path) is None
    rows = [
        _row("call-100k", "do nothing", 0.45),
        _row("call-100k", "realtime", 0.4, -0.05, "better", "worse"),
    ]
    table = gains_table(pd.DataFrame(rows).assign(metric="lpips"), "lpips")
    assert table.to_numpy().tolist() == [["call-100k", "0.450", "-5.00 [-15.00, +5.00] ▽"]]
    bits = pd.DataFrame([("lpips", "realtime", 100, 0.25)], columns=["metric", "model", "kbps", "saved"])
    words = bitrate_words(bits, metric="lpips")
    assert words == "At equal mean LPIPS realtime saves, of a call's bits: 25% at 100 kbit/s."


def test_shares_of_teachers_are_told_by_degradation(tmp_path):
    assert read_shares(tmp_path) is None
    facts = {"model": "realtime", "strongest": "rlfn-x2", "degradation": "bicubic-x2", "gain": 1.07}
    shares = pd.DataFrame([{**facts, "share": 0.5, "share_low": 0.44, "share_high": 0.56}])
    assert kept_words(shares) == (
        "Of the gain of the strongest teacher at hand realtime keeps 50% [44%, 56%] of rlfn-x2's under"
        " bicubic-x2 (+1.07 dB)."
    )
