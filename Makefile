# What a user and a contributor types. README shows the same commands in plain.
PYTHON ?= python3

BIN := .venv/bin
ENVIRONMENT := .venv/.installed
TOOLS := .venv/.installed-tools
BENCHMARKS := start allocator loops sweep driver numpy_cells gpu_cohort

.PHONY: run test lint perf perf-gpu
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

# each writes its table into docs/, missed bars too; one that fails does not keep the others from running
perf: $(TOOLS)
	-$(BIN)/pip install -c constraints.txt -e '.[perf]' # without it, its rows say "not measured"
	failed=; for name in $(BENCHMARKS); do $(BIN)/python tests/performance/$$name.py --write || failed="$$failed $$name"; \
	done; test -z "$$failed" || { echo "not as it should be:$$failed"; exit 1; }

# on a machine with a GPU: what it can do, its tests, trainings an hour, the main job; the numbers land in gpu-out/
perf-gpu: $(TOOLS)
	PYTHON=$(BIN)/python tests/gpu/session.sh look probe tests cohort main

# pip gets all requirements at once, so that the pins hold for torch too
$(ENVIRONMENT): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -c constraints.txt -e .
	@touch $@

$(TOOLS): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -c constraints.txt -e '.[test,lint]'
	@touch $(ENVIRONMENT) $@
