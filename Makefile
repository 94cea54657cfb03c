# Two commands do everything, their own set-up included: `make demo` and `make test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
LAYERS := tests/unit tests/contract tests/integration tests/e2e
# what needs the cluster is one group, which one worker runs in order; the others run the rest meanwhile
ON_ALL_CORES := --numprocesses=auto --maxprocesses=8 --dist=loadgroup
export PYTHONUNBUFFERED := 1
# kept: the tests start hundreds of processes, and each would compile the clouds' SDKs anew
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo demo-down laptop test unit check generate images cluster cluster-down bench bench-operator bench-gateway

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  %-16s %s\n", $$1, $$2}'

setup: ## Make .venv from the lock (every target below does so itself)
	@tests/bootstrap.sh

demo: setup ## A Kubernetes, Drawbridge in it, an example pool and policy, and requests through both SDKs
	@$(PYTHON) -m examples.demo up

demo-down: setup ## Remove everything that `make demo` made, the cluster too if it was made for it
	@$(PYTHON) -m examples.demo down

laptop: setup ## The same without a cluster: gateway, one local engine process, a stand-in for the cloud
	@$(PYTHON) -m examples.laptop

test: check ## All tests: unit, contract, integration, e2e on real nodes with a real SGLang
	@$(PYTHON) -m pytest $(ON_ALL_CORES) $(LAYERS)

unit: setup ## The tests that need nothing but Python
	@$(PYTHON) -m pytest $(ON_ALL_CORES) tests/unit

check: setup ## Lint, format, types, import rules, generated files
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/mypy --no-error-summary crds/src operator/src gateway/src tests examples
	@.venv/bin/lint-imports --no-logo >/dev/null || .venv/bin/lint-imports
	@echo "check: lint, format, types and import rules hold"

generate: setup ## Write the generated files: the CRDs' YAML, the reference, and what is rendered from them
	@$(PYTHON) -m drawbridge_crds.generate crds/manifests
	@$(PYTHON) -m drawbridge_crds.generate charts/drawbridge-crds/files
	@$(PYTHON) -m drawbridge_crds.reference docs/reference
	@$(PYTHON) -m tests.contract.metrics_page
	@$(PYTHON) -m tests.contract.charts.golden

images: setup ## Build the images and put them where the cluster finds them
	@$(PYTHON) -m tests.cluster.images

cluster: setup ## Find or make the cluster that demo and tests use
	@$(PYTHON) -m tests.cluster up

cluster-down: setup ## End that cluster if it was made here
	@$(PYTHON) -m tests.cluster down

bench: bench-operator bench-gateway ## All measurements

bench-operator: setup ## Pool accepted by the API server -> Deployment exists
	@$(PYTHON) -m tests.bench.operator

bench-gateway: setup ## Requests a second and latency, side by side with other ways to build it
	@$(PYTHON) -m tests.bench.gateway
