"""Read params.yaml; a wrong key or value is an error that names it and says what is allowed."""

import difflib
import types
import typing
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tasks.errors import InputError
from tasks.params.types import Params

DEEPEST = 20
"""Levels of nesting. PyYAML leans on the recursion limit, which py-evm raises beyond the stack."""


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader keeps the last of two equal keys without a word; this one refuses."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise yaml.YAMLError(f"nested more than {DEEPEST} levels deep")
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise InputError(f"{self.name}, line {line}: key `{key}` is given twice; keep one")
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(text: str, name: str) -> Any:
    """The values of a YAML text; a key given twice and endless nesting are errors.

    Args:
        text: what the file holds.
        name: of the file, for the messages.

    Raises:
        InputError: it is not such a YAML text.
    """
    loader = _Loader(text)
    loader.name = name
    try:
        return loader.get_single_data()
    except yaml.YAMLError as error:
        raise InputError(f"{name} is not valid YAML: {error}") from None
    finally:
        loader.dispose()


def load_params(path: Path) -> Params:
    """Read and check a params.yaml.

    Raises:
        InputError: the file is missing, is not YAML, or holds an unknown, missing or wrong key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: every setting is read from it") from None
    return parse_params(text, path.name)


def parse_params(text: str, name: str = "params.yaml") -> Params:
    """Check the text of a params.yaml; `name` stands in the error messages."""
    values = read_yaml(text, name)
    if not isinstance(values, dict):
        raise InputError(
            f"{name} must hold sections ({', '.join(_keys(Params))}), found {values!r}"
        )
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        lines = [_line(name, detail) for detail in error.errors()]
        raise InputError("\n".join(lines)) from None


def _line(name: str, detail: ErrorDetails) -> str:
    location = detail["loc"]
    key = ".".join(str(part) for part in location)
    match detail["type"]:
        case "extra_forbidden":
            siblings = _keys(_model_at(location[:-1]))
            near = difflib.get_close_matches(str(location[-1]), siblings, n=1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            return (
                f"{name}: unknown key `{key}` (value {detail['input']!r}); "
                f"allowed here: {', '.join(siblings)}{hint}"
            )
        case "missing":
            return f"{name}: key `{key}` is missing; every setting must be written out"
        case "value_error":
            where = f"`{key}`: " if key else ""
            return f"{name}: {where}{detail['msg'].removeprefix('Value error, ')}"
    hint = ""
    if detail["type"] == "float_type" and isinstance(detail["input"], str):
        hint = " (YAML reads 3e-4 as text: write 3.0e-4)"
    return f"{name}: `{key}` is {detail['input']!r}; {_allowed(detail['msg'])}{hint}"


def _allowed(message: str) -> str:
    return message.replace("Input should be", "allowed is")


def _keys(model: type[BaseModel] | None) -> list[str]:
    if model is None:
        return []
    return sorted(field.alias or name for name, field in model.model_fields.items())


def _model_at(location: Sequence[int | str]) -> type[BaseModel] | None:
    """The Section type that a path of keys leads to, or None where it leads into a plain value."""
    model: type[BaseModel] | None = Params
    for part in location:
        if model is None:
            return None
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        model = _section_of(fields[str(part)].annotation) if str(part) in fields else None
    return model


def _section_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return next(filter(None, map(_section_of, typing.get_args(annotation))), None)
    return None
