"""What users give: JSON text of dicts, numpy arrays and scalars, text; numbers within their range."""

import json
import os
from typing import Any, TypeGuard, TypeVar

from ._core import InputError

Whole = TypeVar("Whole", int, int | None)


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


def refused(field: str, value: Any, allowed: str) -> InputError:
    """The error of a field that does not hold what it must."""
    error = InputError(f"{field} = {value!r}: must be {allowed}")
    error.field, error.value, error.allowed = field, repr(value), allowed
    return error


def whole(field: str, value: Whole) -> Whole:
    """A whole number as it is; what the other side cannot count to is refused by the name of its field."""
    if isinstance(value, int) and not 0 <= value < 2**64:
        raise refused(field, value, "a whole number in [0, 2^64)")
    return value


def is_path(source: Any) -> TypeGuard[str | os.PathLike[str]]:
    """Whether a source is the path of a file rather than text: a path object, or one line that no format begins with."""
    return isinstance(source, os.PathLike) or (isinstance(source, str) and "\n" not in source and not source.lstrip().startswith(("{", "[")))


def read(path: str | os.PathLike[str]) -> str:
    """The text of a file."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        return file.read()
