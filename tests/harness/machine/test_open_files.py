import resource

import pytest

from harness.exceptions import BadInputError
from harness.machine.open_files import check_files


def test_as_many_users_as_the_hard_limit_allows_are_accepted_and_one_more_is_refused(monkeypatch: pytest.MonkeyPatch):
    # A process cannot raise a hard limit that it has lowered, so that the limit is told and not set.
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1_024, 2_256))
    check_files(1_000)
    with pytest.raises(BadInputError, match="or use up to 1,000 users"):
        check_files(1_001)


def test_without_a_limit_any_number_is_accepted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1_024, resource.RLIM_INFINITY))
    check_files(10_000_000)
