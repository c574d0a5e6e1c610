# Everything a developer types. Each target prepares what it needs in ./.venv.
#
#   make demo            a whole migration between two private servers (ROWS=100000)
#   make test            every test but the slow ones        (ARGS="-k name" goes to pytest; PARALLEL= runs them one by one)
#   make test-slow       the tests that take minutes
#   make lint            ruff and mypy
#   make bench           measure against peers
#   make docs            write the generated parts of README.md
#   make lock            pin the newest versions that pyproject.toml allows
#   make clean           remove what the other targets made, but .venv

PYTHON ?= python3
ROWS ?= 100000
ARGS ?=
# Every worker has servers of its own; a file's tests stay together, since they share what they made.
PARALLEL ?= -n auto --maxprocesses 4 --dist loadfile

VENV := .venv
RUN := $(VENV)/bin/python
STAMP := $(VENV)/installed
# The paths of make's own rules are relative, so that the checkout may lie below a directory with a space in its name.

.PHONY: demo test test-slow lint bench docs venv lock clean test-servers python

demo: $(STAMP)
	@$(RUN) -m voyager demo --rows $(ROWS) $(ARGS)

# The tests start the command thousands of times. Where Python may write no bytecode, each would compile it anew.
COMPILE = @$(RUN) -m compileall -q voyager statemachine migrations_ddl

test: $(STAMP) test-servers
	$(COMPILE)
	$(RUN) -m pytest -m "not slow" $(PARALLEL) $(ARGS)

test-slow: $(STAMP) test-servers
	$(COMPILE)
	$(RUN) -m pytest -m slow $(PARALLEL) $(ARGS)

lint: $(STAMP)
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

bench: $(STAMP)
	$(RUN) -m benchmarks $(ARGS)

docs: $(STAMP)
	$(RUN) docs/generate.py

venv: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(MAKE) --no-print-directory python
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) ..."
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(RUN) -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

# Debian ships Python without what `python3 -m venv` needs. Root installs it; anybody else is told what to ask for.
python:
	@if ! test -x $(RUN) && ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
	  if test "$$(id -u)" = 0 && command -v apt-get >/dev/null; then \
	    echo "Installing python3-venv ..."; $(call apt_install,python3 python3-venv); \
	  else \
	    echo "Python's venv module is missing: have an administrator run 'apt-get install python3-venv'." >&2; exit 1; \
	  fi; \
	fi
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ...")'

# Servers that no package index holds. Without them the tests that need one are skipped and say so.
test-servers:
	@missing=; \
	test -x /usr/lib/postgresql/15/bin/postgres || missing="$$missing postgresql-15"; \
	test -x /usr/sbin/mariadbd || command -v mariadbd >/dev/null || missing="$$missing mariadb-server"; \
	test -n "$$missing" || exit 0; \
	if test "$$(id -u)" != 0 || ! command -v apt-get >/dev/null; then \
	  echo "Tests that need$$missing will be skipped: only root can install them here."; exit 0; \
	fi; \
	for package in $$missing; do \
	  echo "Installing $$package for the tests ..."; \
	  ($(call apt_install,$$package)) || echo "$$package could not be installed; tests that need it will be skipped."; \
	done

apt_install = export DEBIAN_FRONTEND=noninteractive; log=$$(mktemp); \
	if (apt-get install -y -q --no-install-recommends $(1) || \
	    { apt-get update -q && apt-get install -y -q --no-install-recommends $(1); }) </dev/null >"$$log" 2>&1; \
	then rm -f "$$log"; else tail -n 5 "$$log" >&2; rm -f "$$log"; false; fi

# uv resolves for every platform at once; it lives in a directory of its own for as long as that takes.
lock:
	@$(MAKE) --no-print-directory python
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && \
	$(PYTHON) -m venv "$$scratch" && "$$scratch/bin/pip" install --quiet --disable-pip-version-check uv && \
	"$$scratch/bin/uv" pip compile pyproject.toml --extra demo --extra dev --extra tui --extra mysql --extra oracle --universal --python-version 3.11 --upgrade \
	  --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet \
	  --output-file "$$scratch/pinned" && \
	{ echo "# Every package of the demo and the tests, pinned by hash. Made by: make lock"; \
	  cat "$$scratch/pinned"; } >requirements.lock

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -path ./$(VENV) -prune -o -type d -name __pycache__ -exec rm -rf {} +
