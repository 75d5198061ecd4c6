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


def main() -> None:
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "sweep")
    folder.mkdir(parents=True, exist_ok=True)
    # Every value with every other, for three seeds, on all cores. With folder=... finished runs would be kept, and figures be written.
    results = collapipe.sweep(
        collapipe.Scenario(),
        {"clusters.0.bandwidth_hz": [5e6, 1e7, 2e7, 4e7], "latency_weight": [0.05, 0.2]},
        slots=20,
        seeds=3,
    )
    runs = pandas.DataFrame.from_arrow(results.rows)
    runs.to_csv(folder / "runs.csv", index=False)

    latency = runs.groupby(["series", "x"])["latency_s"].agg(["mean", "min", "max"])
    print(latency.to_string(float_format="%.2f"))

    figure, axes = pyplot.subplots(figsize=(3.5, 2.6), layout="constrained")
    for (series, of), marker in zip(latency.groupby(level="series"), "os"):
        of = of.droplevel("series")
        spread = [of["mean"] - of["min"], of["max"] - of["mean"]]
        axes.errorbar(of.index / 1e6, of["mean"], yerr=spread, marker=marker, capsize=2, label=series.removeprefix("exact, "))
    bands = sorted({band / 1e6 for band in runs["x"]})
    axes.set(xscale="log", xlabel="bandwidth of the first cluster [MHz]", ylabel="mean round latency [s]")
    axes.set_xticks(bands, [f"{band:g}" for band in bands])
    axes.minorticks_off()
    figure.legend(loc="outside upper center", frameon=False, fontsize="small")
    figure.savefig(folder / "sweep.svg")
    figure.savefig(folder / "sweep.png", dpi=200)


if __name__ == "__main__":
    main()
