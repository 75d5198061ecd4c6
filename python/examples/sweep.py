"""Latency against the bandwidth of a cluster and against V: a sweep with pandas, drawn with matplotlib.

    python sweep.py [FOLDER]
"""

import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as pyplot
import pandas

import collapipe

SLOTS = 20


def play(bandwidth_hz: float, latency_weight: float) -> pandas.DataFrame:
    """Slots of one run, with what was varied."""
    scenario = collapipe.Scenario().with_({"clusters.0.bandwidth_hz": bandwidth_hz}, slots=SLOTS, latency_weight=latency_weight)
    slots = pandas.DataFrame.from_arrow(collapipe.run(scenario).slots)
    return slots.assign(bandwidth_hz=bandwidth_hz, latency_weight=latency_weight)


def main() -> None:
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "sweep")
    folder.mkdir(parents=True, exist_ok=True)
    cells = [(band, weight) for weight in (0.05, 0.2) for band in (5e6, 1e7, 2e7, 4e7)]
    slots = pandas.concat([play(*cell) for cell in cells], ignore_index=True)
    slots.to_csv(folder / "slots.csv", index=False)

    means = slots.groupby(["latency_weight", "bandwidth_hz"])["latency_s"].mean().unstack(0)
    print(means.to_string(float_format="%.2f"))

    figure, axes = pyplot.subplots(figsize=(3.5, 2.6), layout="constrained")
    for (weight, column), marker in zip(means.items(), "os"):
        axes.plot(column.index / 1e6, column, marker=marker, label=f"V = {weight} per s")
    axes.set(xscale="log", xlabel="bandwidth of the first cluster [MHz]", ylabel="mean round latency [s]")
    axes.legend(frameon=False)
    figure.savefig(folder / "sweep.svg")


if __name__ == "__main__":
    main()
