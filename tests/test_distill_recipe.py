"""Students and teachers trained as a recipe says, their controls, cards and shipped weights."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sharpstudy.data.frames import to_frame, to_tensor
from sharpstudy.data.pairs import PairStore
from sharpstudy.distill import (
    Progress,
    TaughtBy,
    TrainingError,
    data_hash,
    distill,
    export_weights,
    recipe_hash,
    train_teacher,
)
from sharpstudy.paths import ROOT
from sharpstudy.recipes import Term, without_teacher
from sharpstudy.students import StudentError, build_student, load_student, save_student
from sharpstudy.teachers import build_network, load_teacher
from sharpstudy.teachers.targets import cache_targets
from tests.training_tools import (
    assert_same_bits,
    make_pairs,
    small_recipe,
    small_student,
    state_of,
    with_degraded_targets,
    with_reference_targets,
)

TINY = {"width": 4, "blocks": 1}
UNTAUGHT = TaughtBy("made up", "released")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> PairStore:
    return make_pairs(tmp_path_factory.mktemp("pairs"))


@pytest.fixture(scope="module")
def small_pairs(tmp_path_factory) -> PairStore:
    return make_pairs(tmp_path_factory.mktemp("small"), "bicubic-x4")


def distilled(store: PairStore, folder: Path, name: str = "realtime", **more):
    recipe = more.pop("recipe", None) or small_recipe(name)
    more = {"taught_by": UNTAUGHT, "device": "cpu", "seed": 4, **more}
    return distill(recipe, "quick", pairs_train=store, pairs_validation=store, folder=folder, **more)


def test_a_recipe_trains_its_student(pairs, tmp_path):
    recipe = small_recipe(epochs=3)
    result = distilled(with_reference_targets(pairs), tmp_path, recipe=recipe)
    assert result.steps == 6
    terms = ["pseudo_huber_reference", "mse_reference", "relative_reference", "mse_target"]
    assert list(result.rows[1])[:6] == ["step", "epoch", *terms]
    assert result.rows[0]["gain_db"] == 0, "a fresh realtime student returns its input"
    card = json.loads((tmp_path / "card.json").read_text())
    assert card == json.loads(json.dumps(result.card))
    arguments = dict(recipe.student.arguments)
    assert card["student"] == {"name": "realtime", "arguments": arguments, "parameters": 44795}
    assert card["recipe_hash"] == recipe_hash(recipe)
    assert card["data"]["train"] == {"pairs": 6, "sha256": data_hash(with_reference_targets(pairs))}
    assert card["teacher"] == {"name": "made up", "weights": "released", "sha256": None, "gate": None}
    assert (
        card["loss"] == "1 pseudo_huber_reference + 3 mse_reference + 0.03 relative_reference + 1 mse_target"
    )
    assert card["steps"] == {"planned": 6, "done": 6, "best": result.best_step}
    assert card["validation"]["gain_db"] == result.scores["gain_db"]
    assert card["versions"]["torch"] == torch.__version__
    assert card["machine"]["device"] == "cpu"


def test_the_no_teacher_control_is_the_recipe_without_its_teacher(pairs, tmp_path):
    recipe, taught = small_student("swinir-cnn", TINY), with_degraded_targets(pairs)
    full = distilled(taught, tmp_path / "full", recipe=recipe)
    control = distilled(taught, tmp_path / "control", recipe=recipe, control="no-teacher")
    bare = distilled(pairs, tmp_path / "bare", recipe=without_teacher(recipe), taught_by=None)
    assert_same_bits(control, bare)
    assert control.card["loss"] == "0.5 l1_reference"
    assert control.card["teacher"] is None
    assert control.card["recipe_hash"] == full.card["recipe_hash"] != bare.card["recipe_hash"]
    assert control.rows[0]["val_psnr"] == full.rows[0]["val_psnr"]
    last = [state_of(result)["tail.weight"] for result in (full, control)]
    assert not np.array_equal(*last), "the target has no influence"


def test_controls_see_the_same_batches_from_the_same_weights(pairs, tmp_path):
    """With targets that are the references, L1 to both is twice L1 to one, to which Adam is indifferent."""
    terms = (Term("l1_reference", 1.0), Term("l1_target", 1.0))
    recipe = small_student("swinir-cnn", TINY, loss=terms)
    taught = with_reference_targets(pairs)
    full = distilled(taught, tmp_path / "full", recipe=recipe)
    control = distilled(taught, tmp_path / "control", recipe=recipe, control="no-teacher")
    for name, value in state_of(full).items():
        np.testing.assert_allclose(value, state_of(control)[name], atol=2e-5)
    assert full.rows[1]["l1_reference"] == pytest.approx(control.rows[1]["l1_reference"], rel=1e-3)


def test_a_random_teacher_teaches_as_a_control_only(pairs, tmp_path):
    teacher = load_teacher("unet", "random", seed=8)
    taught = cache_targets(teacher, pairs, tmp_path / "targets")
    control = distilled(
        taught, tmp_path / "random", control="random-teacher", teacher=teacher, taught_by=None
    )
    assert control.card["teacher"]["weights"] == "random"
    assert control.card["control"]["name"] == "random-teacher"
    assert control.rows[1]["mse_target"] > 0.01, "random targets are far from anything"
    with pytest.raises(TrainingError, match="expected weights that are not random for the control 'none'"):
        distilled(taught, tmp_path, teacher=teacher, taught_by=None)
    with pytest.raises(
        TrainingError, match="expected random weights for the control 'random-teacher', got 'rel"
    ):
        distilled(taught, tmp_path, control="random-teacher")


def test_features_of_a_teacher_are_learned_and_the_adapter_resumes(pairs, tmp_path):
    terms = (Term("l1_reference", 1.0), FEATURE)
    recipe = small_student("unet-attention", TINY, loss=terms, selection="loss")
    teacher = load_teacher("unet", "random", seed=8)
    parts = {"recipe": recipe, "control": "random-teacher", "teacher": teacher, "taught_by": None}
    straight = distilled(pairs, tmp_path / "straight", **parts)
    assert straight.rows[-1]["val_loss"] > 0
    assert straight.rows[2]["feature"] < straight.rows[1]["feature"]

    def stop(progress: Progress) -> None:
        if progress.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        distilled(pairs, tmp_path / "broken", on_step=stop, **parts)
    assert_same_bits(distilled(pairs, tmp_path / "broken", **parts), straight)
    assert teacher.network.training is False
    assert not any(parameter.requires_grad for parameter in teacher.network.parameters())


FEATURE = Term("feature", 0.4, student_layer="spatial", teacher_layer="decode1")


def test_a_student_of_small_frames_is_trained_on_them(small_pairs, pairs, tmp_path):
    recipe = small_student("srresnet-edge", TINY)
    result = distilled(with_reference_targets(small_pairs), tmp_path, recipe=recipe)
    assert result.rows[-1]["val_loss"] < result.rows[0]["val_loss"]
    assert result.rows[0]["do_nothing_psnr"] > result.rows[0]["val_psnr"]
    with pytest.raises(TrainingError, match=r"srresnet-edge: expected pairs .* of its scale 4, got \[2\]"):
        distilled(with_reference_targets(pairs), tmp_path, recipe=recipe)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"control": "teacher"}, "control: expected one of none, no-teacher, random-teacher, got 'teacher'"),
        ({"taught_by": None}, "taught_by: expected whose the targets are, got none"),
        ({"bare": True}, "pairs_train: expected targets for mse_target, got none"),
        ({"recipe": small_recipe(loss=(Term("l1_target", 1.0),)), "control": "no-teacher"}, "no term left"),
        ({"recipe": small_recipe(loss=(FEATURE,))}, "teacher: expected one for the term feature"),
        ({"recipe": without_teacher(small_recipe()), "control": "no-teacher"}, "realtime has no teacher"),
    ],
)
def test_what_does_not_belong_together_is_refused(pairs, tmp_path, more, words):
    store = pairs if more.pop("bare", False) else with_reference_targets(pairs)
    with pytest.raises(TrainingError, match=words):
        distilled(store, tmp_path, **more)


def test_a_teacher_is_trained_by_the_same_loop(pairs, tmp_path):
    recipe = small_recipe()
    spent = replace(recipe.budgets.quick, teacher_epochs=2)
    recipe = replace(recipe, budgets=replace(recipe.budgets, quick=spent))
    network = build_network("unet", seed=1)
    start = network.last.weight.detach().clone()
    result = train_teacher(recipe, "quick", network, "unet", 1, pairs_train=pairs, pairs_validation=pairs,
                           folder=tmp_path, device="cpu")  # fmt: skip
    assert result.rows[-1]["loss"] < result.rows[1]["loss"]
    assert not torch.equal(network.last.weight, start)
    loaded = load_teacher("unet", result.weights)
    frame = pairs.pair(0).degraded[:32, :32]
    with torch.no_grad():
        expected = to_frame(network(to_tensor(np.ascontiguousarray(frame))[None])[0])
    np.testing.assert_array_equal(loaded.restore(np.ascontiguousarray(frame)), expected)
    assert result.card["teacher_network"] == {"name": "unet", "scale": 1, "parameters": 466595}
    with pytest.raises(TrainingError, match="expected a training and epochs for it at quick, got none"):
        train_teacher(small_recipe("swinir-cnn"), "quick", network, "unet", 1, pairs_train=pairs,
                      pairs_validation=pairs, folder=tmp_path)  # fmt: skip


def test_shipped_weights_are_half_the_size_and_restore_the_same(pairs, tmp_path):
    recipe = small_student("swinir-cnn", {"width": 16, "blocks": 1})
    result = distilled(with_reference_targets(pairs), tmp_path / "run", recipe=recipe)
    path = export_weights(result, tmp_path / "shipped.safetensors")
    assert path.stat().st_size < 0.6 * result.weights.stat().st_size
    shipped, full = (load_student("swinir-cnn", file).student for file in (path, result.weights))
    frame = to_tensor(np.array(pairs.pair(0).degraded))[None]
    with torch.no_grad():
        difference = (shipped(frame) - full(frame)).abs().max()
    assert 0 < difference < 0.25 / 255
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["weights"]["type"] == "float16"
    assert card["recipe"] == "swinir-cnn"
    with pytest.raises(TrainingError, match=r"ends in \.safetensors"):
        export_weights(result, tmp_path / "weights.bin")
    result.network.tail.bias.data[0] = 1e6
    with pytest.raises(TrainingError, match=r"float16 holds, got larger ones in 'tail.bias'"):
        export_weights(result, path)


def test_hashes_follow_the_content_and_not_the_place(pairs, tmp_path):
    moved = make_pairs(tmp_path / "elsewhere")
    assert data_hash(moved) == data_hash(pairs)
    assert data_hash(PairStore(pairs.folder, pairs.entries[:-1])) != data_hash(pairs)
    assert data_hash(with_reference_targets(pairs)) != data_hash(pairs)
    assert data_hash(make_pairs(tmp_path / "other", "bicubic-x4")) != data_hash(pairs)
    recipe = small_recipe()
    assert recipe_hash(replace(recipe, summary="Other words.", doubts=())) == recipe_hash(recipe)
    assert recipe_hash(replace(recipe, ema=0.9)) != recipe_hash(recipe)


# --- a training machine

BLOCKED = ("dvc", "papermill", "lpips", "av", "pooch", "spandrel", "ruamel", "click", "pandas", "skimage",
           "onnx", "onnxruntime", "matplotlib")  # fmt: skip

BARE_MACHINE = """
import sys
from pathlib import Path

class Without:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in {blocked} else self.finder.find_spec(name, path, target)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
import torch
torch.set_num_threads(1)
from sharpstudy.data.pairs import open_pairs
from sharpstudy.distill import TaughtBy, distill, export_weights
from sharpstudy.recipes import Budget, Budgets, load_recipe
from dataclasses import replace

store = open_pairs(Path({pairs!r}))
store = store.with_targets({{entry.name: store.folder / entry.reference for entry in store.entries}})
recipe = load_recipe("realtime")
spent = Budget("bundled", 1, 8, 4, 32, 0)
result = distill(replace(recipe, budgets=Budgets(spent, spent)), "quick", pairs_train=store, device="cpu",
    pairs_validation=store, folder=Path({folder!r}), taught_by=TaughtBy("unet", "released"))
export_weights(result, Path({folder!r}) / "shipped.safetensors")
print(result.steps, sorted({{name.partition(".")[0] for name in sys.modules}} & {blocked}))
"""


def test_a_machine_without_the_other_libraries_trains(pairs, tmp_path):
    path = pairs.save("bare")
    code = BARE_MACHINE.format(blocked=set(BLOCKED), pairs=str(path), folder=str(tmp_path))
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() == "2 []"


def test_a_training_goes_on_from_the_weights_that_it_is_given(pairs, tmp_path):
    first = distilled(pairs, tmp_path / "first", control="no-teacher", taught_by=None)
    again = distilled(
        pairs, tmp_path / "again", control="no-teacher", taught_by=None, start=first.weights
    )  # fmt: skip
    assert again.rows[0]["val_psnr"] == first.scores["val_psnr"]  # of step 0, before any learning
    assert again.card["started_from"]["sha256"] == hashlib.sha256(first.weights.read_bytes()).hexdigest()
    assert "started_from" not in first.card
    other = tmp_path / "other.safetensors"
    save_student(build_student("realtime", width=16, depth=2), other)
    with pytest.raises(StudentError, match="realtime"):
        distilled(pairs, tmp_path / "third", control="no-teacher", taught_by=None, start=other)


def test_a_training_goes_on_from_a_shallower_student(pairs, tmp_path):
    first = distilled(pairs, tmp_path / "first", control="no-teacher", taught_by=None)
    recipe = small_recipe()
    deeper = replace(recipe.student, arguments={**recipe.student.arguments, "depth": 7})
    recipe = replace(recipe, student=deeper)
    grown = distilled(
        pairs, tmp_path / "grown", recipe=recipe, control="no-teacher", taught_by=None, start=first.weights
    )
    assert grown.rows[0]["val_psnr"] == pytest.approx(first.scores["val_psnr"], abs=1e-4)
    assert grown.card["student"]["arguments"]["depth"] == 7
