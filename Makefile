# The commands of the project. `make demo` and `make test` set up what they need; `make help` lists all.

PYTHON ?= python3
PORT ?= 8000
DEMO_ITEMS ?= 800
VENV := .venv
BIN := $(VENV)/bin
# uv installs the exact, hashed versions in requirements/; it is fetched into the environment when the machine has none.
UV = $(shell command -v uv || echo $(BIN)/uv)

.PHONY: help setup setup-dev demo test check fix requirements

help:
	@echo "make setup         environment to index and serve"
	@echo "make setup-dev     environment with everything: training, tests, checks (20 times as large)"
	@echo "make demo          draw on http://127.0.0.1:$(PORT): sets up, renders the catalogue, builds the gallery, serves"
	@echo "make test          sets up and runs all tests"
	@echo "make check         formatting, lint, types, import arrows"
	@echo "make fix           what of that can be mended automatically"
	@echo "make requirements  compile the hashed requirements again after a change of pyproject.toml"

$(BIN)/python:
	@if command -v uv >/dev/null; then uv venv --quiet --python $(PYTHON) $(VENV); \
	else $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet "uv>=0.8,<1"; fi

$(VENV)/.serving: requirements/cpu.txt | $(BIN)/python
	$(UV) pip install --quiet --python $(BIN)/python -r requirements/cpu.txt
	@touch $@

$(VENV)/.everything: requirements/dev.txt | $(BIN)/python
	$(UV) pip install --quiet --python $(BIN)/python -r requirements/dev.txt
	@touch $@ $(VENV)/.serving

setup: $(VENV)/.serving

setup-dev: $(VENV)/.everything

# A folder for each size, because a catalogue is never mixed with another.
CATALOGUE = demo/catalogue-$(DEMO_ITEMS)
demo: $(VENV)/.serving
	$(BIN)/python -m catalogue --out $(CATALOGUE) --items $(DEMO_ITEMS) --split demo --sketches 1
	$(BIN)/python -m index_builder --gallery $(CATALOGUE)/photos --out demo/gallery --metadata $(CATALOGUE)/metadata.csv
	$(BIN)/python -m service --gallery demo/gallery --port $(PORT)

# Several at once where there are cores, the tests of a file in one process.
test: $(VENV)/.everything
	$(BIN)/python -m pytest -q -n logical --maxprocesses 4 --dist loadfile

check: $(VENV)/.everything
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(VENV)/.everything
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Universal: one file for every supported Python and platform. No file names an index.
COMPILE_ONLY = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --custom-compile-command "make requirements"
COMPILE = $(COMPILE_ONLY) pyproject.toml
requirements: | $(BIN)/python
	$(COMPILE) --extra cpu --extra openvino --extra demo --extra milvus --extra otel --extra parquet --extra train --extra dev --output-file requirements/dev.txt
	$(COMPILE) --extra cpu --extra demo --constraints requirements/dev.txt --output-file requirements/cpu.txt
	$(COMPILE) --extra cpu --extra openvino --extra demo --constraints requirements/dev.txt --output-file requirements/openvino.txt
	$(COMPILE) --extra cpu --extra train --constraints requirements/dev.txt --output-file requirements/train.txt
	$(COMPILE) --extra gpu --extra demo --output-file requirements/gpu.txt
	$(COMPILE_ONLY) --group image --output-file requirements/image.txt
