"""Published figures beside two protocols: scores by scikit-image, crops and the resize trick by hand."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from sharpstudy.data.degrade import degrade, parse_degradation, shrink
from sharpstudy.data.prepare import frame_seed
from sharpstudy.data.references import Reference, make_reference
from sharpstudy.evaluate import DO_NOTHING
from sharpstudy.evaluate.settings import EvalSettings
from sharpstudy.experiments import conditions, own_protocols, published
from sharpstudy.experiments.own_protocols import PROTOCOLS, own_sets, published_systems, without_screens
from sharpstudy.experiments.published import PublishedOptions, released_students, run_honest, run_own
from sharpstudy.experiments.published_tables import trained_words
from sharpstudy.recipes import load_recipe
from sharpstudy.students import build_student, load_student, save_student
from tests.material import picture, scene

TINY = {"width": 8, "blocks": 1}
CATEGORIES = ("people", "nature", "animals")


def reference(seed: int, split: str, size: tuple[int, int] = (96, 80)) -> Reference:
    """Every other one smooth, so that a down-up by four leaves some frames above an SSIM of 0.90."""
    load = partial((picture, scene)[seed % 2], seed, *size)
    name = f"frame-{seed:03d}"
    facts = {"category": CATEGORIES[seed % 3], "source": "kodak24", "licence": "none"}
    return make_reference(load(), name=name, clip=name, split=split, loader=load, **facts)


def pictures(size: tuple[int, int] = (96, 80)) -> dict[str, list[Reference]]:
    held = [reference(seed, "validation", size) for seed in range(20, 24)]
    return {"kodak24": [reference(seed, "test", size) for seed in range(6)], "bsds500": held}


def release(folder: Path, name: str, recipe: str | None = None) -> Path:
    """A small student with random weights and a card, as if it shipped."""
    path = folder / f"{name}.safetensors"
    save_student(build_student(name, seed=1, **TINY), path)
    digest = sha256(path.read_bytes()).hexdigest()
    card = {"recipe": recipe or name, "budget": "quick", "weights": {"sha256": digest}}
    path.with_suffix(".json").write_text(json.dumps(card))
    return path


@pytest.fixture(scope="module")
def shipped(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    release(folder, "swinir-cnn")
    release(folder, "srresnet-edge")
    return folder


@pytest.fixture(scope="module")
def measured(shipped, tmp_path_factory):
    """Folder of the results: a released student beside a system without one, few small frames."""
    options = PublishedOptions(("swinir-cnn", "edsr-residual"), frames=6)
    students = released_students(options, shipped)
    work, out = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("out")
    runs = {
        name: run_own(name, students[name].model if name in students else None, pictures(), options, work,
                      lambda text: None)
        for name in options.systems
    }  # fmt: skip
    scores = {name: run[0] for name, run in runs.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conditions, "WORK", work)
        both = [one for part in pictures().values() for one in part]
        models = [one.model for one in students.values()]
        scores[""] = run_honest(models, both, options, lambda text: None)
    cards = {name: one.card for name, one in students.items()}
    text = published.write_results(out, scores, cards, {name: run[1] for name, run in runs.items()})
    return out, text, scores


def restored_by(path: Path, name: str, read: np.ndarray) -> np.ndarray:
    """What the student in a file makes of a frame, without the study's own evaluation."""
    network = load_student(name, path).student.eval()
    with torch.inference_mode():
        batch = torch.from_numpy(read.copy()).permute(2, 0, 1)[None].float() / 255
        frame = network(batch)[0].clamp(0, 1).permute(1, 2, 0).numpy()
    return np.round(frame * 255).astype(np.uint8)


def by_skimage(reference: np.ndarray, frame: np.ndarray) -> float:
    wang = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return structural_similarity(reference, frame, data_range=255, channel_axis=-1, **wang)


def test_means_and_counts_are_those_of_scikit_image(measured, shipped):
    nothing, ours = [], []
    for one in pictures()["kodak24"]:
        frame = one.load()
        soft = degrade(frame, parse_degradation("bicubic-x4"), 0)
        nothing.append(by_skimage(frame, soft))
        ours.append(by_skimage(frame, restored_by(shipped / "swinir-cnn.safetensors", "swinir-cnn", soft)))
    table = pd.read_csv(measured[0] / "published.csv")
    row = table[(table["system"] == "swinir-cnn") & (table["metric"] == "ssim")].iloc[0]
    assert row["own_nothing"] == pytest.approx(np.mean(nothing), abs=1e-4)
    assert row["own_student"] == pytest.approx(np.mean(ours), abs=1e-4)
    above = sum(value > 0.9 for value in nothing)
    assert 0 < above < len(nothing)
    assert row["own_nothing_above"] == above
    assert row["own_student_above"] == sum(value > 0.9 for value in ours)
    assert row["own_gain"] == pytest.approx(np.mean(ours) - np.mean(nothing), abs=2e-4)
    assert row["own_low"] < row["own_gain"] < row["own_high"]
    assert row["own_word"] == "worse"
    assert (row["share_above"], row["share_frames"], row["frames"]) == (87, 100, 6)


def test_calls_and_clean_frames_are_measured_whole_and_by_hand(measured, shipped):
    call, clean = [], []
    for one in pictures()["kodak24"]:
        frame = one.load()
        soft = degrade(frame, parse_degradation("call-300k"), frame_seed(1, one.frame, 0))
        path = shipped / "swinir-cnn.safetensors"
        ours = restored_by(path, "swinir-cnn", soft)
        call.append(peak_signal_noise_ratio(frame, ours) - peak_signal_noise_ratio(frame, soft))
        clean.append(peak_signal_noise_ratio(frame, restored_by(path, "swinir-cnn", frame)))
    table = pd.read_csv(measured[0] / "measures.csv")
    rows = table[(table["system"] == "swinir-cnn") & (table["protocol"] == "honest")]
    rows = rows[rows["metric"] == "psnr"].set_index("degradation")
    assert rows.loc["call-300k", "on_nothing"] == pytest.approx(np.mean(call), abs=1e-3)
    assert rows.loc["clean", "mean"] == pytest.approx(np.mean(clean), abs=1e-3)
    assert rows.loc["clean", "worst"] == pytest.approx(min(clean), abs=1e-3)
    assert rows.loc["clean", "harmful"] == "yes"
    assert rows.loc["call-300k", ["worst", "harmful"]].isna().all()


def test_a_student_that_enlarges_reads_the_call_shrunk(shipped, tmp_path, monkeypatch):
    monkeypatch.setattr(conditions, "WORK", tmp_path)
    options = PublishedOptions(("srresnet-edge",), frames=6)
    model = released_students(options, shipped)["srresnet-edge"].model
    both = [one for part in pictures().values() for one in part]
    scores = run_honest([model], both, options, lambda text: None)
    scores = scores[(scores["degradation"] == "call-800k") & (scores["metric"] == "psnr")]
    scores = scores[scores["model"] == "srresnet-edge"].set_index("frame")["value"]
    for one in pictures()["kodak24"][:2]:
        frame = one.load()
        soft = degrade(frame, parse_degradation("call-800k"), frame_seed(1, one.frame, 0))
        ours = restored_by(shipped / "srresnet-edge.safetensors", "srresnet-edge", shrink(soft, 4))
        assert scores[one.frame] == pytest.approx(peak_signal_noise_ratio(frame, ours), abs=1e-3)


def test_an_absent_student_is_named_and_its_protocol_measured_without_one(measured):
    out, text, _ = measured
    assert "== edsr-residual (not released)" in text
    assert "== swinir-cnn (budget quick)" in text
    assert (out / "published.txt").read_text(encoding="utf-8") == f"{text}\n"
    table = pd.read_csv(out / "published.csv")
    row = table[(table["system"] == "edsr-residual") & (table["words"].str.startswith("student"))].iloc[0]
    assert row["state"] == "not released"
    assert row["own_nothing"] > 0
    assert pd.isna(row["own_student"])


def test_what_is_no_score_says_what_it_is(measured):
    table = pd.read_csv(measured[0] / "published.csv")
    assert len(table) == sum(len(load_recipe(name).published) for name in ("swinir-cnn", "edsr-residual"))
    states = table.set_index("words")["state"]
    assert states["205 FPS at 640x480"] == "not measured here: a speed"
    assert states["~0.5 M"] == "not measured here: a size"
    assert set(states["teacher SSIM 0.9466 / 35.11 dB"]) == {"not measured here: the teacher's"}
    assert "205 FPS at 640x480; 15.6 FPS at 1920x1080 (not measured here: a speed)" in measured[1]


def test_packed_scores_hold_every_frame_and_pack_alike(measured):
    out, _, scores = measured
    content = (out / "scores.csv.gz").read_bytes()
    assert content == published.compact_scores(scores)
    table = pd.read_csv(io.BytesIO(gzip.decompress(content)), keep_default_na=False)
    own = scores["swinir-cnn"]
    mine = table[(table["system"] == "swinir-cnn") & (table["model"] == DO_NOTHING)].set_index("frame")
    for row in own[own["model"] == DO_NOTHING].itertuples():
        assert float(mine.loc[row.frame, row.metric]) == pytest.approx(row.value, abs=1e-4)
    assert len(table) == sum(len(one) for one in scores.values()) / 2


def test_frames_are_cut_from_the_middle_after_their_degradation_or_shrunk_as_the_trick_does(tmp_path):
    settings = EvalSettings(metrics=("psnr", "ssim"), brief_metrics=("psnr", "ssim"))
    found = pictures((400, 300))
    recipe = replace(load_recipe("unet-attention"), degradation="bicubic-x2")
    sets = own_sets(recipe, PROTOCOLS["unet-attention"], found, 2, tmp_path, settings)
    crop, trick = sets.test
    assert [one.degradation for one in sets.held] == ["bicubic-x2", "bicubic-x2, then shrunk"]
    assert (crop.rows[0].width, crop.rows[0].height) == (trick.rows[0].width, trick.rows[0].height)
    by_name = {one.frame: one for one in found["kodak24"]}
    for at in range(2):
        cut, small = crop.load(at), trick.load(at)
        whole = by_name[cut.frame].load()
        soft = degrade(whole, parse_degradation("bicubic-x2"), 0)
        assert np.array_equal(cut.reference, whole[16:272, 72:328])
        assert np.array_equal(cut.degraded, soft[16:272, 72:328])
        pillow = np.asarray(Image.fromarray(soft).resize((256, 256), Image.Resampling.BICUBIC))
        inner = np.s_[4:-4, 4:-4]
        assert np.abs(small.degraded[inner].astype(int) - pillow[inner]).max() <= 2
        assert small.degradation == "bicubic-x2, then shrunk"
        assert by_skimage(small.reference, small.degraded) > by_skimage(cut.reference, cut.degraded)


def test_every_system_that_was_published_has_a_protocol_of_its_own():
    assert set(PROTOCOLS) == set(published_systems())
    assert "realtime" not in published_systems()


def test_rendered_screens_are_no_photographs():
    screen = replace(reference(0, "test"), category="text", source="bundled")
    photograph = replace(reference(1, "test"), source="bundled")
    found = {"bundled": [screen, photograph], "kodak24": [screen]}
    assert without_screens(found) == {"bundled": [photograph], "kodak24": [screen]}


def test_nearer_pictures_come_first_and_the_next_fill_up():
    near = [reference(seed, "test") for seed in range(3)]
    far = [reference(seed, "test") for seed in range(10, 16)]
    chosen = own_protocols.choose_pictures(
        {"kodak24": near, "bsds500": far}, ("kodak24", "bsds500"), "test", 5
    )
    assert chosen[:3] == near
    assert len(chosen) == 5
    assert set(one.frame for one in chosen[3:]) < {one.frame for one in far}


def test_bad_input_is_refused_in_words(tmp_path):
    with pytest.raises(ValueError, match=r"expected some of swinir-cnn, .*, got 'realtime'"):
        PublishedOptions(("realtime",))
    with pytest.raises(ValueError, match=r"expected some of .* got none"):
        PublishedOptions(())
    options = PublishedOptions(("swinir-cnn",))
    release(tmp_path, "swinir-cnn", recipe="bsrgan-ultralight")
    with pytest.raises(ValueError, match=r"the student of recipe 'swinir-cnn'.*of bsrgan-ultralight"):
        released_students(options, tmp_path)
    (tmp_path / "swinir-cnn.json").unlink()
    with pytest.raises(ValueError, match="got 'swinir-cnn' of no recipe"):
        released_students(options, tmp_path)
    few = {"kodak24": [reference(0, "test")], "bsds500": pictures()["bsds500"]}
    with pytest.raises(ValueError, match="at least 2 clips in the test part, got 1 frames"):
        run_own("swinir-cnn", None, few, options, tmp_path / "work", lambda text: None)


def test_the_command_names_who_is_not_released_and_fails_in_words(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(published, "released_students", lambda options: {})
    monkeypatch.setattr(published, "find_pictures", lambda protocols, sampling, remark: pictures())
    monkeypatch.setattr(published, "WORK", tmp_path / "work")
    words = ["--only", "swinir-cnn", "--frames", "4", "--device", "cpu", "--out", str(tmp_path / "out")]
    assert published.main(words) == 0
    told = capsys.readouterr()
    assert "swinir-cnn: its student is not released" in told.err
    assert "== swinir-cnn (not released)" in told.out
    assert "honest protocol:" not in told.out
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "published.csv", "published.txt", "measures.csv", "scores.csv.gz"
    }  # fmt: skip
    assert published.main(["--only", "nobody"]) == 1
    assert "got 'nobody'" in capsys.readouterr().err


def test_a_training_that_was_cut_is_told_as_such():
    card = {"budget": "full", "steps": {"done": 8000}, "batch": 4, "patch": 48}
    assert trained_words(card) == "budget full, 8,000 steps of 4 squares of 48 pixels"
    cut = {**card, "recipe_says": {"epochs": 100, "patch": 256}}
    assert trained_words(cut).endswith("48 pixels; less than the recipe's epochs, patch")
