"""`sharpstudy evaluate` on folders: what does not fit is listed, and what harms is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from sharpstudy import evaluate, metrics
from sharpstudy.cli.evaluation import evaluate as command
from sharpstudy.data.degrade import degrade, parse_degradation
from sharpstudy.data.frames import read_frame, write_frame
from sharpstudy.evaluate import comparison
from sharpstudy.evaluate.comparison import Wanted, default_degradation, find_model
from sharpstudy.evaluate.folders import frame_key, match_folders
from tests.evaluate_tools import write_onnx
from tests.material import picture

NAMES = ("call/one.png", "call/two.jpg", "three.png", "four.png")


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    """References, and degraded frames as `sharpstudy degrade` names them."""
    references, degraded = tmp_path / "references", tmp_path / "degraded"
    for seed, name in enumerate(NAMES):
        path = references / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_frame(path, picture(seed, 128, 96), quality=100)
        made = degrade(read_frame(path), parse_degradation("bicubic-x2"), seed)
        place = degraded / path.relative_to(references).with_suffix("")
        place.parent.mkdir(parents=True, exist_ok=True)
        write_frame(place.with_name(f"{place.name}.bicubic-x2.png"), made)
    return references, degraded


def run(*words: object) -> Result:
    return CliRunner().invoke(command, [str(word) for word in words], catch_exceptions=True)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("photo.png", "photo"),
        ("a/photo.JPG", "a/photo"),
        ("photo.call-300k.png", "photo"),
        ("photo.bicubic-x1.5.png", "photo"),
        ("photo.final.png", "photo.final"),
    ],
)
def test_files_are_matched_by_path_without_suffix_and_degradation(name, key):
    assert frame_key(Path(name)) == key


def test_folders_that_belong_together_match(folders):
    references, degraded = folders
    matched = match_folders(references, degraded, {"mine": degraded})
    assert matched.problems == ()
    assert matched.unused == ()
    assert {matched.keys[one.frame] for one in matched.references} == {
        "call/one",
        "call/two",
        "three",
        "four",
    }
    for one in matched.references:
        assert frame_key(matched.degraded[one.frame].relative_to(degraded)) == matched.keys[one.frame]


def test_everything_that_does_not_fit_is_listed_at_once(folders, tmp_path):
    references, degraded = folders
    restored = tmp_path / "restored"
    (restored / "call").mkdir(parents=True)
    write_frame(restored / "call/one.png", picture(0, 64, 48))
    (restored / "three.png").write_bytes(b"\x89PNG not really")
    write_frame(restored / "four.png", picture(3, 128, 96))
    write_frame(restored / "four.bmp", picture(3, 128, 96))
    write_frame(restored / "five.png", picture(3, 128, 96))
    (references / "broken.png").write_bytes(b"")
    answer = run(f"mine={restored}", "--frames", references, "--degraded", degraded)
    assert answer.exit_code == 1
    for said in (
        "not used: restored by mine: five.png has no reference",
        "references: ",
        "broken.png",
        "restored by mine: no picture of 'call/two'",
        "one.png is 64x48, its reference 128x96",
        "three.png",
        "four.bmp and four.png have the same name",
    ):
        assert said in answer.output
    assert "nothing was computed" in answer.output


def test_a_model_that_harms_is_said_to(folders, tmp_path):
    pytest.importorskip("onnx")
    references, degraded = folders
    harmful = write_onnx(tmp_path / "brighter.onnx", gain=1.3)
    words = (harmful, f"same={degraded}", "--frames", references, "--degraded", degraded)
    words = (*words, "--metrics", "psnr,ssim", "--into", tmp_path / "out")
    answer = run(*words)
    assert answer.exit_code == 0, answer.output
    assert "brighter: worse than doing nothing (PSNR -" in answer.output
    assert "!!! brighter DOES HARM !!!  worse than doing nothing; harms clean frames" in answer.output
    assert "same: no difference from doing nothing was shown" in answer.output
    assert "What it does to clean frames cannot be known" in answer.output
    assert "tuned unsharp" in answer.output
    assert run(*words, "--fail-if-worse").exit_code == 3

    scores = evaluate.read_scores(tmp_path / "out" / "scores.csv")
    found = scores[(scores["model"] == "brighter") & (scores["metric"] == "psnr")]
    found = found[found["frame"].str.startswith("folder-three")].set_index("degradation")["value"]
    reference, given = (
        read_frame(path) for path in (references / "three.png", degraded / "three.bicubic-x2.png")
    )
    for frame, place in ((given, "your degraded frames"), (reference, "clean")):
        restored = np.rint(np.clip(frame.astype(np.float64) * 1.3, 0, 255)).astype(np.uint8)
        assert found[place] == pytest.approx(metrics.psnr(reference, restored), abs=0.01)
    assert (tmp_path / "out" / "verdicts.csv").read_text(encoding="utf-8").count("harms clean frames") > 0


def test_frames_are_degraded_here_where_nobody_did(folders):
    references, degraded = folders
    answer = run("do-nothing", "--frames", references, "--as", "bicubic-x2", "--metrics", "psnr")
    assert answer.exit_code == 0, answer.output
    assert "4 frames, degraded here by bicubic-x2" in answer.output
    by_hand = [
        metrics.psnr(read_frame(references / name), read_frame(degraded / f"{name[:-4]}.bicubic-x2.png"))
        for name in NAMES
    ]
    line = next(line for line in answer.output.splitlines() if line.startswith("do nothing"))
    assert f"{np.mean(by_hand):.2f}" in line


def test_what_cannot_be_asked_for_is_refused(folders, tmp_path, monkeypatch):
    references, degraded = folders
    monkeypatch.setattr(comparison, "released_weights", lambda recipe: tmp_path / f"{recipe}.safetensors")
    for words, said in (
        (("nothing.onnx", "--frames", references), "found nothing there"),
        (("swinir-cnn", "--frames", references), "no weights of this recipe's student ship"),
        ((f"a={degraded}", f"a={references}", "--frames", references), "'a' is there twice"),
        (("do-nothing", "--frames", references, "--metrics", "beauty"), "expected some of psnr"),
    ):
        answer = run(*words)
        assert answer.exit_code == 1
        assert said in str(answer.exception)
    both = run("do-nothing", "--frames", references, "--degraded", degraded, "--as", "blur")
    assert both.exit_code == 2


def test_a_card_brings_the_recipes_own_degradation(tmp_path):
    from sharpstudy.students import build_student, save_student

    path = tmp_path / "best.safetensors"
    save_student(build_student("realtime"), path)
    assert default_degradation([find_model(str(path))]) == "call-300k"
    (tmp_path / "card.json").write_text('{"recipe": "swinir-cnn", "control": {"name": "no-teacher"}}')
    found = find_model(f"mine={path}")
    assert found == Wanted("mine", "weights", path, "swinir-cnn", "control")
    assert default_degradation([found]) == "bicubic-x4"


def test_one_clip_has_no_verdict(folders, tmp_path):
    references, _ = folders
    for name in NAMES[1:]:
        (references / name).unlink()
    answer = run("do-nothing", "--frames", references, "--as", "bicubic-x2", "--metrics", "psnr")
    assert answer.exit_code == 0, answer.output
    assert "all frames are of one clip" in answer.output
