# One front door. Every target works on a fresh clone that has Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
DATA ?= $(SEQUELA_DATA)
# One compute thread a process: two oversubscribed processes are far slower than two single ones.
QUIET_TESTS := OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1
.PHONY: setup demo test check realdata bench docs clean

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[dev]'
	touch $(VENV)/.installed $@

demo: $(VENV)/.installed
	OMP_NUM_THREADS=1 $(BIN)/sequela simulate src/sequela/assets/examples/chest.png --disease pneumonia --out demo-run --overwrite
	@echo "Open demo-run/report.html in a browser, or run: $(BIN)/sequela view demo-run"

test: $(VENV)/.installed-dev
	$(QUIET_TESTS) $(BIN)/python -m pytest -q -n 2

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

# Needs SEQUELA_DATA: the folder with the public images.
realdata: $(VENV)/.installed-dev
	$(QUIET_TESTS) SEQUELA_DATA="$(DATA)" $(BIN)/python -m pytest -q -n 2 -m realdata

bench: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/scale.py --data "$(DATA)" --out work/scale
	$(BIN)/python benchmarks/presets.py --data "$(DATA)" --out work/presets
	$(BIN)/python benchmarks/judge_train.py --data "$(DATA)" --out work/judge --seeds 3 --epochs 45
	$(BIN)/python benchmarks/progression.py --data "$(DATA)" --judge work/judge --out work/progression
	$(BIN)/python benchmarks/regions.py --data "$(DATA)" --out work/regions
	$(BIN)/python benchmarks/devices.py --data "$(DATA)" --out work/devices
	SEQUELA_DATA="$(DATA)" $(BIN)/python benchmarks/reports.py
	$(BIN)/python benchmarks/mask_decoder.py --out work/mask-decoder

docs: $(VENV)/.installed
	$(BIN)/python tools/make_cli_docs.py

clean:
	rm -rf $(VENV) demo-run
