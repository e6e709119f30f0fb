# Verbs only; each line is what CI runs.
.DEFAULT_GOAL := help
OURS := shared services/catalogue services/sla-monitor services/billing deploy/local
BIN := .venv/bin
COMPILE := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url --no-header \
  $(foreach name,shared catalogue sla-monitor billing local,--no-emit-package tallystick-$(name)) $(OURS:%=%/pyproject.toml)

.PHONY: help install demo up down test test-image check check-all lint types borders bench bench-stack chaos measures lock clean-demo clean

help:  ## List these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: .venv/.installed  ## Create .venv with all dependencies, checked by hash

.venv/.installed: requirements.lock $(OURS:%=%/pyproject.toml)
	@if command -v uv >/dev/null; then uv venv -q --clear --seed .venv; else python3 -m venv --clear .venv; fi
	@echo "Installing into .venv (a minute or two the first time) ..."
	@if command -v uv >/dev/null; then uv pip install -q --python .venv --require-hashes -r requirements.lock; \
	  else $(BIN)/pip install -q --no-compile --disable-pip-version-check --require-hashes -r requirements.lock; fi
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation $(OURS:%=-e %)
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -c "import billing.app, catalogue.app, sla_monitor.app, tallystick.demo.server"  # compiled here, not in each demo
	@touch $@

demo: install  ## An example partnership with a year of illustrative data, served on this machine
	@$(BIN)/tallystick demo

up:  ## The production setup in containers, with an example partnership and illustrative events (needs Docker)
	@deploy/secrets.sh
	docker compose build
	docker compose run --rm catalogue load adur-worthing
	docker compose run --rm tools illustrate --example adur-worthing  # before the monitor runs, which would see past events as late
	@deploy/up.sh

down:  ## Stop the containers and keep their data
	docker compose down

test: install  ## Every test that this machine can run in minutes; the skipped ones are counted
	@$(BIN)/pytest -rs -n auto --maxprocesses 4 $(if $(TESTS),-m '$(TESTS)' --durations=20 --durations-min=5)

test-image:  ## The tests that need only Python, in the image python:3.13-slim (needs Docker)
	@LAW_EXAMPLES=60 SIMULATION_SEEDS=100 .ci/in-image

check: lint types borders test  ## ruff, mypy --strict, import-linter, tests

check-all: lint types borders  ## Everything, including long runs: chaos, 500 seeds, 2,000 examples, README on a bare image
	@LAW_EXAMPLES=2000 SIMULATION_SEEDS=500 $(BIN)/pytest -rs -n auto --maxprocesses 4 -m ''
	.ci/readme-in-image

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

borders: install
	$(BIN)/lint-imports

bench: install  ## Speed, compared with baselines measured in the same run
	@$(BIN)/python -m tests.bench

bench-stack: install  ## The same on Kafka, Redis and PostgreSQL (needs Docker)
	@$(BIN)/python -m tests.bench_stack

chaos: install  ## A million events while everything is killed, frozen and restarted; all results are recomputed (needs Docker)
	@$(BIN)/python -m tests.chaos

measures: install  ## Measure single outages, memory and 100,000 deadlines (needs Docker)
	@$(BIN)/python -m tests.chaos.measures

lock:  ## Resolve the dependencies again (needs uv)
	$(COMPILE) --group dev -o requirements.lock
	$(COMPILE) -c requirements.lock -o requirements-runtime.lock

clean-demo:  ## Delete the demo's data
	rm -rf var

clean: clean-demo  ## Delete the demo's data and the environment
	rm -rf .venv
