import html
import pickle
import re

import pytest

import collapipe


@pytest.fixture(scope="module")
def plan(scenario):
    return collapipe.plan(scenario, slot=2)


def test_bit_for_bit_the_programs(plan, program, printed, written):
    asked = ("plan", written, "--slot", "2")
    assert plan.to_dict() == program(*asked, "--format", "json")
    assert str(plan) == printed(*asked)
    assert plan.to_html() == printed(*asked, "--format", "html")
    assert plan.to_svg("workshop") == printed(*asked, "--format", "svg", "--cluster", "workshop")
    assert plan.to_trace(1) + "\n" == printed(*asked, "--format", "trace", "--cluster", "1")


@pytest.mark.parametrize("gains", ["mean", "worst"])
def test_one_plan_for_good(scenario, program, written, gains):
    plan = collapipe.plan(scenario, gains=gains)
    assert plan.to_dict() == program("plan", written, "--static", gains, "--format", "json")
    assert gains in plan.title


def test_of_a_problem(problem, program, tmp_path):
    path = tmp_path / "problem.json"
    path.write_text(problem.to_json())
    plan = collapipe.plan(problem)
    assert plan.to_dict() == program("plan", path, "--format", "json")
    solution = collapipe.solve(problem)
    assert plan.objective == solution.objective and plan.gap == solution.gap
    assert plan.latency_s == max(cluster["latency_s"] for cluster in plan.clusters)
    # Nothing else that was possible is better, beyond the gap.
    assert all(variant["cost_s"] is None or variant["cost_s"] >= -1e-3 for variant in plan.variants)
    assert all(price["saves_s"] >= -1e-3 for price in plan.prices)


def test_in_a_notebook(plan):
    shown = plan._repr_html_()
    page = html.unescape(re.search('srcdoc="([^"]*)"', shown)[1])
    assert page == plan.to_html() and "<svg" in page
    # All of the page is within the attribute.
    assert shown.count("<") == 2 and shown.endswith("</iframe>")


def test_pickles(plan):
    again = pickle.loads(pickle.dumps(plan))
    assert again.to_dict() == plan.to_dict() and str(again) == str(plan) and again.to_html() == plan.to_html()


def test_no_plan_says_why(problem):
    data = problem.to_dict()
    for device in data["clusters"][0]["devices"]:
        device["memory_bytes"] = 1.0
    with pytest.raises(collapipe.Infeasible, match="memory"):
        collapipe.plan(collapipe.Problem(data))
    with pytest.raises(collapipe.InputError, match="leave one out"):
        collapipe.plan(problem, slot=3)
    with pytest.raises(collapipe.InputError, match="leave one out"):
        collapipe.plan(slot=3, gains="mean")
