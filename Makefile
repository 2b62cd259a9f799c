# The commands of this project. Each is one line that can be typed by hand.
#
#   make serve               install what serving needs into .venv, serve on port 8000
#   make setup               install what training and tests need too
#   make test                the same, then run all tests
#   make model CORPUS=PATH   train like the shipped model: runs/model/checkpoint, runs/model/report.html
#   make serve TORCH=cpu     serve a checkpoint whose encoder is a transformer; TORCH=cuda on an NVIDIA GPU
#   make bench CORPUS=PATH   measure everything side by side: docs/performance.md

PYTHON ?= $(shell command -v python3.11 || echo python3)
TORCH ?=
PORT ?= 8000

# One environment for each build of PyTorch, so that switching does not mix them.
VENV := .venv$(if $(filter cuda,$(TORCH)),-cuda)
BIN := $(VENV)/bin

.PHONY: serve setup model bench test check format lock clean
.DELETE_ON_ERROR:

serve: $(VENV)/$(if $(TORCH),.transformers,.serving)
	exec env PORT=$(PORT) $(BIN)/gunicorn --config service/gunicorn.conf.py 'service.server:app()'

setup: $(VENV)/.testing

test: check
	$(BIN)/pytest

check: $(VENV)/.testing
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/.testing
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Run again after a kill, prepare and fit resume, and report starts over.
model: $(VENV)/.testing runs/static-minilm-256/model.safetensors
	$(BIN)/python -m training prepare $(CORPUS) --encoder runs/static-minilm-256 --out runs/prepared \
		--boilerplate 0.5 --introductions xsum
	$(BIN)/python -m training fit runs/prepared --preset shipped --out runs/model
	$(BIN)/python -m training report runs/model

bench: $(VENV)/.benchmarks
	$(BIN)/python benchmarks/bench.py $(CORPUS)

runs/static-minilm-256/model.safetensors: | $(VENV)/.testing
	$(BIN)/python -m training distill --out runs/static-minilm-256

lock:
	requirements/lock.sh

clean:
	rm -rf .venv .venv-* build *.egg-info summarizer/_kernels*.so

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is older than Python 3.11, which this needs: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.serving: requirements/serving.txt requirements/build.txt pyproject.toml summarizer/kernels.c | $(BIN)/python
	VENV=$(VENV) requirements/install.sh serving
	touch $@

# For a checkpoint whose encoder is a SentenceTransformer.
$(VENV)/.transformers: $(VENV)/.serving requirements/transformers.txt requirements/torch-$(TORCH).txt
	VENV=$(VENV) requirements/install.sh transformers $(TORCH)
	touch $@

$(VENV)/.testing: $(VENV)/.serving requirements/test.txt
	VENV=$(VENV) requirements/install.sh test $(or $(TORCH),cpu)
	touch $@

# The libraries that the project is measured against.
$(VENV)/.benchmarks: $(VENV)/.testing requirements/benchmarks.txt
	VENV=$(VENV) requirements/install.sh benchmarks $(or $(TORCH),cpu)
	touch $@
