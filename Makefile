# `make` sets up and builds everything, `make test` checks everything, `make help` lists the rest.
.DEFAULT_GOAL := all
.PHONY: all report check test setup setup-dev lock clean distclean help
unexport PYTHONPATH PYTHONHOME
export PATH := $(CURDIR)/.venv/bin:$(PATH)

# The environment is made anew when what defines it changes: the pins, the package's metadata, the folder's place.
KEY := $(shell { pwd; cat requirements.txt pyproject.toml; } | cksum | tr -d ' ')
KEY_DEV := $(KEY)-$(shell cksum < requirements-dev.txt | tr -d ' ')
READY := .venv/.ready-$(KEY)
READY_DEV := .venv/.ready-dev-$(KEY_DEV)

PYTHON ?= python3.13 python3.12 python3.11 python3 python
USABLE := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
PIP := .venv/bin/python -m pip --disable-pip-version-check install -qq --require-hashes -r

all: $(READY) ## Set up, then build all results (the default)
	@.venv/bin/snakemake

report: $(READY) ## Build the report and what it needs
	@.venv/bin/snakemake results/report/report.html

check: $(READY) ## Check configuration, sources and coverage; no estimation
	@.venv/bin/snakemake check

test: $(READY_DEV) ## Set up, then lint, check types and run all tests
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/snakefmt --check Snakefile workflow/rules
	.venv/bin/mypy
	.venv/bin/pytest

setup: $(READY) ## Only set up: .venv with the pinned packages
	@echo 'Set up. Build with: make, or: source .venv/bin/activate && snakemake'

setup-dev: $(READY_DEV) ## The same with what the tests need

$(READY):
	@usable() { "$$@" -c '$(USABLE)' >/dev/null 2>&1; }; \
	if ! { usable .venv/bin/python && grep -qsF "$(CURDIR)/.venv/" .venv/bin/pip; }; then \
	    for python in $(PYTHON) ''; do \
	        if [ -z "$$python" ] || usable "$$python"; then break; fi; \
	    done; \
	    if [ -z "$$python" ]; then \
	        echo 'Python 3.11 or newer with pip and venv is needed; install it (Debian, Ubuntu: sudo apt install python3 python3-pip python3-venv; Fedora: sudo dnf install python3; macOS: brew install python@3.13) or name one (make PYTHON=/path/to/python3).' >&2; \
	        exit 1; \
	    fi; \
	    echo "Making .venv with $$("$$python" --version)"; \
	    "$$python" -m venv --clear .venv; \
	fi
	@echo "Installing $$(grep -c '^[a-z].*==' requirements.txt) pinned packages into .venv: a minute or a few"
	@$(PIP) requirements.txt
	@.venv/bin/python -m pip --disable-pip-version-check install -qq --no-deps --no-build-isolation --editable .
	@rm -f .venv/.ready-*
	@touch $@

$(READY_DEV): $(READY)
	@echo "Installing $$(grep -c '^[a-z].*==' requirements-dev.txt) pinned packages for the tests"
	@$(PIP) requirements-dev.txt
	@touch $@

lock: $(READY) ## Compile requirements*.txt again after a change of requirements*.in (docs/dependencies.md)
	.venv/bin/python -m venv build/lock
	build/lock/bin/python -m pip install -qq pip-tools
	build/lock/bin/pip-compile -q requirements.in
	build/lock/bin/pip-compile -q requirements-dev.in

clean: ## Remove the results and what tools left behind
	rm -rf results .snakemake build .pytest_cache .mypy_cache .ruff_cache .hypothesis

distclean: clean ## Remove the environment too
	rm -rf .venv workflow/ruralpanel.egg-info

help: ## List these goals
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r goal text; do printf 'make %-10s %s\n' "$$goal" "$$text"; done
