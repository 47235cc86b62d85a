## make run [PORT=9000]   the demo on http://127.0.0.1:8080
## make test              everything that can be tested here
## make check             the gate: linters, types and tests
## make bench             the figures
# The first (3.11 is what the pins were tested with) that runs and can make environments; else python3, to be told what it lacks.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
  $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && exit; \
  done; echo python3)
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8080
# A test process for each processor, up to four: each takes a gigabyte. `make test WORKERS=0` runs all in one.
WORKERS ?= logical
PYTEST := $(BIN)/pytest -n $(WORKERS) --maxprocesses 4 --dist worksteal
# Of the command line alone the tests start some hundreds of processes, and each would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt

.PHONY: help run test check bench lint widget system clean

help:
	@sed -n 's/^## //p' Makefile

run: $(VENV)/.run
	@$(BIN)/frontdesk demo --port $(PORT)

test: $(VENV)/.dev system
	$(PYTEST)

check: $(VENV)/.dev system lint
	$(PYTEST)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev system
	$(BIN)/python -m bench

# The widget is committed as built; this builds it again from its source.
widget: adapters/web/widget/node_modules
	cd adapters/web/widget && npm run build

adapters/web/widget/node_modules: adapters/web/widget/package-lock.json
	cd adapters/web/widget && npm ci --no-audit --no-fund
	@touch $@

# What the tests need of the system: Chromium through apt where that is possible, else they skip what needs it.
system:
	@sh tests/system.sh

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Frontdesk needs Python 3.11 or newer. Name one: make run PYTHON=/path/to/python3.11' >&2; exit 1; }
	@echo 'Creating an environment in $(VENV) …'
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo 'Python cannot make environments here. On Debian: apt-get install python3-venv' >&2; exit 1; }

$(VENV)/.run: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo 'Installing Frontdesk (the first time takes a few minutes) …'
	$(INSTALL) --progress-bar on -e '.[semantic]'
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) --progress-bar off -q -e '.[semantic,local,voice,slack,telegram,dev]'
	@touch $@ $(VENV)/.run

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis adapters/web/widget/node_modules
