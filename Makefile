# Every task of the project by name. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev
DEMO_BRIEF := Create a REST API for user management with authentication

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test test-real lint types format bench bench-gateway golden lock wheel clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

$(BIN)/uv: requirements/bootstrap.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
	@touch $@

# Bytecode is compiled at installation: importing Prefect uncompiled costs a second more at every start.
$(RUN_STAMP): requirements/run.lock pyproject.toml $(BIN)/uv
	@echo "Installing the locked packages into $(VENV) …"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements/run.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m compileall -q qlf flows tasks blocks overlays scenarios
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -c "from qlf.blueprint.environment import environment as made; \
	  [made().get_template(name) for name in made().list_templates(extensions=['j2'])]"
	@touch $@

$(DEV_STAMP): requirements/dev.lock $(RUN_STAMP)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements/dev.lock
	@touch $@

setup: $(RUN_STAMP) ## Install what running needs into .venv

setup-dev: $(DEV_STAMP) ## Install what developing and testing need into .venv

demo: setup ## Generate, verify and show an application, from nothing
	@PATH="$(CURDIR)/$(BIN):$$PATH" scripts/demo "$(DEMO_BRIEF)" build/demo

lint: setup-dev ## Lint, check formatting and the import layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/lint-imports

types: setup-dev ## Check the types, strictly
	@$(BIN)/mypy

format: setup-dev ## Format the code in place
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

test: lint types ## Lint, types and the fast test suite
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -m "not real" --ignore=tests/bench -n 2 -q

test-real: setup-dev ## The slow suites: sandbox, servers, containers, generated applications
	@scripts/real-parts
	@PATH="$(CURDIR)/$(BIN):$$PATH" scripts/real-model
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -m real -q

bench: setup-dev ## Measure, with peers in the same run
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest tests/bench -q -p no:randomly --benchmark-only --benchmark-sort=name

bench-gateway: setup-dev ## Measure calls to models beside other clients, against a provider on this machine
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/bench/gateway/run.py

golden: setup-dev ## Write the golden applications anew; review the difference before committing
	@$(BIN)/python scripts/golden

lock: setup ## Resolve the dependencies anew into requirements/
	@PATH="$(CURDIR)/$(BIN):$$PATH" scripts/lock --upgrade

wheel: setup ## Build the wheel into dist/
	@$(BIN)/uv build --quiet --wheel --out-dir dist

clean: ## Remove everything that the targets made
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .benchmarks .hypothesis
