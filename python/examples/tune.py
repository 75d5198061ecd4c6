"""Optuna looks for the smallest budgets of one cluster that still allow a given mean latency, and for V with them.

    python tune.py [TRIALS]

Every trial is a short run. The objective is what a battery would have to hold, with a penalty for seconds above the target and for
overspending: the exact solver makes each trial the best that its budgets allow.
"""

import sys

import optuna

import collapipe

SLOTS = 20
TARGET_S = 125.0


def main() -> None:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    base = collapipe.Scenario().with_(slots=SLOTS)
    devices = [node for node in base.nodes if node["cluster"] == 0 and node["budget_j"] is not None]

    def play(trial: optuna.Trial) -> float:
        values = {"latency_weight": trial.suggest_float("latency_weight", 0.01, 1.0, log=True)}
        total = 0.0
        for node in devices:
            cluster, name = node["node"].split("/")
            budget = node["budget_j"] * trial.suggest_float(name, 0.7, 1.3)
            total += budget
            unit = "control_unit" if name == "control-unit" else f"devices.{name}"
            values[f"clusters.{cluster}.{unit}.budget_j_per_round"] = budget
        summary = collapipe.run(base.with_(values)).summary
        late = max(0.0, summary["latency"]["mean_s"] - TARGET_S)
        over = max(0.0, max(node["budget_share"] - 1.0 for node in summary["nodes"] if node["budget_share"] is not None))
        return total * (1.0 + late / 10.0 + over)

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
    study.optimize(play, n_trials=trials)
    print(f"best of {trials} trials: {study.best_value:.1f} J, with")
    for name, value in study.best_params.items():
        print(f"  {name:16} {value:.3f}")


if __name__ == "__main__":
    main()
