"""Collects telemetry inside any ASGI server, with the standard library only."""
