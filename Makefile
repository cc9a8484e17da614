# Every target works in a fresh clone: it makes .venv and installs what it needs first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -q -c constraints.txt

.PHONY: demo test check bench docs clean

demo: $(VENV)/demo
	$(BIN)/pellucid demo --out report.html

test: $(VENV)/test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

check: $(VENV)/check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --level error
	$(BIN)/lint-imports

bench: $(VENV)/bench
	$(BIN)/python -m benchmarks

docs: $(VENV)/test
	$(BIN)/python docs/build.py

clean:
	rm -rf $(VENV) report.html

# One stamp per purpose; all share one environment. torch comes first, at the pinned version, so that nothing brings another.
$(VENV)/base: constraints.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip
	$(PIP) torch
	$(PIP) -e .
	touch $@

$(VENV)/demo: $(VENV)/base
	$(PIP) -e '.[demo]'
	touch $@

$(VENV)/test: $(VENV)/base
	$(PIP) -e '.[demo,all]' --group test
	touch $@

$(VENV)/check: $(VENV)/test
	$(PIP) --group check
	touch $@

$(VENV)/bench: $(VENV)/test
	$(PIP) --group bench
	$(PIP) --no-deps grad-cam==1.5.7 ttach==0.0.3 opencv-python-headless==5.0.0.93 tqdm quantus==0.6.0 cachetools
	touch $@
