# On a fresh Linux machine with Python 3.11 or newer and make:
#   make demo    five people play a space's first weeks on a real Postgres
#   make test    the test suite, without the long tests
# Packages and tools are installed into .venv and .cache, from locked versions.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SYNCED := $(VENV)/.synced

# The tests start Python hundreds of times. An environment that forbids writing bytecode would make each start compile
# everything again.
BYTECODE := PYTHONDONTWRITEBYTECODE=

# With COVERAGE=1 the tests add to .coverage which lines and branches of the packages they ran.
MEASURED := $(if $(COVERAGE),--cov --cov-append --cov-report= --cov-fail-under=0)
# One process more than the two processors that we count on, because some of them always wait.
# The slowest tests start first: pytest has them in that order already (tests/support/order.py).
PYTEST := $(BYTECODE) $(BIN)/python -m pytest -n 3 --dist loadgroup --no-loadscope-reorder $(MEASURED)

.PHONY: install demo test test-long test-partitioned test-pooled coverage coverage-report bench bench-check lint format generate check-generated parts clean

# What the other targets begin with: the locked packages, in .venv.
install: $(SYNCED)

demo: $(SYNCED)
	$(BIN)/python -m examples.first_weeks

test: $(VENV)/.compiled parts
	$(PYTEST) -m "not long"

# The long tests, then the access rules and the SQL again on the PostgreSQL versions that hosted projects run, and where
# tables have grown.
test-long: $(VENV)/.compiled parts
	$(PYTEST) -m long
	MONOGRAM_TEST_POSTGRES=17 $(PYTEST) -m "not long" tests/access tests/sql
	MONOGRAM_TEST_POSTGRES=15 $(PYTEST) -m "not long" tests/access
	$(MAKE) test-partitioned test-pooled

# The same with partitioned tables, see docs/guides/growing.md.
PROMISES := tests/access tests/sql/test_ledger*.py tests/sql/test_responses.py tests/sql/test_space_events.py
test-partitioned: $(VENV)/.compiled parts
	MONOGRAM_TEST_PARTITIONED=1 $(PYTEST) -m "not long" tests/access tests/sql tests/embedded/realtime
	MONOGRAM_TEST_PARTITIONED=1 MONOGRAM_TEST_POSTGRES=17 $(PYTEST) -m "not long" $(PROMISES)
	MONOGRAM_TEST_PARTITIONED=1 MONOGRAM_TEST_POSTGRES=15 $(PYTEST) -m "not long" $(PROMISES)

# The same behind PgBouncer in transaction mode.
test-pooled: $(VENV)/.compiled parts
	MONOGRAM_TEST_POOLED=1 $(PYTEST) -m "not long" tests/access tests/sql

# One topic: `make test-sql`, `make test-sdk` and so on. One test: scripts/one_test.sh.
TOPICS := access docs embedded functions growing live local migrations races sdk sql
.PHONY: $(TOPICS:%=test-%)
$(TOPICS:%=test-%): test-%: $(VENV)/.compiled parts
	$(PYTEST) -m "not long" tests/$*

# The whole suite with coverage: lines and branches of all code that is not generated. It takes about a third longer.
coverage: $(SYNCED)
	$(BIN)/coverage erase
	$(MAKE) test COVERAGE=1
	$(MAKE) test-long COVERAGE=1
	$(MAKE) coverage-report

# Fails when coverage is below `fail_under` in pyproject.toml.
coverage-report: $(SYNCED)
	$(BIN)/coverage report

# Installs what the tests need besides Python packages; does nothing when it is there.
parts: $(SYNCED)
	scripts/install_test_parts.sh

# Measures the database beside references, in less than 25 minutes, and writes docs/explanation/performance.md.
# VERSION=15 or 17: that version of PostgreSQL. PGLEDGER_DIR: a copy of pgledger to compare with.
bench: parts
	$(BIN)/python -m benchmarks.database all --postgres-version $(or $(VERSION),18)

# Fails when a ratio of the database is worse by a third than in benchmarks/database/baseline.json.
bench-check: $(SYNCED)
	$(BIN)/python -m benchmarks.database check

lint: $(SYNCED) check-generated
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python scripts/check_vocabulary.py
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

# Generated files: the sync client and its tests, the list of invisible characters, and the reference pages.
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

# Compiles all packages once, because the tests start Python hundreds of times.
$(VENV)/.compiled: $(SYNCED)
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv sync --quiet --active --locked --all-extras --compile-bytecode
	touch $@

clean:
	rm -rf $(VENV) .cache .monogram .monogram-demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
