# Needs Python 3.11 or newer, git and make; everything else is installed into .venv.
PYTHON ?= python3
BIN := .venv/bin
RECONCILER := $(BIN)/reconciler
INSTALL := PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check

SOAK := 100

.PHONY: help demo plan apply test coverage soak bench format schemas clean
.DEFAULT_GOAL := help

help:
	@echo "make demo    plan and start the example on the embedded sandbox; no account, no email leaves"
	@echo "make plan    what would change on that sandbox now (edit specs/ first)"
	@echo "make apply   do it"
	@echo "make test    everything CI runs"
	@echo "make coverage  the tests once more, and which lines they reach"
	@echo "make soak    make test with all examples and variants, and 10,000 killed applies; SOAK=10: a tenth of them"
	@echo "make bench   how fast it is;  make format, make schemas, make clean"

# An old Python is told before anything is made with it.
.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "reconciler needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv .venv || \
	  { echo "Python's venv is missing; on Debian and Ubuntu: apt install python3-venv"; rm -rf .venv; exit 1; }
	@touch $@

.venv/demo: .venv/made pyproject.toml constraints.txt
	@echo "Installing into .venv …"
	@$(INSTALL) --editable '.[sandbox]'
	@touch $@

.venv/dev: .venv/made pyproject.toml constraints.txt
	@echo "Installing the development tools into .venv …"
	@$(INSTALL) --editable '.[dev]'
	@touch $@ .venv/demo

demo: .venv/demo
	@rm -rf .reconciler/sandbox
	@echo '$$ reconciler validate' && $(RECONCILER) validate
	@echo && echo '$$ reconciler apply --sandbox --auto-approve' && $(RECONCILER) apply --sandbox --auto-approve
	@echo && echo '$$ reconciler plan --sandbox --detailed-exitcode' && $(RECONCILER) plan --sandbox --detailed-exitcode
	@echo && echo "Now change a word in specs/campaigns/fintech-intro.yaml and run: make plan"

plan: .venv/demo
	@$(RECONCILER) plan --sandbox

apply: .venv/demo
	@$(RECONCILER) apply --sandbox

test: .venv/dev
	@sh tests/support/browser.sh
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy .github/actions/reconciler/pipeline.py
	$(BIN)/pytest -n 3 --dist worksteal --durations=5

coverage: .venv/dev
	@sh tests/support/browser.sh
	$(BIN)/pytest -n 3 --dist worksteal --cov --cov-report=term:skip-covered

soak: .venv/dev
	@sh tests/support/browser.sh
	SOAK=$(SOAK) $(BIN)/pytest -n 3 --dist worksteal --durations=5

bench: .venv/dev
	$(BIN)/python tests/bench/startup_and_plan.py
	$(BIN)/python tests/bench/create_apply.py
	$(BIN)/python tests/bench/enrol.py
	$(BIN)/python tests/bench/forecast.py
	$(BIN)/python tests/bench/leads.py

format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schemas: .venv/demo
	$(RECONCILER) schema

clean:
	rm -rf .venv .reconciler .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
