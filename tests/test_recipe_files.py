"""Recipe files: inheritance, two YAML libraries, and every kind of wrong file refused with its place."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sharpstudy.recipes import FILES as SHIPPED
from sharpstudy.recipes import RecipeError, Schedule, load_recipe

OWN = """
extends: realtime
summary: The same network, deeper, for strong downscaling.
degradation: bicubic-x4
student:
  arguments: {depth: 8}
loss:
  mse_target: null
  l1_target: 0.5
budgets:
  full: {epochs: 400}
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a recipe file and gives its path."""

    def to_file(text: str, name: str = "own.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return to_file


@pytest.fixture(params=["ruamel.yaml", "PyYAML"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both YAML libraries in turn; the second reads recipes where the first is not installed."""
    if request.param == "PyYAML":
        pytest.importorskip("yaml")
        for name in [name for name in sys.modules if name.split(".")[0] == "ruamel"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "ruamel", None)
        monkeypatch.setitem(sys.modules, "ruamel.yaml", None)
    return request.param


def refusal(path: Path) -> str:
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


def test_a_recipe_of_ones_own_is_ten_lines(write: Write, reader: str) -> None:
    base, own = load_recipe("realtime"), load_recipe(write(OWN))
    assert own.name == "own"
    assert own.degradation == "bicubic-x4"
    assert own.student.arguments == {**base.student.arguments, "depth": 8}
    inherited = {term.term: term.weight for term in base.loss if term.term != "mse_target"}
    assert {term.term: term.weight for term in own.loss} == {**inherited, "l1_target": 0.5}
    assert own.budgets.full == replace(base.budgets.full, epochs=400)
    assert (own.budgets.quick, own.optimiser, own.teacher) == (
        base.budgets.quick,
        base.optimiser,
        base.teacher,
    )
    assert own.doubts == ()


def test_recipes_extend_files_beside_them_and_sections_with_another_name_start_afresh(write: Write) -> None:
    write(OWN)
    text = "extends: own.yaml\nsummary: Again.\nschedule: {name: constant, warm_up_steps: 0}\n"
    second = load_recipe(write(text, "second.yaml"))
    assert second.schedule == Schedule("constant", 0)
    assert second.budgets.full.epochs == 400
    text = (
        "extends: own.yaml\nsummary: Again.\nstudent: {name: swinir-cnn, arguments: {width: 32, blocks: 2}}\n"
    )
    assert load_recipe(write(text, "third.yaml")).student.arguments == {"width": 32, "blocks": 2}


def test_a_bare_number_changes_the_weight_of_an_inherited_term_alone(write: Write) -> None:
    text = (
        "extends: unet-attention\nsummary: Mine.\nloss: {feature: 0.1, perceptual: {when_missing: refuse}}\n"
    )
    base = {term.term: term for term in load_recipe("unet-attention").loss}
    own = {term.term: term for term in load_recipe(write(text)).loss}
    assert own["feature"] == replace(base["feature"], weight=0.1)
    assert own["perceptual"] == replace(base["perceptual"], when_missing="refuse")
    assert list(own) == list(base)


def test_published_figures_and_doubts_stay_with_their_recipe(write: Write) -> None:
    own = load_recipe(write("extends: swinir-cnn\nsummary: Mine.\n"))
    assert load_recipe("swinir-cnn").published
    assert own.published == own.doubts == ()
    assert "summary: expected text, got nothing" in refusal(write("extends: swinir-cnn\n"))


def test_a_circle_of_recipes_is_refused(write: Write) -> None:
    write("extends: b.yaml\nsummary: A.\n", "a.yaml")
    path = write("extends: a.yaml\nsummary: B.\n", "b.yaml")
    with pytest.raises(RecipeError, match="extends: expected a recipe that does not extend this one in turn"):
        load_recipe(path)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            "optimiser: {learning_rte: 0.1}",
            "optimiser.learning_rte: expected one of name, learning_rate, weight_decay",
        ),
        ("optimiser: {learning_rte: 0.1}", "got 'learning_rte' (did you mean 'learning_rate'?)"),
        ("optimizer: {name: adam}", "optimizer: expected one of extends, summary, degradation"),
        ("optimizer: {name: adam}", "(did you mean 'optimiser'?)"),
        (
            "optimiser: {learning_rate: fast}",
            "optimiser.learning_rate: expected a number from 1e-07 to 0.1, got 'fast'",
        ),
        (
            "optimiser: {learning_rate: 3}",
            "optimiser.learning_rate: expected a number from 1e-07 to 0.1, got 3",
        ),
        (
            "optimiser: {learning_rate: .nan}",
            "optimiser.learning_rate: expected a number from 1e-07 to 0.1, got nan",
        ),
        ("optimiser: {name: sgd}", "optimiser.name: expected one of adam, adamw, soap, got 'sgd'"),
        (
            "budgets: {full: {epochs: 2.5}}",
            "budgets.full.epochs: expected a whole number from 1 to 100000, got 2.5",
        ),
        (
            "budgets: {full: {epochs: true}}",
            "budgets.full.epochs: expected a whole number from 1 to 100000, got True",
        ),
        (
            "budgets: {full: {batch: 4000, pairs_per_epoch: 9}}",
            "budgets.full.pairs_per_epoch: expected at least one",
        ),
        ("budgets: {full: {patch: 50}}", "budgets.full.patch: expected a multiple of 4"),
        (
            "budgets: {quick: {source: 'a b'}}",
            "budgets.quick.source: expected names of sources joined by +, got 'a b'",
        ),
        ("budgets: {medium: {epochs: 2}}", "budgets.medium: expected one of quick, full, got 'medium'"),
        ("budgets: 3", "budgets: expected settings (quick, full), got 3"),
        ("loss: {l1_refrence: 1.0}", "loss.l1_refrence: expected one of l1_reference"),
        ("loss: {l1_refrence: 1.0}", "(did you mean 'l1_reference'?)"),
        ("loss: {ssim: 0}", "loss.ssim.weight: expected a number from 1e-06 to 1000, got 0"),
        ("loss: {ssim: {wieght: 1}}", "loss.ssim.wieght: expected one of weight, when_missing"),
        ("loss: {feature: 1.0}", "loss.feature.student_layer: expected the name of a module"),
        (
            "loss: {ssim: {weight: 1, teacher_layer: x}}",
            "loss.ssim.teacher_layer: expected nothing, because ssim",
        ),
        ("loss: [ssim]", "loss: expected terms with their weights"),
        (
            "loss: {pseudo_huber_reference: null, mse_reference: null, relative_reference: null,"
            " mse_target: null}",
            "loss: expected at least one term",
        ),
        ("student: {name: realtme, arguments: {}}", "student.name: expected one of swinir-cnn"),
        (
            "student: {arguments: {form: [1]}}",
            "student.arguments: expected a mapping of names to a whole number",
        ),
        (
            "student: {arguments: {width: .inf}}",
            "student.arguments: expected a mapping of names to a whole number",
        ),
        (
            "schedule: {patience: 3}",
            "schedule.patience: expected null, because the schedule is cosine, got 3",
        ),
        (
            "schedule: {name: plateau, warm_up_steps: 0}",
            "schedule.floor: expected a number, because the schedule is",
        ),
        ("teacher: {weights: official}", "teacher.training: expected null, because weights is official"),
        (
            "teacher: {training: null}",
            "teacher.training: expected loss and learning_rate, because weights is trained",
        ),
        ("teacher: {fallback: rlfn-x2}", "teacher.fallback: expected a list, each text, got 'rlfn-x2'"),
        ("teacher: {fallback: [unet]}", "teacher.fallback: expected other teachers than the first"),
        ("degradation: bicubic-x5", "degradation: expected a name or mapping"),
        ("degradation: bicubic-x5", "got 'bicubic-x5' (did you mean 'bicubic-x"),
        ("degradation: {kind: down-up, factor: 9}", "factor: expected a number from 1 to 4, got 9"),
        ("gradient_clip: 0", "gradient_clip: expected a number from 0.0001 to 10000 or null, got 0"),
        (
            "published: [{metric: ssim}]",
            "published[0].of: expected one of student, teacher, goal, got nothing",
        ),
        ("name: mine", "name: expected no such key"),
        ("extends: realtme", "extends: expected one of swinir-cnn"),
        ("extends: realtme", "got 'realtme' (did you mean 'realtime'?)"),
        ("extends: [realtime]", "extends: expected one of swinir-cnn"),
    ],
)
def test_wrong_settings_are_refused_with_file_key_expected_and_got(
    lines: str, message: str, write: Write
) -> None:
    head = "summary: Mine.\n" if lines.startswith("extends") else "extends: realtime\nsummary: Mine.\n"
    assert message in refusal(write(f"{head}{lines}\n"))


def test_a_recipe_that_extends_nothing_has_to_say_everything(write: Write) -> None:
    whole = SHIPPED["swinir-cnn"].read_text(encoding="utf-8")
    assert load_recipe(write(whole)) == replace(load_recipe("swinir-cnn"), name="own")
    for key in (
        "degradation",
        "teacher",
        "loss",
        "gradient_clip",
        "ema",
        "precision",
        "selection",
        "budgets",
    ):
        lines = whole.splitlines()
        start = next(index for index, line in enumerate(lines) if line.startswith(f"{key}:"))
        end = next(i for i in range(start + 1, len(lines)) if lines[i] and not lines[i].startswith(" "))
        assert f"{key}: expected" in refusal(write("\n".join(lines[:start] + lines[end:])))


def test_a_released_teacher_is_not_trained_first(write: Write) -> None:
    text = "extends: realtime\nsummary: Mine.\nteacher: {weights: released, training: null}\n"
    assert "budgets.full.teacher_epochs: expected 0, because the teacher's weights are released" in refusal(
        write(text)
    )
    assert load_recipe(write(text + "budgets: {full: {teacher_epochs: 0}}\n")).teacher.weights == "released"


def test_numbers_are_read_as_yaml_1_2(write: Write, reader: str) -> None:
    text = "extends: realtime\nsummary: Mine.\noptimiser: {learning_rate: 1e-4, weight_decay: 1}\nema: .99\n"
    own = load_recipe(write(text + "budgets: {full: {epochs: 010}}\n"))
    assert own.optimiser.learning_rate == 1e-4
    assert (own.optimiser.weight_decay, own.ema, own.budgets.full.epochs) == (1, 0.99, 10)
    message = refusal(write('extends: realtime\nsummary: Mine.\noptimiser: {learning_rate: "1e-4"}\n'))
    assert "optimiser.learning_rate: expected a number from 1e-07 to 0.1, got '1e-4'" in message
    assert load_recipe(write("extends: realtime\nsummary: no\n")).summary == "no"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected settings such as `extends: realtime`, got None"),
        ("- realtime\n", "expected settings such as `extends: realtime`, got ['realtime']"),
        ("extends: realtime\nsummary: [1\n", "expected YAML, got"),
        ("extends: realtime\nextends: swinir-cnn\n", "line 2: "),
        (
            "extends: !!python/object/apply:os.mkdir [ran]\n",
            "line 1: could not determine",
        ),
    ],
)
def test_files_that_are_no_recipes_are_refused(text: str, message: str, write: Write, reader: str) -> None:
    assert message in refusal(write(text))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_bytes(b"\xff\xfe\x00summary")
    assert "expected a text file in UTF-8" in refusal(path)


def test_wrong_names_are_refused(write: Write) -> None:
    with pytest.raises(
        RecipeError, match=r"expected one of swinir-cnn.*got 'realtme' \(did you mean 'realtime'\?\)"
    ):
        load_recipe("realtme")
    with pytest.raises(RecipeError, match=r"or an existing .yaml file, got 'absent.yaml'"):
        load_recipe("absent.yaml")
    assert "name: expected a file name that is no shipped recipe's" in refusal(write(OWN, "realtime.yaml"))
    assert "name: expected lower-case letters, digits and dashes, got 'My Own'" in refusal(
        write(OWN, "My Own.yaml")
    )


def test_errors_survive_the_way_between_processes() -> None:
    error = RecipeError("a.b", "a number", "x", " (did you mean 'y'?)", "own.yaml")
    assert str(pickle.loads(pickle.dumps(error))) == str(error) == (
        "own.yaml: a.b: expected a number, got 'x' (did you mean 'y'?)"
    )  # fmt: skip
