"""Convergence bounds, timelines of pipelines, names of policies."""

from __future__ import annotations

from typing import Any

from . import _core
from ._json import text


def bound(request: dict[str, Any] | str) -> dict[str, Any]:
    """How small the gradient is after a number of rounds, as ``collapipe bound`` prints it."""
    return _core.bound(text(request))


def timeline(spec: dict[str, Any] | str) -> dict[str, Any]:
    """A pipeline schedule event by event: makespan, critical path, busy time and bubbles, memory; as ``collapipe schedule --format json``."""
    return _core.timeline(text(spec))


def policies() -> dict[str, str]:
    """Names of the policies, and what each does."""
    return dict(_core.policies())
