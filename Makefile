# Everything a person types. Each target calls the `pulso` command or a tool of the environment; nothing is decided here.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= python3
PYTEST_ARGS ?=
WORLD ?=
SEED ?= 7
POSTS ?=
ACCOUNTS ?=
KILLS ?=

export DAGSTER_DISABLE_TELEMETRY := 1
export DO_NOT_TRACK := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export MLFLOW_DISABLE_TELEMETRY := true
export GX_ANALYTICS_ENABLED := false
export STREAMLIT_BROWSER_GATHER_USAGE_STATS := false

# A folder of wheels that pip was told of holds for uv too: without it torch may come as its build for GPUs, some gigabytes.
ifdef PIP_FIND_LINKS
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
endif

.PHONY: help setup setup-spark run test ui lint types bench bench-burst bench-ingest bench-models bench-spark bench-warehouse model-cycle chaos chaos-pds screenshots docs validate clean

help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "  make %-16s %s\n", $$1, $$2}'

$(VENV)/.ready: requirements.lock pyproject.toml
	@echo "Setting up $(VENV) (some minutes the first time) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed: install it with 'apt-get install python3-venv'"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	@$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --config-settings editable_mode=compat --editable .
	@touch $@

setup: $(VENV)/.ready  ## Set up the environment

setup-spark: setup  ## Add dbt-spark, pyspark (half a gigabyte) and, where there is none, a Java runtime
	@$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode -r requirements.lock -r requirements-spark.lock
	@[ -n "$${JAVA_HOME:-}" ] || command -v java >/dev/null || apt-get install -y -qq --no-install-recommends default-jre-headless \
		|| { echo "No Java runtime: run 'apt-get install default-jre-headless' as root, or set JAVA_HOME"; exit 1; }

run: setup  ## Do the main job: ingest, build, train, decide, publish, learn (WORLD=posts.csv replays real posts)
	@$(BIN)/pulso run $(if $(WORLD),--world "$(WORLD)")

ui: setup  ## Open Dagster, MLflow and the Streamlit app on loopback
	@$(BIN)/pulso ui

test: setup  ## Run all tests
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest $(PYTEST_ARGS)
	@echo "Next: 'make run' for the main job, 'make ui' to look around."

types: setup  ## Check types (strict)
	@$(BIN)/mypy

lint: setup  ## Check style, import walls and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(MAKE) --no-print-directory types

validate: setup  ## Load all Dagster definitions
	@$(BIN)/pulso prepare
	@$(BIN)/dagster definitions validate -w workspace.yaml

bench: setup  ## Measure models, lake and definitions load against baselines (needs PULSO_REFERENCE_DATA)
	@$(BIN)/pulso bench

bench-models: setup  ## Measure every model on public data against the simplest thing that could work (needs PULSO_REFERENCE_DATA)
	@$(BIN)/pulso bench-models

model-cycle: setup  ## Live a model's whole life on the seeded world: train, challenge, drift, stand in, promote, roll back (half an hour)
	@$(BIN)/python -m benchmarks.model_cycle

chaos: setup  ## Kill publishers at random, count in the networks' own state; then again on hostile networks (POSTS=10000 SEED=7)
	@$(BIN)/pulso chaos --seed $(SEED) $(if $(POSTS),--posts $(POSTS))
	@$(BIN)/pulso chaos --seed $(SEED) $(if $(POSTS),--posts $(POSTS)) --hostile

chaos-pds: setup  ## Kill publishers between a real Bluesky server's commit and its answer (KILLS=1000 SEED=7)
	@$(BIN)/pulso chaos-pds --seed $(SEED) $(if $(KILLS),--kills $(KILLS))

bench-burst: setup  ## Publish thousands of posts due at once, against the networks' own ceiling (POSTS=5000 ACCOUNTS=1000)
	@$(BIN)/pulso bench-burst $(if $(POSTS),--posts $(POSTS)) $(if $(ACCOUNTS),--accounts $(ACCOUNTS))

bench-ingest: setup  ## One day's refresh of many accounts against a bare httpx loop (ACCOUNTS=1000,10000)
	@$(BIN)/pulso bench-ingest $(if $(ACCOUNTS),--accounts $(ACCOUNTS))

bench-warehouse: setup  ## Full build and a further day of 10,000 accounts, against SQL by hand (ACCOUNTS=10000 DAYS=30,180,360)
	@$(BIN)/pulso bench-warehouse $(if $(ACCOUNTS),--accounts $(ACCOUNTS)) $(if $(DAYS),--days $(DAYS))

bench-spark: setup-spark  ## Gold from all real posts on DuckDB and on Spark, compared table by table (needs PULSO_REFERENCE_DATA)
	@$(BIN)/pulso bench-spark

screenshots: setup  ## Picture every page of the app and the asset graph into docs/images
	@$(BIN)/pulso screenshots

docs: setup  ## Generate docs/metrics.md, docs/assets.md, docs/drafts.md and docs/networks.md
	@$(BIN)/pulso docs

clean:  ## Remove generated state (.pulso), caches and build output; the environment stays
	@rm -rf .pulso dbt_project/target dbt_project/logs .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis build *.egg-info
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
