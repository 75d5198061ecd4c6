"""JSON text of whatever users have: dicts, numpy arrays and scalars, text."""

import json
import os
from typing import Any, TypeGuard


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):  # numpy's arrays and scalars
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def json_of(value: Any) -> str:
    """JSON of a value; text is a string in it."""
    return json.dumps(value, default=_plain)


def text(value: Any) -> str:
    """Text as it is; everything else as JSON."""
    return value if isinstance(value, str) else json_of(value)


def is_path(source: Any) -> TypeGuard[str | os.PathLike[str]]:
    """Whether a source is the path of a file rather than text: a path object, or one line that no format begins with."""
    return isinstance(source, os.PathLike) or (isinstance(source, str) and "\n" not in source and not source.lstrip().startswith(("{", "[")))


def read(path: str | os.PathLike[str]) -> str:
    """The text of a file."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        return file.read()
