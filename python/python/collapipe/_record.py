"""What runs of scenarios and of problems of one's own have in common: slots that come one by one, and a record."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from ._json import is_path, read

if TYPE_CHECKING:
    # Python 3.10 has none of its own; only checkers read this.
    from typing_extensions import Self


class Going:
    """A run that goes on slot by slot."""

    _native: Any

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self

    def __next__(self) -> dict[str, Any]:
        slot: dict[str, Any] | None = self._native.step()
        if slot is None:
            raise StopIteration
        return slot


class Record:
    """A run, from the path of its record or from JSON text."""

    __slots__ = ("_native",)
    _native: Any
    #: The native class, which reads and writes.
    _kind: ClassVar[Any]

    def __init__(self, source: str | os.PathLike[str]):
        self._native = self._kind.from_json(read(source) if is_path(source) else str(source))

    @classmethod
    def _of(cls, native: Any) -> Self:
        made = cls.__new__(cls)
        made._native = native
        return made

    def to_dict(self) -> dict[str, Any]:
        """All of it; what a run of one's own problem was compared with aside."""
        said: dict[str, Any] = self._native.to_dict()
        return said

    def to_json(self) -> str:
        """The record's file."""
        text: str = self._native.to_json()
        return text

    def __len__(self) -> int:
        return len(self._native)

    def __str__(self) -> str:
        return str(self._native.text())

    def __repr__(self) -> str:
        return f"<collapipe.{type(self).__name__}: {len(self)} slots>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.to_json(),))
