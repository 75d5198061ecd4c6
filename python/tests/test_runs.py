import pickle

import pytest

import collapipe

from conftest import files


@pytest.mark.parametrize("certificates", ["off", "quick"])
def test_a_run_is_the_programs(scenario, program, written, tmp_path, certificates):
    out = tmp_path / "out"
    printed = program("run", written, "--out", out, "--format", "json", "--certificates", certificates)
    record = collapipe.run(scenario, certificates=certificates)
    assert record.summary == printed
    ours = tmp_path / "ours"
    paths = record.write(ours)
    assert files(ours) == files(out) and len(paths) == len(files(ours)) > 5
    with pytest.raises(collapipe.InputError):
        collapipe.RunRecord(ours / "summary.json")
    assert collapipe.RunRecord(ours / "record.json").to_json() == record.to_json()
    assert record.write(ours, overwrite=True) == paths


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
    assert slots.column_names == record.slots.columns() and len(record.slots) == 6
    nodes = pyarrow.table(record.nodes)
    assert nodes.num_rows == 6 * len(scenario.nodes)
    assert nodes.column("energy_j").to_pylist() == [joules for slot in record.to_dict()["slots"] for joules in slot["energy_j"]]
    segments = pyarrow.table(record.segments)
    blocks = record.to_dict()["blocks"]
    assert sum(segments.column("blocks").to_pylist()) == 6 * blocks * len(scenario.clusters)


def test_tables_in_pandas_and_polars(scenario):
    record = collapipe.run(scenario, slots=3)
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    for table in (record.slots, record.nodes, record.segments):
        frame = pandas.DataFrame.from_arrow(table)
        assert list(frame.columns) == polars.DataFrame(table).columns == table.columns()
        assert len(frame) == polars.DataFrame(table).height == len(table)
    # Where a slot has no round there is no number, rather than one that is made up.
    assert polars.DataFrame(record.slots)["outage_reason"].to_list() == [None] * 3


def test_one_stream_of_one_batch(scenario):
    pyarrow = pytest.importorskip("pyarrow")
    table = collapipe.run(scenario, slots=3).slots
    for _ in range(2):
        reader = pyarrow.RecordBatchReader.from_stream(table)
        assert [batch.num_rows for batch in reader] == [3]


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

    with pytest.raises(collapipe.InputError, match="broken.*no idea") as caught:
        collapipe.run(scenario, policy=Broken())
    assert isinstance(caught.value.__cause__, RuntimeError)

    class Leaves(Broken):
        def decide(self, problem, slot):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collapipe.run(scenario, policy=Leaves())

    class Breaks(Broken):
        def decide(self, problem, slot):
            decision = collapipe.solve(problem).decision
            decision["clusters"][0]["sizes"][0] += 1
            return decision

    with pytest.raises(collapipe.InputError, match="broken"):
        collapipe.run(scenario, policy=Breaks())


def test_a_policy_may_have_no_round(scenario):
    class EverySecond(collapipe.Policy):
        name = "every-second"

        def decide(self, problem, slot):
            return collapipe.solve(problem) if slot % 2 else None

    record = collapipe.run(scenario, policy=EverySecond())
    assert [slot["outcome"].keys() == {"outage"} for slot in record.to_dict()["slots"]] == [True, False] * 3


def test_unknown_policies_are_refused(scenario):
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
    every = scenario.with_({"clusters.*.bandwidth_hz": 1.5e7})
    assert [cluster["bandwidth_hz"] for cluster in every.to_dict()["clusters"]] == [1.5e7, 1.5e7]
    assert every.to_toml() != scenario.to_toml() and every == collapipe.Scenario(every.to_toml())
    with pytest.raises(collapipe.InputError, match="None"):
        scenario.with_(latency_weight=None)
    with pytest.raises(collapipe.InputError, match="slot"):
        scenario.problem(6)


def test_sources_of_a_scenario(scenario, written):
    for source in (written, str(written), written.read_text(), scenario.to_dict()):
        assert collapipe.Scenario(source).problem(0) == scenario.problem(0)
    assert collapipe.Scenario() == collapipe.Scenario.preset("builtin")
    assert collapipe.Scenario.preset("wifi").clusters
    assert collapipe.run(written, slots=2).to_json() == collapipe.run(scenario, slots=2).to_json()


