# What a user and a contributor types. README shows the same commands in plain.
PYTHON ?= python3

BIN := .venv/bin
ENVIRONMENT := .venv/.installed
TOOLS := .venv/.installed-tools

.PHONY: run test lint perf
.DEFAULT_GOAL := run

run: $(ENVIRONMENT)
	$(BIN)/python -m bench run --models gru,lstm

test: $(TOOLS)
	$(BIN)/python -m pytest

lint: $(TOOLS)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

perf: $(TOOLS)
	for script in $(wildcard tests/performance/*.py); do $(BIN)/python "$$script" --write || exit 1; done

# pip gets all requirements at once, so that the pins hold for torch too
$(ENVIRONMENT): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -c constraints.txt -e .
	@touch $@

$(TOOLS): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -c constraints.txt -e '.[test,lint]'
	@touch $(ENVIRONMENT) $@
