import copy
import math
import os
import pickle
import subprocess
import sys
import threading
import time

import pytest

import collapipe

import slow


def test_bit_for_bit_the_programs_answer(problem, program):
    ours = collapipe.solve(problem).to_dict()
    theirs = program("solve", "-", stdin=problem.to_json())
    assert ours == theirs


def test_bit_for_bit_the_programs_problem(scenario, program, written):
    assert scenario.problem(3).to_dict() == program("problem", written, "--slot", "3")


def test_sources_of_a_problem(problem, tmp_path):
    path = tmp_path / "problem.json"
    path.write_text(problem.to_json())
    for source in (problem.to_dict(), problem.to_json(), path, str(path)):
        assert collapipe.Problem(source) == problem
    assert collapipe.evaluate(path, collapipe.solve(str(path)))["feasible"]


def test_a_solution_is_proved_and_feasible(problem):
    solution = collapipe.solve(problem)
    assert solution.status == "optimal"
    assert solution.lower_bound <= solution.objective
    assert solution.gap <= 1e-7
    evaluation = collapipe.evaluate(problem, solution)
    assert evaluation["feasible"] and not evaluation["violations"]
    assert math.isclose(evaluation["objective"], solution.objective, rel_tol=1e-12)
    assert evaluation == {**solution.evaluation, "feasible": True, "violations": []}


def test_warm_starts_and_many_at_once_change_nothing(scenario):
    problems = [scenario.problem(slot) for slot in range(4)]
    cold = [collapipe.solve(problem) for problem in problems]
    solver = collapipe.Solver()
    for problem, alone, together in zip(problems, cold, collapipe.solve_many(problems)):
        warm = solver.solve(problem)
        assert math.isclose(warm.objective, alone.objective, rel_tol=1e-6)
        assert together.to_dict()["decision"] == alone.to_dict()["decision"]
        assert together.objective == alone.objective


def test_gains_and_prices_go_in_and_out(problem):
    numpy = pytest.importorskip("numpy")
    gains = problem.gains(0)
    assert gains.shape == (problem.devices[0] + 2,) * 2
    assert problem.with_gains(gains, 0) == problem
    better = problem.with_gains(gains * 2.0, 0)
    assert numpy.array_equal(better.gains(0), 2.0 * gains)
    # More gain never costs more: every decision stays feasible and no slower.
    assert collapipe.solve(better).objective <= collapipe.solve(problem).objective * (1 + 1e-6)
    prices = problem.prices
    assert problem.with_prices(prices) == problem
    dear = problem.with_prices([[price + 0.01 for price in cluster] for cluster in prices])
    assert collapipe.solve(dear).objective >= collapipe.solve(problem).objective * (1 - 1e-6)


def refused(work):
    with pytest.raises(collapipe.InputError) as caught:
        work()
    return caught.value


def test_bad_input_names_the_field(problem):
    data = copy.deepcopy(problem.to_dict())
    data["clusters"][0]["bandwidth_hz"] = -1.0
    error = refused(lambda: collapipe.Problem(data))
    assert (error.field, error.value) == ("clusters[0].bandwidth_hz", "-1.0")
    assert error.allowed.startswith("a finite number in") and error.field in str(error) and error.allowed in str(error)
    data["clusters"][0]["bandwidth_hz"] = float("nan")
    assert "bandwidth_hz" in str(refused(lambda: collapipe.Problem(data)))
    assert refused(lambda: collapipe.Problem("{")).field is None


@pytest.mark.parametrize(
    ("field", "value", "work"),
    [
        ("gap", "-1", lambda problem: collapipe.Solver(gap=-1.0)),
        ("time_limit", "-1.0", lambda problem: collapipe.Solver(time_limit=-1.0)),
        ("work_limit", "0", lambda problem: collapipe.Solver(work_limit=0)),
        ("prices", "1 lists", lambda problem: problem.with_prices([[1.0]])),
        ("prices[0]", "1 numbers", lambda problem: problem.with_prices([[1.0]] * 2)),
        ("cluster", "9", lambda problem: problem.gains(9)),
        ("gains[1]", "a row of 1", lambda problem: problem.with_gains([[1.0, 2.0], [3.0]])),
        ("latency_weight", "-0.5", lambda problem: problem.with_latency_weight(-0.5)),
        ("latency_weight", "-1.0", lambda problem: collapipe.Scenario().with_(latency_weight=-1.0)),
        ("clusters", "nothing", lambda problem: collapipe.Scenario().with_({"clusters.nothing.bandwidth_hz": 1.0})),
        ("slot", "500", lambda problem: collapipe.Scenario().problem(500)),
        ("policy", '"exakt"', lambda problem: collapipe.run(slots=1, policy="exakt")),
        ("certificates", '"much"', lambda problem: collapipe.run(slots=1, certificates="much")),
        ("slots", "0", lambda problem: collapipe.run(slots=0)),
        ("seeds", "0", lambda problem: collapipe.compare(seeds=0)),
        ("experiments", '"headlin"', lambda problem: collapipe.reproduce(["headlin"], "never")),
        ("gains", '"median"', lambda problem: collapipe.plan(gains="median")),
        ("cluster", '"nowhere"', lambda problem: collapipe.plan(problem).to_svg("nowhere")),
        ("scenario", '"wlan"', lambda problem: collapipe.Scenario.preset("wlan")),
        ("slot", "-1", lambda problem: collapipe.Scenario().problem(-1)),
        ("slot", "-1", lambda problem: collapipe.plan(slot=-1)),
        ("cluster", "-1", lambda problem: problem.gains(-1)),
        ("work_limit", "-1", lambda problem: collapipe.Solver(work_limit=-1)),
        ("seed", str(2**64), lambda problem: collapipe.run(slots=1, seed=2**64)),
        ("seeds", "-1", lambda problem: collapipe.compare(seeds=-1)),
        ("tolerance", "nan", lambda problem: collapipe.evaluate(problem, collapipe.solve(problem), math.nan)),
        ("latency_weight", "1.0", lambda problem: collapipe.sweep(vary={"latency_weight": 1.0})),
    ],
)
def test_every_fault_has_its_field(problem, field, value, work):
    error = refused(lambda: work(problem))
    assert (error.field, error.value) == (field, value)
    assert error.allowed and error.allowed in str(error)


def test_wrong_types_are_named():
    with pytest.raises(TypeError, match="not int"):
        collapipe.Scenario(5)
    with pytest.raises(TypeError, match="not object"):
        collapipe.run(slots=1, policy=object())


def test_errors_are_pickled_whole(problem):
    error = refused(lambda: problem.gains(9))
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, collapipe.InputError) and str(again) == str(error)
    assert (again.field, again.value, again.allowed) == (error.field, error.value, error.allowed)
    with pytest.raises(OSError):
        collapipe.Scenario("no-such-file.toml")


def test_infeasible_says_why(problem):
    data = copy.deepcopy(problem.to_dict())
    for device in data["clusters"][0]["devices"]:
        device["memory_bytes"] = 1.0
    solution = collapipe.solve(data)
    assert solution.status == "infeasible" and solution.objective is None and solution.decision is None
    assert "memory" in solution.reason


def test_watched_and_stopped(problem):
    seen = []
    collapipe.Solver().solve(problem, watch=lambda *progress: seen.append(progress))
    assert seen and seen[-1][1] <= seen[-1][0]
    def fail(*_):
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        collapipe.Solver().solve(problem, watch=fail)


def test_watched_from_the_first_decision_to_the_last():
    seen = []
    solution = collapipe.Solver(gap=1e-9).solve(slow.problem(300), watch=lambda *progress: seen.append(progress))
    found = [objective for objective, _, _ in seen if objective is not None]
    assert len(seen) > 3 and found == sorted(found, reverse=True) and found[-1] == pytest.approx(solution.objective, rel=1e-9)
    ended = collapipe.Solver(gap=1e-9).solve(slow.problem(), watch=lambda objective, bound, work: work > 1_000_000)
    assert ended.status == "interrupted" and ended.lower_bound <= ended.objective


def test_the_interpreter_goes_on_during_a_solve(scenario):
    ticks, done = [0], threading.Event()

    def tick():
        while not done.is_set():
            ticks[0] += 1

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        collapipe.run(scenario, slots=4)
        at_work = ticks[0]
    finally:
        done.set()
        thread.join()
    assert at_work > 0


# Each takes far longer than the test waits.
LONG = """
import sys
sys.path.insert(0, HERE)
import collapipe, signal, slow, threading, time
problem = slow.problem()
scenario = collapipe.Scenario()
begun = None
def interrupt():
    global begun
    begun = time.monotonic()
    signal.raise_signal(signal.SIGINT)
threading.Timer(0.5, interrupt).start()
try:
    WORK
    print('came to its end')
except KeyboardInterrupt:
    print('ended' if time.monotonic() - begun < 2.0 else 'too late')
"""


@pytest.mark.parametrize(
    "work",
    [
        "collapipe.solve(problem, gap=1e-9)",
        "collapipe.solve(problem, gap=1e-9, time_limit=100.0)",
        "collapipe.solve_many([problem] * 3, gap=1e-9)",
        "collapipe.Solver(gap=1e-9).solve(problem, watch=lambda *_: False)",
        "collapipe.plan(problem, gap=1e-9)",
        "collapipe.run(scenario, slots=500_000)",
        "collapipe.run(scenario, slots=500_000, callback=lambda slot: False)",
        "collapipe.Scenario().with_(slots=500_000).problem(499_999)",
        "collapipe.compare(scenario, slots=20, seeds=1000)",
    ],
)
def test_ctrl_c_ends_it(work, tmp_path):
    script = tmp_path / "long.py"
    script.write_text(LONG.replace("HERE", repr(os.path.dirname(__file__))).replace("WORK", work))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "ended\n", done.stderr


def test_a_run_that_was_interrupted_keeps_its_slots(tmp_path):
    script = tmp_path / "interrupted.py"
    script.write_text(
        "import collapipe, signal, threading\n"
        "run = collapipe.Run(collapipe.Scenario(), slots=500_000)\n"
        "threading.Timer(0.5, lambda: signal.raise_signal(signal.SIGINT)).start()\n"
        "try: run.finish()\n"
        "except KeyboardInterrupt: pass\n"
        "record = run.record()\n"
        "whole = collapipe.run(collapipe.Scenario(), slots=len(record))\n"
        "print(len(record) > 0 and record.to_dict()['slots'] == whole.to_dict()['slots'])\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "True\n", done.stderr


def test_a_time_limit_is_kept_and_said():
    problem = slow.problem()
    for limit in (0.2, 0.4):
        begun = time.monotonic()
        solution = collapipe.solve(problem, gap=1e-9, time_limit=limit)
        assert time.monotonic() - begun < limit + 1.0
        assert solution.status == "time_limit" and solution.lower_bound <= solution.objective


def test_pickles(problem, scenario):
    solution = collapipe.solve(problem)
    again = pickle.loads(pickle.dumps(solution))
    assert again.to_dict() == solution.to_dict() and again.problem == problem
    assert pickle.loads(pickle.dumps(problem)) == problem
    changed = scenario.with_({"clusters.*.bandwidth_hz": 1.5e7})
    for of in (scenario, changed):
        again = pickle.loads(pickle.dumps(of))
        assert again == of and again.to_toml() == of.to_toml()
    assert changed != scenario
    solver = pickle.loads(pickle.dumps(collapipe.Solver(gap=1e-5, time_limit=3.0)))
    assert solver.solve(problem).gap <= 1e-5
