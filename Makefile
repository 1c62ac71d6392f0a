# The one environment is .venv; it is made on first use and renewed when dependencies change.
# Another interpreter: make PYTHON=/path/to/python run
PYTHON ?= $(shell for candidate in python3.11 python3.12 python3.13 python3; do \
	$$candidate -c 'import sys; sys.exit(not (3, 11, 4) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$candidate && break; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: help run test coverage results experiments bench lint audit format viz lineage mlflow clean

help:  ## Say what each target does
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 14

run: $(INSTALLED)  ## Run all rounds on the demo: results in data/08_reporting
	$(BIN)/kedro run --pipelines=iteration

test: $(INSTALLED)  ## Run the tests, two files at a time
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

coverage: $(INSTALLED)  ## Run the tests and measure what they cover, which takes longer
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-fail-under=85

results: $(INSTALLED)  ## Run five seeds and the control, then write docs/results.md (half an hour)
	$(BIN)/python -m benchmarks.experiments results --locked
	$(BIN)/python -m benchmarks.experiments.pages

experiments: $(INSTALLED)  ## Make the runs of all experiments, then write docs/experiments (five to seven hours)
	$(BIN)/python -m benchmarks.experiments results head_to_head --locked
	$(BIN)/python -m benchmarks.experiments
	$(BIN)/python -m benchmarks.experiments.pages

bench: $(INSTALLED)  ## Measure speed against the stock way, then write docs/performance.md
	$(BIN)/python -m benchmarks.performance.startup
	$(BIN)/python -m benchmarks.performance.one_image
	$(BIN)/python -m benchmarks.performance
	$(BIN)/python -m benchmarks.performance.page

lint: $(INSTALLED)  ## Check style, types and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: $(INSTALLED)  ## Look the dependencies up among known vulnerabilities
	.ci/audit

format: $(INSTALLED)  ## Put the code into the house's style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

viz: $(INSTALLED)  ## Look at the lineage in the browser
	$(BIN)/kedro viz run

lineage: $(INSTALLED)  ## Build the lineage as a web site of its own, in build
	$(BIN)/python -m docs.lineage_site

mlflow: $(INSTALLED)  ## Look at the tracked runs in the browser
	$(BIN)/mlflow ui --backend-store-uri sqlite:///mlflow.db

clean:  ## Remove the environment and the tools' caches; data and runs stay
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .coverage .viz build

$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "selfscore needs Python 3.11.4 to 3.13; none was found. Name one: make PYTHON=/path/to/python run"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing (once, a few minutes) ..."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $(INSTALLED)
