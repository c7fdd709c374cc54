# make demo · test · check · bench · docs · torture, explained in the README. Needs Python 3.11 or newer and make; everything else goes into .venv.

PYTHON ?= $(shell for p in python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# A model that the user has set for real runs must not be asked by a demo.
OFFLINE := env -u RLBFF_LLM
# One process a core, each with one thread; a file's tests stay together, and so do what they share; conftest.py has the order.
TESTS := env OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

.PHONY: demo test check bench docs torture lint wheel clean

demo: .venv/.models
	export PATH="$$PWD/$(BIN):$$PATH" && $(OFFLINE) bash docs/recipes/everything.sh sample_data demo

test: .venv/.dev
	$(TESTS) -m "not slow and not campaign"

check: .venv/.dev
	$(MAKE) --jobs 2 --output-sync lint wheel
	$(BIN)/python docs/build.py --check
	$(TESTS) -m "not campaign"

lint: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy docs/build.py
	$(BIN)/mypy docs/site_pages.py
	$(BIN)/lint-imports

# What a user gets: the wheel, without extras, in an empty environment.
wheel: | $(BIN)/python
	rm -rf build dist
	$(PIP) wheel --no-deps --wheel-dir dist .
	rm -rf build
	$(BIN)/python -m venv --clear dist/venv
	dist/venv/bin/python -m pip --quiet --disable-pip-version-check install -c constraints.txt dist/*.whl
	cd dist && venv/bin/rlbff --help >/dev/null
	cd dist && $(OFFLINE) venv/bin/rlbff extract-principles ../sample_data/feedback.jsonl --out smoke --log-level error

bench: .venv/.dev
	@for file in tests/benchmarks/bench_*.py; do echo "== $$file" && $(BIN)/python $$file || exit 1; done
	@test ! -d ../shared/data || for file in heldout golden_code; do $(BIN)/python tests/benchmarks/$$file.py || exit 1; done

docs: .venv/.dev
	$(BIN)/python docs/build.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir site
	@echo "To look at: site/index.html"

# The chain under hundreds of faults, then the long form of tests that `make check` runs in their short one.
torture: .venv/.dev
	$(BIN)/python -m tests.torture .torture --faults 210 --processes 2
	$(BIN)/python -m tests.fuzz.guided --findings .torture/findings
	$(TESTS) -m campaign

clean:
	rm -rf .venv build dist demo site .torture *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer found; name one: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.runtime: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install -c constraints.txt -e .
	@touch $@

.venv/.models: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install -c constraints.txt -e ".[models]"
	@touch $@ .venv/.runtime

.venv/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install -c constraints.txt -e ".[dev]"
	@touch $@ .venv/.models .venv/.runtime
