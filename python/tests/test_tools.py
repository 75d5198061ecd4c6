import csv
import json
import pickle

import pytest

import collapipe

SPEC = {
    "schedule": "1f1b",
    "stages": 4,
    "micro_batches": 8,
    "durations": {
        "forward": [1.0] * 4,
        "backward": [2.0] * 4,
        "forward_link": [0.25] * 3,
        "backward_link": [0.125] * 3,
        "forward_latency": [0.0] * 3,
        "backward_latency": [0.0] * 3,
    },
}
BOUND = {
    "bound": "local_steps",
    "smoothness": 10.0,
    "noise_variance": 1.0,
    "step_size": 0.01,
    "rounds": 100,
    "clusters": [{"weight": 0.5, "local_iterations": 2}, {"weight": 0.5, "local_iterations": 2}],
}


def test_timelines(program, tmp_path):
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(SPEC))
    assert collapipe.timeline(SPEC) == program("schedule", "--file", path, "--format", "json")
    free = {**SPEC, "durations": {**SPEC["durations"], "forward_link": [0.0] * 3, "backward_link": [0.0] * 3}}
    # (M + P - 1) times the work of a stage, without links.
    assert collapipe.timeline(free)["makespan_s"] == 33.0
    with pytest.raises(collapipe.InputError):
        collapipe.timeline({})


def test_presets(program):
    ours = collapipe.presets()
    assert ours == program("presets", "--format", "json")
    names = {model["name"] for model in ours["models"]}
    assert "bert-base" in names and ours["devices"] and ours["path_loss"]


def test_policies():
    assert "exact" in collapipe.policies()


# Seconds of three boards, made of 0.01, 0.02 and 0.04 s per block and sample, 0.3 s per stage and direction: no noise.
SECONDS = {"a": 0.01, "b": 0.02, "c": 0.04}


def rows():
    made = []
    for devices in ("a", "b", "c"):
        for blocks in (2, 4, 8):
            for samples in (1, 4):
                work = blocks * samples * SECONDS[devices]
                made.append({"devices": devices, "blocks": blocks, "samples": samples, "micro_batches": 4, "schedule": "fill-drain",
                             "seconds": 4 * (work + 2 * 0.3)})
    return made


def test_calibration(program, tmp_path):
    path = tmp_path / "timings.csv"
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, rows()[0])
        writer.writeheader()
        writer.writerows(rows())
    fit = ["block-seconds", "stage-overhead"]
    found = collapipe.calibrate(path, fit=fit, model="bert-base")
    out = tmp_path / "boards.toml"
    assert found.to_dict() == program("calibrate", path, "--fit", ",".join(fit), "--model", "bert-base", "--format", "json", "--out", out)
    assert found.to_toml() == out.read_text()
    by_device = {of["device"]: of["value"] for of in found.estimates if of["quantity"] == "block-seconds"}
    assert by_device == pytest.approx(SECONDS, rel=1e-6)
    # From rows as from a file, and from what pandas holds.
    assert collapipe.calibrate(rows(), fit=fit, model="bert-base").to_dict() == found.to_dict()
    assert collapipe.calibrate(path.read_text(), fit=fit, model="bert-base").to_dict() == found.to_dict()
    pandas = pytest.importorskip("pandas")
    assert collapipe.calibrate(pandas.DataFrame(rows()), fit=fit, model="bert-base").to_dict() == found.to_dict()
    assert pickle.loads(pickle.dumps(found)).to_toml() == found.to_toml()


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"fit": ["block-second"]}, "fit"),
        ({"sending": "loud"}, "sending"),
        ({"model": "bert-huge"}, "model"),
        ({"sequence_length": 64}, "sequence_length"),
        ({"fixed": {"block-seconds": -1.0}, "fit": ["stage-overhead"]}, "fixed.block-seconds"),
        ({"forward_flops": 1e9}, None),
    ],
)
def test_bad_calibrations_are_refused(options, field):
    with pytest.raises(collapipe.InputError) as caught:
        collapipe.calibrate(rows(), **options)
    assert caught.value.field == field
    with pytest.raises(collapipe.InputError, match="column"):
        collapipe.calibrate("devices,colour\na,red\n")


def test_devices_need_the_work_of_a_block():
    with pytest.raises(collapipe.InputError, match="model"):
        collapipe.calibrate(rows()).to_toml()


def test_versions_agree(printed):
    assert printed("--version").split()[1] == collapipe.__version__
