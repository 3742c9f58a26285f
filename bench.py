"""Settle async versus blocking in Python: measure paired FastAPI endpoints, judge them, and show it on a page."""

from __future__ import annotations

import contextlib
import inspect
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from harness.plan.profile import PROFILES

if TYPE_CHECKING:
    from harness.plan.options import RunOptions

# Everything heavy is imported by the command that needs it, so that --help answers at once.

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich")

PROFILE_HELP: Final = (
    f"How much time to spend: {'; '.join(f'{each.name}: {each.about}' for each in PROFILES.values())}."
)
LOAD, PLAN, SERVER, WHERE = "Load", "Plan", "Server", "Where"
"""The panels of `run --help`."""

Out = Annotated[Path, typer.Option(help="Directory of the runs.", rich_help_panel=WHERE)]
Dsn = Annotated[
    str | None,
    typer.Option(
        envvar="BENCH_DSN",
        show_envvar=True,
        help="Your own PostgreSQL, instead of the embedded one.",
        rich_help_panel=WHERE,
    ),
]
WorkloadsDir = Annotated[
    Path | None,
    typer.Option(
        "--workloads",
        metavar="DIR",
        help="Directory with workload files of your own. Without names, only these are measured.",
        rich_help_panel=WHERE,
    ),
]
Seed = Annotated[int, typer.Option(help="Seed that decides the order of the trials.", rich_help_panel=PLAN)]
RunName = Annotated[Path, typer.Argument(help="A run directory, or its name below --out, such as `latest`.")]

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _stop(number: int, frame: object) -> None:
    """Stop everything in order at the first signal, and ignore further signals meanwhile."""
    for each in STOP_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn an error into one sentence on stderr and an exit code, without a traceback."""
    from bench_app.workload import WorkloadError
    from harness.exceptions import BenchError

    # All three stop the command in order. SIGINT is set, too, because a shell's background jobs ignore it.
    for number in STOP_SIGNALS:
        signal.signal(number, _stop)
    try:
        yield
    except BenchError as error:
        typer.echo(f"bench: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    except WorkloadError as error:
        typer.echo(f"bench: {error}", err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        typer.echo("bench: Stopped.", err=True)
        raise typer.Exit(130) from None
    except BrokenPipeError:
        raise  # the reader closed the output; Click ends quietly
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        typer.echo(f"bench: {error.strerror or error}{where}: check free disk space and permissions.", err=True)
        raise typer.Exit(BenchError.exit_code) from None


def _run_directory(named: Path, out: Path) -> Path:
    return named if named.exists() else out / named


def _command_line() -> str:
    from harness.record.command_line import repeatable

    return repeatable(sys.argv[1:])


def _show_version(wanted: bool) -> None:
    if wanted:
        from harness.version import version

        typer.echo(f"bench {version()}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Settle async versus blocking in Python: measure paired FastAPI endpoints, judge them, and show it on a page."""


def _with_knobs(command: Callable[..., None]) -> Callable[..., None]:
    """Give the command an option for each knob of the server, from the table of knobs."""
    from harness.plan.knobs import KNOBS

    signature = inspect.signature(command, eval_str=True)
    kept = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    options = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[str | None, typer.Option(help=knob.help, rich_help_panel=SERVER)],
        )
        for name, knob in KNOBS.items()
    ]
    command.__signature__ = signature.replace(parameters=[*kept, *options])  # type: ignore[attr-defined]  # Typer's
    command.__annotations__ |= {each.name: each.annotation for each in options}
    return command


def _run_options(context: typer.Context) -> RunOptions:
    from harness.plan.options import RunOptions

    sources = {name: context.get_parameter_source(name) for name in context.params}
    typed = {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}
    return RunOptions.of_command_line(context.params, asked=frozenset(typed), command=_command_line())


@app.command()
@_with_knobs
def run(
    context: typer.Context,
    workloads: Annotated[
        list[str] | None, typer.Argument(metavar="WORKLOAD", help="Workloads to measure; default: all.")
    ] = None,
    users: Annotated[
        str | None,
        typer.Option(
            help="Users in a closed loop; several as in 8,64. With --rate: the most connections.",
            rich_help_panel=LOAD,
        ),
    ] = None,
    think_ms: Annotated[
        float, typer.Option(help="Pause of each user between an answer and the next request.", rich_help_panel=LOAD)
    ] = 0.0,
    rate: Annotated[
        str | None,
        typer.Option(help="Requests a second in an open loop; several as in 200,500.", rich_help_panel=LOAD),
    ] = None,
    arrivals: Annotated[
        str, typer.Option(help="Schedule of the open loop: constant or poisson.", rich_help_panel=LOAD)
    ] = "constant",
    iso_rate: Annotated[
        float | None,
        typer.Option(
            help="Then compare latency at equal load: this fraction of the slower variant's throughput (0: skip). "
            "Default: by profile.",
            rich_help_panel=LOAD,
        ),
    ] = None,
    load_processes: Annotated[
        int, typer.Option(help="Load processes on this machine; a core for each is best.", rich_help_panel=LOAD)
    ] = 1,
    master_bind: Annotated[
        str | None,
        typer.Option(
            metavar="HOST[:PORT]",
            help="Address of this machine at which workers on other machines join the run.",
            rich_help_panel=LOAD,
        ),
    ] = None,
    expect_workers: Annotated[
        int | None, typer.Option(help="Number of workers to wait for.", rich_help_panel=LOAD)
    ] = None,
    profile: Annotated[str, typer.Option(help=PROFILE_HELP, rich_help_panel=PLAN)] = "quick",
    variants: Annotated[
        str | None, typer.Option(help="Only these variants, as in sync,async.", rich_help_panel=PLAN)
    ] = None,
    blocks: Annotated[
        int | None,
        typer.Option(help="Trials of each variant; with --max-blocks: the fewest.", rich_help_panel=PLAN),
    ] = None,
    max_blocks: Annotated[
        int | None,
        typer.Option(
            help="Add blocks until the intervals are narrow, up to this number. Default: by profile.",
            rich_help_panel=PLAN,
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(help="Length of each trial's window. Default: by profile and pilot.", rich_help_panel=PLAN),
    ] = None,
    warmup: Annotated[
        float | None,
        typer.Option(help="Seconds of load before each window. Default: by profile and pilot.", rich_help_panel=PLAN),
    ] = None,
    fresh_server: Annotated[
        bool | None,
        typer.Option(
            "--fresh-server/--same-server",
            help="Start a new server process for each trial. Default: by profile.",
            rich_help_panel=PLAN,
        ),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(help="Smallest difference worth a verdict. Default: 0.05.", rich_help_panel=PLAN),
    ] = None,
    diagnose: Annotated[
        bool | None,
        typer.Option(
            "--diagnose/--no-diagnose",
            help="Profile each variant on an instrumented server first, so that the report can name the cause.",
            rich_help_panel=PLAN,
        ),
    ] = None,
    confirm: Annotated[
        bool,
        typer.Option(
            "--confirm",
            help="Then apply each recommended setting and measure whether it helps.",
            rich_help_panel=PLAN,
        ),
    ] = False,
    seed: Seed = 1,
    plan_only: Annotated[
        bool, typer.Option("--plan-only", help="Print what would be measured, and exit.", rich_help_panel=PLAN)
    ] = False,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="Continue this interrupted run with its own plan and seed.",
            rich_help_panel=PLAN,
        ),
    ] = None,
    probe: Annotated[
        bool,
        typer.Option(
            "--probe/--no-probe",
            help="Collect telemetry from the server (event-loop lag, thread pool, GC).",
            rich_help_panel=SERVER,
        ),
    ] = True,
    target: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Measure this running server instead of starting one; several are compared with the first.",
            rich_help_panel=SERVER,
        ),
    ] = None,
    workloads_dir: WorkloadsDir = None,
    dsn: Dsn = None,
    port: Annotated[
        int | None,
        typer.Option(help="Port of the measured server; default: any free one.", rich_help_panel=WHERE),
    ] = None,
    out: Out = Path("reports"),
    **knobs: str | None,
) -> None:
    """Measure variants of an endpoint, judge them, and write the page."""
    with _plain_errors():
        options = _run_options(context)
        from harness.commands.run import resume as go_on
        from harness.commands.run import run as measure

        if options.resume is not None:
            go_on(_run_directory(options.resume, options.out), options)
        else:
            measure(options)


@app.command("list")
def list_workloads(workloads_dir: WorkloadsDir = None) -> None:
    """Show every workload and what its variants do."""
    with _plain_errors():
        from harness.commands.list import show

        show(workloads_dir)


@app.command()
def report(run: RunName, out: Out = Path("reports")) -> None:
    """Judge a recorded run again and write its page, without a server."""
    with _plain_errors():
        from harness.commands.report import report as judge_again

        judge_again(_run_directory(run, out))


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(metavar="RUN_A", help="A run directory, or its name below --out.")],
    after: Annotated[Path, typer.Argument(metavar="RUN_B", help="The run to compare it with.")],
    margin: Annotated[float | None, typer.Option(help="Smallest difference worth a verdict. Default: 0.05.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Compare runs that are not comparable, with a warning.")
    ] = False,
    out: Out = Path("reports"),
) -> None:
    """Show what became faster or slower from one run to another."""
    with _plain_errors():
        from harness.commands.compare import compare as compare_runs

        compare_runs(_run_directory(before, out), _run_directory(after, out), margin=margin, force=force)


@app.command()
def gate(
    run: RunName,
    require: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help="'database async>=sync', or 'root async p99<20ms' for a run with --rate. Give any number of them.",
        ),
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(metavar="RUN", help="A run that this one must not be worse than.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a summary for a pull request to this file.")
    ] = None,
    out: Out = Path("reports"),
) -> None:
    """Check a run in CI: exit 0 if it meets every requirement, 1 if it fails one, 2 if that is undecided."""
    with _plain_errors():
        from harness.commands.gate import gate as check

        former = None if baseline is None else _run_directory(baseline, out)
        code = check(_run_directory(run, out), require=require or [], baseline=former, markdown=markdown)
        raise typer.Exit(code)


@app.command()
def ui(
    workloads_dir: WorkloadsDir = None,
    dsn: Dsn = None,
    port: Annotated[int | None, typer.Option(help="Port of the web UI; default: 8089 or the next free one.")] = None,
) -> None:
    """Start the services and Locust's web UI, with one user class for each variant, until Ctrl-C."""
    with _plain_errors():
        from harness.commands.ui import ui as hold_open

        hold_open(workloads_dir=workloads_dir, dsn=dsn, port=port)


@app.command()
def worker(
    master: Annotated[str, typer.Option(metavar="HOST[:PORT]", help="The address that the run has as --master-bind.")],
) -> None:
    """Generate load for a run on another machine until it ends. One worker is one process: start one for each core."""
    with _plain_errors():
        from harness.commands.worker import work

        work(master)


@app.command()
def capacity(
    context: typer.Context,
    workload: Annotated[str, typer.Argument(help="The workload whose variants are loaded.")],
    slo: Annotated[str, typer.Option(metavar="TEXT", help="The objective, in quotes: 'p99<250ms'.")],
    variants: Annotated[str | None, typer.Option(help="Only these variants, as in sync,async.")] = None,
    connections: Annotated[int, typer.Option(help="The most requests in flight.")] = 256,
    repeats: Annotated[int, typer.Option(help="Searches of each variant.")] = 5,
    seconds: Annotated[float, typer.Option(help="Length of each probe, longer where a percentile needs it.")] = 2.0,
    seed: Annotated[int, typer.Option(help="Seed that decides order and arrivals.")] = 1,
    dsn: Dsn = None,
    out: Out = Path("reports"),
) -> None:
    """Find the highest open-loop rate at which each variant meets an objective."""
    with _plain_errors():
        from harness.commands.capacity import capacity as search
        from harness.plan.options import CapacityOptions

        search(CapacityOptions.of(context.params, command=_command_line()))


@app.command()
def crossover(
    context: typer.Context,
    workload: Annotated[str, typer.Argument(help="The workload of the two variants.")],
    baseline: Annotated[str, typer.Argument(help="The variant to compare with.")],
    contender: Annotated[str, typer.Argument(help="The variant that is compared with it.")],
    over: Annotated[str, typer.Option(help="What varies: users, or wait_ms (the declared wait).")],
    span: Annotated[
        str | None,
        typer.Option("--range", metavar="LOW,HIGH", help="Default: 1,256 users, or 1,200 ms of wait."),
    ] = None,
    users: Annotated[int | None, typer.Option(help="Users in a closed loop, with --over wait_ms. Default: 64.")] = None,
    blocks: Annotated[int, typer.Option(help="Trials of each variant at each level.")] = 4,
    seconds: Annotated[float, typer.Option(help="Length of each trial's window, longer where a wait needs it.")] = 0.7,
    warmup: Annotated[float, typer.Option(help="Seconds of load before each window, longer where needed.")] = 0.3,
    margin: Annotated[float | None, typer.Option(help="Smallest difference worth a verdict. Default: 0.05.")] = None,
    seed: Annotated[int, typer.Option(help="Seed that decides the order of levels and trials.")] = 1,
    dsn: Dsn = None,
    out: Out = Path("reports"),
) -> None:
    """Find the number of users, or the wait, at which the better of two variants changes."""
    with _plain_errors():
        from harness.commands.crossover import crossover as search
        from harness.plan.options import CrossoverOptions

        search(CrossoverOptions.of(context.params, command=_command_line()))


@app.command()
def calibrate(
    as_json: Annotated[bool, typer.Option("--json", help="Print the calibration as JSON and nothing else.")] = False,
    seconds: Annotated[float, typer.Option(help="Length of each of its ten trials.")] = 1.0,
    out: Out = Path("reports"),
) -> None:
    """Measure the load generator's own limit on this machine; `run` compares every trial with it."""
    with _plain_errors():
        from harness.commands.calibrate import calibrate as calibrate_client

        calibrate_client(out=out, as_json=as_json, seconds=seconds)


@app.command()
def selfcheck(
    diagnosis: Annotated[
        bool, typer.Option("--diagnosis", help="Check the causes that the diagnosis names, against known faults.")
    ] = False,
    seed: Seed = 1,
    out: Out = Path("reports"),
) -> None:
    """Check the instrument against comparisons whose answer is known, and print the smallest difference it shows."""
    with _plain_errors():
        if diagnosis:
            from harness.commands.selfcheck_diagnosis import check_diagnosis

            raise typer.Exit(check_diagnosis(out=out, seed=seed))

        from harness.commands.selfcheck import selfcheck as check_instrument

        raise typer.Exit(check_instrument(out=out, seed=seed, command=_command_line()))


@app.command()
def micro(
    workloads: Annotated[
        list[str] | None, typer.Argument(metavar="WORKLOAD", help="Workloads to time; default: all.")
    ] = None,
    dsn: Dsn = None,
    out: Out = Path("reports"),
) -> None:
    """Time in-process calls of each variant with pytest-benchmark, without a network."""
    with _plain_errors():
        from harness.commands.micro import micro as time_calls

        raise typer.Exit(time_calls(workloads or [], dsn=dsn, out=out))


if __name__ == "__main__":
    app()
