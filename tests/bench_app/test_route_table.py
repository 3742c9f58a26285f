"""Where a variant stands among the routes costs it nothing."""

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from bench_app.app import create_app
from bench_app.paths import BYSTANDER_PATH, SYNC_BYSTANDER_PATH
from bench_app.settings import Settings


def test_no_other_route_is_tried_for_a_variant(monkeypatch: pytest.MonkeyPatch):
    app = create_app(Settings())
    tried: list[str] = []
    matches = APIRoute.matches

    def noted(route: APIRoute, scope: object) -> object:
        tried.append(route.path)
        return matches(route, scope)  # type: ignore[arg-type]  # a plain dict

    monkeypatch.setattr(APIRoute, "matches", noted)
    with TestClient(app) as client:
        for path in ("/sleep/offload", "/root/sync", "/item/async/3", BYSTANDER_PATH, SYNC_BYSTANDER_PATH):
            tried.clear()
            assert client.get(path).status_code == 200
            assert len(tried) == 1


def test_what_is_not_connected_is_answered_as_ever():
    with TestClient(create_app(Settings())) as client:
        assert client.get("/openapi.json").status_code == 200
        assert client.get("/sleep/nobody").status_code == 404
        assert client.get("/sleep").status_code == 404
        assert client.post("/root/sync").status_code == 405
        assert client.get("/root/sync/further").status_code == 404
