"""The recipes against the published systems, and every kind of wrong recipe refused with its place."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError, replace

import pytest

from sharpstudy.recipes import FILES as SHIPPED
from sharpstudy.recipes import (
    RECIPES,
    SIZES,
    TERMS,
    Budget,
    RecipeError,
    Term,
    describe_recipe,
    load_recipe,
    recipe_rows,
    respent,
    shipped_otherwise,
    without_teacher,
)
from sharpstudy.recipes.explain import TERM_WORDS

# What the published systems state, and nothing else; the budget is the full one.
STATED = {
    "swinir-cnn": {
        "degradation": "bicubic-x4",
        "teacher": ("swinir-classical-x4", "official"),
        "terms": {"l1_reference", "l1_target"},
        "learning_rate": 0.001,
        "budget": {"epochs": 25, "batch": 16, "patch": 100, "pairs_per_epoch": 3200},
    },
    "unet-attention": {
        "teacher": ("unet", "trained"),
        "terms": {"l1_reference", "perceptual", "sobel_edge", "feature", "ssim", "l1_target"},
        "weights": {"l1_reference": 1.0, "perceptual": 0.6, "sobel_edge": 0.5, "feature": 0.4, "ssim": 0.3},
        "schedule": "cosine",
        "precision": "mixed",
        "budget": {"patch": 256},
    },
    "srresnet-edge": {
        "degradation": "mixed-x4",
        "terms": {"mse_reference", "mse_target", "gradient_edge"},
        "clipped": True,
        "budget": {"epochs": 25},
    },
    "edsr-residual": {
        "degradation": "mixed-x2",
        "teacher": ("edsr-baseline-x2", "fine-tuned"),
        "terms": {"l1_reference", "mse_target"},
        "learning_rate": 0.0001,
        "clipped": True,
        "budget": {"epochs": 5, "batch": 8},
    },
    "bsrgan-ultralight": {
        "degradation": "blur",
        "teacher": ("bsrgan", "official"),
        "terms": {"l1_reference", "mse_target"},
        "weights": {"l1_reference": 0.7, "mse_target": 0.3},
        "learning_rate": 0.001,
        "schedule": "plateau",
        "budget": {"epochs": 100, "batch": 4, "pairs_per_epoch": 800},
    },
}
COUNTS = {
    "swinir-cnn": 483_587,
    "unet-attention": 112_593,
    "srresnet-edge": 944_323,
    "edsr-residual": 372_803,
    "bsrgan-ultralight": 334_147,
    "realtime": 44_795,
}


@pytest.mark.parametrize("name", STATED)
def test_recipes_hold_what_their_systems_state(name: str) -> None:
    recipe, stated = load_recipe(name), STATED[name]
    weights = {term.term: term.weight for term in recipe.loss}
    held = {
        "degradation": recipe.degradation,
        "teacher": (recipe.teacher.name, recipe.teacher.weights),
        "terms": set(weights),
        "weights": {term: weights[term] for term in stated.get("weights", {})},
        "learning_rate": recipe.optimiser.learning_rate,
        "schedule": recipe.schedule.name,
        "precision": recipe.precision,
        "clipped": recipe.gradient_clip is not None,
        "budget": {key: getattr(recipe.budgets.full, key) for key in stated["budget"]},
    }
    assert {key: held[key] for key in stated} == stated
    assert recipe.optimiser.name == "adam"


def test_the_names_are_the_files_in_a_fixed_order() -> None:
    folder = SHIPPED["realtime"].parent
    assert {*RECIPES, *SIZES} == {path.stem for path in folder.glob("*.yaml")}
    assert (*STATED, "realtime") == RECIPES
    assert [row["recipe"] for row in recipe_rows()] == list(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_students_can_be_built_and_have_the_published_counts(name: str) -> None:
    from sharpstudy.students import STUDENTS, build_student, count_parameters, fold

    choice = load_recipe(name).student
    student = build_student(choice.name, **choice.arguments)
    assert count_parameters(fold(student)) == COUNTS[name]
    assert student.arguments == dict(choice.arguments)  # nothing is left to a default
    assert set(STUDENTS) == set(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_names_agree_with_the_modules_that_own_them(name: str) -> None:
    from sharpstudy.data.sources import SOURCES
    from sharpstudy.teachers import TEACHERS, build_network

    recipe = load_recipe(name)
    for budget in ("quick", "full"):
        assert set(recipe.teachers(budget)) <= TEACHERS.keys()
        assert set(recipe.budget(budget).source.split("+")) <= {*SOURCES, "softened"}
    assert recipe.budgets.quick.source == "bundled"  # a fresh installation can run it
    for term in recipe.loss:
        if term.student_layer:
            from sharpstudy.students import STUDENTS

            assert term.student_layer in STUDENTS[recipe.student.name].features
            build_network(recipe.teacher.name).get_submodule(term.teacher_layer)


def test_the_terms_are_those_that_the_losses_know() -> None:
    from sharpstudy.losses.total import TERMS as KNOWN

    assert set(TERMS) == set(KNOWN)
    assert TERM_WORDS.keys() == set(TERMS)


@pytest.mark.parametrize("name", RECIPES)
def test_degradations_suit_what_the_student_reads(name: str, rng) -> None:
    from sharpstudy.data.degrade import parse_degradation, small_frame
    from sharpstudy.students import STUDENTS

    recipe = load_recipe(name)
    student, settings = STUDENTS[recipe.student.name], parse_degradation(recipe.degradation)
    if student.reads == "small":
        reference = rng.integers(0, 256, (64, 96, 3), dtype="uint8")
        assert small_frame(reference, settings, 0).shape == (64 // student.scale, 96 // student.scale, 3)


@pytest.mark.parametrize("name", RECIPES)
def test_both_yaml_libraries_read_the_same_recipe(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("yaml")
    by_ruamel = load_recipe(name)
    monkeypatch.setitem(sys.modules, "ruamel.yaml", None)
    assert load_recipe(name) == by_ruamel


def test_settings_are_frozen_and_checked_when_made_in_code() -> None:
    recipe = load_recipe("realtime")
    with pytest.raises(FrozenInstanceError):
        recipe.ema = 0.5
    with pytest.raises(RecipeError, match=r"ema: expected a number from 0.5 to 0.99999 or null, got 2$"):
        replace(recipe, ema=2)
    with pytest.raises(RecipeError, match="loss: expected at least one term, each once"):
        replace(recipe, loss=(Term("ssim", 1.0), Term("ssim", 0.5)))
    with pytest.raises(RecipeError, match="batch: expected a whole number from 1 to 4096, got 0"):
        Budget("bundled", 1, 1, 0, 16, 0)
    with pytest.raises(RecipeError, match="budget: expected quick or full, got 'medium'"):
        recipe.budget("medium")


@pytest.mark.parametrize("name", RECIPES)
def test_the_control_without_a_teacher_differs_in_nothing_else(name: str) -> None:
    recipe = load_recipe(name)
    control = without_teacher(recipe)
    assert recipe.needs_teacher
    assert not control.needs_teacher
    assert set(recipe.loss) - set(control.loss) == {
        term for term in recipe.loss if term.term in ("l1_target", "mse_target", "feature")
    }
    assert replace(control, loss=recipe.loss) == recipe


def test_teachers_are_tried_in_the_budgets_order_or_the_recipes() -> None:
    recipe = load_recipe("swinir-cnn")
    assert recipe.teachers("full") == ("swinir-classical-x4", "hit-srf-x4", "rlfn-x4")
    assert recipe.teachers("quick") == ("rlfn-x4",)


@pytest.mark.parametrize("name", RECIPES)
def test_descriptions_say_all_and_fit_a_page(name: str) -> None:
    recipe = load_recipe(name)
    text = describe_recipe(recipe)
    flat = " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 110
    for figure in recipe.published:
        assert " ".join(figure.words.split()) in flat
    for doubt in recipe.doubts:
        assert " ".join(doubt.split()) in flat
    for term in recipe.loss:
        assert f"{term.weight:g} x {TERM_WORDS[term.term]}" in flat
    assert f"learning rate {recipe.optimiser.learning_rate:g}" in flat


def test_reading_recipes_needs_neither_torch_nor_video_libraries() -> None:
    code = (
        "import sys; from sharpstudy.recipes import load_recipe, describe_recipe; "
        "describe_recipe(load_recipe('realtime')); "
        "print(sorted({'torch', 'av', 'pandas', 'lpips'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_budget_is_changed_by_words_and_the_difference_is_known():
    changes = {
        "epochs": "3",
        "source": "bundled+kodak24",
        "teachers": "rlfn-x4+imdn-x4",
        "precision": "mixed",
    }
    other = respent(load_recipe("swinir-cnn"), "full", changes)
    spent = other.budget("full")
    assert (spent.epochs, spent.source, spent.teachers) == (3, "bundled+kodak24", ("rlfn-x4", "imdn-x4"))
    assert (other.precision, spent.patch) == ("mixed", 100)
    assert other.budget("quick") == load_recipe("swinir-cnn").budget("quick")
    assert shipped_otherwise(other, "full") == {
        "source": "div2k",
        "epochs": 25,
        "teachers": (),
        "precision": "fp32",
    }
    assert shipped_otherwise(load_recipe("swinir-cnn"), "full") == {}
    for changes, words in (
        ({"epoch": "3"}, r"budgets.full: expected one of .*precision, got 'epoch' \(did you mean 'epochs'"),
        ({"epochs": "many"}, "budgets.full.epochs: expected a whole number, got 'many'"),
        ({"epochs": "0"}, "epochs: expected a whole number from 1"),
        ({"precision": "fp8"}, "precision: expected one of fp32, bf16, mixed"),
    ):
        with pytest.raises(RecipeError, match=words):
            respent(load_recipe("swinir-cnn"), "full", changes)
