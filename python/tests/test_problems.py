import copy
import math
import pickle
import subprocess
import sys
import threading

import pytest

import collapipe


def test_bit_for_bit_the_programs_answer(problem, program):
    ours = collapipe.solve(problem).to_dict()
    theirs = program("solve", "-", stdin=problem.to_json())
    assert ours == theirs


def test_bit_for_bit_the_programs_problem(scenario, program, tmp_path):
    path = tmp_path / "scenario.toml"
    path.write_text(scenario.to_toml())
    assert scenario.problem(3).to_dict() == program("problem", str(path), "--slot", "3")


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


def test_bad_input_names_the_field(problem):
    data = copy.deepcopy(problem.to_dict())
    data["clusters"][0]["bandwidth_hz"] = -1.0
    with pytest.raises(collapipe.InputError) as caught:
        collapipe.Problem(data)
    assert caught.value.field == "clusters[0].bandwidth_hz"
    assert caught.value.value == "-1.0"
    assert "clusters[0].bandwidth_hz" in str(caught.value)
    data["clusters"][0]["bandwidth_hz"] = float("nan")
    with pytest.raises(collapipe.InputError, match="bandwidth_hz"):
        collapipe.Problem(data)
    with pytest.raises(collapipe.InputError):
        collapipe.Problem("{")
    with pytest.raises(collapipe.InputError, match="gap"):
        collapipe.Solver(gap=-1.0)
    with pytest.raises(collapipe.InputError, match="time_limit"):
        collapipe.Solver(time_limit=-1.0)
    with pytest.raises(collapipe.InputError, match="prices"):
        problem.with_prices([[1.0]])
    with pytest.raises(collapipe.InputError, match="cluster 9"):
        problem.gains(9)
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


def test_ctrl_c_ends_a_solve(tmp_path):
    # Two hundred equal clusters with choices: far longer than the test waits.
    script = tmp_path / "long.py"
    script.write_text(
        "import collapipe, copy, signal, threading, time\n"
        "data = collapipe.Scenario().with_(participation='select').problem(0).to_dict()\n"
        "data['clusters'] = [copy.deepcopy(data['clusters'][i % 2]) for i in range(400)]\n"
        "for i, c in enumerate(data['clusters']): c['name'], c['bandwidth_hz'] = f'c{i}', c['bandwidth_hz'] * (1 + 0.01 * (i % 17))\n"
        "problem = collapipe.Problem(data)\n"
        "threading.Timer(0.3, lambda: signal.raise_signal(signal.SIGINT)).start()\n"
        "begun = time.monotonic()\n"
        "try:\n"
        "    for _ in range(10_000): collapipe.solve(problem, gap=1e-9)\n"
        "except KeyboardInterrupt:\n"
        "    print('ended')\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "ended\n", done.stderr


def test_pickles(problem, scenario):
    solution = collapipe.solve(problem)
    again = pickle.loads(pickle.dumps(solution))
    assert again.to_dict() == solution.to_dict() and again.problem == problem
    assert pickle.loads(pickle.dumps(problem)) == problem
    assert pickle.loads(pickle.dumps(scenario)).to_toml() == scenario.to_toml()
