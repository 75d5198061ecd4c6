"""Convergence bounds, timelines of pipelines, calibration, names of policies and presets."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from . import _core
from ._json import is_path, read, text


def bound(request: dict[str, Any] | str, certify: bool = False) -> dict[str, Any]:
    """How small the gradient is after a number of rounds, as ``collapipe bound`` prints it; ``certify`` adds the bound by performance
    estimation."""
    return _core.bound(text(request), certify)


def timeline(spec: dict[str, Any] | str) -> dict[str, Any]:
    """A pipeline schedule event by event: makespan in s, critical path, busy time and bubbles, memory; as ``collapipe schedule --format
    json``."""
    return _core.timeline(text(spec))


def policies() -> dict[str, str]:
    """Names of the policies, and what each does."""
    return dict(_core.policies())


def presets() -> dict[str, list[dict[str, Any]]]:
    """What a scenario can name, as ``collapipe presets --format json``: ``models`` with what a block costs (FLOP, bits and bytes),
    ``devices`` and ``edge_servers`` with their figures and where these are from, ``path_loss`` of radios."""
    return _core.presets()


class Calibration:
    """How fast devices and links are, as timed iterations tell."""

    __slots__ = ("_asked", "_native")
    _asked: tuple[Any, ...]
    _native: _core.Calibration

    def __init__(self) -> None:
        raise TypeError("calibrations come from calibrate()")

    @classmethod
    def _of(cls, *asked: Any) -> Calibration:
        made = cls.__new__(cls)
        made._asked = asked
        made._native = _core.calibrate(*asked)
        return made

    @property
    def estimates(self) -> list[dict[str, Any]]:
        """Of every number ``quantity``, ``device`` where it is a device's, ``value``, ``unit`` and 95 % ``interval``."""
        said: list[dict[str, Any]] = self.to_dict()["estimates"]
        return said

    @property
    def unidentified(self) -> list[dict[str, Any]]:
        """What the timings do not tell, or not apart: ``names`` of numbers."""
        said: list[dict[str, Any]] = self.to_dict()["unidentified"]
        return said

    def to_dict(self) -> dict[str, Any]:
        """All of it, as ``collapipe calibrate --format json``."""
        return self._native.to_dict()

    def to_toml(self) -> str:
        """Devices that ``calibrated`` of a scenario's device can name; needs the work of a block."""
        return self._native.to_toml()

    def __repr__(self) -> str:
        said = self.to_dict()
        return f"<collapipe.Calibration: {len(said['estimates'])} numbers of {len(said['rows'])} rows, mean error {said['mean_error']:.1%}>"

    def __reduce__(self) -> tuple[Any, ...]:
        # A fit has one answer.
        return (_calibration, self._asked)


def _calibration(*asked: Any) -> Calibration:
    return Calibration._of(*asked)


def calibrate(
    timings: str | os.PathLike[str] | Iterable[Mapping[str, Any]] | Any,
    *,
    fit: Sequence[str] = (),
    fixed: Mapping[str, float] | None = None,
    sending: str = "overlapped",
    model: str | None = None,
    sequence_length: int | None = None,
    forward_flops: float | None = None,
    backward_flops: float | None = None,
    boundary_bytes: float | None = None,
) -> Calibration:
    """Fits seconds per block of every device, overheads, latencies and rates of links to timed iterations, as ``collapipe calibrate``.

    ``timings`` is a path or text of CSV, a pandas DataFrame, or an iterable of dicts with its columns. ``fit`` names what is fitted (all but
    ``staging-factor`` if empty), ``fixed`` the values of what is not, in SI units. ``model``, or ``forward_flops`` and ``backward_flops`` (FLOP
    of a block per sample) and ``boundary_bytes`` (of a message per sample), say what was timed.
    """
    if (forward_flops is None) != (backward_flops is None):
        raise _core.InputError("forward_flops and backward_flops: must be given together")
    work = None if forward_flops is None else (forward_flops, backward_flops)
    return Calibration._of(
        _table(timings), list(fit), list((fixed or {}).items()), sending, model, sequence_length, work, boundary_bytes
    )


def _table(timings: Any) -> str:
    """A table as CSV text."""
    if is_path(timings):
        return read(timings)
    if isinstance(timings, str):
        return timings
    if hasattr(timings, "to_csv"):  # pandas
        return str(timings.to_csv(index=False))
    rows = list(timings)
    out = io.StringIO()
    writer = csv.DictWriter(out, dict.fromkeys(name for row in rows for name in row))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
