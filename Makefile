# From a fresh clone to a running lab. Needs GNU make, git and Python 3.11 or later; nothing is installed outside .venv.
#
#   make lab         JupyterLab on the tour       make lab ARGS="--no-browser --port 8890"
#   make test        every test, browser included  make test ARGS="tests/workbench -k emoji"   WORKERS=0: one by one
#   make test-fast   the tests that need no browser, no notebook, and under two minutes
#   make check       formatting, lint, types, import contracts
#   make bench       measured ratios, printed
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
.PHONY: help setup lab test test-fast check bench clean chromium

help:
	@sed -n '3,11s/^# \{0,1\}//p' Makefile

setup: $(STAMP)

lab: $(STAMP)
	@$(BIN)/python -m workbench doctor || echo "Opening the lab all the same; mend the lines marked error first."
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
	@if command -v node >/dev/null; \
	then for file in $(wildcard widgets/static/*.mjs tests/js/*.mjs); do node --check "$$file" || exit 1; done; \
	else echo "No node here, so .mjs files are not parsed; make test loads them in Chromium."; fi

bench: $(STAMP)
	$(BIN)/python tests/benchmarks/bench.py $(ARGS)

chromium: $(STAMP)
	@$(BIN)/python tools/install_chromium.py

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis test-results
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
