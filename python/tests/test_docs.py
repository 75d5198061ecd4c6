"""What the documentation says can be typed can be typed."""

import doctest
import re
from pathlib import Path

import pytest

import collapipe
import collapipe.drift

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("page", [ROOT.parent / "docs" / "python.md", ROOT / "README.md"], ids=lambda page: page.name)
def test_pages(page, tmp_path, monkeypatch, capsys):
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    # What a page takes for granted.
    names = {"measured": [collapipe.Scenario().problem(0).gains(0)] * 3}
    for block in blocks:
        exec(compile(block, str(page), "exec"), names)


@pytest.mark.parametrize("module", [collapipe, collapipe.drift], ids=lambda module: module.__name__)
def test_docstrings(module):
    names = {name: getattr(collapipe, name) for name in collapipe.__all__}
    failed, tried = doctest.testmod(module, extraglobs=names)
    assert tried > 0 and failed == 0
