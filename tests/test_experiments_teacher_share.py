"""The share of a teacher's gain: by hand, and refused where there is no teacher."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sharpstudy.data.degrade import degrade, parse_degradation
from sharpstudy.evaluate import from_callable
from sharpstudy.experiments import conditions, teacher_share
from sharpstudy.experiments.judging import eval_settings
from sharpstudy.experiments.teacher_share import (
    ShareOptions,
    parser,
    present_teachers,
    run_shares,
    shares_table,
    shares_text,
)
from sharpstudy.metrics import psnr
from sharpstudy.teachers import TeacherError
from tests.evaluate_tools import references_of


def mixed(reference: np.ndarray, degraded: np.ndarray, of: int) -> np.ndarray:
    """The degraded frame with one part in so many of its error mended."""
    return ((reference.astype(int) + (of - 1) * degraded.astype(int)) // of).astype(np.uint8)


def nearer(name: str, of: int):
    """A model that mends one part in so many."""
    return from_callable(name, lambda one: mixed(one.reference, one.degraded, of))


def test_the_share_is_that_of_the_teacher_that_gains_most(tmp_path, monkeypatch):
    monkeypatch.setattr(conditions, "WORK", tmp_path)
    found = references_of(12, (96, 96))
    references = [replace(one, split="test" if at % 2 else "validation") for at, one in enumerate(found)]
    models = {"strong": nearer("strong", 2), "weak": nearer("weak", 4), "student": nearer("student", 3)}
    teachers = {"blur-1.5": [models["weak"], models["strong"]]}
    scores = run_shares(ShareOptions(6), teachers, [models["student"]], references, lambda text: None)
    table = shares_table(scores, ["student"]).set_index("model")
    gains = {name: [] for name in models}
    for one in references[1::2]:
        frame = one.load()
        soft = degrade(frame, parse_degradation("blur-1.5"), 1)
        for name, of in (("strong", 2), ("weak", 4), ("student", 3)):
            mixed = ((frame.astype(int) + (of - 1) * soft.astype(int)) // of).astype(np.uint8)
            gains[name].append(psnr(mixed, frame) - psnr(soft, frame))
    assert set(table["strongest"]) == {"strong"}
    assert table.loc["student", "gain"] == pytest.approx(np.mean(gains["student"]), abs=1e-5)
    wanted = np.mean(gains["student"]) / np.mean(gains["strong"])
    assert table.loc["student", "share"] == pytest.approx(wanted, abs=1e-5)
    assert table.loc["strong", "share"] == pytest.approx(1)
    assert "share of strong's" in shares_text(table.reset_index())


def test_without_any_teacher_it_says_what_is_missing(monkeypatch):
    def absent(name):
        raise TeacherError(f"{name}: no weights")

    monkeypatch.setattr(teacher_share, "load_teacher", absent)
    told = []
    with pytest.raises(ValueError, match="expected the weights of one at least"):
        present_teachers(eval_settings(), told.append)
    assert "rlfn-x2 is left out: rlfn-x2: no weights" in told


def test_a_file_that_is_not_there_is_refused(capsys):
    with pytest.raises(SystemExit):
        parser().parse_args(["--beside", "mine=nowhere.safetensors"])
    assert "expected NAME=FILE" in capsys.readouterr().err
