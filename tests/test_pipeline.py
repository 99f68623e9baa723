"""The pipeline: what dvc.yaml declares is what the notebooks use, and what changed is what reruns."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from sharpstudy import stage
from sharpstudy.paths import NOTEBOOKS, PACKAGE, PARAMS, ROOT
from tests.notebook_tools import Project, notebook
from tests.test_layers import imports_of, package_modules

COMMAND = re.compile(
    r"python -m sharpstudy\.(stage|report)( [\w@.\-]+)?((?: --(?:section|set) [\w.\-=${}]+)*)"
)


def load(path: Path) -> dict:
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


def stages() -> dict[str, dict]:
    """The stages of dvc.yaml; the body of a matrix or foreach stage as it is written there."""
    return {name: body.get("do", body) for name, body in load(ROOT / "dvc.yaml")["stages"].items()}


def commands(body: dict) -> list[str]:
    return body["cmd"] if isinstance(body["cmd"], list) else [body["cmd"]]


def notebook_of(body: dict) -> str | None:
    """The notebook that a stage executes, or None."""
    for command in commands(body):
        words = command.split()
        if words[2] == "sharpstudy.stage" and words[3] != "code":
            return words[3]
    return None


def sections_of(body: dict) -> list[str]:
    return [name for command in commands(body) for name in re.findall(r"--section (\S+)", command)]


def notebook_stages() -> list[str]:
    return [name for name, body in stages().items() if notebook_of(body)]


def is_bare(source: str) -> bool:
    """Whether a module holds nothing but its docstring and constants such as a version."""
    return all(isinstance(node, (ast.Expr, ast.Assign)) for node in ast.parse(source).body)


def closure(sources: list[str]) -> set[str]:
    """Every module of the package that the code reaches by its imports, bare package inits left out."""
    modules = package_modules()
    waiting = [name for source in sources for name in imports_of(source, "notebook", False)]
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            module = ".".join(parts[:end])
            if module in modules and module not in reached:
                reached.add(module)
                waiting += imports_of(modules[module][0], module, modules[module][1])
    return {name for name in reached if not (modules[name][1] and is_bare(modules[name][0]))}


def file_of(module: str) -> str:
    """The path of a module as dvc.yaml writes it."""
    path = PACKAGE.parent.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return path.relative_to(PACKAGE.parent).as_posix()


def sources_of(body: dict) -> list[str]:
    """The code that a stage runs: its notebook's cells, and the module of any other command."""
    found = []
    for command in commands(body):
        module = command.split()[2]
        if module != "sharpstudy.stage":
            found.append(f"import {module}")
    name = notebook_of(body)
    return found + ([stage.code_of(NOTEBOOKS / f"{name}.ipynb")] if name else [])


def inside(folder: str) -> set[str]:
    """The module files in a folder of the package, bare inits left out, as dvc.yaml writes them."""
    files = (path for path in (ROOT / folder).rglob("*.py"))
    return {
        path.relative_to(ROOT).as_posix()
        for path in files
        if path.name != "__init__.py" or not is_bare(path.read_text(encoding="utf-8"))
    }


def missing_and_surplus(body: dict) -> tuple[set[str], set[str]]:
    """Module files that a stage reaches and does not declare, and those it declares and does not reach.

    A folder among the deps stands for every module in it, so it may be there only when all of them are used.
    """
    named = {dep for dep in body["deps"] if dep.startswith("sharpstudy/")}
    declared = {dep for dep in named if dep.endswith(".py")}
    for folder in (dep for dep in named if (ROOT / dep).is_dir()):
        declared |= inside(folder)
    reached = {file_of(module) for module in closure(sources_of(body))}
    return reached - declared, declared - reached


@pytest.mark.parametrize("name", list(stages()))
def test_commands_are_words_that_every_shell_reads_alike(name):
    for command in commands(stages()[name]):
        assert COMMAND.fullmatch(command), command


@pytest.mark.parametrize("name", notebook_stages())
def test_sections_passed_on_are_the_sections_declared(name):
    body = stages()[name]
    assert sorted(sections_of(body)) == sorted(body.get("params", []))


@pytest.mark.parametrize("name", notebook_stages())
def test_parameters_are_known_to_the_notebook_and_have_its_types(name):
    body = stages()[name]
    path = NOTEBOOKS / f"{notebook_of(body)}.ipynb"
    values = stage.read_sections(sections_of(body), PARAMS)
    settings = stage.parse_settings(re.findall(r"--set (\S+)", " ".join(commands(body))))
    declared = stage.declared_parameters(path)
    stage.notebook_parameters(path, {**values, **settings})
    for key in values:
        assert declared[key]["inferred_type_name"] in stage.KINDS, f"{path.name}: {key} has no known type"
        assert declared[key]["help"], f"{path.name}: the parameter {key} has no comment"


@pytest.mark.parametrize("name", notebook_stages())
def test_a_stage_depends_on_its_notebooks_code_and_not_on_its_prose(name):
    body = stages()[name]
    assert f"build/code/{notebook_of(body)}.py" in body["deps"]
    assert not any(dep.startswith("notebooks") for dep in body["deps"])


@pytest.mark.parametrize("name", notebook_stages())
def test_a_stage_that_may_load_a_released_teacher_depends_on_what_ships(name):
    body = stages()[name]
    loads = "sharpstudy.teachers" in closure(sources_of(body))
    assert not loads or "sharpstudy/weights" in body["deps"]


@pytest.mark.parametrize("name", notebook_stages())
def test_deps_are_the_import_closure(name):
    missing, surplus = missing_and_surplus(stages()[name])
    assert missing == set(), f"{name} uses modules that dvc.yaml does not list"
    assert surplus == set(), f"{name} lists modules that it does not use"


def test_a_missing_and_a_surplus_dep_are_found():
    name = notebook_stages()[0]
    body = stages()[name]
    module = next(dep for dep in body["deps"] if dep.startswith("sharpstudy/") and dep.endswith(".py"))
    short = {**body, "deps": [dep for dep in body["deps"] if dep != module]}
    long = {**body, "deps": [*body["deps"], "sharpstudy/nowhere.py"]}
    assert missing_and_surplus(short) == ({module}, set())
    assert missing_and_surplus(long) == (set(), {"sharpstudy/nowhere.py"})


def test_outs_are_cached_and_ignored_by_git():
    for name, body in stages().items():
        for out in body["outs"]:
            assert isinstance(out, str), f"{name}: {out} has options; every out is plainly cached"
            answer = subprocess.run(
                ["git", "check-ignore", "-q", re.sub(r"\$\{item[\w.]*\}", "x", out)], cwd=ROOT
            )
            if answer.returncode == 128:
                pytest.skip("not a git checkout")
            assert answer.returncode == 0, f"git does not ignore {out}"


def test_every_section_of_params_is_used_and_holds_plain_values():
    sections = load(PARAMS)
    used = {name for body in stages().values() for name in sections_of(body)}
    assert set(sections) == {name.split(".")[0] for name in used}
    for name in sections:
        assert stage.read_sections([name], PARAMS)


def test_every_notebook_is_a_stage():
    run = {notebook_of(body) for body in stages().values()} - {None}
    assert run == {path.stem for path in NOTEBOOKS.glob("*.ipynb")}


PIPELINE = """\
stages:
  code:
    cmd: python -m sharpstudy.stage code
    deps: [notebooks]
    outs: [build/code]
  first:
    cmd: python -m sharpstudy.stage first --section main
    params: [main]
    deps: [build/code/first.py, sharpstudy/one.py]
    outs: [data/first.txt, results/notebooks/first.ipynb]
  second:
    cmd: python -m sharpstudy.stage second
    deps: [build/code/second.py, data/first.txt, sharpstudy/two.py]
    outs: [data/second.txt, results/notebooks/second.ipynb]
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    """Two small notebooks behind the real stage.py and the real dvc, in a folder without git."""
    if shutil.which("dvc", path=str(Path(sys.executable).parent)) is None:
        pytest.skip("dvc is not installed")
    made = Project(tmp_path_factory.mktemp("pipeline"))
    made.write("params.yaml", "main: {count: 3}\n")
    made.write("dvc.yaml", PIPELINE)
    made.write("sharpstudy/one.py", "VALUE = 1\n")
    made.write("sharpstudy/two.py", "VALUE = 2\n")
    save = "from pathlib import Path\nPath('data').mkdir(exist_ok=True)\n"
    first = (
        "from sharpstudy.one import VALUE\n" + save + "Path('data/first.txt').write_text(str(count + VALUE))"
    )
    second = "from sharpstudy.two import VALUE\n" + save + "Path('data/second.txt').write_text(str(VALUE))"
    made.write("notebooks/first.ipynb", notebook(first, parameters="count: int = 0  # how many"))
    made.write("notebooks/second.ipynb", notebook(second, parameters="unused: int = 0  # nothing"))
    assert made.python("dvc", "init", "-q", "--no-scm").returncode == 0
    assert made.python("dvc", "config", "core.analytics", "false").returncode == 0
    return made


def ran(project: Project) -> list[str]:
    """The stages that one `dvc repro` ran."""
    answer = project.python("dvc", "repro")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return re.findall(r"Running stage '(\w+)'", answer.stdout)


@pytest.mark.slow
def test_what_changed_is_what_reruns(project):
    assert ran(project) == ["code", "first", "second"]
    assert (project.folder / "data/first.txt").read_text(encoding="utf-8") == "4"
    assert ran(project) == []

    saved = (project.folder / "notebooks/first.ipynb").read_text(encoding="utf-8")
    saved = saved.replace('"execution_count": null', '"execution_count": 3').replace('"c0"', '"other"')
    project.write("notebooks/first.ipynb", saved)  # as JupyterLab saves it after running a cell
    (project.folder / "notebooks/.ipynb_checkpoints").mkdir()
    project.write("notebooks/.ipynb_checkpoints/first-checkpoint.ipynb", saved)
    assert ran(project) == ["code"]

    project.write("sharpstudy/two.py", "VALUE = 20\n")
    assert ran(project) == ["second"]

    project.write("params.yaml", "main: {count: 5}\n")
    assert ran(project) == ["first", "second"]
    assert (project.folder / "data/first.txt").read_text(encoding="utf-8") == "6"


@pytest.mark.slow
def test_a_failing_stage_stops_the_study_and_the_next_run_goes_on_from_there(project):
    project.python("dvc", "repro")
    project.write("sharpstudy/two.py", "raise RuntimeError('no light')\n")
    answer = project.python("dvc", "repro")
    assert answer.returncode != 0
    assert "RuntimeError: no light" in answer.stderr + answer.stdout
    assert (project.folder / "results/failed/second.ipynb").exists()
    project.write("sharpstudy/two.py", "VALUE = 21\n")
    assert ran(project) == ["second"]
