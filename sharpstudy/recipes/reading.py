"""From a recipe file to a Recipe: YAML 1.2, inheritance by `extends`, each wrong key named with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from .schema import Recipe
from .settings import RecipeError, Settings, check_value, options, wanted

Checked = TypeVar("Checked", bound=Settings)

# These speak of one recipe as it stands, and would be untrue of a recipe that extends it.
OWN_KEYS = ("summary", "published", "doubts")


class _Nothing:
    def __repr__(self) -> str:
        return "nothing"


def read_recipe(path: Path, shipped: Mapping[str, Path]) -> Recipe:
    """The recipe in a file; `shipped` are the files of the recipes that `extends` may name."""
    try:
        content = _inherit(path, shipped, ())
        return _build(Recipe, content, "", {"name": path.stem}, ("extends",))
    except RecipeError as error:
        raise error.under(file=str(path)) from None


def _inherit(path: Path, shipped: Mapping[str, Path], seen: tuple[Path, ...]) -> dict[str, Any]:
    """A file's content laid over that of the recipe it extends; the loss is a list of terms at the end."""
    content = _weighted(_read_yaml(path))
    if "name" in content:
        raise RecipeError("name", "no such key: a recipe has the name of its file", content["name"])
    base = content.pop("extends", None)
    if base is None:
        return content
    if not isinstance(base, str):
        raise RecipeError("extends", f"one of {', '.join(shipped)}, or the path of a .yaml file", base)
    base_path = shipped.get(base) or path.parent / base
    seen = (*seen, path.resolve())
    if base_path.resolve() in seen:
        raise RecipeError("extends", "a recipe that does not extend this one in turn", base)
    if not base_path.is_file():
        hint = near(base, shipped)
        raise RecipeError("extends", f"one of {', '.join(shipped)}, or the path of a .yaml file", base, hint)
    inherited = _inherit(base_path, shipped, seen)
    return _lay_over({key: value for key, value in inherited.items() if key not in OWN_KEYS}, content)


def _weighted(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content with every term a section, so that a bare number changes no more than the weight."""
    loss = content.get("loss")
    if not isinstance(loss, Mapping):
        return dict(content)
    sections = {
        name: value if value is None or isinstance(value, Mapping) else {"weight": value}
        for name, value in loss.items()
    }
    return {**content, "loss": sections}


def _lay_over(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Own values over inherited ones, section by section; another `name` or `kind` starts one afresh."""
    merged = dict(base)
    for key, value in own.items():
        inherited = merged.get(key)
        sections = isinstance(inherited, Mapping) and isinstance(value, Mapping)
        renamed = sections and any(
            name in value and value[name] != inherited.get(name) for name in ("name", "kind")
        )
        merged[key] = _lay_over(inherited, value) if sections and not renamed else value
    return merged


def _build(
    kind: type[Checked], content: object, key: str, fixed: Mapping[str, object], also: tuple[str, ...] = ()
) -> Checked:
    """The settings of a kind from a mapping; errors carry the dotted key from the top of the file.

    `fixed` are fields that the place decides and a file may not name; `also` are keys read before this.
    """
    known = [one for one in fields(kind) if one.name not in fixed]
    names = [*also, *(one.name for one in known)]
    if not isinstance(content, Mapping):
        raise RecipeError(key, f"settings ({', '.join(names)})", content)
    for name in content:
        if name not in names:
            raise RecipeError(_join(key, name), f"one of {', '.join(names)}", name, near(name, names))
    hints, values = get_type_hints(kind), dict(fixed)
    for one in known:
        place, hint = _join(key, one.name), hints[one.name]
        if one.name in content:
            values[one.name] = _value(content[one.name], hint, place)
            check_value(place, values[one.name], hint, one.metadata)
        elif one.default is MISSING:
            raise RecipeError(place, wanted(hint, one.metadata), _Nothing())
    try:
        return kind(**values)
    except RecipeError as error:
        raise error.under(key) from None


def _value(value: object, hint: Any, key: str) -> object:
    """A value as its field wants it: sections become settings, lists tuples, the loss a tuple of terms."""
    if key == "loss":
        return _terms(value, get_args(hint)[0])
    for option in options(hint):
        if is_dataclass(option) and value is not None:
            return _build(option, value, key, {})
        if get_origin(option) is tuple and isinstance(value, list):
            inner = get_args(option)[0]
            return tuple(_value(part, inner, f"{key}[{index}]") for index, part in enumerate(value))
    return value


def _terms(content: object, kind: type[Checked]) -> tuple[Checked, ...]:
    """Terms from `name: weight` or `name: {weight: ...}`; null takes an inherited term out."""
    if not isinstance(content, Mapping):
        raise RecipeError("loss", "terms with their weights, such as l1_reference: 1.0", content)
    known = get_args(get_type_hints(kind)["term"])
    terms = []
    for name, settings in content.items():
        if name not in known:
            raise RecipeError(f"loss.{name}", f"one of {', '.join(known)}", name, near(name, known))
        if settings is not None:
            terms.append(_build(kind, settings, f"loss.{name}", {"term": name}))
    return tuple(terms)


def _read_yaml(path: Path) -> Mapping[str, Any]:
    """The mapping in a file, by ruamel.yaml, or by PyYAML where that is all there is."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError("", "a text file in UTF-8", _first_line(error), file=str(path)) from None
    try:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        parse = YAML(typ="safe", pure=True).load  # the C parser behind pure=False reads YAML 1.1
    except ModuleNotFoundError:
        from .pyyaml import YAMLError, parse
    try:
        content = parse(text)
    except (YAMLError, ValueError) as error:
        raise RecipeError("", "YAML", _yaml_problem(error), file=str(path)) from None
    if not isinstance(content, Mapping):
        raise RecipeError("", "settings such as `extends: realtime`", content, file=str(path))
    return content


def _yaml_problem(error: Exception) -> str:
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    return f"line {mark.line + 1}: {problem}" if mark and problem else _first_line(error)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def near(name: object, known: Any) -> str:
    """A guess at what was meant, or nothing."""
    close = get_close_matches(str(name), list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _join(key: str, name: object) -> str:
    return f"{key}.{name}" if key else str(name)
