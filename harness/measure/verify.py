"""Check that paired variants are equivalent: status, body, database statements, upstream calls, thread."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import psycopg
import requests

from bench_app.paths import THREADS_PATH
from bench_app.workload import Kind, Request
from harness.exceptions import BadInputError, BenchError
from harness.measure.child import BODY_LIMIT, fetch
from harness.measure.deadline import within
from harness.measure.server import Server
from harness.measure.services import Services
from harness.plan.plan import Plan, PlannedVariant, PlannedWorkload
from harness.record.run import Answer, Verification

ROUNDS: Final = 5
TIMEOUT_S: Final = 30.0
TARGET_TIMEOUT_S: Final = 5.0
SAMPLE_LENGTH: Final = 600
CHUNK: Final = 65_536
REASONS: Final = {
    "TimeoutError": "no complete answer in time",
    "ReadTimeout": "no answer in time",
    "ChunkedEncodingError": "the answer was cut off",
    "ConnectionError": "the connection was cut, or the answer was not HTTP",
}

THREADS: Final[dict[Kind, str]] = {"sync": "worker", "async": "loop", "blocking": "loop", "offload": "loop"}


def verify(plan: Plan, services: Services, recorder: Server | None) -> tuple[Verification, ...]:
    """Request everything in the plan, a few rounds each, and compare the variants of each workload.

    `recorder` is a server that records the thread of each handler. It is None where the plan measures servers that this
    run did not start: only their answers are compared.
    """
    try:
        return tuple(
            verification
            for workload in plan.workloads
            for verification in _compare(
                workload, [_ask(recorder, services, workload, variant) for variant in workload.variants]
            )
        )
    except (OSError, psycopg.Error) as error:
        services.check()
        if recorder is not None:
            recorder.child.check()
        raise BenchError(f"The variants could not be compared: {type(error).__name__}: {error}.") from error


@dataclass(frozen=True, slots=True)
class _Observation:
    """One variant's answers, and what it did for them."""

    variant: PlannedVariant
    answers: tuple[tuple[str, int, int, bytes], ...]  # path, expected status, status (0 for none), body
    threads: tuple[str, ...]
    statements: float | None
    upstream_calls: float | None


def _ask(
    recorder: Server | None, services: Services, workload: PlannedWorkload, variant: PlannedVariant
) -> _Observation:
    count_statements = services.database.statements if services.database and "database" in workload.needs else None
    origin = recorder.url if recorder is not None else variant.origin or ""
    count_calls = services.upstream.calls if services.upstream and "upstream" in workload.needs else None
    statements, calls = _reading(count_statements), _reading(count_calls)
    answers: dict[tuple[str, int], tuple[int, bytes]] = {}
    for _ in range(ROUNDS):
        for request in workload.requests:
            asked = (variant.path + request.path, request.expect)
            # Keep a wrong answer: it must be reported.
            if asked not in answers or answers[asked][0] == request.expect:
                answers[asked] = _answer(origin + asked[0], request, TIMEOUT_S if recorder else TARGET_TIMEOUT_S)
                if recorder is None and not answers[asked][0]:
                    why = answers[asked][1].decode()
                    raise BadInputError(
                        f"--target {origin}{asked[0]} gives no HTTP answer ({why}), so it cannot be measured: try curl."
                    )
    threads = json.loads(fetch(origin + THREADS_PATH, TIMEOUT_S)).get(variant.path, []) if recorder is not None else []
    return _Observation(
        variant,
        tuple((path, expect, status, body) for (path, expect), (status, body) in answers.items()),
        tuple(threads),
        _per_round(statements, _reading(count_statements)),
        _per_round(calls, _reading(count_calls)),
    )


def _answer(url: str, request: Request, limit_s: float) -> tuple[int, bytes]:
    """Return status and body; status 0 and the reason where there was no answer.

    Each request uses a new connection, because uvicorn closes it if the handler raises. Redirects are not followed,
    because the load generator follows none.
    """
    with requests.Session() as session:
        session.trust_env = False

        def ask() -> tuple[int, bytes]:
            with session.request(
                request.method,
                url,
                headers=dict(request.headers),
                data=request.body.encode() or None,
                timeout=limit_s,
                allow_redirects=False,
                stream=True,
            ) as answer:
                if answer.is_redirect:
                    return answer.status_code, f"redirect to {answer.headers.get('location')}".encode()
                return answer.status_code, _body(answer)

        try:
            return within(limit_s, ask)
        except (requests.RequestException, TimeoutError) as error:
            return 0, REASONS.get(type(error).__name__, type(error).__name__).encode()


def _body(answer: requests.Response) -> bytes:
    """Return the body, cut at `BODY_LIMIT` bytes.

    The pieces of a chunked body may have any size, so a limit on their number would not limit the body.
    """
    body = bytearray()
    for piece in answer.iter_content(CHUNK):
        body += piece
        if len(body) >= BODY_LIMIT:
            break
    return bytes(body[:BODY_LIMIT])


def _reading(count: Callable[[], int | None] | None) -> int | None:
    return None if count is None else count()


def _per_round(before: int | None, after: int | None) -> float | None:
    return None if before is None or after is None else (after - before) / ROUNDS


def _compare(workload: PlannedWorkload, seen: list[_Observation]) -> list[Verification]:
    first = seen[0]
    return [
        Verification(
            workload=workload.name,
            variant=observation.variant.name,
            answers=tuple(Answer(path, status, _sample(body)) for path, _, status, body in observation.answers),
            thread="+".join(observation.threads) or "n/a",
            statements=observation.statements,
            upstream_calls=observation.upstream_calls,
            problems=tuple(_problems(observation, first)),
            remarks=tuple(_remarks(observation, first)),
        )
        for observation in seen
    ]


def _problems(observation: _Observation, first: _Observation) -> list[str]:
    problems = [
        f"{path} answered {status or 'nothing'} where {expected} is declared"
        + (f": {_sample(body)[:120]}" if body else "")
        for path, expected, status, body in observation.answers
        if status != expected
    ]
    expected_thread = THREADS[observation.variant.kind] if observation.variant.kind else ""
    if expected_thread and observation.threads and observation.threads != (expected_thread,):
        problems.append(
            f"a {observation.variant.kind} handler runs on the {expected_thread} thread, "
            f"but this one ran on: {', '.join(observation.threads)}"
        )
    if observation is first or problems:
        return problems
    other_name = first.variant.name
    if observation.variant.kind is None:
        return problems
    for (path, _, _, body), (_, _, _, other) in zip(observation.answers, first.answers, strict=True):
        if _canonical(body) != _canonical(other):
            problems.append(f"{path} answers another body than {other_name}")
    if observation.statements != first.statements:
        problems.append(f"it runs {observation.statements:g} database statements, {other_name} {first.statements:g}")
    if observation.upstream_calls != first.upstream_calls:
        calls = f"it makes {observation.upstream_calls:g} upstream calls"
        problems.append(f"{calls}, {other_name} {first.upstream_calls:g}")
    return problems


def _remarks(observation: _Observation, first: _Observation) -> list[str]:
    """Return differences between two addresses: no fault, as nothing declares them equivalent, but worth a warning."""
    if observation.variant.kind is not None:
        return []
    for (_, _, _, body), (_, _, _, other) in zip(observation.answers, first.answers, strict=True):
        if _canonical(body) != _canonical(other):
            return [f"{observation.variant.description} answers another body than {first.variant.description}"]
    return []


def _canonical(body: bytes) -> object:
    """Return the body as JSON where it is JSON, so that white space and key order make no difference."""
    try:
        return json.loads(body)
    except ValueError:
        return body


def _sample(body: bytes) -> str:
    text = body.decode("utf-8", errors="replace")
    return text if len(text) <= SAMPLE_LENGTH else f"{text[:SAMPLE_LENGTH]}…"
