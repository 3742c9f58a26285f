"""Settle async versus blocking in Python: measure paired FastAPI endpoints, judge them, and show it on a page."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

# Everything heavy is imported by the command that needs it, so that --help answers at once.

app = typer.Typer(
    help=__doc__,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Names = Annotated[list[str] | None, typer.Argument(metavar="WORKLOAD", help="Workloads to measure; default: all.")]
Out = Annotated[Path, typer.Option(help="Where run directories are made.")]
Dsn = Annotated[
    str | None,
    typer.Option(envvar="BENCH_DSN", show_envvar=True, help="Your own PostgreSQL, instead of the embedded one."),
]


STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _stop(number: int, frame: object) -> None:
    """The first signal stops everything in order; more of them must not interrupt that."""
    for each in STOP_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """What goes wrong ends in one sentence on stderr and an exit code, and never in a traceback."""
    from bench_app.workload import WorkloadError
    from harness.exceptions import BenchError

    # All three mean: stop in order. SIGINT too, because a shell starts its background jobs with it ignored.
    for number in STOP_SIGNALS:
        signal.signal(number, _stop)
    try:
        yield
    except BenchError as error:
        typer.echo(f"bench: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    except WorkloadError as error:
        typer.echo(f"bench: {error}", err=True)
        raise typer.Exit(BenchError.exit_code) from None
    except KeyboardInterrupt:
        typer.echo("bench: Stopped.", err=True)
        raise typer.Exit(130) from None
    except BrokenPipeError:
        raise  # whoever read the output had enough; Click ends quietly
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        typer.echo(f"bench: {error.strerror or error}{where}: free the place or the rights that it needs.", err=True)
        raise typer.Exit(BenchError.exit_code) from None


def _run_directory(named: Path, out: Path) -> Path:
    return named if named.exists() else out / named


@app.command()
def run(
    workloads: Names = None,
    profile: Annotated[str, typer.Option(help="How much time to spend: quick, standard or thorough.")] = "quick",
    users: Annotated[
        str | None, typer.Option(help="Users in a closed loop, several as in 8,64; connections at most, with --rate.")
    ] = None,
    rate: Annotated[str | None, typer.Option(help="Requests a second in an open loop; several, as in 200,500.")] = None,
    arrivals: Annotated[str, typer.Option(help="Schedule of the open loop: constant or poisson.")] = "constant",
    think_ms: Annotated[float, typer.Option(help="Pause of each user between answer and next request.")] = 0.0,
    iso_rate: Annotated[
        float | None,
        typer.Option(help="Then offer both twins this share of what the slower one carried; 0: no such step."),
    ] = None,
    variants: Annotated[str | None, typer.Option(help="Only these variants, as in sync,async.")] = None,
    blocks: Annotated[int | None, typer.Option(help="Trials of each variant; the fewest, with --max-blocks.")] = None,
    max_blocks: Annotated[
        int | None, typer.Option(help="Go on to so many until the ratios are precise; default: by profile.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Length of each trial's window; default: by profile and pilot.")
    ] = None,
    warmup: Annotated[
        float | None, typer.Option(help="Seconds of load before each window; default: by profile and pilot.")
    ] = None,
    fresh_server: Annotated[
        bool | None,
        typer.Option("--fresh-server/--same-server", help="Start the server anew for each trial; default: by profile."),
    ] = None,
    margin: Annotated[float | None, typer.Option(help="Smallest difference worth a verdict; default 0.05.")] = None,
    plan_only: Annotated[bool, typer.Option("--plan-only", help="Print what would be measured, and stop.")] = False,
    probe: Annotated[
        bool, typer.Option("--probe/--no-probe", help="Whether the measured server says what goes on in it.")
    ] = True,
    diagnose: Annotated[
        bool | None,
        typer.Option(
            "--diagnose/--no-diagnose", help="Whether to load each variant first on a server that keeps accounts."
        ),
    ] = None,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Then turn each knob that is said to help, and measure whether it does.")
    ] = False,
    threads: Annotated[
        str | None, typer.Option(help="Thread tokens of the server; several, as in 20,40,80, are compared.")
    ] = None,
    pool_size: Annotated[str | None, typer.Option(help="Size of its database pools; likewise.")] = None,
    workers: Annotated[str | None, typer.Option(help="Its worker processes; likewise.")] = None,
    loop: Annotated[str | None, typer.Option(help="Its event loop: uvloop, asyncio, or both.")] = None,
    http: Annotated[str | None, typer.Option(help="Its HTTP parser: httptools, h11, or both.")] = None,
    seed: Annotated[int, typer.Option(help="Decides the order of the trials.")] = 1,
    load_processes: Annotated[int, typer.Option(help="Load processes on this machine; a core each is best.")] = 1,
    master_bind: Annotated[
        str | None, typer.Option(help="HOST[:PORT] of this machine at which `worker`s of other machines join.")
    ] = None,
    expect_workers: Annotated[int | None, typer.Option(help="How many workers to wait for.")] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(help="Measure this running server instead of starting one; several are compared with the first."),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with this interrupted run, by its own plan and seed.")
    ] = None,
    dsn: Dsn = None,
    port: Annotated[int | None, typer.Option(help="Port of the measured server; default: any free one.")] = None,
    out: Out = Path("reports"),
) -> None:
    """Measure, judge, and write the page."""
    with _plain_errors():
        from harness.commands.run import go_on, measure

        if resume is not None:
            go_on(_run_directory(resume, out), dsn=dsn, port=port, words=sys.argv[1:])
            return

        measure(
            workloads or [],
            profile=profile,
            users=users,
            rates=rate,
            arrivals=arrivals,
            think_ms=think_ms,
            iso_share=iso_rate,
            variants=variants,
            blocks=blocks,
            max_blocks=max_blocks,
            fresh_server=fresh_server,
            seconds=seconds,
            warmup=warmup,
            margin=margin,
            plan_only=plan_only,
            probe=probe,
            diagnose=diagnose,
            confirm=confirm,
            threads=threads,
            pool_size=pool_size,
            workers=workers,
            loop=loop,
            http=http,
            seed=seed,
            load_processes=load_processes,
            targets=target or [],
            master_bind=master_bind,
            expect_workers=expect_workers,
            dsn=dsn,
            port=port,
            out=out,
            words=sys.argv[1:],
        )


@app.command("list")
def list_workloads() -> None:
    """Show every workload and what its variants do."""
    with _plain_errors():
        from rich.console import Console

        from bench_app.workload import discover
        from harness.report.terminal import workload_table

        Console().print(workload_table(discover().values()))


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="A run directory, or its name below --out; `latest` is one.")],
    out: Out = Path("reports"),
) -> None:
    """Judge a recorded run again and write its page, without a server."""
    with _plain_errors():
        from harness.commands.report import reissue

        reissue(_run_directory(run, out))


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(metavar="RUN_A", help="A run directory, or its name below --out.")],
    after: Annotated[Path, typer.Argument(metavar="RUN_B", help="The run to hold against it.")],
    margin: Annotated[float | None, typer.Option(help="Smallest difference worth a verdict; default 0.05.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Compare runs that are not comparable, stamped so.")] = False,
    out: Out = Path("reports"),
) -> None:
    """Say what became faster or slower from one run to another."""
    with _plain_errors():
        from harness.commands.compare import compare as compare_runs

        compare_runs(_run_directory(before, out), _run_directory(after, out), margin=margin, force=force)


@app.command()
def gate(
    run: Annotated[Path, typer.Argument(help="A run directory, or its name below --out.")],
    require: Annotated[
        list[str] | None, typer.Option(help="'database async>=sync' or 'root async p99<20ms'; any number of them.")
    ] = None,
    baseline: Annotated[Path | None, typer.Option(help="A run that this one must not be worse than.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write a summary for a pull request to this file.")] = None,
    out: Out = Path("reports"),
) -> None:
    """For CI: exit 0 if the run meets everything required, 1 if it fails something, 2 if that cannot be told."""
    with _plain_errors():
        from harness.commands.gate import gate as hold_against

        former = None if baseline is None else _run_directory(baseline, out)
        code = hold_against(_run_directory(run, out), require=require or [], baseline=former, markdown=markdown)
        raise typer.Exit(code)


@app.command()
def ui(
    dsn: Dsn = None,
    port: Annotated[int | None, typer.Option(help="Port of the web UI; default: 8089 or the next free one.")] = None,
) -> None:
    """Start the services and Locust's web UI, with one user class for each variant, until Ctrl-C."""
    with _plain_errors():
        from harness.commands.ui import hold_open

        hold_open(dsn=dsn, port=port)


@app.command()
def worker(
    master: Annotated[str, typer.Option(help="HOST[:PORT] that the run was given as --master-bind.")],
) -> None:
    """Load for a run on another machine, until it is over: one load process, so start one a core."""
    with _plain_errors():
        from harness.commands.worker import work

        work(master)


@app.command()
def capacity(
    workload: Annotated[str, typer.Argument(help="The workload whose variants are to be loaded.")],
    slo: Annotated[str, typer.Option(help="The objective, in quotes: 'p99<250ms'.")],
    variants: Annotated[str | None, typer.Option(help="Only these variants, as in sync,async.")] = None,
    connections: Annotated[int, typer.Option(help="The most requests in flight.")] = 256,
    repeats: Annotated[int, typer.Option(help="Searches of each variant.")] = 5,
    seconds: Annotated[float, typer.Option(help="Length of each probe, longer where a percentile needs it.")] = 2.0,
    seed: Annotated[int, typer.Option(help="Decides order and arrivals.")] = 1,
    dsn: Dsn = None,
    out: Out = Path("reports"),
) -> None:
    """Find the highest open-loop rate at which each variant meets an objective."""
    with _plain_errors():
        from harness.commands.capacity import search

        search(
            workload,
            slo=slo,
            variants=variants,
            connections=connections,
            repeats=repeats,
            seconds=seconds,
            seed=seed,
            dsn=dsn,
            out=out,
            words=sys.argv[1:],
        )


@app.command()
def crossover(
    workload: Annotated[str, typer.Argument(help="The workload of the two variants.")],
    baseline: Annotated[str, typer.Argument(help="The variant that the other one is compared with.")],
    contender: Annotated[str, typer.Argument(help="The other one.")],
    over: Annotated[str, typer.Option(help="What varies: users, or wait_ms, which is the declared wait.")],
    span: Annotated[
        str | None, typer.Option("--range", help="LOW,HIGH; default: 1,256 users, or 1,200 ms of wait.")
    ] = None,
    users: Annotated[int | None, typer.Option(help="Users in a closed loop, with --over wait_ms; default 64.")] = None,
    blocks: Annotated[int, typer.Option(help="Trials of each variant at each level.")] = 4,
    seconds: Annotated[float, typer.Option(help="Length of each trial's window, longer where a wait needs it.")] = 0.7,
    warmup: Annotated[float, typer.Option(help="Seconds of load before each window, likewise.")] = 0.3,
    margin: Annotated[float | None, typer.Option(help="Smallest difference worth a verdict; default 0.05.")] = None,
    seed: Annotated[int, typer.Option(help="Decides the order of levels and trials.")] = 1,
    dsn: Dsn = None,
    out: Out = Path("reports"),
) -> None:
    """Find the number of users, or the wait, at which the better of two variants changes."""
    with _plain_errors():
        from harness.commands.crossover import traverse

        traverse(
            workload,
            baseline,
            contender,
            over=over,
            span=span,
            users=users,
            blocks=blocks,
            seconds=seconds,
            warmup=warmup,
            margin=margin,
            seed=seed,
            dsn=dsn,
            out=out,
            words=sys.argv[1:],
        )


@app.command()
def calibrate(
    as_json: Annotated[bool, typer.Option("--json", help="Print the calibration as JSON and nothing else.")] = False,
    seconds: Annotated[float, typer.Option(help="Length of each of its ten trials.")] = 1.0,
    out: Out = Path("reports"),
) -> None:
    """Measure what the load generator itself can do here; `run` holds every trial against it."""
    with _plain_errors():
        from harness.commands.calibrate import calibrate as calibrate_client

        calibrate_client(out=out, as_json=as_json, seconds=seconds)


@app.command()
def selfcheck(
    diagnosis: Annotated[
        bool, typer.Option("--diagnosis", help="Check the causes that it names instead, against faults that are known.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Decides the order of the trials.")] = 1,
    out: Out = Path("reports"),
) -> None:
    """Check the whole instrument against comparisons whose answer is known, and say how small a difference it sees."""
    with _plain_errors():
        if diagnosis:
            from harness.commands.selfcheck_diagnosis import check_diagnosis

            raise typer.Exit(check_diagnosis(out=out, seed=seed))

        from harness.commands.selfcheck import selfcheck as check_instrument

        raise typer.Exit(check_instrument(out=out, seed=seed, words=sys.argv[1:]))


@app.command()
def micro(workloads: Names = None, dsn: Dsn = None, out: Out = Path("reports")) -> None:
    """Time in-process calls of each endpoint's twins with pytest-benchmark, without a network between."""
    with _plain_errors():
        from harness.commands.micro import run_micro

        raise typer.Exit(run_micro(workloads or [], dsn=dsn, out=out))


if __name__ == "__main__":
    app()
