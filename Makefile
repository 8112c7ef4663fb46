# Two commands matter: `make up` runs the whole service here, `make test` passes every test. Both do all their own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
TESTS_AT_A_TIME ?= 3

.DEFAULT_GOAL := help

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(INSTALLED): setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Headrace needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	@echo "installing Headrace into $(VENV) (about two minutes the first time, in silence) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --upgrade pip
	@$(BIN)/python -m pip install -qq --editable '.[local,dev]'
	@touch $@

install: $(INSTALLED) ## create the virtual environment and install everything into it

up: $(INSTALLED) ## start the whole service on the embedded stack, show it working, stay until Ctrl-C
	@exec $(BIN)/headrace up

demo: $(INSTALLED) ## the same, then stop everything and exit
	@exec $(BIN)/headrace demo

test: check ## every check and every test

check: lint types imports schemas-check docs-check pytest ## the one definition of the checks

lint: $(INSTALLED) ## ruff: style, banned calls, formatting
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .

fmt: $(INSTALLED) ## format and mend what ruff can mend
	@$(BIN)/python -m ruff format .
	@$(BIN)/python -m ruff check --fix .

types: $(INSTALLED) ## mypy, strict, tests included
	@$(BIN)/python -m mypy

imports: $(INSTALLED) ## the laws between the rooms
	@$(BIN)/lint-imports

schemas: $(INSTALLED) ## write the topics' JSON Schemas anew from the event classes
	@$(BIN)/python -m producers.contracts

schemas-check: $(INSTALLED) ## fail where a schema is not as the event classes say
	@$(BIN)/python -m producers.contracts --check

docs: $(INSTALLED) ## write the generated tables of the documents anew
	@$(BIN)/python -m producers.docs

docs-check: $(INSTALLED) ## fail where a generated table is not as the code says
	@$(BIN)/python -m producers.docs --check

map: $(INSTALLED) ## the tour of the house: every module's first line
	@$(BIN)/python -m tests.support.house map

sizes: $(INSTALLED) ## the ten largest modules and functions, for taste to look at
	@$(BIN)/python -m tests.support.house sizes

wheel: $(INSTALLED) ## the wheel and the source archive, into dist/
	@rm -rf dist
	@$(BIN)/python -m build --no-isolation --outdir dist .
	@rm -rf headrace.egg-info

screenshots: $(INSTALLED) ## take the pictures of the documents anew, with the real small model
	@$(BIN)/python -m tests.support.screenshots

# Much of a test's time is waiting for real parts: three at a time keep two cores busy.
pytest: $(INSTALLED)
	@$(BIN)/python -m tests.support.chromium
	@$(BIN)/python -m pytest -n $(TESTS_AT_A_TIME)

.PHONY: help install up demo test check lint fmt types imports schemas schemas-check docs docs-check map sizes wheel screenshots pytest
