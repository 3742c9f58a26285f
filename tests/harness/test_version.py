"""The version: of the checkout where there is one."""

import tomllib

from harness.version import PROJECT_FILE, version


def test_the_version_is_that_of_the_project_file():
    assert version() == tomllib.loads(PROJECT_FILE.read_text())["project"]["version"]
