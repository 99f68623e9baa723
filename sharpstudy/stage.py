"""Runs one notebook of the study for dvc.yaml: parameters in, an executed notebook of stable bytes out.

The only module that knows papermill and params.yaml.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import sys
from pathlib import Path
from typing import Any

from sharpstudy.paths import BUILD, NOTEBOOKS, PARAMS, RESULTS, ROOT

EXECUTED = RESULTS / "notebooks"
FAILED = RESULTS / "failed"
CODE = BUILD / "code"
KINDS = {"int": int, "float": (int, float), "str": str, "list": list}  # annotation to what may come
KIND_NAMES = {"int": "whole number", "float": "number", "str": "word", "list": "list"}


class StageError(Exception):
    """A stage cannot run or did not finish; the text is for the user's screen."""


def read_sections(names: list[str], path: Path = PARAMS) -> dict[str, Any]:
    """The values of the named sections of params.yaml in one flat mapping.

    "study.budget" names a single value of a section. A list of words comes as one text with blanks between,
    because a notebook's parameters are numbers and words.
    """
    from ruamel.yaml import YAML  # YAML 1.2, as DVC reads it: 1e-4 is a number in both

    sections = YAML(typ="safe").load(path.read_text(encoding="utf-8")) or {}
    values: dict[str, Any] = {}
    for name in names:
        section, _, only = name.partition(".")
        if section not in sections:
            raise StageError(f"{path.name} has no section {section!r}; it has {', '.join(sections)}.")
        if only and only not in sections[section]:
            raise StageError(f"{path.name} has no {name!r}; {section} has {', '.join(sections[section])}.")
        for key, value in sections[section].items():
            if only and key != only:
                continue
            if key in values:
                raise StageError(f"{path.name}: {key!r} stands in two of the sections {', '.join(names)}.")
            values[key] = _plain(f"{path.name}: {section}.{key}", value)
    return values


def _plain(place: str, value: Any) -> int | float | str:
    """A number or a word as it is, words of a list joined by blanks; anything else is refused."""
    if isinstance(value, list) and all(isinstance(word, str) and len(word.split()) == 1 for word in value):
        return " ".join(value)
    if isinstance(value, (bool, dict, list)):
        raise StageError(
            f"{place} is {value!r}; a parameter is a number or a word "
            "(a choice is a word such as 'on', never a boolean), or a list of words."
        )
    return value


def parse_settings(settings: list[str]) -> dict[str, str]:
    """NAME=VALUE words of the command line as a mapping of texts."""
    pairs = [word.partition("=") for word in settings]
    wrong = [name for name, equals, _ in pairs if not equals]
    if wrong:
        raise StageError(f"--set takes NAME=VALUE, and got {wrong[0]!r}.")
    return {name: value for name, _, value in pairs}


def declared_parameters(notebook: Path) -> dict[str, Any]:
    """The names in the notebook's `parameters` cell, with what papermill read of each."""
    from papermill import inspect_notebook

    return inspect_notebook(str(notebook))


def notebook_parameters(notebook: Path, values: dict[str, Any]) -> dict[str, Any]:
    """The values, each of which the notebook's `parameters` cell is known to have."""
    declared = declared_parameters(notebook)
    unknown = sorted(set(values) - set(declared))
    if unknown:
        raise StageError(
            f"{notebook.name} takes no parameter {', '.join(map(repr, unknown))}; "
            f"its parameters cell has {', '.join(declared) or 'none'}."
        )
    for name, value in values.items():
        kind = declared[name]["inferred_type_name"]
        if kind in KINDS and not isinstance(value, KINDS[kind]):
            raise StageError(f"{notebook.name}: {name} is a {KIND_NAMES[kind]}, and {value!r} came.")
    return values


def execute(notebook: Path, output: Path, values: dict[str, Any]) -> None:
    """Run the notebook through papermill in the project's folder, prints and bars live on this terminal."""
    import papermill as pm
    from traitlets.config import Config

    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"  # a stale kernel of the user's must not win
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    # A kernel's channels may close under a pending callback; tornado logs that as an error with a traceback.
    logging.getLogger("tornado.general").setLevel(logging.CRITICAL)
    output.parent.mkdir(parents=True, exist_ok=True)
    pm.execute_notebook(
        str(notebook),
        str(output),
        parameters=values,
        kernel_name="python3",
        cwd=str(ROOT),
        progress_bar=False,
        stdout_file=sys.stdout,
        stderr_file=sys.stderr,
        start_timeout=180,
        config=Config(
            {
                "KernelManager": {"transport_encryption": "auto"},  # else ipykernel warns about plain TCP
                "NotebookClient": {"extra_arguments": ["--log-level=50"]},  # else it logs its own shutdown
            }
        ),
    )


def make_stable(path: Path) -> None:
    """Rewrite an executed notebook without what differs from run to run: times, ids, progress bars."""
    import nbformat

    from sharpstudy.data.files import write_bytes

    book = nbformat.read(path, as_version=4)
    book.metadata.pop("papermill", None)
    for number, cell in enumerate(book.cells):
        cell.id = f"cell-{number:03d}"
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":  # bars and warnings go to stderr, and were live on the terminal
            cell.outputs = [each for each in cell.outputs if each.get("name") != "stderr"]
    write_bytes(path, (nbformat.writes(book) + "\n").encode("utf-8"))


def explain_failure(error: Exception, name: str, kept: Path) -> StageError:
    """Three lines for the screen: which cell, what it said, where the notebook with the traceback lies."""
    kind = type(error).__name__
    if kind == "PapermillExecutionError":
        cell = f"cell [{error.exec_count}]"  # as the kept notebook numbers it
        said = re.sub(r"\x1b\[[0-9;]*m", "", f"{error.ename}: {error.evalue}")
    elif kind == "DeadKernelError":
        cell = "the running cell"
        said = "the kernel died; most likely memory ran out (fewer frames or a smaller batch help)"
    else:
        cell, said = "starting", f"{kind}: {error}"
    where = kept.relative_to(ROOT) if kept.is_relative_to(ROOT) else kept
    return StageError(f"{name} failed in {cell}:\n  {said}\n  the notebook as far as it came: {where}")


def run_notebook(name: str, values: dict[str, Any], variant: str = "") -> Path:
    """The executed notebook's path under results/notebooks; a failing one is kept under results/failed."""
    source = NOTEBOOKS / f"{name}.ipynb"
    if not source.exists():
        known = ", ".join(sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")))
        raise StageError(f"There is no notebook {name!r}; there are {known}.")
    stem = f"{name}@{variant}" if variant else name
    running, finished = FAILED / f"{stem}.ipynb", EXECUTED / f"{stem}.ipynb"
    try:
        execute(source, running, notebook_parameters(source, values))
    except StageError:
        raise
    except Exception as error:
        raise explain_failure(error, stem, running) from error
    make_stable(running)
    finished.parent.mkdir(parents=True, exist_ok=True)
    os.replace(running, finished)
    return finished


def code_of(notebook: Path) -> str:
    """The notebook's code cells alone, so that what depends on them does not see prose or outputs."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return "\n\n".join(source.rstrip() for source in sources) + "\n"


def write_code() -> None:
    """One text file of code per notebook under build/code."""
    CODE.mkdir(parents=True, exist_ok=True)
    for notebook in sorted(NOTEBOOKS.glob("*.ipynb")):
        (CODE / f"{notebook.stem}.py").write_bytes(code_of(notebook).encode("utf-8"))


def check_notebooks(folder: Path = NOTEBOOKS) -> list[str]:
    """What is wrong with the notebooks as kept in git: outputs, missing or long cells, other kernels."""
    problems = []
    for path in sorted(folder.glob("*.ipynb")):
        book = json.loads(path.read_text(encoding="utf-8"))
        code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
        tags = [tag for cell in code for tag in cell["metadata"].get("tags", [])]
        if any(cell["outputs"] or cell["execution_count"] for cell in code):
            problems.append(f"{path.name} holds outputs; `nbstripout notebooks/*.ipynb` removes them")
        if tags.count("parameters") != 1:
            problems.append(
                f"{path.name} has {tags.count('parameters')} cells tagged 'parameters', expected 1"
            )
        if book["metadata"].get("kernelspec", {}).get("name") != "python3":
            problems.append(f"{path.name} names another kernel than python3")
        problems += [
            f"{path.name}: a code cell has {n} lines, more than 12" for n in map(_lines, code) if n > 12
        ]
    return problems


def _lines(cell: dict[str, Any]) -> int:
    return len("".join(cell["source"]).splitlines())


def make_parser() -> argparse.ArgumentParser:
    """The command line of `python -m sharpstudy.stage`."""
    parser = argparse.ArgumentParser(prog="python -m sharpstudy.stage", description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", help="a notebook's name without .ipynb, or 'code'")
    parser.add_argument(
        "--section",
        action="append",
        default=[],
        help="a section of params.yaml, or one value of it, to pass on",
    )
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="one more parameter")
    parser.add_argument(
        "--check-notebooks", action="store_true", help="only check notebooks for outputs and form"
    )
    return parser


def main(words: list[str] | None = None) -> int:
    """The exit code of one stage."""
    options = make_parser().parse_args(words)
    try:
        if options.check_notebooks:
            problems = check_notebooks()
            print("\n".join(problems) or "notebooks are clean")  # noqa: T201
            return 1 if problems else 0
        if options.name == "code":
            write_code()
            return 0
        if not options.name:
            raise StageError("Name a notebook, for example 01-data-preparation.")
        settings = parse_settings(options.set)
        variant = re.sub(r"[^\w.-]+", "-", "-".join(settings.values())).strip("-.")
        run_notebook(options.name, {**read_sections(options.section), **settings}, variant)
    except StageError as error:
        print(f"\n{error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        said = f"\n{options.name} was stopped; the next run goes on from what is finished."
        print(said, file=sys.stderr)  # noqa: T201
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
