"""`bench.py` as its user meets it: real runs, bad input, and every way to end one."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from typer.testing import Result

from harness.machine.facts import facts
from harness.machine.placement import find_place
from harness.record.calibration import read_calibration
from tests.conftest import PROJECT, Bench
from tests.tree import copy_tree

UNFAIR = '''
"""A workload that somebody dropped in, with a variant that cheats."""

from bench_app.workload import Workload

workload = Workload(name="dropped", question="Does a new file need a second edit?")


@workload.variant("sync")
def dropped_sync() -> dict[str, int]:
    """Answers one."""
    return {"answer": 1}


@workload.variant("async")
async def dropped_async() -> dict[str, int]:
    """Answers one, too."""
    return {"answer": 1}


@workload.variant("offload")
async def dropped_offload() -> dict[str, int]:
    """Answers something else."""
    return {"answer": 2}
'''


def assert_one_clear_sentence(done: subprocess.CompletedProcess[str], *fragments: str) -> None:
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for fragment in fragments:
        assert fragment in done.stderr


# What a run leaves


def test_a_run_writes_page_summary_charts_and_trials(measured: Path):
    summary = json.loads((measured / "summary.json").read_text())
    assert summary["complete"]
    assert len(summary["cells"]) == 2 + 4
    rejected = sum(block["rejected"] for block in summary["disturbed_blocks"])
    assert sum(cell["trials"] for cell in summary["cells"]) >= 3 * (2 + 4) - 4 * rejected
    assert {cell["trials"] for cell in summary["cells"]} <= {2, 3}
    assert all(cell["errors"] == 0 and cell["requests"] > 0 for cell in summary["cells"])
    assert len(list((measured / "trials").glob("*.json"))) == 3 * 6
    assert (measured / "report.html").stat().st_size > 50_000
    assert (measured / "charts" / "throughput-item.png").exists()


def test_a_real_run_finds_what_arithmetic_says(measured: Path):
    cells = {
        cell["variant"]: cell
        for cell in json.loads((measured / "summary.json").read_text())["cells"]
        if cell["workload"] == "sleep"
    }
    for variant, bound in {"sync": 400, "async": 400, "offload": 400, "blocking": 50}.items():
        assert cells[variant]["bound_rps"] == bound
        assert cells[variant]["throughput_rps"]["value"] <= bound * 1.05
    assert cells["blocking"]["victims"]["async_warm"]["p50_ms"] > cells["async"]["victims"]["async_warm"]["p50_ms"]


def test_report_writes_the_page_again_from_disk_alone(bench: Bench, measured: Path, tmp_path: Path):
    copy = shutil.copytree(measured, tmp_path / "copy")
    for name in ("report.html", "summary.json"):
        (copy / name).unlink()
    done = bench("report", str(copy))
    assert done.returncode == 0, done.stderr
    assert (copy / "report.html").read_text() == (measured / "report.html").read_text()
    assert (copy / "summary.json").read_text() == (measured / "summary.json").read_text()
    assert "verdict" in done.stdout


def test_a_workload_file_dropped_in_is_listed_verified_measured_and_drawn(tmp_path: Path):
    tmp_path = copy_tree(tmp_path)
    (tmp_path / "bench_app" / "workloads" / "dropped.py").write_text(UNFAIR)

    def typed(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "bench.py", *words], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "dropped" in typed("list")
    typed("run", "--no-diagnose", "dropped", "--users", "4", "--blocks", "2", "--seconds", "0.2", "--warmup", "0.1")
    latest = tmp_path / "reports" / "latest"
    assert "Does a new file need a second edit?" in (latest / "report.html").read_text()
    assert (latest / "charts" / "throughput-dropped.png").exists()
    summary = json.loads((latest / "summary.json").read_text())
    verdicts = {comparison["contender"]: comparison["verdict"] for comparison in summary["comparisons"]}
    assert verdicts["offload"] == "INVALID"
    unfair = [cell["variant"] for cell in summary["cells"] if "answers another body than sync" in str(cell["warnings"])]
    assert unfair == ["offload"]


def test_several_levels_are_measured_and_compared_apart(bench: Bench, tmp_path: Path):
    words = (
        "run",
        "--no-diagnose",
        "sleep",
        "--variants",
        "async,sync",
        "--users",
        "2,8",
        "--blocks",
        "2",
        "--seconds",
        "0.2",
        "--warmup",
        "0.1",
    )
    done = bench(*words, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    comparisons = json.loads((tmp_path / "latest" / "summary.json").read_text())["comparisons"]
    assert [comparison["level"]["users"] for comparison in comparisons] == [2, 8]


def test_several_load_processes_think_time_and_an_equal_rate_in_one_run(bench: Bench, tmp_path: Path):
    words = (
        "run",
        "--no-diagnose",
        "sleep",
        "--variants",
        "async,sync",
        "--users",
        "8",
        "--blocks",
        "2",
        "--seconds",
        "0.3",
        "--warmup",
        "0.1",
    )
    done = bench(*words, "--load-processes", "2", "--think-ms", "5", "--iso-rate", "0.7", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "Both variants at 70% of the slower one's req/s: sleep" in done.stdout
    summary = json.loads((tmp_path / "latest" / "summary.json").read_text())
    assert summary["complete"]
    closed, equal = summary["comparisons"]
    assert closed["level"] == {"model": "closed", "users": 8, "think_s": 0.005}
    assert (equal["level"]["model"], equal["level"]["arrivals"], equal["metric"]) == ("open", "poisson", "p99_ms")
    slower = min(cell["throughput_rps"]["value"] for cell in summary["cells"] if cell["level"]["model"] == "closed")
    assert equal["level"]["rate_rps"] == pytest.approx(0.7 * slower, rel=0.2)
    trials = [json.loads(path.read_text())["result"] for path in (tmp_path / "latest" / "trials").iterdir()]
    assert {(trial["load_processes"], trial["lost"], trial["connected"]) for trial in trials} == {(2, 0, 8)}
    assert "At an equal rate" in (tmp_path / "latest" / "report.html").read_text()


def test_a_capacity_search_ends_with_a_rate_a_page_and_every_probe(bench: Bench, tmp_path: Path):
    words = ("capacity", "sleep", "--slo", "p50<60ms", "--variants", "async", "--connections", "4")
    done = bench(*words, "--repeats", "1", "--seconds", "0.2", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    (directory,) = tmp_path.glob("*-capacity-sleep")
    found = json.loads((directory / "capacity.json").read_text())
    (variant,) = found["variants"]
    # Four connections of 20 ms each carry 200 requests a second and no more.
    assert all(rate == pytest.approx(185, rel=0.15) for rate in variant["found_rps"])
    assert {probe["broken"] is None for probe in variant["probes"]} == {True, False}
    page = directory / "report.html"
    assert "p50 &lt; 60 ms" in page.read_text()
    page.unlink()
    assert bench("report", str(directory)).returncode == 0
    assert page.exists()


def test_a_crossover_over_users_ends_with_an_answer_a_page_and_a_run_for_each_level(bench: Bench, tmp_path: Path):
    words = ("crossover", "sleep", "sync", "async", "--over", "users", "--range", "4,6", "--blocks", "2")
    done = bench(*words, "--seconds", "0.2", "--warmup", "0.1", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    (directory,) = tmp_path.glob("*-crossover-sleep")
    summary = json.loads((directory / "summary.json").read_text())
    assert summary["complete"]
    assert [level["level"] for level in summary["levels"]][:: len(summary["levels"]) - 1] == [4, 6]
    for level in summary["levels"]:
        trials = list((directory / "levels" / f"{level['level']:05}" / "trials").glob("*.json"))
        assert len(trials) in (4, 8)
        assert {json.loads(trial.read_text())["result"]["connected"] for trial in trials} == {level["level"]}
    assert "crossover" in done.stdout or "overtakes" in done.stdout
    assert (directory / "report.html").exists()


def test_an_interrupted_crossover_over_the_wait_keeps_its_levels_and_leaves_no_child(
    typed: Callable[..., Result], tmp_path: Path
):
    command = [sys.executable, "bench.py", "crossover", "sleep", "sync", "async", "--over", "wait_ms"]
    with subprocess.Popen(
        [*command, "--range", "2,30", "--users", "4", "--blocks", "2", "--seconds", "0.2", "--warmup", "0.1",
         "--out", str(tmp_path)],
        cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        deadline = time.monotonic() + 60
        while len(list(tmp_path.glob("*/levels/*/trials/*.json"))) <= 4 and time.monotonic() < deadline:
            assert running.poll() is None, running.stderr and running.stderr.read()
            time.sleep(0.02)
        children = psutil.Process(running.pid).children(recursive=True)
        running.send_signal(signal.SIGINT)
        _, stderr = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "Traceback" not in stderr
    assert "Stopped. " in stderr
    assert "kept; `python bench.py report" in stderr
    assert gone(children)
    (directory,) = tmp_path.glob("*-crossover-sleep")
    for level in (directory / "levels").iterdir():
        manifest = json.loads((level / "run.json").read_text())
        (workload,) = manifest["plan"]["workloads"]
        assert workload["wait_s"] == int(level.name) / 1000
        answers = {answer["body"] for found in manifest["verifications"] for answer in found["answers"]}
        assert answers == {json.dumps({"slept_s": int(level.name) / 1000}, separators=(",", ":"))}
    done = typed("report", str(directory))
    assert done.exit_code == 0, done.stderr
    assert "The search did not end" in done.stdout
    assert "The search did not end." in (directory / "report.html").read_text()


def test_list_shows_every_variant_with_its_kind(bench: Bench):
    shown = bench("list").stdout
    for words in ("async_connect_each", "sync_session_each", "offload", "as the guide's code does"):
        assert words in shown


def test_a_calibration_is_saved_and_later_runs_carry_it(bench: Bench, tmp_path: Path):
    done = bench("calibrate", "--json", "--seconds", "0.2", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    calibration = json.loads(done.stdout)
    assert calibration["client_ceiling_rps"] > 1_000
    assert calibration["client_cpu_us_per_request"] > 0
    assert 0 < calibration["floor_ms"]["p50"] <= calibration["floor_ms"]["p99"]
    assert json.loads((tmp_path / "calibration.json").read_text()) == calibration
    assert read_calibration(tmp_path, facts(find_place())) is not None


def test_micro_times_the_twins_and_keeps_the_json(bench: Bench, tmp_path: Path):
    done = bench("micro", "root", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "root-async" in done.stdout
    (path,) = tmp_path.glob("*-micro.json")
    means = {entry["params"]["variant"]: entry for entry in json.loads(path.read_text())["benchmarks"]}
    assert len(means) == 2


def test_ui_serves_locusts_page_on_loopback_and_stops_on_ctrl_c(tmp_path: Path):
    import urllib.request

    with subprocess.Popen(
        [sys.executable, "bench.py", "ui"], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        lines: list[str] = []
        while not any("Ctrl-C" in line for line in lines):
            line = running.stdout.readline()
            assert line, running.stderr.read()
            lines.append(line)
        address = next(word for line in lines for word in line.split() if word.startswith("http://127.0.0.1:"))
        with urllib.request.urlopen(address) as page:
            assert "Locust" in page.read().decode()
        children = psutil.Process(running.pid).children(recursive=True)
        for child in children:
            for connection in child.net_connections():
                assert connection.status != "LISTEN" or connection.laddr.ip == "127.0.0.1", child.cmdline()
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 0
        assert running.stderr.read() == ""
    assert gone(children)


# How a run ends early


def gone(processes: list[psutil.Process], limit_s: float = 10.0) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=limit_s)
    return not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def interrupted(
    out: Path, interrupt: Callable[[psutil.Process], None], trials: int = 1
) -> tuple[int, str, list[psutil.Process]]:
    """Start a long run, wait for its first trials, interrupt it; exit code, stderr, and the children it had."""
    command = [
        sys.executable,
        "bench.py",
        "run",
        "--no-diagnose",
        "root",
        "--users",
        "4",
        "--blocks",
        "50",
        "--seconds",
        "0.3",
        "--warmup",
        "0.1",
    ]
    with subprocess.Popen(
        [*command, "--out", str(out)], cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as running:
        deadline = time.monotonic() + 60
        while len(list(out.glob("*/trials/*.json"))) < trials and time.monotonic() < deadline:
            assert running.poll() is None, running.stderr and running.stderr.read()
            time.sleep(0.05)
        process = psutil.Process(running.pid)
        children = process.children(recursive=True)
        interrupt(process)
        _, stderr = running.communicate(timeout=30)
        return running.returncode, stderr, children


def uvicorn_of(process: psutil.Process) -> psutil.Process:
    return next(child for child in process.children() if "uvicorn" in child.cmdline())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_its_trials_and_leaves_no_child(bench: Bench, tmp_path: Path, number: signal.Signals):
    status, stderr, children = interrupted(tmp_path, lambda process: process.send_signal(number))
    assert status == 130
    assert "of 100 trials are kept" in stderr
    assert "Traceback" not in stderr
    assert len(children) >= 2
    assert gone(children)
    (directory,) = tmp_path.glob("*-quick-root")
    done = bench("report", str(directory))
    assert done.returncode == 0, done.stderr
    assert "did not end" in done.stdout


def test_an_interrupted_run_can_be_resumed_and_says_what_it_kept(
    bench: Bench, typed: Callable[..., Result], tmp_path: Path
):
    command = [sys.executable, "bench.py", "run", "root", "--users", "4", "--blocks", "3", "--seconds", "0.3"]
    with subprocess.Popen(
        [*command, "--warmup", "0.1", "--iso-rate", "0.7", "--out", str(tmp_path)],
        cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as running:  # fmt: skip
        deadline = time.monotonic() + 60
        while len(list(tmp_path.glob("*/trials/*.json"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        running.kill()
    (directory,) = tmp_path.glob("*-quick-root")
    before = {path.name: path.read_bytes() for path in (directory / "trials").glob("*.json")}
    done = bench("run", "--resume", str(directory))
    assert done.returncode == 0, done.stderr
    assert f"{len(before)} of 6 trials are kept; {6 - len(before)} to go." in done.stdout
    assert json.loads((directory / "summary.json").read_text())["complete"]
    assert len(list((directory / "trials").glob("*.json"))) == 12
    assert all((directory / "trials" / name).read_bytes() == content for name, content in before.items())
    again = typed("run", "--resume", str(directory))
    assert again.exit_code == 2
    assert "is complete: there is nothing to continue" in again.stderr
    manifest = json.loads((directory / "run.json").read_text())
    manifest["machine"]["python"], manifest["ended"] = "CPython 3.0", None
    (directory / "run.json").write_text(json.dumps(manifest))
    assert "python was CPython 3.0" in typed("run", "--resume", str(directory)).stderr
    assert_one_clear_sentence(bench("run", "--resume", str(directory), "--blocks", "9"), "by its own plan")


def test_a_killed_run_leaves_no_child_and_its_trials_can_be_reported(bench: Bench, tmp_path: Path):
    status, _, children = interrupted(tmp_path, lambda process: process.kill())
    assert status == -signal.SIGKILL
    assert len(children) >= 2
    assert gone(children)
    (directory,) = tmp_path.glob("*-quick-root")
    assert bench("report", str(directory)).returncode == 0


def test_a_killed_run_with_a_database_leaves_no_postgres(tmp_path: Path):
    command = [
        sys.executable,
        "bench.py",
        "run",
        "--no-diagnose",
        "database",
        "--users",
        "2",
        "--blocks",
        "9",
        "--out",
        str(tmp_path),
    ]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("*/trials/*.json")) and time.monotonic() < deadline:
            time.sleep(0.05)
        children = psutil.Process(running.pid).children(recursive=True)
        names = {child.name() for child in children}
        running.kill()
    assert "postgres" in names
    assert gone(children)


def test_a_server_that_dies_in_a_trial_is_named_and_nothing_measured_is_lost(bench: Bench, tmp_path: Path):
    status, stderr, children = interrupted(tmp_path, lambda process: uvicorn_of(process).kill())
    assert status == 3
    assert "The server was killed by SIGKILL" in stderr
    assert "of 100 trials are kept" in stderr
    assert "Traceback" not in stderr
    assert gone(children)
    (directory,) = tmp_path.glob("*-quick-root")
    assert bench("report", str(directory)).returncode == 0


def test_a_service_that_dies_in_a_trial_is_named(tmp_path: Path):
    command = [
        sys.executable,
        "bench.py",
        "run",
        "--no-diagnose",
        "external",
        "--variants",
        "sync,async",
        "--blocks",
        "50",
    ]
    with subprocess.Popen(
        [*command, "--users", "4", "--out", str(tmp_path)],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("*/trials/*.json")) and time.monotonic() < deadline:
            time.sleep(0.05)
        upstream = next(
            child for child in psutil.Process(running.pid).children() if "bench_app.upstream" in child.cmdline()
        )
        upstream.kill()
        _, stderr = running.communicate(timeout=30)
    assert running.returncode == 3
    assert "The upstream service was killed by SIGKILL" in stderr
    assert "Traceback" not in stderr


def test_an_open_loop_offers_the_same_to_every_variant(bench: Bench, tmp_path: Path):
    words = (
        "run",
        "--no-diagnose",
        "root",
        "--rate",
        "200",
        "--arrivals",
        "poisson",
        "--blocks",
        "2",
        "--seconds",
        "0.5",
        "--warmup",
        "0.1",
    )
    done = bench(*words, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "latest" / "summary.json").read_text())
    assert {cell["level"]["rate_rps"] for cell in summary["cells"]} == {200.0}
    requests = [cell["requests"] for cell in summary["cells"]]
    assert requests[0] == pytest.approx(requests[1], abs=2)
    assert "200 req/s, open loop, Poisson arrivals" in (tmp_path / "latest" / "report.html").read_text()


def test_proxies_and_postgres_variables_of_the_environment_do_not_reach_the_run(bench: Bench, tmp_path: Path):
    nowhere = "http://127.0.0.1:9"
    done = bench(
        *("run", "--no-diagnose", "database", "external", "--variants", "sync,async", "--users", "2", "--blocks", "1"),
        *("--seconds", "0.2", "--warmup", "0.1", "--out", str(tmp_path)),
        HTTP_PROXY=nowhere,
        http_proxy=nowhere,
        PGSSLMODE="require",
        PGOPTIONS="-cfoo=1",
    )
    assert done.returncode == 0, done.stderr
    cells = json.loads((tmp_path / "latest" / "summary.json").read_text())["cells"]
    assert {cell["errors"] for cell in cells} == {0}


@pytest.mark.usefixtures("quiet")
def test_a_knob_is_varied_and_what_is_predicted_for_it_is_confirmed(bench: Bench, tmp_path: Path):
    """Twice the threads, for twice as many users again, bring nearly twice as much where all that they do is wait."""
    done = bench(
        *("run", "sleep", "--variants", "sync", "--users", "32", "--threads", "8,12", "--confirm"),
        *("--blocks", "1", "--seconds", "0.4", "--warmup", "0.2", "--out", str(tmp_path)),
    )
    assert done.returncode == 0, done.stderr
    latest = tmp_path / "latest"
    assert (latest / "charts" / "knobs-sleep.png").is_file()
    summary = json.loads((latest / "summary.json").read_text())
    assert summary["complete"]
    assert [cell["level"]["knobs"]["threads"] for cell in summary["cells"][:2]] == [8, 12]
    (confirmed,) = summary["confirmations"]
    assert confirmed["change"] == "thread tokens 8 → 16"
    assert confirmed["predicted"]["most"] == pytest.approx(2, abs=0.1)
    assert confirmed["measured"]["value"] == pytest.approx(2, abs=0.4)
    assert "thread tokens 8 → 16: predicted" in done.stdout.replace("\n", " ")


# Bad input

CROSSOVER = ("crossover", "sleep", "sync", "async", "--over", "users")


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (("run", "databse"), ("no workload 'databse'", "did you mean 'database'?")),
        (("run", "--variants", "asink"), ("no variant 'asink'", "did you mean 'async'?")),
        (("run", "--profile", "quik"), ("no profile 'quik'", "did you mean 'quick'?")),
        (("run", "--users", "0"), ("--users 0 is out of range",)),
        (("run", "--users", "10001"), ("--users 10001 is out of range",)),
        (("run", "--users", ","), ("an empty one",)),
        (("run", "--rate", "fast"), ("--rate fast is not a list of numbers",)),
        (("run", "--rate", "0.5"), ("less than one request in a window of 0.7 s",)),
        (("run", "--rate", "nan"), ("--rate nan is out of range",)),
        (("run", "--rate", "100", "--users", "8,64"), ("give one number of users",)),
        (("run", "--rate", "100", "--arrivals", "poison"), ("did you mean 'poisson'?",)),
        (("run", "--rate", "100", "--think-ms", "5"), ("--think-ms is for a closed loop",)),
        (("run", "--rate", "100", "--iso-rate", "0.7"), ("--iso-rate adds a step to a closed loop",)),
        (("run", "root", "--threads", "8,16", "--iso-rate", "0.7"), ("with several values of a knob",)),
        (("run", "--iso-rate", "7"), ("--iso-rate 7 is out of range",)),
        (("run", "postgresql://u:secret@h/x"), ("--dsn goes before",)),
        (("run", "--users", "many"), ("--users many is not a list of whole numbers",)),
        (("run", "--seconds", "-1"), ("--seconds -1 is out of range",)),
        (("run", "--warmup", "-1"), ("--warmup -1 is out of range",)),
        (("run", "--blocks", "0"), ("--blocks 0 is out of range",)),
        (("run", "--blocks", "6", "--max-blocks", "4"), ("--max-blocks 4 is out of range: give a number from 6",)),
        (("run", "--load-processes", "0"), ("--load-processes 0 is out of range",)),
        (("run", "--load-processes", "9", "--users", "8"), ("cannot share 8 users",)),
        (("run", "--master-bind", "127.0.0.1"), ("belong together",)),
        (("run", "--expect-workers", "2"), ("belong together",)),
        (("run", "--master-bind", "0.0.0.0", "--expect-workers", "2"), ("would listen on every address",)),
        (("run", "--master-bind", "a:b:c", "--expect-workers", "2"), ("is not an address",)),
        (("run", "--target", "https://h/"), ("only plain http",)),
        (("run", "--target", "http://127.0.0.1:9/"), ("Nothing answers",)),
        (("run", "--target", "http://127.0.0.1:9/", "--port", "9000"), ("--target is a running server",)),
        (("run", "root", "--out", "/dev/null/x"), ("--out /dev/null/x cannot be written to",)),
        (("run", "root", "--port", "80000"), ("--port 80000 is out of range",)),
        (("run", "--threads", "0"), ("--threads 0 is out of range",)),
        (("run", "--threads", "many"), ("--threads many is not a list of whole numbers",)),
        (("run", "database", "--pool-size", "0"), ("--pool-size 0 is out of range",)),
        (("run", "root", "--pool-size", "5,10"), ("none of these workloads uses a database",)),
        (("run", "--workers", "99"), ("--workers 99 is out of range",)),
        (("run", "--workers", "2", "--no-probe"), ("--workers needs the probe",)),
        (("run", "--loop", "uvlop"), ("no event loop 'uvlop'", "did you mean 'uvloop'?")),
        (("run", "--http", "h12"), ("no HTTP parser 'h12'", "did you mean 'h11'?")),
        (("run", "database", "--resume", "somewhere"), ("names of workloads and --resume",)),
        (("run", "--resume", "somewhere", "--users", "8"), ("--users and --resume",)),
        (("run", "--workloads", "/nowhere"), ("--workloads /nowhere is not a directory",)),
        (("run", "--workloads", "reports"), ("contains no workload file",)),
        (("list", "--workloads", "/nowhere"), ("--workloads /nowhere is not a directory",)),
        (("run", "--no-probe", "--diagnose"), ("--diagnose needs the probe, which --no-probe switches off",)),
        (("run", "--no-diagnose", "--confirm"), ("--confirm applies the setting that a diagnosis recommends",)),
        (
            ("run", "--target", "http://127.0.0.1:9/", "--threads", "4"),
            ("--threads is for a server that the run starts",),
        ),
        (("capacity", "sleep", "--slo", "fast"), ("--slo fast is no objective",)),
        (("capacity", "slep", "--slo", "p99<1s"), ("did you mean 'sleep'?",)),
        (("capacity", "sleep", "--slo", "p99<1s", "--repeats", "0"), ("--repeats 0 is out of range",)),
        (("crossover", "slep", "sync", "async", "--over", "users"), ("did you mean 'sleep'?",)),
        (("crossover", "sleep", "sync", "asink", "--over", "users"), ("did you mean 'async'?",)),
        (("crossover", "sleep", "sync", "sync", "--over", "users"), ("sync was given twice",)),
        (("crossover", "sleep", "sync", "async", "--over", "user"), ("did you mean 'users'?",)),
        (("crossover", "root", "sync", "async", "--over", "wait_ms"), ("declares no wait that can be set", "external")),
        ((*CROSSOVER, "--range", "96,4"), ("--range 96,4 holds nothing",)),
        ((*CROSSOVER, "--range", "4"), ("--range 4 is no range",)),
        ((*CROSSOVER, "--range", "4,many"), ("--range 4,many is no range",)),
        ((*CROSSOVER, "--range", "1.5,8"), ("in whole numbers",)),
        ((*CROSSOVER, "--range", "0,8"), ("--range 0 is out of range",)),
        ((*CROSSOVER, "--range", "4,10001"), ("--range 10001 is out of range",)),
        ((*CROSSOVER, "--users", "8"), ("--over users varies the number of users",)),
        ((*CROSSOVER, "--blocks", "1"), ("--blocks 1 is out of range",)),
        ((*CROSSOVER, "--seconds", "0"), ("--seconds 0 is out of range",)),
        ((*CROSSOVER, "--margin", "0"), ("--margin 0 is out of range",)),
        ((*CROSSOVER, "--out", "/dev/null/x"), ("--out /dev/null/x cannot be written to",)),
        (("worker", "--master", "nowhere.invalid"), ("is no known host",)),
        (("worker", "--master", "h:0"), ("out of range",)),
        (("calibrate", "--out", "/dev/null/x"), ("cannot be written to",)),
        (("calibrate", "--seconds", "0"), ("--seconds 0 is out of range",)),
        (("micro", "rot"), ("did you mean 'root'?",)),
        (("micro", "root", "--out", "/dev/null/x"), ("cannot be written to",)),
        (("report", "/nowhere"), ("holds no run",)),
    ],
)
def test_bad_input_gets_one_clear_sentence(
    typed: Callable[..., Result], words: tuple[str, ...], fragments: tuple[str, ...]
):
    done = typed(*words)
    assert done.exit_code != 0, done.stdout
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for fragment in fragments:
        assert fragment in done.stderr


def test_bad_input_as_a_user_types_it(bench: Bench):
    assert_one_clear_sentence(bench("run", "databse"), "no workload 'databse'")


def test_more_users_than_files_may_be_open_are_refused_with_the_number_that_fits(bench: Bench):
    import resource

    done = subprocess.run(
        [sys.executable, "bench.py", "run", "root", "--users", "5000"],
        cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024)),
    )  # fmt: skip
    assert_one_clear_sentence(done, "hard limit here is 1,024", "up to 384 users")


def test_a_dsn_that_does_not_answer_is_refused_without_showing_or_saving_its_password(bench: Bench, tmp_path: Path):
    dsn = "postgresql://someone:t0psecret@127.0.0.1:9/nowhere"
    done = bench("run", "database", "--dsn", dsn, "--out", str(tmp_path))
    assert_one_clear_sentence(done, "The database of --dsn does not answer")
    assert "t0psecret" not in done.stderr + done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_run_on_a_given_database_never_saves_the_password(bench: Bench, services, tmp_path: Path):
    assert services.database is not None
    dsn = services.database.dsn
    password = dsn.split(":")[2].split("@")[0]
    words = (
        "run",
        "--no-diagnose",
        "database",
        "--variants",
        "sync,async",
        "--users",
        "2",
        "--blocks",
        "1",
        "--seconds",
        "0.1",
        "--warmup",
        "0.1",
    )
    done = bench(*words, "--dsn", dsn, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert password not in done.stdout + done.stderr
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert password.encode() not in path.read_bytes(), path


def test_a_workload_from_a_folder_of_ones_own_is_measured_from_any_directory(tmp_path: Path):
    folder = tmp_path / "my workloads"
    folder.mkdir()
    (folder / "dropped.py").write_text(UNFAIR)
    done = subprocess.run(
        [
            *(sys.executable, str(PROJECT / "bench.py"), "run", "--no-diagnose", "--workloads", str(folder)),
            *("--users", "4", "--blocks", "2", "--seconds", "0.2", "--warmup", "0.1"),
        ],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (directory,) = (tmp_path / "reports").glob("*-quick-dropped")
    summary = json.loads((directory / "summary.json").read_text())
    assert {cell["workload"] for cell in summary["cells"]} == {"dropped"}
    assert json.loads((directory / "run.json").read_text())["workloads_dir"] == str(folder)


def test_a_broken_workload_file_is_named(tmp_path: Path):
    tmp_path = copy_tree(tmp_path)
    (tmp_path / "bench_app" / "workloads" / "broken.py").write_text("import nothing_of_that_name\n")
    done = subprocess.run(
        [sys.executable, "bench.py", "list"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert_one_clear_sentence(done, "bench_app/workloads/broken.py cannot be imported", "nothing_of_that_name")


def test_help_imports_nothing_heavy():
    check = (
        "import sys, bench\n"
        "heavy = 'fastapi locust gevent matplotlib scipy numpy asyncpg psycopg pydantic rich'\n"
        "print(sorted(set(heavy.split()) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", check], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_command_line_never_imports_locust():
    check = (
        "import sys, harness.commands.run, harness.commands.ui, harness.commands.micro\n"
        "print('gevent' in sys.modules, 'locust' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=PROJECT, capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert done.stdout.strip() == "False False"
