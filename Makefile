# Development of depthwise: `make` lists what there is. Only .venv is written to, besides what a target names.

PYTHON ?= python3
# ^ makes .venv; once that stands, it is no longer asked (`make clean` to change it)
ARGS ?=
# ^ further arguments for pytest: make test ARGS="-k compile"
JOBS ?= auto
# ^ processes that share the test files, one a core if not given: make test JOBS=0 runs them in one

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help install demo test check format clean

VENV := .venv
BIN := $(VENV)/bin
# The stamp is written last: an environment without it is unfinished and is made anew.
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | while IFS=$$'\t' read -r target text; do \
		printf '  make %-9s %s\n' "$$target" "$$text"; done

install: $(STAMP)  ## make .venv with everything for development (PYTHON=python3.12 chooses the Python)

# torch goes first and by exactly this spelling: a range left open would pull another build, with gigabytes of CUDA.
$(STAMP): pyproject.toml constraints.txt
	@if ! { [ -f $(STAMP) ] && $(BIN)/python -c ''; } 2>/dev/null; then $(make_venv); fi
	@$(PIP) install --quiet --constraint constraints.txt --upgrade pip || { $(pip_failed); }
	@$(PIP) install torch==2.13.0 --constraint constraints.txt || { $(pip_failed); }
	@$(PIP) install --constraint constraints.txt --editable '.[train,cc,dev]' || { $(pip_failed); }
	@touch $(STAMP)

# One clear line for each way in which this can go wrong.
define make_venv
	fail() { echo "error: $$1" >&2; exit 1; }; \
	command -v '$(PYTHON)' >/dev/null && '$(PYTHON)' -c '' 2>/dev/null \
		|| fail "PYTHON is '$(PYTHON)', which does not run: make install PYTHON=/path/to/python3"; \
	version=$$('$(PYTHON)' -c 'import platform; print(platform.python_version())'); \
	'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| fail "depthwise needs Python 3.11 or newer, PYTHON is $$version: make install PYTHON=python3.12"; \
	'$(PYTHON)' -c 'import ensurepip, venv' 2>/dev/null \
		|| fail "Python $$version has no venv module (Debian keeps it apart): sudo apt install python$${version%.*}-venv"; \
	echo "Making $(VENV) with Python $$version"; \
	'$(PYTHON)' -m venv --clear $(VENV) || fail "'$(PYTHON) -m venv $(VENV)' did not work (its own message is above)"
endef

define pip_failed
	echo "error: pip could not install the packages (its message is above). It needs the network, or a mirror in" \
		"PIP_INDEX_URL; then 'make install' again" >&2; exit 1
endef

demo: install  ## find, train, compile and report a network for the embedded images (about 5 minutes)
	@$(BIN)/depthwise fit fashion-mnist-subset --device host --macs 5M --latency 1ms --train-time 4min -o runs/demo
	@echo "The report: $(CURDIR)/runs/demo/report.html"

test: install  ## the whole test suite (ARGS="-k compile" goes to pytest)
	@$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile $(ARGS)

check: install  ## format, lint, types and the import contract
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: install  ## rewrite the sources as `make check` wants them
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean:  ## remove .venv and the tools' caches (runs/ and build/ are yours and stay)
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	@find src tests -name __pycache__ -prune -exec rm -rf {} +
