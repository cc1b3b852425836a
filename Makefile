# Every target sets up what it needs: Python 3.11 or newer and make are enough.
PYTHON ?= python3
ARGS   ?=

# What the exporter runs on, and nothing else; and beside it what developing it takes.
RUN := .venv-run
DEV := .venv
FUZZ := .venv-fuzz

.DEFAULT_GOAL := help
.PHONY: help run demo demo-data golden dashboards drill bench soak fuzz manifests helm image unit test check format lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(RUN)/ready ## Serve IonQ's backends on port 10065 (ARGS="--help" lists the flags)
	$(RUN)/bin/python -m exporter $(ARGS)

demo: $(RUN)/ready ## The same against the built-in simulator, without any network
	$(RUN)/bin/python -m exporter demo $(ARGS)

drill: $(DEV)/ready ## Rehearse an outage with a real Prometheus and Alertmanager (needs both)
	$(DEV)/bin/python -m deploy.drill $(ARGS)

bench: $(DEV)/ready $(RUN)/ready ## Measure beside other exporters (needs a few Debian packages; BASELINE=path adds a checkout)
	$(DEV)/bin/python -m benchmarks $(RUN)/bin/python

soak: $(DEV)/ready ## Scrape 300,000 times with faults, and see that nothing grows (SOAK_SCRAPES=n)
	$(DEV)/bin/python -m benchmarks.soak

fuzz: $(FUZZ)/ready ## Look for inputs that break the parser or the HTTP surface (FUZZ_SECONDS=60)
	$(FUZZ)/bin/python -m fuzz

golden: $(DEV)/ready ## Write the golden expositions anew, for review
	$(DEV)/bin/python -m tests.support.golden

dashboards: $(DEV)/ready ## Generate Grafana's dashboards, and their copies in the chart
	$(DEV)/bin/python -m grafana.generator
	$(DEV)/bin/python -m deploy.manifests

demo-data: $(DEV)/ready ## Put two weeks of scrapes and years of fidelity into a Prometheus data directory (needs promtool)
	$(DEV)/bin/python -m grafana.demo_data $(ARGS)

manifests: $(DEV)/ready ## Generate what Kubernetes needs of rules, routes and dashboards
	$(DEV)/bin/python -m deploy.manifests

helm: $(DEV)/bin/helm ## Install helm and kubectl for the tests, on Linux and amd64 (38 MB)

# A package for Python carries both in an archive within an archive.
$(DEV)/bin/helm: tests/system/deploy/helm.txt | $(DEV)/ready
	$(DEV)/bin/python $(PIP_INSTALL) --no-deps --upgrade --target $(DEV)/helm --requirement $<
	cd $(DEV)/helm && tar --extract --file aws_cdk/*/_jsii/*.tgz && ../bin/python -m zipfile --extract package/lib/layer.zip .
	mv $(DEV)/helm/kubectl/kubectl $(DEV)/helm/helm/helm $(DEV)/bin && chmod +x $(DEV)/bin/kubectl $(DEV)/bin/helm
	rm -r $(DEV)/helm && touch $@

image: ## Build the container image (ENGINE=podman, if not docker)
	$(ENGINE) build --tag $(IMAGE):$(VERSION) --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) .

ENGINE   ?= docker
IMAGE    ?= ghcr.io/ionq-exporter/ionq-exporter
VERSION   = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' exporter/__init__.py)
REVISION  = $(shell git rev-parse HEAD)

# Many tests wait for a process more than they compute, so there are more workers than cores.
WORKERS ?= $(shell expr $$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN) '*' 2)

unit: $(DEV)/ready ## Run the unit tests in seconds (ARGS=tests/unit/test_settings.py for one file)
	$(DEV)/bin/python -m pytest --numprocesses auto --hypothesis-profile quick --override-ini testpaths=tests/unit $(ARGS)

test: $(DEV)/ready ## Run all tests and measure branch coverage (ARGS=tests/integration for some, without coverage)
	$(DEV)/bin/python -m pytest --numprocesses $(WORKERS) --dist worksteal $(or $(ARGS),--cov --cov-report=)

check: $(DEV)/ready ## Check format, lint, types, imports and spelling
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/ruff check .
	$(DEV)/bin/mypy
	$(DEV)/bin/lint-imports --no-logo
	$(DEV)/bin/yamllint --strict .
	$(DEV)/bin/codespell

format: $(DEV)/ready ## Format the code and fix what ruff can fix
	$(DEV)/bin/ruff format .
	$(DEV)/bin/ruff check --fix .

lock: ## Pin the newest dependencies that pyproject.toml allows, by hash (needs uv)
	$(LOCK) pyproject.toml --output-file requirements.txt
	$(LOCK) --group build --output-file requirements-build.txt
	$(LOCK) pyproject.toml --group dev --constraints requirements.txt --output-file requirements-dev.txt
	$(LOCK) pyproject.toml --group fuzz --constraints requirements.txt --output-file requirements-fuzz.txt
	echo pip | $(LOCK) - --output-file $(PIPS)/newest-pip.txt

# With the extras, since pip before 23.3 looks for the newest release of an extra that a lock does not name.
LOCK := uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
        --no-strip-extras --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

clean: ## Remove what these targets made
	rm -rf $(DEV) $(RUN) $(FUZZ) .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist

PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --require-hashes
PIPS := tests/system/packaging

%/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "ionq-exporter needs Python 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv --clear $*

$(RUN)/ready: requirements.txt | $(RUN)/bin/pip
	@echo "Install the exporter's dependencies in $(RUN): about 10 seconds"
	@$(RUN)/bin/python $(PIP_INSTALL) --requirement requirements.txt
	@touch $@

$(FUZZ)/ready: requirements-fuzz.txt | $(FUZZ)/bin/pip
	@echo "Install the fuzzers in $(FUZZ): about 30 seconds"
	@$(FUZZ)/bin/python $(PIP_INSTALL) --requirement requirements-fuzz.txt
	@touch $@

$(DEV)/ready: requirements-dev.txt $(PIPS)/oldest-pip.txt $(PIPS)/newest-pip.txt | $(DEV)/bin/pip
	@echo "Install the development tools in $(DEV): about a minute"
	@$(DEV)/bin/python $(PIP_INSTALL) --requirement requirements-dev.txt
	@for pip in oldest-pip newest-pip; do \
	  $(DEV)/bin/python $(PIP_INSTALL) --upgrade --target $(DEV)/$$pip --requirement $(PIPS)/$$pip.txt || exit 1; \
	done
	@touch $@
