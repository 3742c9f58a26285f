"""Addresses as they are typed and spelled."""

import pytest

from harness.exceptions import BadInputError
from harness.plan.address import DEFAULT_MEETING_PORT, bracketed, host_and_port


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("h", "h", DEFAULT_MEETING_PORT),
        ("10.0.0.1:6000", "10.0.0.1", 6000),
        ("[::1]", "::1", DEFAULT_MEETING_PORT),
        ("[::1]:6000", "::1", 6000),
    ],
)
def test_a_host_may_have_a_port_and_an_ipv6_one_has_brackets(text: str, host: str, port: int):
    assert host_and_port("--master", text) == (host, port)
    assert host_and_port("--master", f"{bracketed(host)}:{port}") == (host, port)


@pytest.mark.parametrize("text", ["", "a:b:c", "::1", "h:", "a b"])
def test_what_is_no_address_is_refused(text: str):
    with pytest.raises(BadInputError, match="is not an address"):
        host_and_port("--master", text)


@pytest.mark.parametrize("text", ["h:0", "h:65536"])
def test_a_port_lies_within_its_range(text: str):
    with pytest.raises(BadInputError, match="out of range"):
        host_and_port("--master", text)
