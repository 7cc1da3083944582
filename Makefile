# make demo        faces of a voice by a shipped model; then trains and measures a model of its own
# make test        lint, type-check and test
# make reproduce   train and measure the small preset of every recipe; call it again to go on
# make models      train and export the models that ship with facegen; call it again to go on
# make docs        build the documentation into build/docs, from files of this machine only
# make browser     look at pages in Chromium, outside of CI; writes screenshots
# make fuzz        hostile inputs for MINUTES, with a table
# make soak        many steps, faces and kills, with a table; SOAK='--steps 10000 --faces 1000 --kills 20' is shorter
# make bench       speed on a CPU against goals, at most 15 minutes; BENCH="--only step,fid" measures some
# make gpu         on a GPU machine: tests, rates and a training, with a table; call it again until it says that it is done
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MINUTES ?= 10
INSTALLED := $(VENV)/.installed

.PHONY: demo test lint types reproduce models docs browser fuzz soak bench gpu clean

# constraints.txt keeps pip to releases of torch that have a small build for CPUs.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test,viewer]'
	touch $@

demo: $(INSTALLED)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps Resemblyzer==0.1.4
	$(BIN)/facegen generate voice-64 --speech tests/models/synthetic_voice.wav --size 192 --out demo/voice.png
	$(BIN)/facegen train speech_relid_separate --preset small --resume
	$(BIN)/facegen evaluate runs/speech_relid_separate

# One process per core, a test file at a time: the files of tests/integration come first, as they are the slowest.
test: $(INSTALLED) lint types
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

lint: $(INSTALLED)
	$(BIN)/ruff check facegen plugins tests studies benchmarks docs

types: $(INSTALLED)
	$(BIN)/mypy

reproduce: $(INSTALLED)
	$(BIN)/python -m studies reproduce --out runs/small --page docs/results/small.md

models: $(INSTALLED)
	$(BIN)/python -m studies models

docs: $(INSTALLED)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo build/docs/index.html

browser: docs
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[browser]'
	FACEGEN_SCREENSHOTS=screenshots $(BIN)/python -m pytest -m browser -rs

fuzz: $(INSTALLED)
	$(BIN)/python tests/fuzz --minutes $(MINUTES)

soak: $(INSTALLED)
	$(BIN)/python tests/fuzz/soak.py $(SOAK)

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks $(BENCH)

# It installs nothing, as a GPU machine may have no network: with PYTHON's packages, unless there is a .venv.
gpu: MINUTES = 9
gpu:
	PYTHONPATH=. $(or $(wildcard $(BIN)/python),$(PYTHON)) benchmarks/full_size.py --minutes $(MINUTES)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
