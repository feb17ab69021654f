# Two commands do everything on a fresh machine with Python 3.11 or newer and make:
#   make demo    a space's first weeks, played on a real Postgres by five people
#   make test    the whole test suite
# Everything is installed into .venv and .cache, from locked versions.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SYNCED := $(VENV)/.synced

# Tests start Python hundreds of times. Where the environment forbids to write bytecode, each start compiles anew.
BYTECODE := PYTHONDONTWRITEBYTECODE=

# With COVERAGE=1 tests add to .coverage which lines and branches of the package they ran.
MEASURED := $(if $(COVERAGE),--cov --cov-append --cov-report= --cov-fail-under=0)
# More processes than the two processors that we count on: some of them always wait.
# What takes long begins first: the tests are in that order already (tests/support/order.py).
PYTEST := $(BYTECODE) $(BIN)/python -m pytest -n 3 --dist loadgroup --no-loadscope-reorder $(MEASURED)

.PHONY: demo test test-long coverage coverage-report lint format generate check-generated parts clean

demo: $(SYNCED)
	$(BIN)/python -m examples.first_weeks

test: $(VENV)/.compiled parts
	$(PYTEST) -m "not long"

# The database behaves alike on the versions that others run it on.
test-long: $(VENV)/.compiled parts
	$(PYTEST) -m long
	MONOGRAM_TEST_POSTGRES=17 $(PYTEST) -m "not long" tests/access tests/sql
	MONOGRAM_TEST_POSTGRES=15 $(PYTEST) -m "not long" tests/access

# The whole suite, measured: lines and branches of what is written by hand. It takes about a third longer.
coverage: $(SYNCED)
	$(BIN)/coverage erase
	$(MAKE) test COVERAGE=1
	$(MAKE) test-long COVERAGE=1
	$(MAKE) coverage-report

# Fails where less was run than pyproject.toml asks for.
coverage-report: $(SYNCED)
	$(BIN)/coverage report

# What the tests need beyond Python packages; does nothing when it is all there.
parts: $(SYNCED)
	scripts/install_test_parts.sh

lint: $(SYNCED) check-generated
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports --no-logo
	scripts/check_server.sh
	scripts/check_functions.sh

format: $(SYNCED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	scripts/check_server.sh --fix
	scripts/check_functions.sh --fix

# Files that are made from others: the sync client and its tests, the characters that nobody sees, the tables of errors
# and actions.
generate: $(SYNCED)
	$(BIN)/python scripts/unasync.py
	$(BIN)/python scripts/blank.py
	$(BIN)/python scripts/errors_page.py
	$(BIN)/python -m scripts.database_page
	$(BIN)/python -m scripts.actions_page

check-generated: $(SYNCED)
	$(BIN)/python scripts/unasync.py --check
	$(BIN)/python scripts/blank.py --check
	$(BIN)/python scripts/errors_page.py --check
	$(BIN)/python -m scripts.actions_page --check
	$(BIN)/uv lock --check --quiet

$(BIN)/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.9,<0.14"

$(SYNCED): pyproject.toml uv.lock | $(BIN)/uv
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv sync --quiet --active --locked --all-extras
	touch $@

# The tests start Python hundreds of times, where the environment may forbid it to write bytecode.
$(VENV)/.compiled: $(SYNCED)
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv sync --quiet --active --locked --all-extras --compile-bytecode
	touch $@

clean:
	rm -rf $(VENV) .cache .monogram .monogram-demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
