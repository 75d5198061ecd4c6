"""What a solve costs from Python: warm, as a subprocess, and the same radio phase through CVXPY.

    python solve.py [--program PATH]

Ratios are within one run; seconds are those of the machine at hand.
"""

import argparse
import shutil
import statistics
import subprocess
import time

import collapipe


def median_us(work, repeats: int) -> float:
    """Median time of a call in microseconds."""
    work()
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times) * 1e6


def one_cluster() -> collapipe.Problem:
    """The first cluster of the built-in scenario's first slot."""
    data = collapipe.Scenario().problem(0).to_dict()
    data["clusters"] = data["clusters"][:1]
    prices = [[1e-3] * 4]
    return collapipe.Problem(data).with_prices(prices)


def phase_by_cvxpy(problem: collapipe.Problem, solution: collapipe.Solution):
    """Forward hops of the decision with their band and powers, as a convex program: min V·T + energy over (t, w)."""
    import cvxpy
    import numpy

    data, decision = problem.to_dict(), solution.decision
    cluster, chosen = data["clusters"][0], decision["clusters"][0]
    plan = data["plans"][decision["plan"]]
    uses = plan["local_iterations"] * plan["micro_batches"]
    samples = cluster["batch_size"] / plan["micro_batches"]
    nats = samples * data["encoder"]["boundary_bits_per_sample"] * numpy.log(2.0)
    path = [0, *(k + 1 for k in chosen["active"]), len(cluster["devices"]) + 1]
    gains = problem.gains(0)
    gamma = numpy.array([gains[a][b] for a, b in zip(path, path[1:])])
    band = cluster["bandwidth_hz"]
    # In units of the band and of the time that all of it needs: solvers meet SI units badly.
    unit = nats / band
    t, w = cvxpy.Variable(len(gamma), pos=True), cvxpy.Variable(len(gamma), pos=True)
    power = [cluster["control_unit"]["max_power_w"], *(cluster["devices"][k]["max_power_w"] for k in chosen["active"])]
    price = [cluster["control_unit"]["energy_price"], *(cluster["devices"][k]["energy_price"] for k in chosen["active"])]
    constraints = [cvxpy.sum(w) <= 1.0]
    cost = data["latency_weight"] * uses * unit * (cvxpy.sum(t) / plan["micro_batches"] + (1 - 1 / plan["micro_batches"]) * cvxpy.max(t))
    for j in range(len(gamma)):
        ratio = power[j] * gamma[j] / band
        # w log(1 + P gamma/(band w)) >= 1/t, both sides in nats per unit.
        constraints.append(-cvxpy.rel_entr(w[j], w[j] + ratio) >= cvxpy.inv_pos(t[j]))
        cost += price[j] * power[j] * uses * unit * t[j]
    return cvxpy.Problem(cvxpy.Minimize(cost), constraints)


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

    warm_us = median_us(warm, 300)
    print(f"warm solve with decision and evaluation as Python objects  {warm_us:10.0f} us")
    if arguments.program:
        text = problem.to_json()
        by_program = lambda: subprocess.run([arguments.program, "solve", "-"], input=text, text=True, capture_output=True, check=True)
        us = median_us(by_program, 30)
        print(f"the program as a subprocess                                {us:10.0f} us   {us / warm_us:6.1f} times")
    try:
        convex = phase_by_cvxpy(problem, solution)
    except ImportError:
        print("CVXPY is not installed: pip install cvxpy")
        return
    us = median_us(lambda: convex.solve(solver="CLARABEL"), 10)
    print(f"its forward radio phase alone, at full power, by CVXPY     {us:10.0f} us   {us / warm_us:6.1f} times")


if __name__ == "__main__":
    main()
