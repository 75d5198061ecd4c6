"""What a solve costs from Python: warm, as a subprocess, and the same radio phase through CVXPY.

    python solve.py [--program PATH]

They take turns, so that a busy machine slows all of them; ratios are those of the least times of one run, seconds are those of the machine at hand.
"""

import argparse
import shutil
import statistics
import subprocess
import time

import collapipe


TURNS = 40


def times_us(works: dict, calls: dict) -> dict:
    """Median and least time of a call of each work in microseconds. In every turn a work is called so many times (once where nothing is said), and once
    before that, which is not counted: it finds the caches as another one left them."""
    times = {name: [] for name in works}
    for _ in range(TURNS):
        for name, work in works.items():
            work()
            for _ in range(calls.get(name, 1)):
                begun = time.perf_counter()
                work()
                times[name].append(time.perf_counter() - begun)
    return {name: (statistics.median(taken) * 1e6, min(taken) * 1e6) for name, taken in times.items()}


def one_cluster() -> collapipe.Problem:
    """The first cluster of the built-in scenario's first slot."""
    data = collapipe.Scenario().problem(0).to_dict()
    data["clusters"] = data["clusters"][:1]
    prices = [[1e-3] * 4]
    return collapipe.Problem(data).with_prices(prices)


def phase_by_cvxpy(problem: collapipe.Problem, solution: collapipe.Solution):
    """The forward phase of the decision as a convex program over times t and bandwidths w, at the decision's powers, and what it costs as the
    decision has it: V I (sum t + (M - 1) max(stages, t)) + priced energy, where a hop sends its bits in t."""
    import cvxpy
    import numpy

    data, decision = problem.to_dict(), solution.decision
    cluster, chosen = data["clusters"][0], decision["clusters"][0]
    plan = data["plans"][decision["plan"]]
    iterations, batches = plan["local_iterations"], plan["micro_batches"]
    bits = cluster["batch_size"] / batches * data["encoder"]["boundary_bits_per_sample"]
    durations = collapipe.plan(problem).clusters[0]["pipeline"]["durations"]
    path = [0, *(k + 1 for k in chosen["active"]), len(cluster["devices"]) + 1]
    gains, band = problem.gains(0), cluster["bandwidth_hz"]
    gamma = numpy.array([gains[a][b] for a, b in zip(path, path[1:])])
    senders = [cluster["control_unit"], *(cluster["devices"][k] for k in chosen["active"])]
    power = numpy.array([hop["power_w"] for hop in chosen["forward"]])
    drawn = numpy.array([p / of["amplifier_efficiency"] + of["circuit_power_w"] for p, of in zip(power, senders)])
    price = numpy.array([of["energy_price"] for of in senders])
    # In units of the band and of the time that all of it needs: solvers meet SI units badly.
    unit = bits * numpy.log(2.0) / band
    slowest = max(durations["forward"]) / unit
    t, w = cvxpy.Variable(len(gamma), pos=True), cvxpy.Variable(len(gamma), pos=True)
    # w log(1 + p gamma/(band w)) >= 1/t, both sides in nats per unit.
    constraints = [cvxpy.sum(w) <= 1.0, -cvxpy.rel_entr(w, w + power * gamma / band) >= cvxpy.inv_pos(t)]
    of_time = lambda total, longest: data["latency_weight"] * iterations * unit * (total + (batches - 1) * longest)
    of_energy = iterations * batches * unit * price * drawn
    cost = of_time(cvxpy.sum(t), cvxpy.maximum(cvxpy.max(t), slowest)) + of_energy @ t
    ours = numpy.array(durations["forward_link"]) / unit
    ours_costs = of_time(ours.sum(), max(ours.max(), slowest)) + of_energy @ ours
    return cvxpy.Problem(cvxpy.Minimize(cost), constraints), ours_costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=shutil.which("collapipe"), help="the command-line program")
    arguments = parser.parse_args()

    problem = one_cluster()
    solver = collapipe.Solver()
    solution = solver.solve(problem)

    def warm():
        solved = solver.solve(problem)
        return solved.decision, solved.evaluation

    warmed = "warm solve with decision and evaluation as Python objects"
    works = {
        warmed: warm,
        "  the solve, without the interpreter's lock": lambda: solver.solve(problem),
        "  decision and evaluation as dicts, with it": lambda: (solution.decision, solution.evaluation),
    }
    calls = dict.fromkeys(works, 50)
    if arguments.program:
        text = problem.to_json()
        command = [arguments.program, "solve", "-"]
        works["the program as a subprocess"] = lambda: subprocess.run(command, input=text, text=True, capture_output=True, check=True)
    try:
        convex, ours = phase_by_cvxpy(problem, solution)
        works["its forward radio phase alone, at its powers, by CVXPY"] = lambda: convex.solve(solver="CLARABEL")
    except ImportError:
        convex = None
        print("CVXPY is not installed: pip install cvxpy")
    taken = times_us(works, calls)
    print(f"{'':58} {'median':>10}    {'least':>10}")
    for name, (us, least) in taken.items():
        print(f"{name:58} {us:10.0f} us {least:10.0f} us" + ("" if name in calls else f"   {least / taken[warmed][1]:6.1f} times"))
    if convex:
        print(f"the decision's phase costs {ours / convex.value - 1.0:+.1e} of CVXPY's optimum more")
        if not abs(ours / convex.value - 1.0) < 1e-5:
            raise SystemExit("they do not agree")


if __name__ == "__main__":
    main()
