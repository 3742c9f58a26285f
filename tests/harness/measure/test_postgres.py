from pathlib import Path

import psycopg
import pytest

from bench_app.settings import SCHEMA
from harness.exceptions import BadInputError
from harness.measure.postgres import MARK, as_uri, open_database
from harness.measure.services import Services

SECRET = "s3cr3t-p@ss/word"


def schemas(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        return [row[0] for row in connection.execute("SELECT nspname FROM pg_namespace ORDER BY 1").fetchall()]


@pytest.fixture
def other_database(services: Services) -> str:
    """An empty database of the embedded server: as good as a server of the user's own."""
    assert services.database is not None
    with psycopg.connect(services.database.dsn, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS other")
        connection.execute("CREATE DATABASE other")
    return services.database.dsn.removesuffix("postgres") + "other"


def test_the_embedded_server_listens_on_loopback_with_a_password(services: Services):
    assert services.database is not None
    assert services.database.embedded
    with psycopg.connect(services.database.dsn) as connection:
        row = connection.execute("SHOW listen_addresses").fetchone()
        assert row == ("127.0.0.1",)
    parts = psycopg.conninfo.conninfo_to_dict(services.database.dsn)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(host="127.0.0.1", port=parts["port"], user="bench", dbname="postgres", password="wrong")


def test_statements_of_others_are_counted_and_our_own_counting_is_not(services: Services):
    database = services.database
    assert database is not None
    before = database.statements()
    assert database.statements() == before
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute("SELECT 1")
    assert before is not None
    assert database.statements() == before + 1


def test_a_given_database_gets_a_schema_for_the_run_and_is_left_as_it_was(other_database: str, tmp_path: Path):
    before = schemas(other_database)
    with open_database(other_database, connections=50, cores=[0], logs=tmp_path) as database:
        assert not database.embedded
        assert set(schemas(other_database)) - set(before) == {SCHEMA}
        assert database.statements() is None
    assert schemas(other_database) == before


def test_what_a_killed_run_left_behind_is_used_and_dropped(other_database: str, tmp_path: Path):
    before = schemas(other_database)
    with open_database(other_database, connections=50, cores=[0], logs=tmp_path):
        pass
    with psycopg.connect(other_database, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        connection.execute(f"COMMENT ON SCHEMA {SCHEMA} IS '{MARK}'")
    with open_database(other_database, connections=50, cores=[0], logs=tmp_path):
        pass
    assert schemas(other_database) == before


def test_a_second_run_on_the_same_database_is_refused(other_database: str, tmp_path: Path):
    with (
        open_database(other_database, connections=50, cores=[0], logs=tmp_path),
        pytest.raises(BadInputError, match="Another run is using the database"),
        open_database(other_database, connections=50, cores=[0], logs=tmp_path),
    ):
        pass


def test_a_schema_of_that_name_that_is_not_ours_is_not_touched(other_database: str, tmp_path: Path):
    with psycopg.connect(other_database, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        connection.execute(f"CREATE TABLE {SCHEMA}.precious (id int)")
    with (
        pytest.raises(BadInputError, match="did not make"),
        open_database(other_database, connections=50, cores=[0], logs=tmp_path),
    ):
        pass
    with psycopg.connect(other_database) as connection:
        assert connection.execute(f"SELECT * FROM {SCHEMA}.precious").fetchall() == []


@pytest.mark.parametrize(
    "dsn",
    [
        f"postgresql://someone:{'s3cr3t-p%40ss%2Fword'}@127.0.0.1:9/nowhere",
        f"host=127.0.0.1 port=9 user=someone password={SECRET}",
        f"postgresql://someone:{SECRET}@@[::bad/nowhere",
        f"nonsense {SECRET}",
        "postgresql://someone:p@s3cr3t@127.0.0.1:9/nowhere",
        "postgresql://someone:s3cr3t@127.0.0.1:9/nowhere?connect_timeout=5",
    ],
)
def test_a_database_that_does_not_answer_is_refused_without_its_password(dsn: str, tmp_path: Path):
    with (
        pytest.raises(BadInputError) as caught,
        open_database(dsn, connections=50, cores=[0], logs=tmp_path),
    ):
        pass
    sentence = str(caught.value)
    assert "--dsn" in sentence
    assert "s3cr3t" not in sentence
    assert "\n" not in sentence


def test_a_server_with_too_few_connections_is_refused(other_database: str, tmp_path: Path):
    with (
        pytest.raises(BadInputError, match="may need 100000"),
        open_database(other_database, connections=100_000, cores=[0], logs=tmp_path),
    ):
        pass


@pytest.mark.parametrize(
    ("given", "uri"),
    [
        ("host=localhost dbname=a", "postgresql://localhost/a"),
        ("host=::1 port=5 user=u password='p w' dbname=a", "postgresql://u:p%20w@[::1]:5/a"),
        ("postgresql://u:p%40w@h:5/a?sslmode=disable", "postgresql://u:p%40w@h:5/a?sslmode=disable"),
        ("postgresql://u:p@h1:1,h2:2/a", "postgresql://u:p@h1:1,h2:2/a"),
        ("postgresql://h/a?options=-c%20work_mem%3D8MB", "postgresql://h/a?options=-c%20work_mem%3D8MB"),
        ("host=/run/postgresql user=u dbname=a", "postgresql://u@/a?host=%2Frun%2Fpostgresql"),
    ],
)
def test_every_form_of_a_connection_string_becomes_a_uri_that_both_drivers_read(given: str, uri: str):
    assert as_uri(given) == uri
    assert psycopg.conninfo.conninfo_to_dict(as_uri(given)) == psycopg.conninfo.conninfo_to_dict(given)
