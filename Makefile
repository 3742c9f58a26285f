# Thin: each target is one command, and .venv is made when it is missing or the pins have changed.

PYTHON ?= python3
VENV := .venv/bin

.PHONY: run test check bench-load install clean

run: install
	$(VENV)/python bench.py run

test: install
	$(VENV)/python -m pytest

check: install
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/lint-imports

# Needs wrk and hey from the system's packages.
bench-load: install
	$(VENV)/python -m tests.benchmarks.load

install: .venv/installed

.venv/installed: constraints.txt
	$(PYTHON) -m venv .venv
	$(VENV)/python -m pip install --quiet --disable-pip-version-check -r constraints.txt
	touch $@

clean:
	rm -rf .venv
