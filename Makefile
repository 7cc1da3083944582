# make demo        from nothing to faces drawn from voices
# make test        lint, type-check and test
# make reproduce   train and measure the small preset of every recipe; call it again to go on
# make models      train and export the models that ship with facegen; call it again to go on
# make browser     look at pages in Chromium, outside of CI; writes screenshots
# make fuzz        hostile inputs for MINUTES, with a table
# make soak        many steps, faces and kills, with a table; SOAK='--steps 10000 --faces 1000 --kills 20' is shorter
# make gpu         on a GPU machine: its tests, then full-size training for MINUTES, with a table
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MINUTES ?= 10
INSTALLED := $(VENV)/.installed

.PHONY: demo test lint types reproduce models browser fuzz soak gpu clean

$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test,viewer]'
	touch $@

demo: $(INSTALLED)
	$(BIN)/facegen train speech_relid --preset small --set data.image_pixels=48 --set match.steps=1500 --set train.steps=1500 --resume
	$(BIN)/facegen evaluate runs/speech_relid

# One process per core, a test file at a time: the files of tests/integration come first, as they are the slowest.
test: $(INSTALLED) lint types
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

lint: $(INSTALLED)
	$(BIN)/ruff check facegen plugins tests studies benchmarks

types: $(INSTALLED)
	$(BIN)/mypy

reproduce: $(INSTALLED)
	$(BIN)/python -m studies reproduce --out runs/small --page docs/results/small.md

models: $(INSTALLED)
	$(BIN)/python -m studies models

browser: $(INSTALLED)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[browser]'
	FACEGEN_SCREENSHOTS=screenshots $(BIN)/python -m pytest -m browser -rs

fuzz: $(INSTALLED)
	$(BIN)/python tests/fuzz --minutes $(MINUTES)

soak: $(INSTALLED)
	$(BIN)/python tests/fuzz/soak.py $(SOAK)

gpu: $(INSTALLED)
	$(BIN)/python -m pytest -m gpu
	$(BIN)/python benchmarks/full_size.py --minutes $(MINUTES)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
