import json
import pickle

import pytest

import collapipe


def test_a_run_is_the_programs(scenario, program, tmp_path):
    path = tmp_path / "scenario.toml"
    path.write_text(scenario.to_toml())
    out = tmp_path / "out"
    program("run", str(path), "--out", str(out), "--format", "json", "--certificates", "off")
    record = collapipe.run(scenario)
    assert record.to_dict()["slots"] == json.loads((out / "record.json").read_text())["slots"]
    written = record.write(tmp_path / "ours")
    assert (tmp_path / "ours" / "slots.csv").read_bytes() == (out / "slots.csv").read_bytes()
    assert {"record.json", "summary.json", "slots.csv"} <= {name.rsplit("/", 1)[-1] for name in written}


def test_iterated_or_whole(scenario):
    run = collapipe.Run(scenario)
    slots = list(run)
    assert [slot["slot"] for slot in slots] == list(range(6))
    assert run.record().to_json() == collapipe.run(scenario).to_json()


def test_a_callback_stops(scenario):
    record = collapipe.run(scenario, callback=lambda slot: slot["slot"] == 2)
    assert len(record) == 3
    whole = collapipe.run(scenario)
    assert record.to_dict()["slots"] == whole.to_dict()["slots"][:3]


def test_records_read_back(scenario, tmp_path):
    record = collapipe.run(scenario, slots=3, certificates="quick")
    again = collapipe.RunRecord(record.to_json())
    assert again.to_json() == record.to_json() and again.summary == record.summary
    assert pickle.loads(pickle.dumps(record)).to_json() == record.to_json()
    assert "Round latency" in str(record)
    with pytest.raises(collapipe.InputError):
        collapipe.RunRecord("{}")


def test_tables(scenario):
    pyarrow = pytest.importorskip("pyarrow")
    record = collapipe.run(scenario)
    slots = pyarrow.table(record.slots)
    assert slots.column("slot").to_pylist() == list(range(6))
    of_record = [slot["outcome"]["planned"]["latency_s"] for slot in record.to_dict()["slots"]]
    assert slots.column("latency_s").to_pylist() == of_record
    nodes = pyarrow.table(record.nodes)
    assert nodes.num_rows == 6 * len(scenario.nodes)
    segments = pyarrow.table(record.segments)
    blocks = record.to_dict()["blocks"]
    assert sum(segments.column("blocks").to_pylist()) == 6 * blocks * len(scenario.clusters)
    pandas = pytest.importorskip("pandas")
    if hasattr(pandas.DataFrame, "from_arrow"):
        assert len(pandas.DataFrame.from_arrow(record.slots)) == 6


class EqualShares(collapipe.Policy):
    name = "never-mind-energy"

    def decide(self, problem, slot):
        free = problem.with_prices([[0.0] * len(prices) for prices in problem.prices])
        return collapipe.solve(free)


def test_a_policy_of_ones_own(scenario):
    record = collapipe.run(scenario, policy=EqualShares())
    assert record.to_dict()["provenance"]["policy"] == "never-mind-energy"
    same = collapipe.run(scenario, policy="latency-only")
    ours, theirs = (
        [slot["outcome"]["planned"]["latency_s"] for slot in of.to_dict()["slots"]] for of in (record, same)
    )
    assert ours == pytest.approx(theirs, rel=1e-6)


def test_a_policy_that_fails_says_so(scenario):
    class Broken(collapipe.Policy):
        name = "broken"

        def decide(self, problem, slot):
            raise RuntimeError("no idea")

    with pytest.raises(collapipe.InputError, match="broken.*no idea"):
        collapipe.run(scenario, policy=Broken())
    with pytest.raises(collapipe.InputError, match="exact"):
        collapipe.run(scenario, policy="exakt")


def test_scenarios(scenario):
    changed = scenario.with_({"clusters.0.devices.0.budget_j_per_round": 77.0}, latency_weight=0.3)
    assert changed.nodes[1]["budget_j"] == 77.0
    name = scenario.nodes[1]["node"].split("/")
    by_name = scenario.with_({f"clusters.{name[0]}.devices.{name[1]}.budget_j_per_round": 77.0}, latency_weight=0.3)
    assert by_name.to_dict() == changed.to_dict()
    assert collapipe.Scenario(scenario.to_dict()).problem(0) == scenario.problem(0)
    with pytest.raises(collapipe.InputError, match="latency_weight"):
        scenario.with_(latency_weight=-1.0)
    with pytest.raises(collapipe.InputError, match="nothing"):
        scenario.with_({"clusters.nothing.bandwidth_hz": 1.0})
    with pytest.raises(collapipe.InputError, match="slot"):
        scenario.problem(6)


def test_bound_and_timeline(program):
    spec = {
        "schedule": "1f1b",
        "stages": 4,
        "micro_batches": 8,
        "durations": {
            "forward": [1.0] * 4,
            "backward": [2.0] * 4,
            "forward_link": [0.0] * 3,
            "backward_link": [0.0] * 3,
            "forward_latency": [0.0] * 3,
            "backward_latency": [0.0] * 3,
        },
    }
    # (M + P - 1) times the work of a stage, without links.
    assert collapipe.timeline(spec)["makespan_s"] == 33.0
    with pytest.raises(collapipe.InputError):
        collapipe.timeline({})
    assert "exact" in collapipe.policies()
