# `make` sets everything up and builds all results; `make test` sets up and passes the tests; `make help` lists the rest.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A virtual environment knows its own path: in a copied or moved checkout it would run the old folder's code.
RUNTIME := $(VENV)/.runtime-$(shell pwd -P | cksum | cut -d' ' -f1)
DEVELOPMENT := $(VENV)/.development
RUN := $(BIN)/python -m
# Each process of the tests keeps to one core; the one that has nothing left takes over tests of the others. The package
# is compiled once for all of them, also where Python may write no bytecode.
PARALLEL := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(RUN) pytest --numprocesses auto --dist worksteal
# Types keep one core busy for half a minute where mypy has no cache: beside the tests.
BESIDE := $(MAKE) --no-print-directory --jobs 2
INSTALL := $(RUN) pip install --quiet --disable-pip-version-check --no-compile
# pip compiles on one core. Where Python may not write bytecode, every process would compile again what is not compiled.
COMPILE := $(RUN) compileall -qq -j 0 $(VENV)/lib workflow/ruralpanel || true
# Results of an earlier state, to hold those of the present one against.
KEPT ?= .kept

.DEFAULT_GOAL := all
.PHONY: all test quick check report lint style types short-tests all-tests keep same bundle verify clean help setup

all: $(RUNTIME)  ## set up and build all results (the default)
	@$(RUN) snakemake
	@echo "All results are in results/: open results/report/report.html"

setup: $(RUNTIME)  ## set up only

check: $(RUNTIME)  ## say what is wrong with the configuration and its files; estimate nothing
	@$(RUN) snakemake check

report: $(RUNTIME)  ## build the report and what it needs
	@$(RUN) snakemake results/report/report.html

lint: style types  ## style, format and types

style: $(DEVELOPMENT)
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(BIN)/snakefmt --check Snakefile workflow/rules

types: $(DEVELOPMENT)
	@$(RUN) mypy

quick: style  ## style, types and the short tests, in less than two minutes
	@$(BESIDE) types short-tests

test: style  ## set up, check style and types, run all tests
	@$(BESIDE) types all-tests

short-tests: $(DEVELOPMENT)
	@$(PARALLEL) -m "not slow and not workflow"

all-tests: $(DEVELOPMENT)
	@$(PARALLEL)

keep: $(RUNTIME)  ## build all results and keep a copy, to compare later ones with
	@test ! -e $(KEPT) || { echo "$(KEPT) is there already: move or remove it, or name another as in: make keep KEPT=before" >&2; exit 1; }
	@$(RUN) snakemake
	@cp -r results $(KEPT) && echo "Kept in $(KEPT)"

same: $(RUNTIME)  ## build all results and say what differs from the kept ones
	@test -d $(KEPT) || { echo "No kept results in $(KEPT): run 'make keep' on the state to compare with" >&2; exit 1; }
	@$(RUN) snakemake
	@$(RUN) ruralpanel.tools.same_results $(KEPT) results

bundle: $(RUNTIME)  ## build all results and pack them with data, code and checksums into results/bundle.zip
	@$(RUN) snakemake bundle

verify: $(RUNTIME)  ## in an unpacked bundle: build all results again and say which differ
	@$(RUN) ruralpanel verify

clean:  ## remove results and Snakemake's records; figures in data/ and the environment stay
	rm -rf results .snakemake

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(RUNTIME): requirements.txt pyproject.toml
	@case '$(CURDIR)' in *' '*) echo "Snakemake cannot start scripts in a path with a blank: move or rename this folder" >&2; exit 1;; esac
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	    || { echo "Python 3.11 or newer is needed: install it, or name it as in: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	    || { echo "Python's venv and pip are needed: install python3-venv and python3-pip" >&2; exit 1; }
	@test ! -L $(VENV) || { echo "$(VENV) is a link: remove it, so that the environment it points to stays as it is" >&2; exit 1; }
	@test ! -e $(VENV) || ls $(VENV)/.runtime-* >/dev/null 2>&1 || grep -qsF '$(CURDIR)/$(VENV)/' $(BIN)/pip \
	    || { echo "$(VENV) is there and not made by this Makefile: move it away, or name another folder as in: make VENV=.venv-results" >&2; exit 1; }
	@echo "Setting up $(VENV) (once; a few minutes) ..."
	@grep -qsF '$(CURDIR)/$(VENV)/' $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV)
	@$(INSTALL) --require-hashes -r requirements.txt
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@$(COMPILE)
	@touch $@

$(DEVELOPMENT): $(RUNTIME) requirements-dev.txt
	@echo "Adding what the tests need ..."
	@$(INSTALL) --require-hashes -r requirements-dev.txt
	@$(COMPILE)
	@touch $@
