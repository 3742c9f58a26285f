# Thin: each target is one command, and .venv is made when it is missing or the pins have changed.

PYTHON ?= python3
VENV := .venv/bin

.PHONY: run test check wheel bench-load bench-probe readme install clean

run: install
	$(VENV)/python bench.py run

test: install
	$(VENV)/python -m pytest

check: install
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/lint-imports

# The wheel, made by the pinned build backend.
wheel: install
	rm -rf dist
	$(VENV)/python -m pip wheel . --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist

# Needs wrk and hey from the system's packages.
bench-load: install
	$(VENV)/python -m tests.benchmarks.load

# What the probe costs, in measure and in diagnose mode.
bench-probe: install
	$(VENV)/python -m tests.benchmarks.probe

# The table of results and the picture of the README, from a run: make readme RUN=reports/latest
RUN ?= reports/latest
readme: install
	$(VENV)/python -m docs.make $(RUN)

install: .venv/installed

.venv/installed: constraints.txt
	$(PYTHON) -m venv .venv
	$(VENV)/python -m pip install --quiet --disable-pip-version-check -r constraints.txt
	touch $@

clean:
	rm -rf .venv dist
