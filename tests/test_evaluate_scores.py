"""Scores are what the metrics say of the same uint8 frames, at the same place for every model."""

from __future__ import annotations

import numpy as np
import pytest

from sharpstudy import evaluate, metrics
from sharpstudy.baselines import Unsharp
from sharpstudy.data.degrade import Blind, Blur, degrade, enlarge, parse_degradation
from sharpstudy.data.frames import write_frame
from sharpstudy.data.prepare import frame_seed
from sharpstudy.evaluate import EvalSettings
from sharpstudy.evaluate.frames import cut_frame
from sharpstudy.evaluate.squares import place_square
from tests.evaluate_tools import BRIEF, planted, references_of


@pytest.fixture
def pairs(tmp_path) -> evaluate.FrameSet:
    return evaluate.degraded_set(references_of(), "bicubic-x2", tmp_path / "pairs", BRIEF)


def brighter(frame: evaluate.EvalFrame) -> np.ndarray:
    return np.clip(frame.degraded.astype(int) + 5, 0, 255).astype(np.uint8)


def value_of(scores, frame: str, metric: str) -> float:
    return scores[(scores["frame"] == frame) & (scores["metric"] == metric)]["value"].item()


def test_scores_are_the_metrics_called_by_hand(pairs):
    names = ("psnr", "ssim", "gmsd", "halo", "worsened")
    settings = EvalSettings(metrics=names)
    model = evaluate.from_callable("brighter", brighter, recipe="swinir-cnn", origin="run", role="student")
    scores = evaluate.score_model(model, [pairs], settings)
    assert list(scores.columns) == list(evaluate.SCORE_COLUMNS)
    assert len(scores) == 6 * len(names)
    for reference in references_of():
        frame = reference.load()
        degraded = degrade(frame, parse_degradation("bicubic-x2"), frame_seed(1, reference.frame, 0))
        restored = np.clip(degraded.astype(int) + 5, 0, 255).astype(np.uint8)
        for name in names:
            extra = [degraded] if name == "worsened" else []
            by_hand = getattr(metrics, name)(frame, restored, *extra)
            assert value_of(scores, reference.frame, name) == pytest.approx(by_hand, abs=1e-6)
    assert set(scores["recipe"]) == {"swinir-cnn"}
    assert scores["clip"].tolist() == scores["frame"].tolist()


def test_the_bytes_do_not_hang_on_the_number_of_threads(pairs, tmp_path):
    model = evaluate.do_nothing()
    files = []
    for workers in (1, 3):
        scores = evaluate.score_model(model, [pairs], EvalSettings(metrics=("psnr", "ssim"), workers=workers))
        evaluate.write_scores(tmp_path / f"{workers}.csv", scores)
        files.append((tmp_path / f"{workers}.csv").read_bytes())
    assert files[0] == files[1]
    read = evaluate.read_scores(tmp_path / "1.csv")
    assert evaluate.read_scores([tmp_path / "1.csv"])["value"].tolist() == scores["value"].tolist()
    with pytest.raises(ValueError, match="12 come twice"):
        evaluate.combine([read, read])


def test_clean_frames_left_alone_are_infinite_and_come_back_from_the_file(tmp_path):
    clean = evaluate.clean_set(references_of(), BRIEF, count=3)
    scores = evaluate.score_model(evaluate.do_nothing(), [clean], BRIEF)
    assert np.isinf(scores.loc[scores["metric"] == "psnr", "value"]).all()
    evaluate.write_scores(tmp_path / "scores.csv", scores)
    assert np.isinf(evaluate.read_scores(tmp_path)["value"]).sum() == 3
    table = evaluate.clean_table(scores, BRIEF)
    assert table["psnr"].item() == 100
    assert table["harmful"].item() == "no"


def test_what_cannot_be_had_is_empty_with_a_reason(pairs, tmp_path):
    scores = evaluate.score_model(evaluate.do_nothing(), [pairs], EvalSettings(metrics=("psnr", "ms_ssim")))
    missing = scores[scores["metric"] == "ms_ssim"]
    assert missing["value"].isna().all()
    assert set(missing["reason"]) == {"five scales need 176 pixels a side"}
    evaluate.write_scores(tmp_path / "scores.csv", scores)
    again = evaluate.read_scores(tmp_path / "scores.csv")
    assert again.loc[again["metric"] == "ms_ssim", "value"].isna().all()
    summary = evaluate.summary_table(again).set_index("metric")
    assert np.isnan(summary.loc["ms_ssim", "mean"])
    assert summary.loc["psnr", "mean"] == pytest.approx(scores[scores["metric"] == "psnr"]["value"].mean())


def test_a_square_has_the_borders_of_the_whole_frame(pairs):
    settings = EvalSettings(side=32)
    mask = evaluate.unsharp({"bicubic-x2": Unsharp(1.0, 1.5)})
    for place in range(len(pairs)):
        frame = pairs.load(place)
        square = evaluate.restore_square(mask, frame, settings)
        region = place_square(frame.reference, 32)
        assert square.region == region
        np.testing.assert_array_equal(square.restored, region.of(mask.restore(frame)))
        np.testing.assert_array_equal(square.degraded, region.of(frame.degraded))


def test_a_model_that_sees_the_whole_frame_gets_the_whole_frame(pairs):
    seen = []

    def restore(frame: evaluate.EvalFrame) -> np.ndarray:
        seen.append(frame.degraded.shape)
        return frame.degraded

    frame = pairs.load(0)
    evaluate.restore_square(evaluate.from_callable("near", restore, margin=4), frame, EvalSettings(side=32))
    evaluate.restore_square(evaluate.from_callable("far", restore), frame, EvalSettings(side=32))
    assert max(seen[0]) <= 32 + 2 * 4 + 2 * 8
    assert seen[1] == frame.reference.shape


def test_a_cut_frame_keeps_its_small_frame_in_step(tmp_path):
    pairs = evaluate.degraded_set(references_of(1, (90, 71)), "bicubic-x4", tmp_path, BRIEF)
    frame = pairs.load(0)
    part = cut_frame(frame, evaluate.Region(8, 16, 71, 80))
    assert part.small.shape[:2] == (16, 16)
    np.testing.assert_array_equal(part.small, frame.small[2:18, 4:20])
    np.testing.assert_array_equal(part.degraded, frame.degraded[8:71, 16:80])
    whole = enlarge(frame.small, frame.reference.shape[:2], factor=4)
    np.testing.assert_array_equal(whole, frame.degraded)


def test_a_frame_knows_what_was_drawn_for_it(tmp_path):
    pairs = evaluate.degraded_set(references_of(), "blur", tmp_path, BRIEF)
    for place in range(len(pairs)):
        frame = pairs.load(place)
        drawn = frame.drawn
        assert isinstance(drawn, Blur)
        np.testing.assert_array_equal(degrade(frame.reference, drawn, 0), frame.degraded)


def test_draws_that_leave_a_frame_alone_are_drawn_again(tmp_path):
    often_clean = Blind(clean=0.7)
    pairs = evaluate.degraded_set(references_of(12), often_clean, tmp_path, BRIEF, name="often")
    assert 8 <= len(pairs) <= 12
    frames = [pairs.load(place) for place in range(len(pairs))]
    assert not any(np.array_equal(frame.reference, frame.degraded) for frame in frames)
    for frame in frames:
        np.testing.assert_array_equal(degrade(frame.reference, often_clean, frame.seed), frame.degraded)
    with pytest.raises(ValueError, match="clean_set"):
        evaluate.degraded_set(references_of(), "clean", tmp_path, BRIEF)


def test_a_folder_of_pictures_scores_as_the_model_that_made_them(pairs, tmp_path):
    model = evaluate.from_callable("brighter", brighter)
    folder = tmp_path / "restored"
    folder.mkdir()
    for place in range(len(pairs)):
        frame = pairs.load(place)
        write_frame(folder / f"{frame.frame}.png", model.restore(frame))
    stored = evaluate.from_folder(folder, "brighter")
    columns = ["frame", "metric", "value"]
    for settings in (BRIEF, EvalSettings(side=48, metrics=("psnr", "ssim"))):
        first, second = (evaluate.score_model(one, [pairs], settings)[columns] for one in (model, stored))
        assert first.equals(second)
    (folder / f"{pairs.rows[2].frame}.png").unlink()
    with pytest.raises(ValueError, match="no restored picture of 'frame-002'"):
        evaluate.score_model(evaluate.from_folder(folder), [pairs], BRIEF)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [(lambda frame: frame.degraded / 255, "float64"), (lambda frame: frame.degraded[:-1], "expected uint8")],
)
def test_a_wrong_answer_names_model_and_frame(pairs, wrong, word):
    with pytest.raises(ValueError, match=word) as caught:
        evaluate.score_model(evaluate.from_callable("odd one", wrong), [pairs], BRIEF)
    assert "odd one" in str(caught.value)
    assert "frame-" in str(caught.value)


def test_masks_are_tuned_on_the_other_half_of_the_clips(pairs):
    model = evaluate.cross_tuned(pairs)
    assert "not judged on" in model.note
    before = evaluate.score_model(evaluate.do_nothing(), [pairs], BRIEF)
    after = evaluate.score_model(model, [pairs], BRIEF)
    means = [one[one["metric"] == "psnr"]["value"].mean() for one in (before, after)]
    assert means[1] >= means[0] - 0.05
    with pytest.raises(ValueError, match="at least two clips"):
        evaluate.cross_tuned(evaluate.thinned(pairs, 1))


def test_pages_of_text_are_judged_by_what_is_read(monkeypatch):
    from sharpstudy.metrics import readability

    settings = EvalSettings(text_pages=12, page_width=320, page_height=176)
    pages = evaluate.text_set("blur-2.0", settings)
    kinds = {tuple(row.frame.split("-")[1:4]) for row in pages.rows}
    assert len(kinds) == 12
    frame = pages.load(0)
    assert frame.text
    first = evaluate.FrameSet(pages.degradation, pages.rows[:1], pages.load, pages.part, pages.metrics)
    monkeypatch.setattr(readability, "read_text", lambda shown: frame.text[1:])
    scores = evaluate.score_model(evaluate.do_nothing(), [first], settings)
    assert scores["metric"].tolist() == ["cer"]
    letters = len(readability.normalised(frame.text))
    assert scores["value"].item() == pytest.approx(1 / letters, abs=1e-6)
    monkeypatch.undo()
    monkeypatch.setattr(readability.shutil, "which", lambda name: None)
    scores = evaluate.score_model(evaluate.do_nothing(), [first], settings)
    assert "tesseract is not installed" in scores["reason"].item()


def test_a_protocol_gives_each_role_its_sets(tmp_path):
    settings = EvalSettings(
        side=32,
        own_frames=5,
        clean_frames=2,
        cross_frames=2,
        text_pages=1,
        metrics=("psnr",),
        brief_metrics=("psnr",),
    )
    names = {"bicubic-x2": "bicubic-x2", "blur": "blur"}
    told = []
    protocol = evaluate.make_protocol(
        references_of(), names, tmp_path, settings, lambda *state: told.append(state)
    )
    assert ("blur", 5, 5) in told
    lengths = {
        role: [(one.degradation, len(one)) for one in protocol.sets_for(role, "blur")]
        for role in ("teacher", "control", "student")
    }
    assert lengths["teacher"] == [("blur", 5), ("blur", 1)]
    assert lengths["control"] == [*lengths["teacher"], ("clean", 2)]
    assert lengths["student"] == [*lengths["control"], ("bicubic-x2", 2)]
    frames = evaluate.score_model(evaluate.do_nothing(), protocol.sets_for("baseline")[:2], settings)
    few = protocol.sets_for("student", "blur")[-1]
    assert {row.frame for row in few.rows} <= set(frames[frames["degradation"] == "bicubic-x2"]["frame"])
    with pytest.raises(ValueError, match="own: expected one of bicubic-x2, blur"):
        protocol.sets_for("student", "jpeg-30")


def test_settings_refuse_what_cannot_be():
    with pytest.raises(ValueError, match="side"):
        EvalSettings(side=8)
    with pytest.raises(ValueError, match="metrics: expected some of psnr"):
        EvalSettings(metrics=("sharpness",))
    with pytest.raises(ValueError, match="role of x"):
        evaluate.from_callable("x", brighter, role="hero")


def test_gains_are_differences_frame_by_frame():
    scores = evaluate.combine(
        [
            planted(evaluate.DO_NOTHING, [30.0, float("inf")], role="baseline"),
            planted("student", [31.5, 40.0]),
        ]
    )
    gains = evaluate.gain_table(scores)
    assert gains["gain"].tolist() == pytest.approx([1.5, -60.0])  # identical frames count as 100 dB
