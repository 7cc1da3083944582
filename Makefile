# make demo: from nothing to faces drawn from voices.   make test: lint, type-check and test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test lint types gpu clean

$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test,viewer]'
	touch $@

demo: $(INSTALLED)
	$(BIN)/facegen train recipes/speech_relid.toml --preset small --fresh
	$(BIN)/facegen evaluate runs/speech_relid

test: $(INSTALLED) lint types
	$(BIN)/python -m pytest

lint: $(INSTALLED)
	$(BIN)/ruff check facegen plugins tests benchmarks

types: $(INSTALLED)
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
