"""JSON text of whatever users have: dicts, numpy arrays and scalars, text."""

import json
from typing import Any


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):  # numpy's arrays and scalars
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def text(value: Any) -> str:
    """Text as it is; everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, default=_plain)
