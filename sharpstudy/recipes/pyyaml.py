"""PyYAML made to read recipes as YAML 1.2 does, for training machines that lack ruamel.yaml.

PyYAML follows YAML 1.1: it reads 1e-4 as text, `no` as false, and keeps the last of two equal keys without a
word.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml import YAMLError

__all__ = ["YAMLError", "parse"]

FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$")
INTEGER = re.compile(r"[-+]?[0-9]+$")
BOOLEAN = re.compile(r"(?:true|True|TRUE|false|False|FALSE)$")
PLAIN = ("float", "int", "bool", "timestamp")


class _Loader(yaml.SafeLoader):
    """A safe loader with YAML 1.2's plain numbers and truth values, which refuses a key that comes twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for index, key in enumerate(keys):
            if key in keys[:index]:
                mark = node.value[index][0].start_mark
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is there twice", mark)
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        return int(self.construct_scalar(node))  # YAML 1.1 would take 010 for eight


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag.rpartition(":")[2] not in PLAIN]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", BOOLEAN, list("tTfF"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", INTEGER, list("-+0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, list("-+.0123456789"))


def parse(text: str) -> Any:
    """The content of a YAML text, without running anything that it may name."""
    return yaml.load(text, Loader=_Loader)
