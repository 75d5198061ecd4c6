"""The plan of one round: who does what, where the time goes, and why."""

from __future__ import annotations

import html
from typing import Any

from . import _core
from ._json import whole
from .problems import Problem
from .scenarios import ScenarioSource, scenario_of


class Plan:
    """A plan of one round, as ``collapipe plan``: per device its blocks, memory, stage times and energy; per message bandwidth, power and
    rate; what leaving a device out or moving a block would cost, and what more of a resource would save: each an optimum of its own.

    It prints as a table; a notebook shows it as a page, with the Gantt chart of a batch.
    """

    __slots__ = ("_native",)
    _native: _core.Plan

    def __init__(self) -> None:
        raise TypeError("plans come from plan()")

    @classmethod
    def _of(cls, native: _core.Plan) -> Plan:
        made = cls.__new__(cls)
        made._native = native
        return made

    @property
    def title(self) -> str:
        """Scenario and slot."""
        return self._native.title()

    @property
    def objective(self) -> float:
        """V times the round latency, plus priced energies, plus the plan's penalty."""
        said: float = self.to_dict()["objective"]
        return said

    @property
    def gap(self) -> float:
        """(objective - lower bound)/abs(objective): proved."""
        said: float = self.to_dict()["gap"]
        return said

    @property
    def latency_s(self) -> float:
        """The round's latency in s: that of the slowest cluster."""
        said: float = self.to_dict()["round_latency_s"]
        return said

    @property
    def clusters(self) -> list[dict[str, Any]]:
        """Of each cluster its ``name``, ``latency_s`` by ``parts``, ``devices``, ``hops``, bottleneck and ``pipeline``."""
        said: list[dict[str, Any]] = self.to_dict()["clusters"]
        return said

    @property
    def variants(self) -> list[dict[str, Any]]:
        """What else was possible, and what it would cost: ``cluster``, ``device``, ``change``, ``cost_s``, ``latency_change_s``, or a
        ``reason``."""
        said: list[dict[str, Any]] = self.to_dict()["variants"]
        return said

    @property
    def prices(self) -> list[dict[str, Any]]:
        """What one more MHz, GiB, W or J (``resource``) would save: ``saves_s`` of the round."""
        said: list[dict[str, Any]] = self.to_dict()["prices"]
        return said

    def to_dict(self) -> dict[str, Any]:
        """All of it, as ``collapipe plan --format json``. Times in s of the round, energies in J, powers in W, bandwidths in Hz."""
        return self._native.to_dict()

    def to_html(self) -> str:
        """One page with everything, for desk and phone."""
        return self._native.html()

    def to_svg(self, cluster: str | int = 0, width_in: float = 7.16, links: bool = True) -> str:
        """A Gantt chart (SVG) of one batch through the pipeline of a cluster, named or numbered from 0; ``width_in`` in inches."""
        return self._native.svg(str(cluster), width_in, links)

    def to_trace(self, cluster: str | int = 0) -> str:
        """The same for https://ui.perfetto.dev (Trace Event Format)."""
        return self._native.trace(str(cluster))

    def _repr_html_(self) -> str:
        # A frame of its own: the page's style and script stay in it, and the notebook's out.
        page = html.escape(self.to_html(), quote=True)
        return (
            f'<iframe srcdoc="{page}" title="{html.escape(self.title)}" style="width:100%;height:40rem;border:0" '
            "onload=\"this.style.height=this.contentWindow.document.documentElement.scrollHeight+'px'\"></iframe>"
        )

    def __str__(self) -> str:
        return self._native.text()

    def __repr__(self) -> str:
        said = self.to_dict()
        return f"<collapipe.Plan: {self.title}: round of {said['round_latency_s']:.4g} s, gap {said['gap']:.1e}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_plan, self._native.state())


def _plan(report: str, title: str) -> Plan:
    return Plan._of(_core.Plan.from_state(report, title))


def plan(
    source: Problem | ScenarioSource = None,
    *,
    slot: int | None = None,
    gains: str | None = None,
    gap: float = 1e-7,
    time_limit: float | None = None,
) -> Plan:
    """The plan of a slot of a scenario (the first, if none is named), or of a :class:`Problem`.

    ``gains``, ``"mean"`` or ``"worst"``, asks for one plan for good instead, at these gains of each link, with energy prices at which a run
    settles. ``gap`` is the relative gap of every solve, ``time_limit`` its limit in seconds. Raises :class:`Infeasible` where there is no
    plan, with the reason.
    """
    if isinstance(source, Problem) and slot is None and gains is None:
        return Plan._of(_core.plan_of_problem(source._native, "problem", gap, time_limit))
    if isinstance(source, Problem) or (slot is not None and gains is not None):
        raise _core.InputError("slot and gains: a problem is that of one slot, and a plan for good is of no slot; leave one out")
    return Plan._of(_core.plan_of_scenario(scenario_of(source)._native, whole("slot", slot) or 0, gains, gap, time_limit))
