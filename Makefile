# Every target sets up what it needs: a virtual environment in .venv, installed again only when a lock file changes.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help install run test test-slow check format ui bench clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## Install everything into .venv

$(STAMP): requirements.lock requirements-nodeps.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 13) else f"Python {v[0]}.{v[1]} found, 3.11 or 3.12 needed: make PYTHON=python3.11 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing into .venv: a few minutes the first time"
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements-nodeps.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run: $(STAMP) ## Run the pipeline: data to verified model (only stale stages run)
	@$(BIN)/cairn run

test: check ## Lint, type-check and run the default tests
	@$(PYTEST) -m "not slow" --cov --cov-report=term:skip-covered

test-slow: $(STAMP) ## The rest: kills, fault injection, real servers, browsers
	@$(PYTEST) -m slow

check: $(STAMP) ## Lint, format check, types, import arrows
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(STAMP) ## Format and fix what ruff can fix
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

ui: $(STAMP) ## MLflow and Prefect in the browser, on this machine only
	@$(BIN)/cairn ui

bench: $(STAMP) ## The numbers of docs/RESULTS.md again, but for those that need a table, Olive or other libraries (four hours)
	@OMP_WAIT_POLICY=passive $(BIN)/python -m benchmarks.accuracy
	@OMP_WAIT_POLICY=passive $(BIN)/python -m benchmarks.retrieval
	@$(BIN)/python -m benchmarks.training_cost
	@$(BIN)/python -m benchmarks.provenance
	@$(BIN)/python -m benchmarks.compression --workspace .
	@$(BIN)/python -m benchmarks.compression_distillation --workspace .
	@$(BIN)/python -m benchmarks.supernet
	@$(BIN)/python -m benchmarks.federated --workspace .
	@$(BIN)/python -m benchmarks.federated_papers
	@$(BIN)/python -m benchmarks.federated_scale
	@$(BIN)/python -m benchmarks.federated_robustness
	@$(BIN)/python -m benchmarks.federated_privacy
	@$(BIN)/python -m benchmarks.federated_deployment
	@$(BIN)/python -m benchmarks.quantum_algorithms
	@$(BIN)/python -m benchmarks.quantum_big
	@$(BIN)/python -m benchmarks.quantum_qubo
	@$(BIN)/python -m benchmarks.quantum_noise --workspace .
	@$(BIN)/python -m benchmarks.quantum --workspace .
	@$(BIN)/python -m benchmarks.results

clean: ## Remove caches and the environment; data, models and the log stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
