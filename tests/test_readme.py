"""What the README says holds: commands are parsed by their programs, links lead somewhere, code runs."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from sharpstudy.paths import NOTEBOOKS, PACKAGE, PARAMS, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
PROGRAMS = ("sharpstudy", "python", "dvc", "papermill", "torchrun", "srun", "conda", "git", "source")
UNHELD = {
    "source .venv/bin/activate": "Python's own venv writes that script",
    "python run.py ...": "it stands for all words of run.py",
    "git checkout dvc.lock": "git's own command; the file is held to be there",
}


def fences(language: str) -> list[str]:
    return [body for name, body in FENCE.findall(README) if name == language]


def commands() -> list[str]:
    """Every command of the README: lines of its plain and shell blocks, and inline code that starts one."""
    blocks = "".join(fences("") + fences("bash")).replace("\\\n", " ")
    lines = [line for line in blocks.splitlines() if line.strip() and not line.startswith("#")]
    spans = [" ".join(one.split()) for one in re.findall(r"`([^`]+)`", FENCE.sub("", README))]
    spans += re.findall(r"^# mine\.yaml; then: (.*)$", README, flags=re.MULTILINE)[0].split(", ")
    found = [one.strip() for one in (*lines, *spans) if program_of(one) in PROGRAMS and " " in one.strip()]
    return list(dict.fromkeys(found))


def words_of(command: str) -> list[str]:
    """The words of a command, without settings of the environment before it and dots that stand for more."""
    plain = re.sub(r"\$\([^)]*\)", "HOST", command)
    words = [word for word in shlex.split(plain, comments=True) if word != "..."]
    while words and re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    return words


def program_of(command: str) -> str:
    try:
        return (words_of(command) or [""])[0]
    except ValueError:  # a quotation mark that stands alone
        return ""


def hold(command: str) -> None:
    """Raise or fail where a command would not be understood."""
    words = words_of(command)
    HOLD[words[0]](words[1:])


def hold_sharpstudy(words: list[str]) -> None:
    """The words are arguments of a command, and name recipes, degradations and files that exist."""
    from sharpstudy.cli import main

    command, rest = main, list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        assert rest[0] in command.commands, f"{command.name} has no command {rest[0]!r}"
        command = command.commands[rest.pop(0)]
    assert not isinstance(command, click.Group) or rest, f"{command.name} needs a command"
    if rest:  # else the text speaks of the command by its name
        hold_names(command.name, command.make_context(command.name, rest).params)


def hold_names(command: str, values: dict) -> None:
    from sharpstudy.assets import ASSETS
    from sharpstudy.data.degrade import parse_degradation
    from sharpstudy.recipes import RECIPES, SIZES

    names = [one for key in ("recipe", "name", "models") for one in as_tuple(values.get(key))]
    if command in ("recipes", "distill", "teach", "evaluate"):
        free = ("RECIPE", "mine.yaml", "theirs.onnx")  # the reader's own
        assert not [one for one in names if one not in (*RECIPES, *SIZES, *free)]
    if command == "fetch":
        assert set(values["names"]) <= set(ASSETS)
    degradation = values.get("name" if command == "degrade" else "degradation")
    if degradation:
        parse_degradation(degradation)
    for one in (str(value) for each in values.values() for value in as_tuple(each)):
        assert not one.startswith("sharpstudy/") or (ROOT / one).exists(), one


def as_tuple(value: object) -> tuple:
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


def hold_python(words: list[str]) -> None:
    if words[0] == "run.py":
        hold_run(words[1:])
    elif words[:3] == ["-m", "pip", "install"]:
        extras = re.findall(r"\[(\w+)\]", words[-1])
        text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        assert extras
        assert all(re.search(rf"^{extra} = \[", text, flags=re.MULTILINE) for extra in extras)
    else:
        assert words[0] == "-m"
        hold_module(words[1], words[2:])


def hold_module(module: str, words: list[str]) -> None:
    if module == "sharpstudy":
        return hold_sharpstudy(words)
    found = importlib.util.find_spec(module)
    assert found is not None, module
    if found.submodule_search_locations is not None:  # of a package, this is what runs
        module = f"{module}.__main__"
    assert "__main__" in Path(importlib.util.find_spec(module).origin).read_text(encoding="utf-8"), module
    if words:
        program = importlib.import_module(module)
        make = program.parser if hasattr(program, "parser") else program.make_parser
        make().parse_args(words)
    return None


def hold_run(words: list[str]) -> None:
    spec = importlib.util.spec_from_file_location("run_of_readme", ROOT / "run.py")
    run = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(run)
    assert words[0] in (*re.findall(r"^  (\w+) ", run.HELP, flags=re.MULTILINE), "--help"), words[0]
    if words[0] == "study":
        run.targets(words[1:], stage_names())


def stage_names() -> list[str]:
    """The stages of dvc.yaml, a matrix stage written out."""
    stages = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    recipes = YAML(typ="safe").load(PARAMS.read_text(encoding="utf-8"))["study"]["recipes"]
    return [
        one
        for name, body in stages.items()
        for one in ([f"{name}@{recipe}" for recipe in recipes] if "matrix" in body else [name])
    ]


def hold_dvc(words: list[str]) -> None:
    parser = pytest.importorskip("dvc.cli.parser", reason="DVC is not installed")
    options = parser.get_main_parser().parse_args(words)
    if options.cmd == "repro":
        assert set(options.targets) <= {*stage_names(), *(name.split("@")[0] for name in stage_names())}
    params = YAML(typ="safe").load(PARAMS.read_text(encoding="utf-8"))
    for setting in getattr(options, "set_param", None) or ():
        key, _, value = setting.partition("=")
        section, name = key.split(".")
        assert name in params[section], key
        hold_value(key, YAML(typ="safe").load(value), params[section][name])


def hold_value(key: str, value: object, present: object) -> None:
    from sharpstudy.recipes import RECIPES

    assert type(value) is type(present), key
    if key == "study.recipes":
        assert set(value) <= set(RECIPES)
    if key == "study.budget":
        assert value in ("quick", "full")


def hold_papermill(words: list[str]) -> None:
    cli = pytest.importorskip("papermill.cli", reason="papermill is not installed")
    from sharpstudy import stage

    values = cli.papermill.make_context("papermill", list(words)).params
    notebook = ROOT / values["notebook_path"]
    given = {name: YAML(typ="safe").load(value) for name, value in values["parameters"]}
    assert stage.notebook_parameters(notebook, given) == given


def hold_torchrun(words: list[str]) -> None:
    run = pytest.importorskip("torch.distributed.run", reason="PyTorch is not installed")
    options = run.get_args_parser().parse_args([word.replace("$SLURM_NNODES", "2") for word in words])
    assert options.module
    hold_module(options.training_script, options.training_script_args)


def hold_conda(words: list[str]) -> None:
    named = YAML(typ="safe").load((ROOT / "environment.yml").read_text(encoding="utf-8"))["name"]
    assert words in (["env", "create", "-f", "environment.yml"], ["activate", named])


HOLD: dict[str, Callable[[list[str]], None]] = {
    "sharpstudy": hold_sharpstudy,
    "python": hold_python,
    "dvc": hold_dvc,
    "papermill": hold_papermill,
    "torchrun": hold_torchrun,
    "srun": lambda words: hold(shlex.join(words)),
    "conda": hold_conda,
}


@pytest.fixture
def any_path(monkeypatch) -> None:
    """Files that a reader brings need not be here."""
    monkeypatch.setattr(click.Path, "convert", lambda self, value, parameter, context: value)


@pytest.mark.parametrize("command", [one for one in commands() if one not in UNHELD])
def test_every_command_is_understood_by_its_program(command, any_path):
    hold(command)


def test_commands_are_found_and_the_few_that_nobody_can_hold_are_among_them():
    found = commands()
    assert len(found) > 60
    assert set(UNHELD) <= set(found)
    assert (ROOT / "dvc.lock").exists()


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("sharpstudy sharpern photo.jpg", AssertionError),
        ("sharpstudy sharpen photo.jpg --strenght 1", click.UsageError),
        ("sharpstudy distill swin-cnn", AssertionError),
        ("sharpstudy degrade a.png --as call-300", ValueError),
        ("python run.py stduy", AssertionError),
        ("python run.py study dtaa", Exception),
        ("python -m sharpstudy.nothing", AssertionError),
        ("dvc repro dtaa", AssertionError),
        ("dvc exp run -S frames.screen=40", AssertionError),
        ("papermill notebooks/01-data-preparation.ipynb out.ipynb -p screen 20", Exception),
        ("torchrun --nproc-pro-node=8 -m sharpstudy distill realtime", (SystemExit, ValueError)),
    ],
)
def test_a_command_that_does_not_hold_is_found(command, error, any_path):
    with pytest.raises(error):
        hold(command)


def test_python_blocks_run(tmp_path, monkeypatch, rng):
    pytest.importorskip("onnxruntime", reason="the released student runs on ONNX Runtime")
    from sharpstudy.data.clips import read_clip, write_clip

    monkeypatch.chdir(tmp_path)
    frames = [rng.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(3)]
    write_clip(tmp_path / "call.mp4", frames, fps=30)
    blocks = fences("python")
    assert blocks
    for block in blocks:
        names = {"frame": frames[0]}
        exec(compile(block, "README.md", "exec"), names)
        assert names["sharp"].shape == frames[0].shape
        assert names["sharpener"].about
    assert len(list(read_clip(tmp_path / "call.sharp.mp4"))) == 3


def test_the_recipe_is_one_and_builds_its_student(tmp_path):
    from sharpstudy.recipes import load_recipe
    from sharpstudy.students import build_student

    (block,) = fences("yaml")
    (tmp_path / "mine.yaml").write_text(block, encoding="utf-8")
    mine, theirs = load_recipe(tmp_path / "mine.yaml"), load_recipe("realtime")
    assert str(mine.degradation) == "bicubic-x4"
    assert set(mine.loss) == set(theirs.loss) - {"mse_target"} if isinstance(mine.loss, dict) else mine.loss
    students = [build_student(one.student.name, **one.student.arguments) for one in (mine, theirs)]
    sizes = [sum(weight.numel() for weight in one.parameters()) for one in students]
    assert sizes[0] > sizes[1]


def test_every_link_and_every_file_that_is_named_is_there():
    text = FENCE.sub("", README)
    links = re.findall(r"\]\(([^)]+)\)", text) + re.findall(r'(?:src|srcset|href)="([^"]+)"', text)
    anchors = {
        re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in re.findall(r"^#+ (.+)$", text, re.M)
    }
    assert links
    for link in links:
        assert link[1:] in anchors if link.startswith("#") else (ROOT / link).exists(), link
    named = re.findall(r"`([\w./-]+(?:/|\.(?:md|cff|ya?ml|py|lock|toml|txt|json)))`", text)
    made = ("work/", "data/ratings.key.json")  # by a run, or by the reader
    assert [one for one in named if not (ROOT / one).exists() and not one.startswith(made)] == []


def test_every_gain_in_the_readme_stands_in_the_reference_tables():
    folder = ROOT / "results" / "reference" / "kodak24"
    rows = [row for row in table_rows(README.split("\n## ")[0]) if (folder / row[0]).is_dir() and row[0]]
    assert {row[0] for row in rows} == {path.name for path in folder.iterdir()}
    for name, *said in rows:
        verdicts = pd.read_csv(folder / name / "verdicts.csv").query("metric == 'psnr'")
        scores = pd.read_csv(folder / name / "scores.csv")
        own = scores[(scores["metric"] == "psnr") & (scores["degradation"] == name)]
        nothing = own.loc[own["model"] == "do nothing", "value"].mean()
        expected = [f"{nothing:.2f}"]
        for model in ("tuned unsharp", "realtime released"):
            one = verdicts[(verdicts["model"] == model) & (verdicts["against"] == "do nothing")].iloc[0]
            expected.append(f"{one['difference']:+.2f} [{one['low']:.2f}, {one['high']:.2f}]")
        assert [cell.replace("*", "") for cell in said] == expected, name


def table_rows(text: str) -> list[list[str]]:
    return [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in text.splitlines()]


def test_every_gain_over_all_sources_stands_in_the_conditions():
    section = next(one for one in README.split("\n## ") if one.startswith("What the sharpener gains"))
    conditions = pd.read_csv(ROOT / "results" / "reference" / "conditions" / "conditions.csv")
    psnr = conditions[conditions["metric"] == "psnr"].set_index(["degradation", "model"])
    rows = [row for row in table_rows(section) if (row[0], "do nothing") in psnr.index]
    assert len(rows) >= 6
    for name, *said in rows:
        expected = [f"{psnr.loc[(name, 'do nothing'), 'mean']:.2f}"]
        for model in ("tuned unsharp", "realtime"):
            one = psnr.loc[(name, model)]
            low, high = one["low_nothing"], one["high_nothing"]
            expected.append(f"{one['on_nothing']:+.2f} [{low:.2f}, {high:.2f}]")
        assert [cell.replace("*", "") for cell in said] == expected, name


def test_every_figure_of_the_five_stands_in_the_reference_tables():
    rows = table_rows(next(one for one in README.split("\n## ") if one.startswith("The five published")))
    folder = ROOT / "results" / "reference"
    equal = pd.read_csv(folder / "equal-time" / "equal-time.csv").sort_values("gain_psnr", ascending=False)
    told = {row[0]: row[1:] for row in rows if row[0] in set(equal["learned_on"])}
    assert len(told) == equal["learned_on"].nunique()
    for degradation, (ours, best, others) in told.items():
        part = equal[equal["learned_on"] == degradation]
        rest = part[part["student"] != "realtime"]
        gains = [f"{one.gain_psnr:+.2f} [{one.gain_psnr_low:.2f}, {one.gain_psnr_high:.2f}]"
                 for one in (part[part["student"] == "realtime"].iloc[0], rest.iloc[0])]  # fmt: skip
        assert [ours.replace("*", ""), best] == [gains[0], f"{rest['student'].iloc[0]} {gains[1]}"]
        assert others == ", ".join(f"{gain:+.2f}" for gain in rest["gain_psnr"].iloc[1:])
    measures = pd.read_csv(folder / "published" / "measures.csv").query("category == 'all'")
    systems = {row[0]: row[1:] for row in rows if row[0] in set(measures["system"].dropna())}
    assert len(systems) == 5
    for system, (_, degradation, *own, call, clean) in systems.items():
        mine = measures[measures["system"] == system].set_index(["metric", "degradation", "model"])
        for said, model in zip(own, ("do nothing", "tuned unsharp", system), strict=True):
            place = ("ssim", degradation, model)
            assert said == (f"{mine.loc[place, 'mean']:.3f}" if place in mine.index else "not released")
        if ("psnr", "call-300k", system) in mine.index:
            one = mine.loc[("psnr", "call-300k", system)]
            low, high = one["low_nothing"], one["high_nothing"]
            assert call == f"{one['on_nothing']:+.2f} [{low:.2f}, {high:.2f}]"
            assert clean == f"{mine.loc[('psnr', 'clean', system), 'mean']:.1f}"
        else:
            assert (call, clean) == ("–", "–")


def test_the_map_names_every_part_of_the_package():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    parts = [one for one in PACKAGE.iterdir() if one.suffix == ".py" or (one / "__init__.py").exists()]
    names = {one.name + "/" * one.is_dir() for one in parts if not one.name.startswith("__")}
    assert [name for name in sorted(names) if name not in text] == []
    assert all(
        (ROOT / one).exists() for one in re.findall(r"^\| `([\w./-]+)`", text, re.M) if one != "results/"
    )
    assert len(list(NOTEBOOKS.glob("*.ipynb"))) == 7
