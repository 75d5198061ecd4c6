import math
import pickle
import random

import pytest

import collapipe
from collapipe import DriftProblem, Minimum

STATES = [3.0, 1.0, 2.0, 5.0, 1.0, 4.0] * 100


class Sender(DriftProblem):
    """Sends at the price of the slot, or not: at least in half of the slots."""

    penalty, penalty_unit = "price", "EUR"
    constraints = ["sends in half of the slots"]

    def minimize(self, state, penalty_weight, queues):
        send, wait = Minimum(True, state, [-0.5], exact=True), Minimum(False, 0.0, [0.5], exact=True)
        return send if penalty_weight * state < queues[0] else wait


def test_the_cheapest_half(tmp_path):
    record = Sender().run(STATES, penalty_weight=2.0)
    slots = record.to_dict()["slots"]
    # The queue by its law, and the decision by its rule, with plain Python.
    queue = 0.0
    for slot, price in zip(slots, STATES, strict=True):
        sends = 2.0 * price - 0.5 * queue < 0.5 * queue
        queue = max(queue + (-0.5 if sends else 0.5), 0.0)
        assert (slot["action"], slot["penalty"], slot["queues"]) == (sends, price if sends else 0.0, [queue])
    assert 290 <= sum(slot["action"] for slot in slots) <= 300
    assert record.summary["certified"] and "holds" in str(record)
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table(record.slots)
    assert table.column("penalty").to_pylist() == [slot["penalty"] for slot in slots]
    assert table.column_names[-1] == "queue:sends in half of the slots"
    with pytest.raises(collapipe.InputError, match='figures = "poster": must be one of "paper"'):
        record.write(tmp_path / "none", figures="poster")
    assert {path.rsplit("/", 1)[-1] for path in record.write(tmp_path / "paper", figures="paper")} >= {"queues.svg", "queues.pdf"}
    assert {path.rsplit("/", 1)[-1] for path in record.write(tmp_path / "out")} >= {"record.json", "slots.csv", "queues.svg"}
    assert collapipe.DriftRecord(tmp_path / "out" / "record.json").to_dict() == record.to_dict()
    again = pickle.loads(pickle.dumps(record))
    assert again.to_json() == record.to_json() and len(again) == 600


def test_compared_with_the_best_that_could_have_been():
    problem = Sender()
    record = problem.run(STATES, penalty_weight=2.0).compare(problem, STATES)
    offline = record.summary["offline"]
    # Known beforehand: the three cheapest of every six slots cost 1 + 1 + 2.
    assert offline["lower_bound"] <= 4 / 6 + 1e-6 <= offline["upper_estimate"] + 1e-5
    assert record.summary["mean_penalty"] >= offline["lower_bound"] - 0.05
    with pytest.raises(collapipe.InputError) as caught:
        record.compare(problem, STATES[1:])
    assert caught.value.field == "states"


def test_slot_by_slot_and_stopped():
    run = Sender().start(STATES, 2.0)
    first = [slot for _, slot in zip(range(7), run)]
    assert [slot["slot"] for slot in first] == list(range(7))
    assert len(run.record()) == 7
    stopped = Sender().run(STATES, 2.0, callback=lambda slot: slot["slot"] == 6)
    assert stopped.to_json() == run.record().to_json()
    warm = Sender().run(STATES, 2.0, initial_queues=[4.0])
    assert warm.to_dict()["initial_queues"] == [4.0]


def test_states_and_actions_are_whatever_there_is():
    numpy = pytest.importorskip("numpy")

    class Own(DriftProblem):
        constraints = ("first", "second")

        def minimize(self, state, penalty_weight, queues):
            assert isinstance(state, Gain)
            action = {"power": numpy.float64(state.gain), "shares": numpy.array([0.25, 0.75])}
            return Minimum(action, numpy.float64(state.gain), numpy.array([0.5, -0.5]), lower_bound=-math.inf if state.gain < 0 else None)

    class Gain:
        def __init__(self, gain):
            self.gain = gain

    record = Own().run([Gain(0.5), Gain(0.25)], 1.0)
    assert record.to_dict()["slots"][1]["action"] == {"power": 0.25, "shares": [0.25, 0.75]}
    assert record.to_dict()["slots"][1]["queues"] == [1.0, 0.0]
    with pytest.raises(collapipe.InputError, match="lower bound"):
        Own().run([Gain(-1.0)], 1.0)


def says(minimum, constraints=("g",)):
    class Fixed(DriftProblem):
        def minimize(self, state, penalty_weight, queues):
            if isinstance(minimum, BaseException):
                raise minimum
            return minimum

    Fixed.constraints = constraints
    return Fixed()


@pytest.mark.parametrize(
    ("problem", "error", "match"),
    [
        (says(ZeroDivisionError("by own hand")), ZeroDivisionError, "by own hand"),
        (says(KeyboardInterrupt()), KeyboardInterrupt, None),
        (says({"penalty": 1.0}), TypeError, "Minimum"),
        (says(Minimum(0, 1.0, [])), collapipe.InputError, "1 constraints"),
        (says(Minimum(0, math.nan, [0.0])), collapipe.InputError, "penalty"),
        (says(Minimum(0, 1.0, [math.inf])), collapipe.InputError, "violation of \"g\""),
        (says(Minimum(0, 1.0, [0.0], lower_bound=9.0)), collapipe.InputError, "lower bound"),
        (says(Minimum(0, 1.0, [0.0, 0.0]), ("g", "g")), collapipe.InputError, "constraints"),
        (says(Minimum(object(), 1.0, [0.0])), TypeError, "JSON"),
    ],
)
def test_what_does_not_fit_is_refused(problem, error, match):
    with pytest.raises(error, match=match):
        problem.run([None], 1.0)


def test_bad_weights_and_records_are_refused():
    for weight in (0.0, -1.0, math.nan):
        with pytest.raises(collapipe.InputError):
            Sender().run(STATES, weight)
    with pytest.raises(collapipe.InputError, match="warm start"):
        Sender().run(STATES, 1.0, initial_queues=[1.0, 2.0])
    tampered = Sender().run(STATES[:3], 2.0).to_json().replace('"queues":[0.5]', '"queues":[0.25]', 1)
    with pytest.raises(collapipe.InputError, match="max"):
        collapipe.DriftRecord(tampered)


def test_the_queues_prove_what_they_say():
    """C1 against plain arithmetic, on a problem that is never exact."""

    class Rough(DriftProblem):
        penalty = "cost"
        constraints = ["a", "b"]

        def minimize(self, state, penalty_weight, queues):
            return Minimum(None, state[0], state[1:])

    draw = random.Random(3)
    states = [[draw.random(), draw.uniform(-1, 0.9), draw.uniform(-1, 1.1)] for _ in range(200)]
    summary = Rough().run(states, 1.0).summary
    for index, constraint in enumerate(summary["constraints"]):
        mean = sum(state[1 + index] for state in states) / len(states)
        assert constraint["certificate"]["mean_violation"] == pytest.approx(mean, abs=1e-12)
        assert mean <= constraint["final_queue"] / len(states) + 1e-12
