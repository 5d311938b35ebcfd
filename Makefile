# Two commands on a fresh machine: make demo, make test. Only Python 3.11+ and make are needed.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
UV_VERSION := 0.13.9
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# compiled once: where an environment forbids to keep that, every start would compile all libraries for seconds
export PYTHONDONTWRITEBYTECODE :=
export UV_COMPILE_BYTECODE := 1

# as pip does: whatever certificates the machine trusts, a company's own among them; uv's own where it has none
SYSTEM_CERTS := $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem)
UV_SYSTEM_CERTS ?= $(if $(SYSTEM_CERTS),true,false)
export UV_SYSTEM_CERTS

# uv from PATH when it runs (a version manager's empty shim does not), or a private one
UV := $(shell uv --version >/dev/null 2>&1 && command -v uv || echo .uv/bin/uv)
BIN := .venv/bin

help: ## Show this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: .venv/.run ## Install what running needs
setup-all: .venv/.all ## Install what tests and checks need, too

demo: .venv/.run ## Run everything between two emulators (ARGS=--once buys one course and ends)
	@$(BIN)/kelaspay demo $(ARGS)

run: .venv/.run ## Serve, with the environment's settings
	@$(BIN)/kelaspay serve $(ARGS)

work: .venv/.run ## Work without the web
	@$(BIN)/kelaspay work $(ARGS)

emulate: .venv/.run ## Put an emulator on a port (ARGS="duitku --port 9001")
	@$(BIN)/kelaspay emulate $(ARGS)

SUITE = -n auto --maxprocesses 8 -m "not chaos and not deployment"
test: .venv/.all ## Run the whole suite, on SQLite and on PostgreSQL and Redis (ARGS="-k twice" for a part, COVERAGE=1)
ifdef ARGS
	$(BIN)/pytest $(ARGS)
else ifdef COVERAGE
	@rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest $(SUITE)
	@$(BIN)/coverage combine --quiet && $(BIN)/coverage report
else
	$(BIN)/pytest $(SUITE)
endif

bench: .venv/.all ## Measure everything, beside PostgreSQL and Redis (ARGS="--only 1,7"; needs wrk, takes long)
	@$(BIN)/python -m tests.bench $(ARGS)

bench-short: .venv/.all ## Measure what is quick, and fail on a fall since docs/performance.json
	@$(BIN)/python -m tests.bench --short $(ARGS)

BOUNDARIES = tests/chaos/test_every_boundary.py
chaos: .venv/.all ## Run what takes minutes: kills and crashes under load, the limit, a death at every boundary
	$(BIN)/pytest -n auto --maxprocesses 8 -m chaos $(BOUNDARIES)
	$(BIN)/pytest -m chaos --ignore $(BOUNDARIES)

chaos-long: export CHAOS_PAYMENTS = 2000
chaos-long: export CHAOS_EVERY = 1
chaos-long: export CHAOS_PAIRS = 150
chaos-long: chaos ## The same with everything there is: 2 000 payments under fire, every boundary on PostgreSQL, more pairs

deployment: .venv/.all ## Build what the Dockerfile builds and run what compose.yaml describes, without Docker (needs Caddy)
	UV=$(UV) $(BIN)/python -m tests.deployment.image .image
	KELASPAY_BIN=$(CURDIR)/.image/app/bin $(BIN)/pytest -m deployment

docs: .venv/.docs ## Build the documentation's site in .site/html; a link that leads nowhere stops it
	@$(BIN)/python -m tools.docs

drive: .venv/.all ## Send the API whatever its description allows and forbids (ARGS=600, seconds)
	$(BIN)/python -m tests.api.drive $(ARGS)

histories: .venv/.all ## Run 2 000 random histories of sales, which takes minutes
	HYPOTHESIS_PROFILE=ci $(BIN)/pytest -n auto -q tests/security/test_histories.py

FUZZ_RUNS ?= 5000000
fuzz: .venv/.all ## Fuzz what reads callbacks, signatures, names and numbers: a night's work (FUZZ_RUNS=20000 for a try)
	$(UV) sync --quiet --frozen --inexact --group fuzz --python $(PYTHON)
	$(BIN)/python -m tests.security.fuzz raw_callback -runs=$(FUZZ_RUNS)
	for target in signed_callback signature subdomain phone email; do \
	  $(BIN)/python -m tests.security.fuzz $$target -runs=$$(( $(FUZZ_RUNS) / 10 )) || exit 1; done

SCANNED = $$(git ls-files | grep -vE '^(tests|src/kelaspay_emulators|docs/screenshots|tools)/|uv.lock|[.]png$$')
audit: .venv/.all ## Look for known vulnerabilities, unsafe code and keys in git
	$(UV) lock --check --quiet
	$(BIN)/python tools/audit.py
	$(BIN)/bandit -q -r src -ll -s B608
	$(BIN)/detect-secrets-hook --disable-plugin KeywordDetector --disable-plugin BasicAuthDetector --disable-plugin Base64HighEntropyString $(SCANNED)

pin-images: .venv/.run ## Pin the images of Dockerfile and compose.yaml by the digests of today (needs Docker)
	@$(BIN)/python tools/pin_images.py

sbom: .venv/.run ## Write sbom.json: what an installation consists of (CycloneDX)
	$(UV) export --quiet --frozen --no-dev --all-extras --format cyclonedx1.5 --output-file sbom.json

check: .venv/.all ## Run formatter, linter, types and import rules
	$(UV) lock --check --quiet
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

screenshots: .venv/.all ## Take the pictures in docs/screenshots (needs Chromium)
	$(BIN)/python -m tests.pages.screenshots

format: .venv/.all ## Format, and mend what the linter can
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

clean: ## Remove what was installed and made
	rm -rf .venv .uv .site .image data .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage htmlcov

.uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=/path/to/python)"; exit 1; }
	@$(PYTHON) -m venv .uv
	@.uv/bin/python -m pip install --quiet 'uv==$(UV_VERSION)'

# --inexact: what tests need stays when it is there already
.venv/.run: uv.lock pyproject.toml | $(filter .uv/bin/uv,$(UV))
	@$(UV) sync --quiet --frozen --no-dev --inexact --python $(PYTHON)
	@touch $@

.venv/.all: uv.lock pyproject.toml | $(filter .uv/bin/uv,$(UV))
	@$(UV) sync --quiet --frozen --all-extras --python $(PYTHON)
	@touch $@ .venv/.run

.venv/.docs: uv.lock pyproject.toml | .venv/.all
	@$(UV) sync --quiet --frozen --inexact --group docs --python $(PYTHON)
	@touch $@

.PHONY: pin-images chaos chaos-long deployment docs histories fuzz drive help setup setup-all demo run work emulate test bench bench-short check screenshots format clean
