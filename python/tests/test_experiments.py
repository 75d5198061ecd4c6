import os
import pickle
import signal

import pytest

import collapipe
from collapipe import comparisons

from conftest import files

NAMES = ["v", "segments"]
SIZE = {"slots": 4, "seeds": 2}
QUICK = {"quick": True, "slots": 4, "seeds": 1}
POLICIES = ["exact", "uniform-segments", "no-pipeline"]
VARY = {"latency_weight": [0.05, 0.2], "uplink.bandwidth_hz+clusters.*.bandwidth_hz": [10e6, 20e6]}


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The folders that one machine writes."""
    root = tmp_path_factory.mktemp("here")
    seen = []
    collapipe.reproduce(NAMES, root / "reproduce", **QUICK, progress=lambda done, runs: seen.append((done, runs)))
    assert seen[-1][0] == seen[-1][1] == len(seen)
    collapipe.compare(folder=root / "compare", policies=POLICIES, **SIZE)
    collapipe.sweep(vary=VARY, folder=root / "sweep", **SIZE)
    return root


# How the same is asked of the program, and of this machine.
CALLS = {
    "reproduce": lambda of, folder, **more: of.reproduce(NAMES, folder, **QUICK, **more),
    "compare": lambda of, folder, **more: of.compare(folder=folder, policies=POLICIES, **SIZE, **more),
    "sweep": lambda of, folder, **more: of.sweep(vary=VARY, folder=folder, **SIZE, **more),
}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("reproduce", [*NAMES, "--quick", "--slots", "4", "--seeds", "1"]),
        ("compare", ["--policies", ",".join(POLICIES), "--slots", "4", "--seeds", "2"]),
        (
            "sweep",
            ["SCENARIO", "latency_weight=0.05,0.2", "uplink.bandwidth_hz+clusters.*.bandwidth_hz=10000000.0,20000000.0"]
            + ["--slots", "4", "--seeds", "2"],
        ),
    ],
)
def test_byte_for_byte_the_programs(here, printed, tmp_path, monkeypatch, name, arguments):
    scenario = tmp_path / "scenario.toml"
    scenario.write_text(collapipe.Scenario().to_toml())
    printed(name, *[str(scenario) if argument == "SCENARIO" else argument for argument in arguments], "--out", tmp_path / "out")
    theirs, ours = files(tmp_path / "out"), files(here / name)
    assert theirs.keys() == ours.keys()
    # The request says where files that the scenario names are looked up: here, and there.
    different = [path for path in ours if ours[path] != theirs[path]]
    assert different == (["request.json"] if name == "sweep" else [])


@pytest.mark.parametrize("name", CALLS)
def test_what_is_there_is_not_played_again(here, name):
    before = files(here / name)
    seen = []
    CALLS[name](collapipe, here / name, progress=lambda done, runs: seen.append(done))
    assert files(here / name) == before and "report.html" in before


def test_results(here, scenario):
    kept = collapipe.Results(here / "compare" / "compare")
    again = collapipe.compare(policies=POLICIES, **SIZE)
    assert again.to_dict() == kept.to_dict() and again.files == []
    assert pickle.loads(pickle.dumps(again)).to_json() == again.to_json()
    assert "uniform-segments" in str(again) and len(again) == 2 * len(POLICIES)
    pandas = pytest.importorskip("pandas")
    rows = pandas.DataFrame.from_arrow(again.rows)
    assert set(rows["series"]) == set(POLICIES) and rows["seed"].nunique() == 2
    # Each row is the mean of a run that can be played by hand.
    of = rows[(rows["series"] == "exact") & (rows["seed"] == scenario.seed)].iloc[0]
    summary = collapipe.run(scenario, slots=4, gap=1e-4).summary
    assert of["latency_s"] == pytest.approx(summary["latency"]["mean_s"], rel=1e-9)
    swept = collapipe.Results(here / "sweep" / "sweep" / "result.json")
    assert set(pandas.DataFrame.from_arrow(swept.rows)["x"]) == {0.05, 0.2}


def test_values_of_a_scenario_count(scenario):
    slow = scenario.with_({"clusters.*.bandwidth_hz": 1e6})
    pandas = pytest.importorskip("pandas")
    mean = lambda results: pandas.DataFrame.from_arrow(results.rows)["latency_s"].mean()
    ask = {"policies": ["exact"], "slots": 2, "seeds": 1}
    assert mean(collapipe.compare(slow, **ask)) > mean(collapipe.compare(scenario, **ask))
    # A field may be varied by its own name, or with others.
    swept = collapipe.sweep(slow, {("clusters.0.bandwidth_hz", "clusters.1.bandwidth_hz"): [1e6, 2e7]}, slots=2, seeds=1)
    by_band = pandas.DataFrame.from_arrow(swept.rows).set_index("x")["latency_s"]
    assert by_band[1e6] == mean(collapipe.compare(slow, **ask)) and by_band[2e7] < by_band[1e6]


def test_policies_that_do_not_know_a_scenario_are_left_out_unless_named():
    wifi = collapipe.Scenario.preset("wifi")
    with pytest.warns(UserWarning, match="fixed-radio is left out: it does not know order"):
        results = collapipe.compare(wifi, slots=1, seeds=1)
    played = {row["series"] for row in results.to_dict()["table"]["rows"]}
    assert "exact" in played and "fixed-radio" not in played
    with pytest.raises(collapipe.InputError, match="does not know order"):
        collapipe.compare(wifi, ["fixed-radio"], slots=1, seeds=1)


def test_bad_questions_are_refused(tmp_path):
    with pytest.raises(collapipe.InputError, match="headline"):
        collapipe.reproduce(["headlin"], tmp_path)
    assert set(NAMES) <= set(collapipe.experiments())
    with pytest.raises(collapipe.InputError, match="latency_wait"):
        collapipe.sweep(vary={"latency_wait": [1.0]}, **SIZE)
    with pytest.raises(collapipe.InputError, match="latency_weight"):
        collapipe.sweep(vary={"latency_weight": [0.1, -1.0]}, **SIZE)
    with pytest.raises(collapipe.InputError, match="None"):
        collapipe.sweep(vary={"latency_weight": [None]}, **SIZE)
    with pytest.raises(collapipe.InputError, match="two runs are called"):
        collapipe.sweep(vary={"latency_weight": [0.1, 0.1]}, **SIZE)
    with pytest.raises(collapipe.InputError, match="exact"):
        collapipe.compare(policies=["exakt"], **SIZE)
    with pytest.raises(collapipe.InputError, match="policies"):
        collapipe.compare(policies=[], **SIZE)
    (tmp_path / "compare").mkdir()
    with pytest.raises(collapipe.CollapipeError, match="is not ours"):
        collapipe.compare(folder=tmp_path, **SIZE)


@pytest.fixture(scope="module")
def cluster():
    """A cluster of three processes on this machine."""
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False)
    import collapipe.ray

    yield collapipe.ray
    ray.shutdown()


@pytest.mark.parametrize("name", CALLS)
def test_on_a_cluster_byte_for_byte_though_a_worker_is_killed(here, tmp_path, cluster, name):
    killed, seen = [], []

    def kill_one(done, runs):
        seen.append((done, runs))
        if not killed:
            for pid in at_work()[:1]:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    CALLS[name](cluster, tmp_path, progress=kill_one)
    assert killed, "no worker was there to be killed"
    assert [done for done, _ in seen] == list(range(1, seen[-1][1] + 1))
    ours = files(tmp_path)
    assert ours == files(here / name)


def test_ctrl_c_on_a_cluster_keeps_what_has_arrived(here, tmp_path, cluster):
    def interrupt(done, runs):
        if done == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        CALLS["compare"](cluster, tmp_path, progress=interrupt)
    assert [path for path in (tmp_path / "parts").rglob("*") if path.name == "request.json"]
    seen = []
    CALLS["compare"](cluster, tmp_path, progress=lambda done, runs: seen.append(done))
    assert seen == [4, 5, 6]
    assert files(tmp_path) == files(here / "compare")
    # What a folder holds is played by nobody.
    CALLS["compare"](cluster, tmp_path, progress=lambda done, runs: seen.append(done))
    assert seen == [4, 5, 6]


def test_a_part_of_a_cluster_is_the_part_of_a_job_array(tmp_path):
    runs = comparisons.of_compare(None, POLICIES, 2, 2)
    assert sum(runs.runs((part, 4)) for part in (1, 2, 3, 4)) == runs.runs(None) == runs.missing(tmp_path, None)
    runs.play(tmp_path, (2, 4), None)
    assert runs.missing(tmp_path, (2, 4)) == 0 < runs.missing(tmp_path, None)
    with pytest.raises(collapipe.CollapipeError, match="runs are missing"):
        runs.gather([tmp_path], tmp_path / "all")


def at_work():
    """Process numbers of the workers that are playing a run."""
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and open(f"/proc/{name}/cmdline", "rb").read().startswith(b"ray::_play"):
                found.append(int(name))
        except OSError:  # has ended meanwhile
            continue
    return found
