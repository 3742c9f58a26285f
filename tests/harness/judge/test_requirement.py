"""Gates on rehearsed runs: what passes, what fails, what cannot be told, and the exit code of each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from harness.exceptions import BadInputError
from harness.judge.requirement import Limit, Order, parse_requirement
from harness.judge.verdict import Standing, Verdict, standing, within
from harness.plan.plan import Trial
from harness.stats.estimate import Estimate
from scenarios.wire.protocol import TrialResult
from tests.rehearsal import plan, rehearse, result

RATES = {"sync": 1_000.0, "async": 1_500.0}


def recorded(
    parent: Path, factor: float = 1.0, wobble: float = 0.01, rate: float | None = None, **changes: Any
) -> Path:
    def results(trial: Trial) -> TrialResult:
        shift = 1 + wobble * ((trial.block % 3) - 1) * (1 if trial.variant == "sync" else -1)
        return result(RATES[trial.variant] * shift * factor, trial.level.users, **changes)

    load = {} if rate is None else {"rate": [rate]}
    return rehearse(parent, plan("root", variants=["sync", "async"], **load), results)


@pytest.mark.parametrize(
    ("require", "code", "standing"),
    [
        (["root async>=sync"], 0, "PASS"),
        (["root async>sync"], 0, "PASS"),
        (["root sync>=async"], 1, "FAIL"),
    ],
)
def test_a_gate_passes_fails_or_cannot_tell(
    typed: Callable[..., Result], tmp_path: Path, require: list[str], code: int, standing: str
):
    words = [word for text in require for word in ("--require", text)]
    summary = tmp_path / "summary.md"
    done = typed("gate", str(recorded(tmp_path)), *words, "--markdown", str(summary))
    assert done.exit_code == code, done.stdout + done.stderr
    assert standing in done.stdout
    assert f"of {len(require)} requirements pass" in summary.read_text()


@pytest.mark.parametrize(
    ("require", "code", "standing"),
    [
        (["root async p99<60ms"], 0, "PASS"),
        (["root async p99<40ms"], 1, "FAIL"),
        (["root async p50<60ms", "root async p50<42.7ms"], 2, "INCONCLUSIVE"),
        (["root async p99<40ms", "root async p50<42.7ms"], 1, "FAIL"),
    ],
)
def test_a_latency_limit_is_checked_at_the_rate_of_an_open_loop(
    typed: Callable[..., Result], tmp_path: Path, require: list[str], code: int, standing: str
):
    words = [word for text in require for word in ("--require", text)]
    done = typed("gate", str(recorded(tmp_path, rate=1_500.0)), *words)
    assert done.exit_code == code, done.stdout + done.stderr
    assert standing in done.stdout
    assert "1,500 req/s" in done.stdout


def test_a_latency_limit_is_not_checked_on_a_closed_loop(typed: Callable[..., Result], tmp_path: Path):
    """Its users wait for the server, so that a slow one is asked less: its p99 is a promise to nobody."""
    done = typed("gate", str(recorded(tmp_path)), "--require", "root async p99<60ms")
    assert done.exit_code == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "needs an open loop" in done.stderr


def test_an_invalid_cell_passes_no_gate(typed: Callable[..., Result], tmp_path: Path):
    done = typed("gate", str(recorded(tmp_path, failures={"reset": 500})), "--require", "root async>=sync")
    assert done.exit_code == 2
    assert "INVALID" in done.stdout


@pytest.mark.parametrize(("factor", "code"), [(1.0, 0), (1.3, 0), (0.7, 1)])
def test_a_run_may_not_be_worse_than_its_baseline(
    typed: Callable[..., Result], tmp_path: Path, factor: float, code: int
):
    baseline, run = recorded(tmp_path), recorded(tmp_path, factor)
    assert typed("gate", str(run), "--baseline", str(baseline)).exit_code == code


def test_more_requirements_make_each_interval_wider(typed: Callable[..., Result], tmp_path: Path):
    run = str(recorded(tmp_path, wobble=0.16))
    one = ("--require", "root async>sync")
    assert typed("gate", run, *one).exit_code == 0
    assert typed("gate", run, *one * 12).exit_code == 2


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        ((), "give --require"),
        (("--require", "async is better"), "is no requirement"),
        (("--require", "rot async>=sync"), "did you mean 'root'?"),
        (("--require", "root asink>=sync"), "did you mean 'async'?"),
        (("--require", "root async p99<fast"), "is no"),
        (("--baseline", "/nowhere"), "holds no run"),
    ],
)
def test_a_gate_that_makes_no_sense_is_refused_with_a_sentence(
    typed: Callable[..., Result], tmp_path: Path, words: tuple[str, ...], fragment: str
):
    done = typed("gate", str(recorded(tmp_path)), *words)
    assert done.exit_code == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert fragment in done.stderr


def test_requirements_are_written_as_one_says_them():
    assert parse_requirement("database async>=sync") == Order("database", "async", "sync", strictly=False)
    assert parse_requirement(" database  async > sync ") == Order("database", "async", "sync", strictly=True)
    assert isinstance(parse_requirement("root async p99.9 < 1s"), Limit)
    with pytest.raises(BadInputError):
        parse_requirement("root")


@pytest.mark.parametrize(
    ("found", "as_good", "better"),
    [
        (Verdict.WIN, Standing.PASS, Standing.PASS),
        (Verdict.TIE, Standing.PASS, Standing.FAIL),
        (Verdict.LOSS, Standing.FAIL, Standing.FAIL),
        (Verdict.INCONCLUSIVE, Standing.INCONCLUSIVE, Standing.INCONCLUSIVE),
        (Verdict.INVALID, Standing.INVALID, Standing.INVALID),
    ],
)
def test_only_what_is_known_counts_as_met(found: Verdict, as_good: Standing, better: Standing):
    ratio = Estimate(1.0, 0.9, 1.1, 5)
    assert standing(found, ratio, strictly=False) is as_good
    assert standing(found, ratio, strictly=True) is better


def test_a_lean_passes_only_to_the_good_side():
    up, down = Estimate(1.04, 1.01, 1.07, 5), Estimate(0.96, 0.93, 0.99, 5)
    assert standing(Verdict.LEAN, up, strictly=False) is Standing.PASS
    assert standing(Verdict.LEAN, down, strictly=False) is Standing.INCONCLUSIVE
    assert standing(Verdict.LEAN, down, strictly=False, less_is_better=True) is Standing.PASS


def test_a_figure_without_an_interval_is_within_no_limit():
    assert within(Estimate(1.0, None, None, 1), 2.0, valid=True) is Standing.INCONCLUSIVE
    assert within(Estimate(1.0, 0.9, 1.1, 5), 2.0, valid=False) is Standing.INVALID
