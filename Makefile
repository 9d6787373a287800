# The commands of bertline; `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Stamps: one a content of the lock, so that a checkout that only touches the file changes nothing.
ENVIRONMENT := $(VENV)/.installed-$(shell sha256sum requirements.txt | cut -c 1-12)
PACKAGE := $(ENVIRONMENT)-package
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

.PHONY: help run test test-real test-flink format samples lock clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(PACKAGE) ## fine-tune, export and judge a model on the sample data
	$(BIN)/bertline run snips

test: $(PACKAGE) ## check format, lint, types, import contracts; run the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile

test-real: $(PACKAGE) ## run the long checks and those on ../shared (or BERTLINE_DATA=DIR)
	$(BIN)/pytest -m 'real or slow' --require-shared

test-flink: $(PACKAGE) ## tokenize on Apache Flink (needs Java 11 or 17; fetches 160 MB from Maven Central once)
	@command -v java > /dev/null \
	    || { echo "error: java not found; install Java 11 or 17 (Debian, Ubuntu: apt install default-jre-headless)" >&2; exit 1; }
	$(BIN)/pytest -m flink tests/features/test_beam_flink.py

format: $(PACKAGE) ## rewrite the sources in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

samples: $(PACKAGE) ## write the sample data again from its grammar
	$(BIN)/python -m samples.grammar

lock: $(PACKAGE) ## resolve requirements.txt again (UPGRADE=--upgrade takes new versions)
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet \
	    --extra pipeline --extra dev --override requirements.overrides.txt \
	    $(UPGRADE) --output-file requirements.txt pyproject.toml

clean: ## remove the environment and what tools left behind
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

# A changed lock gives a new environment: nothing of the old one stays in it.
$(ENVIRONMENT):
	@command -v $(PYTHON) > /dev/null \
	    || { echo "error: $(PYTHON) not found; install Python 3.11 to 3.13 or give PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	    || { echo "error: $$($(PYTHON) -V 2>&1) is not 3.11 to 3.13; give another: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null \
	    || { echo "error: $(PYTHON) has no venv module; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@[ "$$(uname -sm)" = "Linux x86_64" ] \
	    || { echo "error: $$(uname -sm) has no locked packages; use Linux x86_64" >&2; exit 1; }
	@echo "creating $(VENV): about 140 packages, a few minutes the first time"
	@$(PYTHON) -m venv --clear $(VENV)
	@# The one package that ships no wheel is built with the locked setuptools, not a downloaded one.
	@sed -n '/^\(setuptools\|wheel\)==/,/# via/p' requirements.txt \
	    | $(PIP) install --quiet --no-deps --require-hashes --only-binary :all: -r /dev/stdin
	@$(PIP) install --no-deps --require-hashes --only-binary :all: --no-binary kfp-server-api \
	    --no-build-isolation -r requirements.txt
	@touch $@

$(PACKAGE): pyproject.toml $(ENVIRONMENT)
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
