"""What holds for every input: drawn by hypothesis."""

import copy
import math
import pickle

import pytest

hypothesis = pytest.importorskip("hypothesis")
numpy = pytest.importorskip("numpy")
from hypothesis import given, settings, strategies as st  # noqa: E402

import collapipe  # noqa: E402

BASE = collapipe.Scenario().problem(0)
DECISION = collapipe.solve(BASE).decision
finite = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(1e-6, 1e6)


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(0.1, 10.0), weight=st.floats(0.01, 10.0), band=st.floats(0.5, 2.0))
def test_no_decision_beats_the_bound(scale, weight, band):
    data = copy.deepcopy(BASE.to_dict())
    data["latency_weight"] = weight
    for cluster in data["clusters"]:
        cluster["bandwidth_hz"] *= band
    problem = collapipe.Problem(data)
    problem = problem.with_gains(problem.gains(0) * scale, 0)
    solution = collapipe.solve(problem)
    assert solution.status == "optimal"
    # Any other feasible decision: that of the problem before it was changed.
    other = collapipe.evaluate(problem, DECISION)
    if other["feasible"]:
        assert other["objective"] >= solution.lower_bound * (1 - 1e-9)
    ours = collapipe.evaluate(problem, solution)
    assert ours["feasible"] and ours["objective"] == solution.objective


@settings(max_examples=50, deadline=None)
@given(weight=positive, prices=st.lists(st.floats(0.0, 1e3), min_size=12, max_size=12), gain=positive)
def test_numbers_go_through_bit_for_bit(weight, prices, gain):
    drawn = iter(prices)
    asked = [[max(next(drawn, 0.0), 0.0) for _ in of] for of in BASE.prices]
    asked = [[price if price == 0.0 or price >= 1e-30 else 0.0 for price in of] for of in asked]
    gains = numpy.full_like(BASE.gains(0), gain)
    numpy.fill_diagonal(gains, numpy.diag(BASE.gains(0)))
    problem = BASE.with_latency_weight(weight).with_prices(asked).with_gains(gains, 0)
    for again in (problem, collapipe.Problem(problem.to_json()), collapipe.Problem(problem.to_dict()), pickle.loads(pickle.dumps(problem))):
        assert again.latency_weight == weight and again.prices == asked
        assert numpy.array_equal(again.gains(0), gains)
        assert again == problem and hash(again) == hash(problem)
    # The problem that was changed is as it was.
    assert BASE.gains(1).tolist() == problem.gains(1).tolist() and BASE != problem


@settings(max_examples=50, deadline=None)
@given(weight=st.floats(), rows=st.lists(st.lists(st.floats(), max_size=6), max_size=6), cluster=st.integers(0, 3))
def test_whatever_is_refused_is_refused_with_a_field(weight, rows, cluster):
    for work in (
        lambda: BASE.with_latency_weight(weight),
        lambda: BASE.with_gains(rows, cluster),
        lambda: BASE.with_prices(rows),
        lambda: collapipe.Solver(gap=weight),
        lambda: collapipe.Scenario().with_(latency_weight=weight),
    ):
        try:
            work()
        except collapipe.InputError as error:
            assert error.allowed is None or error.field and error.allowed in str(error)


# Anything that JSON can hold.
json = st.recursive(
    st.none() | st.booleans() | finite | st.integers(-(2**63), 2**63) | st.text(max_size=5),
    lambda of: st.lists(of, max_size=3) | st.dictionaries(st.text(max_size=5), of, max_size=3),
    max_leaves=8,
)


def replaced(data, draw):
    """The same data with one value, anywhere, replaced."""
    data = copy.deepcopy(data)
    at = data
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = draw(st.sampled_from(keys))
        if not isinstance(at[key], (dict, list)) or not at[key] or draw(st.booleans()):
            at[key] = draw(json)
            return data
        at = at[key]


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_input_ends_in_anything_but_an_answer_or_an_error_of_ours(data):
    try:
        collapipe.Problem(replaced(BASE.to_dict(), data.draw))
    except collapipe.CollapipeError:
        pass
    try:
        evaluation = collapipe.evaluate(BASE, replaced(DECISION, data.draw))
        assert evaluation["feasible"] or evaluation["violations"]
    except collapipe.CollapipeError:
        pass
    try:
        collapipe.Scenario(replaced(collapipe.Scenario().to_dict(), data.draw))
    except collapipe.CollapipeError:
        pass


@settings(max_examples=50, deadline=None)
@given(
    weight=st.floats(1e-3, 1e3),
    states=st.lists(st.tuples(st.floats(-10, 10), st.floats(-2, 2), st.floats(-2, 2)), min_size=1, max_size=40),
    initial=st.tuples(st.floats(0, 10), st.floats(0, 10)),
)
def test_queues_follow_their_law(weight, states, initial):
    class Given(collapipe.DriftProblem):
        constraints = ("a", "b")

        def minimize(self, state, penalty_weight, queues):
            assert penalty_weight == weight
            return collapipe.Minimum(queues, state[0], state[1:])

    record = Given().run(states, weight, initial)
    queues = list(initial)
    for slot, (penalty, *violations) in zip(record.to_dict()["slots"], states, strict=True):
        # What the problem saw are the queues before the slot.
        assert slot["action"] == queues
        queues = [max(queue + violation, 0.0) for queue, violation in zip(queues, violations)]
        assert slot["queues"] == queues and slot["penalty"] == penalty
    assert record.summary["mean_penalty"] == pytest.approx(math.fsum(of[0] for of in states) / len(states), abs=1e-9)
