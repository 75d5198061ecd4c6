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

    warm_us, solve_us = median_us(warm, 1000), median_us(lambda: solver.solve(problem), 1000)
    read_us = median_us(lambda: (solution.decision, solution.evaluation), 1000)
    print(f"warm solve with decision and evaluation as Python objects  {warm_us:10.0f} us")
    print(f"  the solve, without the interpreter's lock                {solve_us:10.0f} us")
    print(f"  decision and evaluation as dicts, with it                {read_us:10.0f} us")
    if arguments.program:
        text = problem.to_json()
        by_program = lambda: subprocess.run([arguments.program, "solve", "-"], input=text, text=True, capture_output=True, check=True)
        us = median_us(by_program, 30)
        print(f"the program as a subprocess                                {us:10.0f} us   {us / warm_us:6.1f} times")
    try:
        convex, ours = phase_by_cvxpy(problem, solution)
    except ImportError:
        print("CVXPY is not installed: pip install cvxpy")
        return
    us = median_us(lambda: convex.solve(solver="CLARABEL"), 10)
    print(f"its forward radio phase alone, at its powers, by CVXPY     {us:10.0f} us   {us / warm_us:6.1f} times")
    print(f"the decision's phase costs {ours / convex.value - 1.0:+.1e} of CVXPY's optimum more")
    if not abs(ours / convex.value - 1.0) < 1e-5:
        raise SystemExit("they do not agree")


if __name__ == "__main__":
    main()
