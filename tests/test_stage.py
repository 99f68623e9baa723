"""One notebook through papermill: parameters in, stable bytes out, failures that a person can read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sharpstudy import stage
from tests.notebook_tools import Project, notebook

PARAMETERS = 'count: int = 2  # how many\nname: str = "none"  # of what\nlr: float = 0.1  # step size\n'


@pytest.fixture
def params(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "params.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_sections_are_read_as_yaml_1_2(params):
    path = params("a: {count: 3, lr: 1e-4}\nb: {name: off}\nc: {other: 1}\n")
    values = stage.read_sections(["a", "b"], path)
    assert values == {"count": 3, "lr": 0.0001, "name": "off"}
    assert isinstance(values["lr"], float)


def test_one_value_of_a_section_and_lists_of_words_can_be_passed_on(params):
    path = params("study: {recipes: [one, two], budget: quick}\nb: {count: 2}\n")
    assert stage.read_sections(["study"], path) == {"recipes": "one two", "budget": "quick"}
    assert stage.read_sections(["study.budget", "b"], path) == {"budget": "quick", "count": 2}


@pytest.mark.parametrize(
    ("text", "names", "words"),
    [
        ("a: {x: 1}", ["a.y"], "no 'a.y'; a has x"),
        ("a: {x: [1, 2]}", ["a"], "or a list of words"),
        ("a: {x: [one two]}", ["a"], "or a list of words"),
        ("a: {x: 1}", ["b"], "no section 'b'; it has a"),
        ("a: {x: 1}\nb: {x: 2}", ["a", "b"], "'x' stands in two of the sections a, b"),
        ("a: {x: true}", ["a"], "never a boolean"),
        ("a: {x: {y: 1}}", ["a"], "a parameter is a number"),
    ],
)
def test_unusable_parameters_are_refused_in_a_sentence(params, text, names, words):
    with pytest.raises(stage.StageError, match=words):
        stage.read_sections(names, params(text))


def test_a_parameter_that_the_notebook_does_not_have_is_refused(tmp_path):
    path = tmp_path / "one.ipynb"
    path.write_text(notebook(parameters=PARAMETERS), encoding="utf-8")
    assert stage.notebook_parameters(path, {"count": 5}) == {"count": 5}
    with pytest.raises(
        stage.StageError, match=r"takes no parameter 'cuont'; its parameters cell has count, name, lr"
    ):
        stage.notebook_parameters(path, {"cuont": 5})


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("count", "many", "whole number"),
        ("count", 2.5, "whole number"),
        ("lr", "1e-4x", "number"),
        ("name", 3, "word"),
    ],
)
def test_a_parameter_of_another_type_is_refused_before_anything_runs(tmp_path, name, value, kind):
    path = tmp_path / "one.ipynb"
    path.write_text(notebook(parameters=PARAMETERS), encoding="utf-8")
    with pytest.raises(stage.StageError, match=rf"one\.ipynb: {name} is a {kind}, and {value!r} came"):
        stage.notebook_parameters(path, {name: value})


def test_code_alone_ignores_prose_outputs_and_metadata(tmp_path):
    clean, saved = tmp_path / "clean.ipynb", tmp_path / "saved.ipynb"
    clean.write_text(notebook("x = 1\ny = 2", "z = 3"), encoding="utf-8")
    book = json.loads(notebook("x = 1\ny = 2", "z = 3"))
    book["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["hello"]}]
    book["cells"][1]["execution_count"] = 7
    book["cells"].insert(1, {"cell_type": "markdown", "id": "m", "metadata": {}, "source": ["# Prose"]})
    saved.write_text(json.dumps(book), encoding="utf-8")
    assert stage.code_of(clean) == stage.code_of(saved) == "\n\nx = 1\ny = 2\n\nz = 3\n"


def test_outputs_and_long_cells_are_found(tmp_path):
    (tmp_path / "good.ipynb").write_text(notebook("x = 1"), encoding="utf-8")
    assert stage.check_notebooks(tmp_path) == []
    book = json.loads(notebook("\n".join(["x = 1"] * 13)))
    book["cells"][1]["execution_count"] = 1
    book["cells"][0]["metadata"] = {}
    (tmp_path / "bad.ipynb").write_text(json.dumps(book), encoding="utf-8")
    found = "\n".join(stage.check_notebooks(tmp_path))
    for words in ("holds outputs", "0 cells tagged 'parameters'", "13 lines, more than 12"):
        assert words in found


def test_settings_are_name_value():
    assert stage.parse_settings(["recipe=realtime", "x=a=b"]) == {"recipe": "realtime", "x": "a=b"}
    with pytest.raises(stage.StageError, match="NAME=VALUE, and got 'recipe'"):
        stage.parse_settings(["recipe"])


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    made = Project(tmp_path_factory.mktemp("stage"))
    made.write("params.yaml", "main: {count: 3, lr: 1e-4}\n")
    work = (
        "import os, sys, time\nfrom pathlib import Path\n"
        "print(count, name, lr, type(lr).__name__, Path(os.getcwd()).name)\n"
        "print(f'{time.time()} bar', file=sys.stderr)\n"
    )
    made.write("notebooks/good.ipynb", notebook(work, parameters=PARAMETERS))
    made.write(
        "notebooks/bad.ipynb",
        notebook("before = 1", "raise ValueError('the lamp is off')", parameters="x = 1"),
    )
    made.write("notebooks/dead.ipynb", notebook("import os\nos._exit(9)", parameters="x = 1"))
    return made


@pytest.mark.slow
def test_a_notebook_runs_with_its_parameters_and_gives_the_same_bytes_twice(project):
    runs = []
    for _ in range(2):
        answer = project.stage("good", "--section", "main", "--set", "name=lens")
        assert answer.returncode == 0, answer.stderr
        assert f"3 lens 0.0001 float {project.folder.name}" in answer.stdout  # printed live
        assert "bar" in answer.stderr
        path = project.folder / "results/notebooks/good@lens.ipynb"
        runs.append(path.read_bytes())
        path.unlink()
    assert runs[0] == runs[1]
    assert b"papermill" not in runs[0].replace(b'"injected-parameters"', b"")
    assert b" bar" not in runs[0].replace(b"} bar'", b"")


@pytest.mark.slow
def test_a_failure_names_the_cell_the_error_and_the_kept_notebook(project):
    answer = project.stage("bad")
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    kept = Path("results") / "failed" / "bad.ipynb"
    assert "bad failed in cell [3]:" in answer.stderr
    assert "ValueError: the lamp is off" in answer.stderr
    assert str(kept) in answer.stderr
    assert "the lamp is off" in (project.folder / kept).read_text(encoding="utf-8")
    assert not (project.folder / "results/notebooks/bad.ipynb").exists()


@pytest.mark.slow
def test_a_dead_kernel_is_explained(project):
    answer = project.stage("dead")
    assert answer.returncode == 1
    assert "the kernel died; most likely memory ran out" in answer.stderr


def test_an_unknown_notebook_is_named_with_those_there_are(project):
    answer = project.stage("god")
    assert answer.returncode == 1
    assert "There is no notebook 'god'; there are bad, dead, good." in answer.stderr
