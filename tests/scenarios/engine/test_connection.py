"""A connection against every way in which bytes can arrive: in the suite's own process, on gevent's hub."""

import gevent
import pytest
from gevent import socket
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.engine.connection import Connection, encode
from scenarios.wire.protocol import RequestSpec

SIZED = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello"
TEAPOT = b"HTTP/1.1 418 Oh\r\ncontent-length: 5\r\n\r\nhello"
UNTIL_THE_END = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello"
CONTINUED = b"HTTP/1.1 100 Continue\r\n\r\n" + SIZED


class Conversation:
    """A connection to a socket that the test writes to, and what it reported."""

    def __init__(self) -> None:
        self.seen: list[object] = []
        # Not create_server, which would make a socket that blocks the hub.
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            self.connection = Connection("127.0.0.1", listener.getsockname()[1], self.answered, self.lost)
            self.connection.open(5)
            self.server, _ = listener.accept()

    def answered(self, status: int, end_ns: int) -> None:
        self.seen.append(status)

    def lost(self, cause: str | None, end_ns: int) -> None:
        self.seen.append(cause)

    def converse(self, *answers: tuple[bytes, ...]) -> list[object]:
        """What is reported for requests that are answered one after the other, each by its pieces."""
        for pieces in answers:
            before = len(self.seen)
            self.receive(*pieces, reports=before + 1)
        return self.seen

    def receive(self, *pieces: bytes, close: bool = False, reports: int = 1) -> list[object]:
        """What has been reported once a request is answered by these pieces, or two seconds later."""
        self.connection.send(b"GET / HTTP/1.1\r\n\r\n")
        # A socket that is closed with bytes unread resets the connection instead of ending it.
        self.server.recv(65_536)
        for piece in pieces:
            try:
                self.server.sendall(piece)
            except OSError:
                break
            gevent.sleep(0)
        if close:
            self.server.close()
        with gevent.Timeout(2, False):
            while len(self.seen) < reports:
                gevent.sleep(0.001)
        gevent.sleep(0.002)
        return self.seen

    def end(self) -> None:
        self.connection.close()
        self.server.close()


@pytest.mark.parametrize("answer", [SIZED, CHUNKED, CLOSING, CONTINUED])
def test_an_answer_is_one_answer_wherever_it_is_split(answer: bytes):
    for position in range(1, len(answer)):
        talk = Conversation()
        expected = 404 if answer is CHUNKED else 200
        assert talk.receive(answer[:position], answer[position:]) == [expected]
        talk.end()


def test_an_answer_without_a_length_ends_with_its_connection():
    for position in range(1, len(UNTIL_THE_END)):
        talk = Conversation()
        assert talk.receive(UNTIL_THE_END[:position], UNTIL_THE_END[position:], close=True) == [200]
        talk.end()


@pytest.mark.parametrize("answer", [SIZED, CHUNKED, CLOSING])
def test_an_answer_that_ends_too_early_is_never_a_success(answer: bytes):
    for position in range(len(answer) - 1):
        talk = Conversation()
        assert talk.receive(answer[:position], close=True) == ["closed"]
        talk.end()


def test_a_second_answer_in_the_same_chunk_is_an_error_and_no_figure():
    talk = Conversation()
    assert talk.receive(SIZED + SIZED)[-1] in ("protocol", None)
    assert talk.seen.count(200) <= 1
    talk.end()


def test_a_reset_is_counted_as_one():
    import struct

    talk = Conversation()
    talk.server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert talk.receive(SIZED[:20], close=True) == ["reset"]
    talk.end()


def test_an_idle_connection_that_is_closed_is_nobodys_failure():
    talk = Conversation()
    talk.server.close()
    gevent.sleep(0.01)
    assert talk.seen == [None]
    assert not talk.connection.is_open


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_conversation_is_told_answer_by_answer_whatever_repeats_in_it(data: st.DataObject):
    statuses = {SIZED: 200, CHUNKED: 404, TEAPOT: 418}
    answers = data.draw(st.lists(st.sampled_from(list(statuses)), min_size=1, max_size=8))
    cuts = [data.draw(st.one_of(st.just(0), st.integers(1, len(answer) - 1))) for answer in answers]
    talk = Conversation()
    pieces = [(answer[:cut], answer[cut:]) if cut else (answer,) for answer, cut in zip(answers, cuts, strict=True)]
    assert talk.converse(*pieces) == [statuses[answer] for answer in answers]
    talk.end()


@pytest.mark.parametrize("surplus", [b"HTTP/1.1 2", SIZED, b"x"])
def test_an_answer_with_something_after_it_is_never_taken_for_the_repeat_of_one(surplus: bytes):
    talk = Conversation()
    seen = talk.converse((SIZED,), (SIZED,), (SIZED,), (SIZED + surplus,))
    assert seen[:3] == [200, 200, 200]
    gevent.sleep(0.01)
    if talk.connection.is_open:
        assert talk.receive(SIZED, reports=5)[4] != 200
    talk.end()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=6))
def test_no_bytes_at_all_break_the_connection(pieces: list[bytes]):
    talk = Conversation()
    seen = talk.receive(*pieces, close=True)
    assert len(seen) >= 1
    assert all(entry is None or isinstance(entry, int | str) for entry in seen)
    assert not talk.connection.is_open
    talk.end()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_answer_is_a_status_or_a_cause_and_never_a_hang(data: st.DataObject):
    answer = bytearray(data.draw(st.sampled_from([SIZED, CHUNKED, CLOSING, CONTINUED])))
    position = data.draw(st.integers(0, len(answer) - 1))
    answer[position] = data.draw(st.integers(0, 255))
    talk = Conversation()
    assert talk.receive(bytes(answer), close=True)
    talk.end()


def test_a_request_with_headers_and_body_is_encoded_as_declared():
    request = RequestSpec(
        "/a?b=c", method="POST", headers=(("Content-Type", "text/plain"), ("Accept", "x/y")), body="hé"
    )
    assert encode(request, "::1", 80) == (
        b"POST /a?b=c HTTP/1.1\r\nHost: [::1]:80\r\nContent-Type: text/plain\r\nAccept: x/y\r\n"
        b"Content-Length: 3\r\n\r\nh\xc3\xa9"
    )


def test_a_large_request_is_sent_whole():
    talk = Conversation()
    talk.connection._raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
    request = encode(RequestSpec("/", method="POST", body="x" * 2_000_000), "h", 1)
    talk.connection.send(request)
    received = 0
    while received < len(request):
        received += len(talk.server.recv(65_536))
    talk.server.sendall(SIZED)
    gevent.sleep(0.01)
    assert talk.seen == [200]
    talk.end()
