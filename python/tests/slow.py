"""A problem that takes long to solve."""

import copy
import random

import collapipe


def problem(plans=3600):
    """Sixty devices to choose from under thousands of plans: several seconds on any machine."""
    draw = random.Random(1)
    data = collapipe.Scenario().with_(participation="select").problem(0).to_dict()
    cluster = data["clusters"][0]
    data["clusters"] = [cluster]
    cluster["devices"] = [copy.deepcopy(cluster["devices"][0]) for _ in range(60)]
    for index, device in enumerate(cluster["devices"]):
        device["name"] = f"d{index}"
        device["energy_price"] = draw.uniform(0.0, 0.01)
        for key in ("forward_flops_per_second", "backward_flops_per_second", "memory_bytes"):
            device[key] *= draw.uniform(0.5, 1.5)
    best = max(max(row) for row in cluster["gain_to_noise_hz_per_w"])
    cluster["gain_to_noise_hz_per_w"] = [[best * draw.uniform(0.01, 1.0) for _ in range(62)] for _ in range(62)]
    data["plans"] = [
        {"local_iterations": iterations, "micro_batches": micro_batches, "penalty": 3.0 / iterations + 1e-3 * micro_batches}
        for iterations in range(1, plans // 6 + 1)
        for micro_batches in (1, 2, 4, 8, 16, 32)
    ]
    return collapipe.Problem(data)
