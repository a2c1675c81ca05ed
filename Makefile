# Everything sets itself up in .venv; the machine needs python3 >= 3.11 with pip, and make.
#
#   make demo          a living workspace on this machine, in one command
#   make test          the tests, at most five minutes on two cores
#   make check         what CI runs: format, lint, types, layout, and also the long stories
#   make sim SEEDS=100 the simulator: teams in virtual time, and everything that fails them
#   make soak          the same for long: a day of twenty machines, and two hundred at once
#   make chaos         twenty processes that are killed, frozen and cut off for a minute
#   make attacks       what a hostile member, relay or stranger can try, by number
#   make fuzz          every decoder under a coverage-guided fuzzer [TARGET=name] [SECONDS=600]
#   make bench         the numbers of docs/performance.md, as ratios against a floor
#   make format        rewrite the code in the project's format
#   make requirements  pin the newest allowed versions again

PYTHON ?= python3
# Half of what the tests do is waiting for processes, so two cores are busy with four.
WORKERS ?= 4
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes

.DEFAULT_GOAL := help
.PHONY: help demo test check sim soak chaos attacks bench format requirements clean

help:
	@sed -n 's/^#   //p' Makefile

# Two sets: the demo needs only what a user installs.
.venv/base.stamp: requirements/base.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Clowder needs Python 3.11 or newer; say make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing what Clowder uses into .venv"
	@$(INSTALL) -r requirements/base.txt
	@touch $@

.venv/dev.stamp: .venv/base.stamp requirements/dev.txt pyproject.toml
	@echo "installing what its tests use into .venv"
	@$(INSTALL) -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation --editable .
	@touch $@

demo: .venv/base.stamp
	@$(BIN)/python -m chat demo

test: .venv/dev.stamp
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not long"

check: .venv/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

SEEDS ?= 100
sim: .venv/dev.stamp
	$(BIN)/python -m tests.sim --seeds $(SEEDS) --jobs 2

soak: .venv/dev.stamp
	$(BIN)/python -m tests.sim --crowd
	$(BIN)/python -m tests.sim --soak

CHAOS_SEED ?= 1
chaos: .venv/dev.stamp
	CHAOS_MACHINES=20 CHAOS_SECONDS=60 CHAOS_SEED=$(CHAOS_SEED) $(BIN)/python -m pytest -s \
		tests/integration/test_history_processes.py

HISTORIES ?= 10000
attacks: .venv/dev.stamp
	ATTACK_HISTORIES=$(HISTORIES) ROSTER_EXAMPLES=3000 KILL_EVERY=1 $(BIN)/python -m pytest \
		tests/attacks tests/crdt/test_roster_random.py tests/chat/test_profile_forks.py -n $(WORKERS) --dist worksteal

# The fuzzer is apart: it has no build for every Python that Clowder runs on, and no test needs it.
.venv/fuzz.stamp: .venv/dev.stamp requirements/fuzz.txt
	@echo "installing the fuzzer into .venv"
	@$(INSTALL) -r requirements/fuzz.txt
	@touch $@

TARGET ?=
SECONDS ?= 600
fuzz: .venv/fuzz.stamp
	nice -n 10 $(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(if $(TARGET),"$(TARGET)")

bench: .venv/dev.stamp
	$(BIN)/python -m bench

format: .venv/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Hashes come from the public index alone, whatever pip is configured to ask on this machine,
# and no address is written into the files.
COMPILE := env -u PIP_FIND_LINKS -u PIP_INDEX_URL -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null \
	$(BIN)/python -m piptools compile --quiet --upgrade --generate-hashes --allow-unsafe \
	--strip-extras --no-header --no-emit-options --no-emit-index-url --no-emit-find-links \
	--no-emit-trusted-host
DEV_GROUP := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"], sep="\n")

requirements: .venv/dev.stamp
	$(COMPILE) --output-file requirements/base.txt pyproject.toml
	$(BIN)/python -c '$(DEV_GROUP)' | $(COMPILE) --constraint requirements/base.txt --extra web \
		--output-file requirements/dev.txt pyproject.toml -
	$(COMPILE) --output-file requirements/fuzz.txt requirements/fuzz.in

clean:
	rm -rf .venv .fuzz .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
