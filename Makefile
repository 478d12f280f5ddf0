# Everything starts here: a fresh clone needs python3 (3.11-3.13), make and a network, and nothing else.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
UV_VERSION := 0.13.9
# the city that is played: 2018 or 2026
SCENARIO ?= 2018
LOCKS := requirements.txt requirements-dev.txt

.PHONY: help run up down test soak check lint bench lock browser servers

help: ## show this
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name what; do \
	  printf '  make %-7s %s\n' "$$name" "$$what"; done

run: $(READY) ## one cycle of the whole city on Airflow, then stop; again: an incremental cycle. SCENARIO=2026: today's units
	@$(BIN)/python -m sandbox.stack run --scenario $(SCENARIO)

up: $(READY) ## the same, kept running: prints URLs and log-ins; Ctrl-C or `make down` stops it
	@$(BIN)/python -m sandbox.stack up --scenario $(SCENARIO)

down: $(READY) ## stop what `make up` left running
	@$(BIN)/python -m sandbox.stack down

check: lint ## format, lint, types, layers and the fast tests: a minute
	@$(BIN)/python -m pytest -q -n 2 -m "not slow"

lint: $(READY)
	@$(BIN)/ruff format --check --quiet . || { echo "format: $(BIN)/ruff format ." >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports > .venv/layers.log || { cat .venv/layers.log; exit 1; }

test: $(READY) browser servers ## every test, the whole stack end to end included
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup

soak: $(READY) ## the long forms: crashes at every step, runs at once, pages that move, any interleaving; an hour
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -m soak

browser:
	@$(call install,Chromium,chromium chromium-browser google-chrome,chromium fonts-dejavu-core,tests of the public page)

# programs alone: MariaDB's packages bring no service that would start, and the others' are masked before they could
servers:
	@$(call install,MariaDB,mariadbd /usr/sbin/mariadbd,mariadb-server-core mariadb-client-core,tests on MariaDB)
	@$(call mask,nginx)
	@$(call install,nginx,nginx /usr/sbin/nginx,nginx libnginx-mod-http-js,tests of the web server)
	@$(call mask,prometheus)
	@$(call install,Prometheus,promtool,prometheus,tests of the alert rules)
	@$(call mask,redis-server)
	@$(call install,Redis,redis-server,redis-server,tests with Celery workers)

# a program and its service: what is installed here must not begin to serve
define mask
command -v $(1) > /dev/null || [ "$$(id -u)" != 0 ] || [ ! -d /run/systemd/system ] || systemctl --quiet mask $(1)
endef

# name, programs any of which will do, packages that bring it, what is skipped without
define install
command -v $(2) > /dev/null || { \
  if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
    echo "Installing $(1) …"; export DEBIAN_FRONTEND=noninteractive; \
    { apt-get -qq update && apt-get -qq install -y --no-install-recommends $(3); } > .venv/apt.log 2>&1 \
      || echo "$(1) could not be installed (.venv/apt.log): $(4) are skipped"; \
  else echo "$(1) is not installed, and this is not root on Debian: $(4) are skipped"; fi; }
endef

bench: $(READY) ## measure what the bars are about
	@$(BIN)/python -m tests.bench

lock: $(READY) ## resolve the requirements again for Python 3.11-3.13
	@for name in requirements requirements-dev; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    --output-file $$name.txt $$name.in; done

# uv comes by pip; everything else is pinned, with hashes. Bytecode is compiled here, not in the first run.
# --no-config: constraints of pyproject.toml are for resolving, and have no hashes.
$(READY): $(LOCKS) pyproject.toml Makefile
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
	  echo "python3 must be 3.11, 3.12 or 3.13, and is $$($(PYTHON) --version 2>&1);" \
	    "name another: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@began=$$(date +%s); echo "Installing into .venv …"; set -e; \
	[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv; \
	[ -x $(BIN)/uv ] || $(BIN)/python -m pip install -qq --disable-pip-version-check uv==$(UV_VERSION); \
	export VIRTUAL_ENV="$$PWD/.venv"; \
	$(BIN)/uv pip install --quiet --no-config --compile-bytecode --require-hashes $(LOCKS:%=-r %); \
	$(BIN)/uv pip install --quiet --no-deps --editable .; \
	touch $@; echo "Installed in $$(( $$(date +%s) - began )) s (not part of what follows)"
