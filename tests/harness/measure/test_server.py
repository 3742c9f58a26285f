import socket
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from harness.exceptions import BadInputError, ChildDiedError
from harness.measure.server import Server, serve
from harness.measure.services import Services


def test_the_server_answers_on_loopback_and_keeps_idle_connections(server: Server):
    with requests.Session() as session:
        assert session.get(f"{server.url}/root/async").json() == {"Hello": "World"}
    assert server.url.startswith("http://127.0.0.1:")


def test_a_port_that_was_asked_for_and_is_taken_is_refused(services: Services, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(BadInputError, match=f"Port {port} cannot be listened on"),
            serve(services, cores=[0], logs=tmp_path, port=port),
        ):
            pass


def test_a_server_that_cannot_start_says_how_its_log_ends(services: Services, tmp_path: Path):
    assert services.database is not None
    astray = replace(services.database, dsn="postgresql://nobody@127.0.0.1:9/nowhere")
    with (
        pytest.raises(ChildDiedError, match=r"The server ended with exit code 3; its log"),
        serve(Services(astray, None), cores=[0], logs=tmp_path),
    ):
        pass
