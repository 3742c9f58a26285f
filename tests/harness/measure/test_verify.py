"""The project's own variants, verified on real parts."""

import socket
import threading
from pathlib import Path

from bench_app.discovery import discover
from bench_app.workload import Request
from harness.machine.placement import place, usable_cores
from harness.measure.child import BODY_LIMIT
from harness.measure.server import serve
from harness.measure.services import Services
from harness.measure.verify import _answer, verify
from harness.plan.planning import make_plan


def test_every_variant_of_the_project_is_verified_as_equivalent(services: Services, tmp_path: Path):
    with serve(services, cores=place(usable_cores()).server, logs=tmp_path, recorded=True) as recorder:
        verifications = verify(make_plan(discover()), services, recorder)
    assert len(verifications) == 21
    work = {}
    for verification in verifications:
        assert verification.problems == (), verification
        work[verification.workload] = (verification.statements, verification.upstream_calls)
    assert work == {
        "database": (1, None),
        "external": (None, 1),
        "file": (None, None),
        "item": (None, None),
        "root": (None, None),
        "sleep": (None, None),
    }


PIECES, PIECE = 30_000, b"0123456789"


def stream_pieces(connection: socket.socket) -> None:
    """Answer one request with many small chunks."""
    connection.recv(65_536)
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    chunk = b"%x\r\n%b\r\n" % (len(PIECE), PIECE)
    connection.sendall(head + chunk * PIECES + b"0\r\n\r\n")
    connection.close()


def test_an_answer_that_is_streamed_in_many_small_pieces_is_read_whole():
    """It would seem to be another body than the same one sent in one piece."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=lambda: stream_pieces(listener.accept()[0]), daemon=True)
        thread.start()
        status, body = _answer(f"http://127.0.0.1:{port}/", Request(), 20.0)
        thread.join()
    assert status == 200
    assert body == PIECE * PIECES


def test_an_answer_is_cut_at_a_number_of_bytes():
    assert PIECES * len(PIECE) < BODY_LIMIT
