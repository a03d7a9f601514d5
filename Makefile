# Everything happens in .venv, with the versions of constraints.txt. Needs Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTEST_FLAGS ?= -n auto --dist loadfile

.PHONY: demo picture test lint bench clean

demo: $(VENV)/installed
	@echo 'あらすじ:'; cat narou_gen/sample/synopsis.txt; echo; echo 'タイトル:'
	@$(BIN)/narou-gen title --input narou_gen/sample/synopsis.txt --genre 202 -n 5

# The tour of `narou-gen demo`, for the README. Look at it before it is committed.
picture: $(VENV)/installed
	$(BIN)/narou-gen demo --record docs/demo.svg

test: lint
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/installed
	@set -e; for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script; done

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# torch first and pinned: where pip knows a CPU build of that version (an index or --find-links), it takes that one.
$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo 'Installing into $(VENV) (a few minutes the first time)'
	$(PIP) install -c constraints.txt torch hatchling editables
	$(PIP) install -c constraints.txt --no-build-isolation -e .
	@touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(PIP) install -c constraints.txt --no-build-isolation -e '.[test]'
	@touch $@
