PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: help test check clean
help:  ## show the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/\1  \2/p' Makefile

$(STAMP): requirements/dev.txt requirements/build.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	touch $@

build/view: $(STAMP)
	mkdir -p build/view/mcphub_gitops
	for folder in compiler runtime schemas templates; do ln -sfn ../../../$$folder build/view/mcphub_gitops/$$folder; done

check: $(STAMP) build/view  ## lint, formats, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=build/view $(BIN)/lint-imports --no-logo

test: check  ## everything that must hold
	$(BIN)/pytest

clean:  ## remove what make made
	rm -rf .venv build
