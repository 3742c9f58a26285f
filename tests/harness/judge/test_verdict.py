import ast
from pathlib import Path

import pytest

from harness import report
from harness.judge.verdict import Verdict, verdict
from harness.stats.estimate import Estimate


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1.06, 1.20, Verdict.WIN),
        (0.80, 0.94, Verdict.LOSS),
        (0.96, 1.04, Verdict.TIE),
        (1.01, 1.04, Verdict.TIE),
        (1.01, 1.20, Verdict.LEAN),
        (0.80, 0.99, Verdict.LEAN),
        (0.80, 1.20, Verdict.INCONCLUSIVE),
        (0.99, 1.06, Verdict.INCONCLUSIVE),
        (1.05, 1.20, Verdict.LEAN),
    ],
)
def test_the_interval_against_the_margin_decides(low: float, high: float, expected: Verdict):
    assert verdict(Estimate((low * high) ** 0.5, low, high, 5), margin=0.05, valid=True) == expected


def test_a_failed_guard_takes_every_verdict_away():
    assert verdict(Estimate(2.0, 1.9, 2.1, 5), margin=0.05, valid=False) == Verdict.INVALID


def test_without_an_interval_nothing_is_claimed():
    assert verdict(Estimate(2.0, None, None, 1), margin=0.05, valid=True) == Verdict.INCONCLUSIVE
    assert verdict(None, margin=0.05, valid=True) == Verdict.INCONCLUSIVE


def test_no_renderer_compares_a_ratio_or_calls_for_a_verdict():
    """Renderers spell the verdict. One that held an interval against the margin could come to another."""
    for path in Path(report.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare) and not isinstance(node.ops[0], ast.Is):
                source = ast.unparse(node)
                assert not any(word in source for word in ("margin", ".ratio", "ratio.")), f"{path.name}: {source}"
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) != "verdict", path.name


def test_no_renderer_compares_a_figure_with_a_margin():
    """The verdict is computed in one place, and the renderers only spell it."""
    renderers = [
        *Path("harness/report").glob("*.py"),
        *(Path("harness/commands") / f"{name}.py" for name in ("compare", "gate")),
    ]
    assert len(renderers) > 5
    for path in renderers:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare) and not isinstance(node.ops[0], ast.Is):
                names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
                names |= {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}
                assert "margin" not in names, f"{path}: {ast.unparse(node)}"
