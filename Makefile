# Everything from nothing: each target first makes sure that .venv holds the locked versions. `setup` leaves PyTorch out;
# the others add it where that is cheap, and `networks` adds it in any case.
# Variables: PYTHON (which Python builds .venv), JOBS (test processes), ARGS (passed on to pytest), SCALE (of the demo).

PYTHON ?= python3
SCALE ?= quick
ARGS ?=
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
JOBS ?= $(shell [ $(CORES) -lt 4 ] && echo $(CORES) || echo 4)

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.practicum-installed
TORCH := $(VENV)/.practicum-torch
PYTEST = $(BIN)/python -m pytest $(ARGS)

# One thread per process: at these sizes threads of BLAS and OpenMP only get in each other's way.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export NUMBA_NUM_THREADS := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup networks demo test test-all soak lint format bench site docs gallery lock clean

help: ## show this list
	@echo "practicum: a teacher-student laboratory"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  make test ARGS='-k plateau'    passes ARGS on to pytest"
	@echo "  make demo PYTHON=python3.12    builds .venv with another Python (3.11 or newer)"

setup: $(STAMP) ## create .venv with the locked versions and practicum itself
	@echo "practicum is installed in $(VENV)"

$(STAMP): lock/dev.txt pyproject.toml
	@command -v "$(PYTHON)" >/dev/null 2>&1 || { echo "No '$(PYTHON)' on the PATH. Name a Python of 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "practicum needs Python 3.11 or newer, and '$(PYTHON)' is $$("$(PYTHON)" --version 2>&1). Name a newer one: make PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' has no complete venv module, which builds .venv. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing the locked versions into $(VENV) (once, a minute or two) ..."
	@[ -x $(BIN)/python ] && $(BIN)/python -c 'import pip' 2>/dev/null || "$(PYTHON)" -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r lock/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

networks: $(STAMP) ## add PyTorch to .venv, whatever its size (docs/how-to/choose-a-torch-wheel.md)
	@echo "Adding PyTorch to $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r lock/networks.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r lock/torch.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r lock/pruning.txt
	@touch $(TORCH)

# PyTorch comes by itself where its wheel is a build for CPUs, so that the demo shows all studies and the tests test all.
# Gigabytes of CUDA, which pip takes on Linux unless told otherwise, come only when asked for.
$(TORCH): $(STAMP) lock/torch.txt
	@case "$$($(BIN)/python lock/wheel)" in \
	  here) touch $@ ;; \
	  small) $(MAKE) --no-print-directory networks PYTHON="$(PYTHON)" ;; \
	  large) touch $@; \
	    echo "PyTorch is not installed by itself, because pip would bring gigabytes of CUDA: 'make networks' takes them,"; \
	    echo "and docs/how-to/choose-a-torch-wheel.md says how to have 200 MB instead. The rest works without." ;; \
	  *) echo "No wheel of PyTorch was found, so networks are left out this time; 'make networks' says why." ;; \
	esac

demo: $(TORCH) ## reproduce every paper and print where the reports lie
	@$(BIN)/python tests/kernel_cache.py
	@$(BIN)/practicum reproduce all --scale $(SCALE)

test: $(TORCH) ## run the tests, without the slow ones
	@$(PYTEST) -n $(JOBS) --dist loadfile -m "not slow and not soak"

test-all: $(TORCH) ## run the slow tests too
	@$(PYTEST) -n $(JOBS) --dist loadfile -m "not soak"

soak: $(TORCH) ## run the tests that take minutes each
	@$(PYTEST) -n $(JOBS) --dist load -m soak

lint: $(TORCH) ## check style, format and types
	@failed=0; \
	$(BIN)/ruff check . || failed=1; \
	$(BIN)/ruff format --check . || failed=1; \
	$(BIN)/pyright || failed=1; \
	exit $$failed

format: $(STAMP) ## put the code into the house's format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(TORCH) ## print the tables of benchmarks/, one process after the other
	@$(BIN)/python tests/kernel_cache.py
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

site: $(TORCH) ## build the documentation into build/docs; a broken link or reference is an error
	@$(BIN)/python -m sphinx -W --keep-going -q -E -b html docs build/docs
	@echo "The documentation is in build/docs/index.html"

docs: $(TORCH) site ## build the documentation, run its examples, check its links
	@$(PYTEST) -m "not slow and not soak" tests/test_docs.py tests/test_docs_commands.py tests/test_docs_gallery.py tests/test_docs_site.py

gallery: $(TORCH) ## draw the pictures of the gallery anew, from runs that are kept in build/gallery-runs
	@$(BIN)/python docs/gallery/draw.py
	@$(BIN)/python docs/images/tutorials.py

lock: ## renew the locked versions (needs uv; ARGS=--upgrade moves to the newest)
	@lock/renew $(ARGS)

clean: ## remove .venv and every cache; stored runs and reports stay
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis
	find src tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -rf src/*.egg-info
