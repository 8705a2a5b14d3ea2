# What a user and a contributor types. README shows the same commands in plain.
PYTHON ?= python3

BIN := .venv/bin
ENVIRONMENT := .venv/.installed
TOOLS := .venv/.installed-tools
SUPPLY := .venv-supply/.installed
BENCHMARKS := start render allocator loops sweep driver numpy_cells gpu_cohort

.PHONY: run test lint perf perf-gpu lock sbom
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
	PYTHON=$(BIN)/python BENCH_SECONDS=1800 tests/gpu/session.sh look probe tests stacked cohort main

# the same versions as constraints.txt, with the SHA-256 of every file that an index may give for them
lock: $(SUPPLY)
	.venv-supply/bin/uv pip compile pyproject.toml --all-extras --universal --generate-hashes --no-annotate --quiet \
	  --constraint constraints.txt --custom-compile-command 'make lock' --output-file locked.txt

# what is installed in .venv, as a CycloneDX bill of materials
sbom: $(TOOLS) $(SUPPLY)
	.venv-supply/bin/cyclonedx-py environment --pyproject pyproject.toml --output-file sbom.json .venv

# pip gets all requirements at once, so that the pins hold for torch too
$(ENVIRONMENT): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -c constraints.txt -e .
	@touch $@

$(TOOLS): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -c constraints.txt -e '.[test,lint]'
	@touch $(ENVIRONMENT) $@

$(SUPPLY): Makefile
	$(PYTHON) -m venv .venv-supply
	.venv-supply/bin/pip install uv==0.13.9 cyclonedx-bom==7.5.0
	@touch $@
