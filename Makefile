PYTHON ?= python3
BIN := .venv/bin
RUNTIME := .venv/.runtime
DEV := .venv/.dev
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help run test check bench fuzz coverage mutate requirements clean
help:  ## show the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/\1  \2/p' Makefile

$(RUNTIME): requirements/runtime.txt requirements/build.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(PIP) --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	$(PIP) --no-build-isolation --no-deps --editable .
	$(BIN)/python -m compileall -q compiler runtime schemas templates
	touch $@

$(DEV): $(RUNTIME) requirements/dev.txt
	$(PIP) --require-hashes -r requirements/dev.txt
	touch $@

run: $(RUNTIME)  ## serve this repository's own hub: validate, check the lock, plan, apply, gateway
	$(BIN)/mcphub up

build/view: $(DEV)
	mkdir -p build/view/mcphub_gitops
	for folder in compiler runtime schemas templates; do ln -sfn ../../../$$folder build/view/mcphub_gitops/$$folder; done

check: $(DEV) build/view  ## lint, formats, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=build/view $(BIN)/lint-imports --no-logo

# Those that wait for deadlines of parts of a second have the processors to themselves.
TIMED = tests/runtime/gateway tests/runtime/engines tests/runtime/network
test: check  ## everything that must hold, most of it on two processors at once
	$(BIN)/pytest -n 2 --dist loadfile $(addprefix --ignore=,$(TIMED))
	$(BIN)/pytest $(TIMED)

bench: $(DEV)  ## print the published figures
	$(BIN)/python bench/startup.py
	$(BIN)/python bench/gateway.py
	$(BIN)/python -m bench.engine
	$(BIN)/python -m bench.policies
	$(BIN)/python -m bench.compiler
	$(BIN)/python -m bench.reviews

FUZZ_SECONDS ?= 600
fuzz: $(DEV) build/view  ## make inputs up for FUZZ_SECONDS, and keep what is of interest in build/fuzz
	$(BIN)/python -m tests.fuzz.run $(FUZZ_SECONDS) build/fuzz

COVERED = tests/compiler tests/property/test_documents.py tests/test_cases.py tests/test_docs.py
coverage: $(DEV)  ## print the branches of the compiler that no test takes
	$(BIN)/coverage run --data-file=build/coverage --branch --source=compiler -m pytest $(COVERED)
	$(BIN)/coverage report --data-file=build/coverage --show-missing --skip-covered

mutate: $(DEV)  ## change what decides about paths, URLs and policies; print which changes no test notices
	$(BIN)/python -m bench.mutation build/mutation 85

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
requirements: $(DEV)  ## choose the newest dependencies anew
	$(COMPILE) --upgrade pyproject.toml --output-file requirements/runtime.txt
	$(COMPILE) --upgrade pyproject.toml --group dev --constraints requirements/runtime.txt --output-file requirements/dev.txt
	$(COMPILE) --upgrade --group stores --output-file requirements/stores.txt

clean:  ## remove what make made
	rm -rf .venv build
