# From a fresh clone to a running lab. Needs GNU make, git and Python 3.11 or later; nothing is installed outside .venv.
#
#   make lab         JupyterLab on the tour       make lab ARGS="--no-browser --port 8890"
#   make test        every test, browser included  make test ARGS="tests/workbench -k emoji"   WORKERS=0: one by one
#   make test-fast   the tests that need no browser, no notebook, and under two minutes
#   make check       formatting, lint, types, import contracts; of the front end too, where there is node
#   make bench       measured ratios, printed
#   make pictures    the README's pictures, taken anew       make looks   the kept looks of the widgets
#   make docs        the site, offline, into build/docs   make docs ARGS=--execute: the lessons are run first (minutes)
#   make gpu         what holds on a CUDA card, timed, into docs/gpu.md   make gpu ARGS=--dry: tiny, on the CPU
#   make stress      threads, kills, files made wrong, long sessions: twenty minutes, seed printed
#                    make stress ARGS="--minutes 2 --seed 7 --only mutations"
#   make mutants     faults planted in compute, and how many a test notices   ARGS="--only calibration --most 40"
#   make wheelhouse  every wheel an install needs, in one folder: for a class without a network
#   make clean       removes .venv and what tools leave behind
#
# Another Python: make lab PYTHON=/path/to/python3.11

# The first of these that starts and is new enough. 3.11 comes first: the pinned versions were tested on it.
NEW_ENOUGH := -c "import sys; sys.exit(sys.version_info < (3, 11))"
ifndef PYTHON
PYTHON := $(shell for name in python3.11 python3.12 python3.13 python3 python; do \
	$$name $(NEW_ENOUGH) 2>/dev/null && { command -v $$name; break; }; done)
endif

VENV   := .venv
BIN    := $(VENV)/bin
# The folder is part of the name: an environment that was moved or copied is installed anew.
STAMP  := $(VENV)/.installed-$(shell pwd | cksum | cut -d " " -f 1)
NEED_GB := 10
ARGS   ?=
# Files of tests that run side by side. Each worker may hold a model, a JupyterLab and a Chromium.
WORKERS ?= 2
PYTEST  = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

# An active environment, or a setting made for it, must not leak into ours.
unexport PYTHONHOME PYTHONPATH PIP_TARGET PIP_PREFIX PIP_USER PIP_REQUIRE_VIRTUALENV PIP_CONSTRAINT
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# A terminal without a locale still gets its non-ASCII text.
export PYTHONUTF8 := 1

.DEFAULT_GOAL := help
.PHONY: help setup lab test test-fast check docs bench gpu stress mutants pictures looks wheelhouse clean chromium

help:
	@sed -n '3,18s/^# \{0,1\}//p' Makefile

setup: $(STAMP)

lab: $(STAMP)
	@$(BIN)/python -m workbench doctor --remembered || echo "Opening the lab all the same; mend the lines marked error first."
	@$(BIN)/python -m workbench lab $(ARGS)

test: $(STAMP) chromium
	$(PYTEST) $(ARGS)

test-fast: $(STAMP)
	$(PYTEST) -m "not browser and not notebook and not slow" $(ARGS)

check: $(STAMP)
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy
	$(BIN)/python -c "from importlinter.cli import lint_imports_command as run; run()"
	$(BIN)/python tools/check_front_end.py

docs: $(STAMP)
	$(BIN)/python tools/docs.py $(ARGS)

bench: $(STAMP)
	$(BIN)/python tests/benchmarks/bench.py $(ARGS)

pictures: $(STAMP) chromium
	$(BIN)/python tools/pictures.py

looks: $(STAMP) chromium
	$(BIN)/python tools/pictures.py --looks

gpu: $(STAMP)
	$(BIN)/python tests/benchmarks/gpu.py $(ARGS)

stress: $(STAMP)
	$(BIN)/python tests/stress/stress.py $(ARGS)

mutants: $(STAMP)
	$(BIN)/python tools/mutants.py $(ARGS)

# Elsewhere: PIP_NO_INDEX=1 PIP_FIND_LINKS=/path/to/wheelhouse make lab
wheelhouse: $(STAMP)
	$(BIN)/python -m pip wheel -c constraints.txt --no-build-isolation -w wheelhouse '.[photos,test]' pip setuptools
	rm -rf build

chromium: $(STAMP)
	@$(BIN)/python tools/install_chromium.py

clean:
	rm -rf $(VENV) tools/js/node_modules build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis test-results
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

# Pinned versions and the project itself, editable. The stamp is written last: an interrupted install starts again.
$(STAMP): pyproject.toml constraints.txt tools/preflight.py
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or later found; python3 here is: $$(python3 --version 2>&1)."; \
	echo "Install Python 3.11, or: make $(or $(MAKECMDGOALS),lab) PYTHON=/path/to/python3.11"; exit 1; }
	@"$(PYTHON)" tools/preflight.py $(VENV) $(NEED_GB)
	@$(BIN)/python $(NEW_ENOUGH) 2>/dev/null || "$(PYTHON)" -m venv --clear $(VENV)
	@echo "Installing into $(VENV): about 8 GB on Linux and a few minutes; torch brings most of it."
	$(BIN)/python -m pip install --quiet --upgrade -c constraints.txt pip setuptools
	$(BIN)/python -m pip install -c constraints.txt --no-build-isolation -e '.[photos,test]'
	@rm -f $(VENV)/.installed-* && touch $(STAMP)
