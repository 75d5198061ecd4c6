#!/usr/bin/env python3
"""Slot problems of one cluster whose messages take turns, solved by enumeration: an answer that shares nothing with the crate.

    oracle.py make NUMBER SEED > vectors.json     problems of schema 2 with their optima
    oracle.py check PROBLEM.json ANSWER.json      what a decision costs, by this file's own timeline

Every plan, set of devices, order and cut is tried. For each, the times of the hops (and their shares of the band) are found by
sequential quadratic programming on the logarithms, with critical paths taken in as they are met. Needs numpy and scipy.
"""

import itertools
import json
import math
import random
import sys

import numpy as np
from scipy.optimize import minimize, minimize_scalar

LN2 = math.log(2.0)


# --- the timeline -------------------------------------------------------------------------------------------------------


def stage_program(schedule, stage, stages, count):
    """Forwards and backwards of a stage in their order."""
    warm = {
        "fill-drain": count,
        "forward-only": count,
        "1f1b": min(count, stages - 1 - stage),
        "eager-1f1b": min(count, 2 * (stages - 1 - stage)),
    }[schedule]
    order = [("F", m, stage) for m in range(warm)]
    if schedule != "forward-only":
        for m in range(count):
            if warm + m < count:
                order.append(("F", warm + m, stage))
            order.append(("B", m, stage))
    return order


def messages(programs, stages):
    """What the stages send: f over link j from stage j, b over link j from stage j + 1."""
    out = []
    for program in programs:
        for kind, m, stage in program:
            if kind == "F" and stage + 1 < stages:
                out.append(("f", m, stage))
            if kind == "B" and stage > 0:
                out.append(("b", m, stage - 1))
    return out


def needed(operation, stages):
    """The operation whose result another one waits for."""
    kind, m, at = operation
    if kind == "f":
        return ("F", m, at)
    if kind == "b":
        return ("B", m, at + 1)
    if kind == "F":
        return ("f", m, at - 1) if at > 0 else None
    return ("b", m, at) if at + 1 < stages else ("F", m, at)


def longest(machines, seconds, late, stages):
    """Start of every operation, the makespan, and how often each duration stands on a critical path."""
    before = {}
    for program in machines:
        for first, second in zip(program, program[1:]):
            before.setdefault(second, []).append(first)
    start, cause = {}, {}

    def visit(root):
        stack = [root]
        while stack:
            op = stack[-1]
            if op in start:
                stack.pop()
                continue
            need = needed(op, stages)
            waits = before.get(op, []) + ([need] if need else [])
            open_ones = [other for other in waits if other not in start]
            if open_ones:
                stack.extend(open_ones)
                continue
            best, why = 0.0, None
            for other in waits:
                arrival = start[other] + seconds((other[0], other[2]))
                lag = other == need and other[0] in "fb"
                arrival += late((other[0], other[2])) if lag else 0.0
                if arrival > best:
                    best, why = arrival, (other, lag)
            start[op], cause[op] = best, why
            stack.pop()

    ops = {op for program in machines for op in program}
    for op in ops:
        visit(op)
    last = max(ops, key=lambda op: start[op] + seconds((op[0], op[2])))
    counts, at, lag = {}, last, False
    while at is not None:
        place = (at[0], at[2])
        counts[place] = counts.get(place, 0) + 1
        if lag:
            counts["late", place] = counts.get(("late", place), 0) + 1
        why = cause[at]
        at, lag = why if why else (None, False)
    return start, start[last] + seconds((last[0], last[2])), counts


_orders = {}


def machines_of(schedule, medium, stages, count):
    """Programs of stages, and of whom messages occupy, in the documented order."""
    key = (schedule, medium, stages, count)
    if key in _orders:
        return _orders[key]
    programs = [stage_program(schedule, stage, stages, count) for stage in range(stages)]
    sends = messages(programs, stages)
    unit = {"F": 1.0, "B": 2.0, "f": 1e-7, "b": 1e-7}
    begins, _, _ = longest(programs + [[op] for op in sends], lambda p: unit[p[0]], lambda p: 0.0, stages)
    sends.sort(key=lambda op: (round(begins[op], 8), op[1], op[0] == "b", op[2]))
    shared = {}
    for op in sends:
        kind, _, link = op
        if medium == "turns":
            names = ["medium"]
        elif medium == "half-duplex":
            names = [("radio", link), ("radio", link + 1)]
        else:
            names = [(kind, link)]
        for name in names:
            shared.setdefault(name, []).append(op)
    _orders[key] = programs + list(shared.values())
    return _orders[key]


# --- a choice of plan, devices and cuts ---------------------------------------------------------------------------------


def pair(value, i, j):
    return value[i][j] if isinstance(value, list) else value


class Choice:
    """Everything about one choice that no radio changes."""

    def __init__(self, problem, plan, active, sizes):
        cluster, plan = problem["clusters"][0], problem["plans"][plan]
        self.problem, self.cluster, self.plan, self.active, self.sizes = problem, cluster, plan, active, sizes
        blocks, devices = problem["encoder"]["blocks"], cluster["devices"]
        schedule, count = plan["schedule"], plan["micro_batches"]
        backward = schedule != "forward-only"
        samples = cluster["batch_size"] / count
        self.iterations = plan["local_iterations"]
        self.uses = self.iterations * count
        ends = [cluster["embedding"], cluster["decoder"]]
        nodes = ([0] if ends[0] else []) + [k + 1 for k in active] + ([len(devices) + 1] if ends[1] else [])
        cuts = list(itertools.accumulate(sizes))
        self.stages, self.nodes = len(nodes), nodes
        self.feasible, self.energy, self.extra = True, 0.0, cluster["fixed_seconds"]
        self.medium = cluster.get("medium", "bands")
        self.fixed, self.late, self.hops = {}, {}, []
        links = {(link["from"], link["to"]): link for link in cluster.get("fixed_links", [])}
        first = 1 if ends[0] else 0
        for phase, letter in enumerate("FB" if backward else "F"):
            name = ["forward", "backward"][phase]
            if ends[0]:
                self.fixed[letter, 0] = ends[0][name + "_seconds_per_sample"] * samples
            if ends[1]:
                self.fixed[letter, self.stages - 1] = ends[1][name + "_seconds_per_sample"] * samples
            for s, (k, past) in enumerate(zip(active, cuts)):
                device, held = devices[k], blocks[past - sizes[s] : past]
                work = sum(block[name + "_flops_per_sample"] for block in held)
                seconds = device["stage_overhead_s"] + sizes[s] * device["block_overhead_s"]
                self.fixed[letter, s + first] = seconds + samples * work / device[name + "_flops_per_second"]
                self.energy += device["energy_price"] * device["joules_per_flop"] * work * self.iterations * cluster["batch_size"]
        for s, (k, past) in enumerate(zip(active, cuts)):
            held = blocks[past - sizes[s] : past]
            # Most micro-batches between their F and their B, counted along the stage's program.
            flying = level = 0
            for kind, _, _ in stage_program(schedule, s + first, self.stages, count):
                level += 1 if kind == "F" else -1
                flying = max(flying, level)
                level -= schedule == "forward-only"
            need = sum(b["resident_bytes"] + b["activation_bytes_per_sample"] * samples * flying for b in held)
            self.feasible &= need <= devices[k]["memory_bytes"] * (1 + 1e-12)
        for link in range(self.stages - 1):
            near, far = nodes[link], nodes[link + 1]
            at = link - first
            tensor = problem["encoder"]["input_bits_per_sample"] if at < 0 else blocks[cuts[at] - 1]["boundary_bits_per_sample"]
            for phase, letter in enumerate("fb" if backward else "f"):
                sender, receiver = (near, far) if phase == 0 else (far, near)
                place, bits = (letter, link), tensor * samples
                self.fixed[place] = pair(cluster.get("hop_overhead_s", 0.0), sender, receiver)
                self.late[place] = pair(cluster["hop_latency_s"], sender, receiver)
                staging = pair(cluster.get("staging_s_per_byte", 0.0), sender, receiver) * bits / 8
                self.fixed["FB"[phase], link + phase] += staging
                if bits == 0:
                    continue
                if (sender, receiver) in links:
                    wire = links[sender, receiver]
                    _, price = self.sender(sender)
                    self.energy += self.uses * price["energy_price"] * wire["joules_per_bit"] * bits
                    if wire["shares_band"] and self.medium != "turns":
                        self.hops.append({"place": place, "wire": wire["bits_per_second"], "bits": bits, "phase": phase})
                    else:
                        self.fixed[place] += bits / wire["bits_per_second"]
                    continue
                self.hops.append({"place": place, "bits": bits, "phase": phase, "ends": (sender, receiver)})
        for hop in self.hops:
            if "ends" in hop:
                self.radio(hop, *hop["ends"])
        self.links = links
        self.machines = machines_of(schedule, self.medium, self.stages, count)
        self.shared = schedule in ("1f1b", "eager-1f1b")
        self.single = []
        for s, (k, past) in enumerate(zip(active, cuts)):
            bits = sum(block["parameter_bits"] for block in blocks[past - sizes[s] : past])
            self.single += [(k + 1, 0, bits, cluster["bandwidth_hz"]), (0, k + 1, bits, cluster["bandwidth_hz"])]
        self.single.append((0, len(devices) + 1, cluster["upload_bits"], problem["uplink"]["bandwidth_hz"]))

    def sender(self, node):
        devices = self.cluster["devices"]
        if node == 0:
            return self.cluster["control_unit"]["max_power_w"], self.cluster["control_unit"]
        if node <= len(devices):
            return devices[node - 1]["max_power_w"], devices[node - 1]
        free = {"energy_price": 0.0, "circuit_power_w": 0.0, "amplifier_efficiency": 1.0}
        return self.cluster["edge_server"]["max_power_w"], free

    def radio(self, hop, sender, receiver):
        most, price = self.sender(sender)
        hop["gain"] = self.cluster["gain_to_noise_hz_per_w"][sender][receiver]
        hop["most"] = most
        hop["circuit"] = price["energy_price"] * price["circuit_power_w"]
        hop["energy"] = price["energy_price"] / price["amplifier_efficiency"]
        self.feasible &= hop["gain"] > 0

    def once(self, weight):
        """Latency and energy price of everything that is sent once, each at its own best power."""
        latency, energy = 0.0, 0.0
        for sender, receiver, bits, band in self.single:
            if bits == 0:
                continue
            latency += pair(self.cluster["hop_latency_s"], sender, receiver)
            latency += pair(self.cluster.get("hop_overhead_s", 0.0), sender, receiver)
            latency += pair(self.cluster.get("staging_s_per_byte", 0.0), sender, receiver) * bits / 8
            _, price = self.sender(sender)
            if (sender, receiver) in self.links:
                wire = self.links[sender, receiver]
                latency += bits / wire["bits_per_second"]
                energy += price["energy_price"] * wire["joules_per_bit"] * bits
                continue
            hop = {}
            self.radio(hop, sender, receiver)
            if hop["gain"] <= 0:
                return math.inf, 0.0

            def at(log_power):
                power = math.exp(log_power)
                time = bits * LN2 / (band * math.log1p(power * hop["gain"] / band))
                return time, (hop["circuit"] + hop["energy"] * power) * time

            cost = lambda x: weight * at(x)[0] + at(x)[1]
            top = math.log(hop["most"])
            found = minimize_scalar(cost, bounds=(top - 40, top), method="bounded", options={"xatol": 1e-12, "maxiter": 500})
            best = min([found.x, top], key=cost)
            time, spent = at(best)
            latency, energy = latency + time, energy + spent
        return latency, energy

    def makespan(self, times):
        seconds = dict(self.fixed)
        for hop, time in zip(self.hops, times):
            seconds[hop["place"]] += time
        _, total, counts = longest(self.machines, lambda p: seconds[p], lambda p: self.late[p], self.stages)
        return total, counts

    def spent(self, hop, time, band):
        """Price of a hop's energy in the round, and its derivative in ln(time·band) and ln time."""
        if "wire" in hop:
            return 0.0, 0.0, 0.0
        # A line search may try what no power could do.
        y = min(hop["bits"] * LN2 / (time * band), 500.0)
        grown = math.expm1(y)
        radiated = self.uses * hop["energy"] * time * band / hop["gain"] * grown
        slope = self.uses * hop["energy"] * time * band / hop["gain"] * (grown - y * math.exp(y))
        circuit = self.uses * hop["circuit"] * time
        return radiated + circuit, slope, circuit

    def power(self, hop, time, band):
        return band / hop["gain"] * math.expm1(min(hop["bits"] * LN2 / (time * band), 500.0))

    def fastest(self, hop, band):
        if "wire" in hop:
            return hop["bits"] * self.cluster["bandwidth_hz"] / (band * hop["wire"])
        return hop["bits"] * LN2 / (band * math.log1p(hop["most"] * hop["gain"] / band))

    def best(self, bar=math.inf):
        """The least cost of the choice, with the times and bands of its hops."""
        weight, whole = self.problem["latency_weight"], self.cluster["bandwidth_hz"]
        latency, energy = self.once(weight)
        base = weight * (latency + self.extra) + energy + self.energy + self.plan["penalty"]
        if not math.isfinite(base):
            return None
        n = len(self.hops)
        turns = self.medium == "turns"
        groups = [] if turns else sorted({0 if self.shared else hop["phase"] for hop in self.hops})
        group = [0 if self.shared else hop["phase"] for hop in self.hops]
        share = [whole if turns else whole / group.count(g) for g in group]
        start = [self.fastest(hop, band) for hop, band in zip(self.hops, share)]
        total, counts = self.makespan(start)
        if base + weight * self.iterations * self.makespan([0.0] * n)[0] >= bar:
            return None
        paths = [counts, {key: 1 for key in list(self.fixed) + [("late", p) for p in self.late]}]
        price, unit = weight * self.iterations, total
        scale = max(price * unit, 1e-12)

        def split(x):
            times = np.exp(x[:n]) * start
            bands = np.full(n, whole) if turns else np.exp(x[n : 2 * n]) * share
            return times, bands, x[-1] * unit

        def objective(x):
            times, bands, span = split(x)
            value, slope = price * span, np.zeros(len(x))
            slope[-1] = price * unit
            for j, hop in enumerate(self.hops):
                cost, radiated, circuit = self.spent(hop, times[j], bands[j])
                value += cost
                slope[j] += radiated + circuit
                if not turns:
                    slope[n + j] += radiated
            return value / scale, slope / scale

        def constraints(x):
            times, bands, span = split(x)
            values, slopes = [], []
            for path in paths:
                known = sum(path.get(p, 0) * s for p, s in self.fixed.items())
                known += sum(path.get(("late", p), 0) * s for p, s in self.late.items())
                row, slope = span - known, np.zeros(len(x))
                slope[-1] = 1.0
                for j, hop in enumerate(self.hops):
                    count = path.get(hop["place"], 0)
                    row -= count * times[j]
                    slope[j] = -count * times[j] / unit
                values.append(row / unit)
                slopes.append(slope)
            for j, hop in enumerate(self.hops):
                slope = np.zeros(len(x))
                if "wire" in hop:
                    values.append(math.log(times[j] * bands[j] * hop["wire"] / (hop["bits"] * whole)))
                    slope[j] = slope[n + j] = 1.0
                else:
                    y = hop["bits"] * LN2 / (times[j] * bands[j])
                    values.append(math.log(hop["most"] / self.power(hop, times[j], bands[j])))
                    grown = y / -math.expm1(-y)
                    slope[j] = grown
                    if not turns:
                        slope[n + j] = grown - 1.0
                slopes.append(slope)
            for g in groups:
                mine = [j for j in range(n) if group[j] == g]
                slope = np.zeros(len(x))
                for j in mine:
                    slope[n + j] = -bands[j] / whole
                values.append(1.0 - sum(bands[j] for j in mine) / whole)
                slopes.append(slope)
            return np.array(values), np.array(slopes)

        x = np.zeros((n if turns else 2 * n) + 1)
        x[-1] = 1.0
        found = (base + price * total + sum(self.spent(h, t, w)[0] for h, t, w in zip(self.hops, start, share)), start, share)
        if n == 0:
            return (base + price * total, [], [])
        for _ in range(60):
            solved = minimize(
                objective,
                x,
                jac=True,
                method="SLSQP",
                constraints=[{"type": "ineq", "fun": lambda x: constraints(x)[0], "jac": lambda x: constraints(x)[1]}],
                options={"ftol": 1e-14, "maxiter": 400},
            )
            x = solved.x
            times, bands, span = split(x)
            for g in groups:
                mine = [j for j in range(n) if group[j] == g]
                bands[mine] *= whole / bands[mine].sum()
            times = [max(t, self.fastest(hop, w)) for hop, t, w in zip(self.hops, times, bands)]
            total, counts = self.makespan(times)
            cost = base + price * total + sum(self.spent(h, t, w)[0] for h, t, w in zip(self.hops, times, bands))
            if cost < found[0]:
                found = (cost, times, list(bands))
            if counts in paths or base + solved.fun * scale >= bar:
                break
            paths.append(counts)
        return found


def choices(problem):
    cluster, blocks = problem["clusters"][0], len(problem["encoder"]["blocks"])
    devices = range(len(cluster["devices"]))
    for plan in range(len(problem["plans"])):
        for count in devices:
            if problem["participation"] == "all" and count + 1 < len(devices) or count + 1 > blocks:
                continue
            sets = itertools.permutations if problem["order"] == "free" else itertools.combinations
            for active in sets(devices, count + 1):
                for inner in itertools.combinations(range(1, blocks), count):
                    cuts = [0, *inner, blocks]
                    yield plan, list(active), [b - a for a, b in zip(cuts, cuts[1:])]


def solve(problem):
    best = None
    for plan, active, sizes in choices(problem):
        choice = Choice(problem, plan, active, sizes)
        if not choice.feasible:
            continue
        found = choice.best(math.inf if best is None else best[0])
        if found and (best is None or found[0] < best[0]):
            best = (found[0], choice, found[1], found[2], plan)
    return best


# --- problems -----------------------------------------------------------------------------------------------------------


def make(seed):
    draw = random.Random(seed)
    short = lambda x: float(f"{x:.3g}")
    u = lambda a, b: short(draw.uniform(a, b))
    log = lambda a, b: short(math.exp(draw.uniform(math.log(a), math.log(b))))
    medium = ["turns", "half-duplex", "turns", "bands"][seed % 4]
    devices, blocks = draw.choice([2, 3, 3]), draw.choice([3, 4])
    nodes = devices + 2
    matrix = lambda f: [[0.0 if i == j else f() for j in range(nodes)] for i in range(nodes)]
    home, wifi = draw.random() < 0.2, draw.random() < 0.3
    chain = [
        {
            "forward_flops_per_sample": u(1e8, 5e8),
            "backward_flops_per_sample": u(2e8, 1e9),
            "boundary_bits_per_sample": log(1e5, 2e6),
            "parameter_bits": 0.0 if home else u(1e6, 2e7),
            "resident_bytes": u(5e6, 3e7),
            "activation_bytes_per_sample": u(5e5, 2e6),
        }
        for _ in range(blocks)
    ]
    schedules = ["fill-drain", "1f1b", "eager-1f1b", "forward-only"]
    plans = [
        {
            "local_iterations": draw.choice([1, 2]),
            "micro_batches": draw.choice([1, 2, 4, 8]),
            # Without backward work a plan would beat all others.
            "schedule": schedules[3 if seed // 4 % 4 == 3 else (seed // 4 + i) % 3],
            "penalty": u(0.0, 1.0),
        }
        for i in range(2)
    ]
    device = lambda: {
        "forward_flops_per_second": u(2e10, 8e10),
        "backward_flops_per_second": u(1e10, 6e10),
        "joules_per_flop": u(1e-13, 1e-12),
        "memory_bytes": u(3e7, 2e8) if draw.random() < 0.3 else 1e9,
        "stage_overhead_s": u(0.0, 5e-3),
        "block_overhead_s": u(0.0, 1e-3),
        "max_power_w": log(0.1, 2.0),
        "energy_price": log(3.0, 3000.0) if draw.random() < 0.85 else 0.0,
        "circuit_power_w": u(0.0, 0.3),
        "amplifier_efficiency": u(0.3, 1.0),
    }
    end = lambda: None if home else {"forward_seconds_per_sample": u(1e-5, 2e-3), "backward_seconds_per_sample": u(1e-5, 4e-3)}
    cluster = {
        "batch_size": 16,
        "bandwidth_hz": log(3e6, 4e7),
        "fixed_seconds": u(0.0, 0.1),
        "upload_bits": 0.0 if home else u(1e6, 5e7),
        "embedding": end(),
        "decoder": end(),
        "hop_latency_s": draw.choice([0.0, matrix(lambda: u(0.0, 0.03))]),
        "hop_overhead_s": draw.choice([0.0, 2e-3, matrix(lambda: u(0.0, 5e-3))]),
        "staging_s_per_byte": draw.choice([0.0, log(1e-9, 3e-7), matrix(lambda: log(1e-9, 3e-7))]),
        "medium": medium,
        "control_unit": {
            "max_power_w": log(0.1, 2.0),
            "energy_price": log(3.0, 3000.0),
            "circuit_power_w": u(0.0, 0.3),
            "amplifier_efficiency": u(0.3, 1.0),
        },
        "edge_server": {"max_power_w": 10.0},
        "devices": [device() for _ in range(devices)],
        "gain_to_noise_hz_per_w": matrix(lambda: log(1e7, 1e10)),
    }
    if wifi:
        ends = [(i, j) for i in range(nodes) for j in range(nodes) if i != j]
        chosen = ends if draw.random() < 0.5 else draw.sample(ends, len(ends) // 2)
        cluster["fixed_links"] = [
            {"from": i, "to": j, "bits_per_second": log(2e7, 3e8), "joules_per_bit": u(0.0, 1e-7), "shares_band": True}
            for i, j in chosen
        ]
    return {
        "schema": "collapipe.slot-problem/2",
        "participation": draw.choice(["all", "select"]),
        "order": draw.choice(["given", "given", "free"]),
        "overlap": "full",
        "latency_weight": log(1.0, 30.0),
        "plans": plans,
        "encoder": {"input_bits_per_sample": log(1e5, 2e6), "blocks": chain},
        "uplink": {"bandwidth_hz": 2e7},
        "clusters": [cluster],
    }


def decided(best):
    """The decision of hops that this file knows; what is sent once has no part in it."""
    cost, choice, times, bands, plan = best
    of = {hop["place"]: (choice.power(hop, t, w) if "gain" in hop else 0.0, w) for hop, t, w in zip(choice.hops, times, bands)}
    link = lambda place: {"bandwidth_hz": of[place][1], "power_w": of[place][0]} if place in of else None
    hops = lambda letter: [link((letter, j)) for j in range(choice.stages - 1)]
    backward = choice.plan["schedule"] != "forward-only"
    return {"plan": plan, "active": choice.active, "sizes": choice.sizes, "forward": hops("f"), "backward": hops("b") if backward else []}


def check(problem, decision):
    """Cost of the hops, stages and the timeline of a decision, what is sent once at this file's own best powers."""
    of = decision["clusters"][0]
    choice = Choice(problem, decision["plan"], of["active"], of["sizes"])
    times, energy = [], 0.0
    for hop in choice.hops:
        link = of[["forward", "backward"][hop["phase"]]][hop["place"][1]]
        band, power = link["bandwidth_hz"], link["power_w"]
        rate = hop["wire"] * band / choice.cluster["bandwidth_hz"] if "wire" in hop else band * math.log1p(power * hop["gain"] / band) / LN2
        times.append(hop["bits"] / rate)
        if "gain" in hop:
            energy += choice.uses * (hop["circuit"] + hop["energy"] * power) * times[-1]
    weight = problem["latency_weight"]
    latency, once = choice.once(weight)
    span, _ = choice.makespan(times)
    return weight * (latency + choice.extra + choice.iterations * span) + once + energy + choice.energy + choice.plan["penalty"]


def main():
    if sys.argv[1] == "make":
        number, first = int(sys.argv[2]), int(sys.argv[3])
        cases = []
        for seed in range(first, first + number):
            problem = make(seed)
            best = solve(problem)
            case = {"seed": seed, "problem": problem, "objective": best[0] if best else None}
            case["decision"] = decided(best) if best else None
            cases.append(case)
            print(seed, problem["clusters"][0]["medium"], case["objective"], file=sys.stderr, flush=True)
        print('{"cases": [')
        print(",\n".join(json.dumps(case, separators=(",", ":")) for case in cases))
        print("]}")
    else:
        problem, answer = json.load(open(sys.argv[2])), json.load(open(sys.argv[3]))
        print(check(problem, answer.get("decision", answer)))


if __name__ == "__main__":
    main()
