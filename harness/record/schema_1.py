"""Converts the records of an earlier version: schema 1 becomes schema 2 before a record is validated.

Schema 2 (version 0.2) keeps the findings of a run apart from its plan. It names database and targets as facts instead
of a sentence. It has four victims where schema 1 had two bystanders. A bystander of schema 1 connected anew whenever
its connection was busy, so it becomes the warm victim that it mostly was, with nothing censored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

FOUND: Final = ("tuned", "stops", "iso", "confirmations")
RENAMED_SITE: Final = {"leaf": "call", "looks": "samples"}


def manifest_of(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest in the form of schema 2."""
    if raw.get("schema") != 1:
        return raw
    plan = raw.get("plan", {})
    found = {name: plan.pop(name) for name in FOUND if name in plan}
    return raw | {
        "schema": 2,
        "found": found,
        "database": _database(raw.get("database")),
        "target": [] if raw.get("target") is None else raw["target"].split(", "),
        # There was one server program, so that none was named; a server of somebody else has no facts at all.
        "server": raw.get("server") and {"program": "uvicorn"} | raw["server"],
    }


def trial_of(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a recorded trial in the form of schema 2."""
    if "pace_ms" in raw:
        raw["core_speed_ms"] = raw.pop("pace_ms")
    result, telemetry = raw.get("result"), raw.get("telemetry")
    if isinstance(telemetry, dict) and isinstance(telemetry.get("accounts"), dict):
        telemetry["accounts"] = _accounts(telemetry["accounts"])
    if isinstance(result, dict) and "bystander" in result:
        raw["result"] = _result(result)
    return raw


def _database(spelled: str | None) -> dict[str, Any] | None:
    """Return the facts in a text such as `PostgreSQL 18.6, embedded`."""
    if spelled is None:
        return None
    version, _, origin = spelled.partition(", ")
    return {"version": version.removeprefix("PostgreSQL "), "embedded": origin == "embedded"}


def _accounts(raw: dict[str, Any]) -> dict[str, Any]:
    if "looks" not in raw:
        return raw
    sites = [{RENAMED_SITE.get(name, name): value for name, value in site.items()} for site in raw["places"]]
    return {
        "seconds": raw["seconds"],
        "routes": raw["routes"],
        "samples": raw["looks"],
        "busy": raw["held"],
        "sites": sites,
    }


def _result(raw: Mapping[str, Any]) -> dict[str, Any]:
    kept = {
        name: value
        for name, value in raw.items()
        if name not in ("bystander", "sync_bystander", "bystander_failures", "probes", "sync_probes")
    }
    failures = raw.get("bystander_failures") or {}
    victims = {"async_warm": _victim(raw.get("bystander"), raw.get("probes"), failures)}
    if raw.get("sync_bystander", {}).get("n"):
        victims["sync_warm"] = _victim(raw["sync_bystander"], raw.get("sync_probes"), {})
    return kept | {"victims": victims}


def _victim(latency: Any, probes: Any, failures: Mapping[str, int]) -> dict[str, Any]:
    return {"latency": latency or {}, "probes": probes or [], "failures": dict(failures)}
