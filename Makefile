# Everything needs only Python 3.11 or later: the environment is made on the way.
#
#   make report                 the main job: a report for DeepSeek-V3
#   make report MODEL=starcoder another model
#   make test                   the tests that need no torch, on all cores
#   make slow                   those of them that take over a second each
#   make independent            counts and schedules against transformers and torch (CPU)
#   make check lint benchmarks browser
#   make loop                   small runs trained by lehr rehearse, and a larger one forecast from them
#   make licences sbom          every package with its version and licence; what lehr brings along, as CycloneDX
#   make docs                   the documentation as a site, in site/ (warnings are errors)
#   make fuzz kill              100,000 damaged files and 1,000 command lines; every verb that writes, killed 500 times
#   make sizes                  what the largest inputs take
#   make pythons                every verb under the Pythons that are installed, to the same bytes

PYTHON ?= python3
FILES ?= 100000
COMMANDS ?= 1000
SECONDS_OF_FUZZ ?= 3600
KILLS ?= 500
MODEL ?= deepseek_v3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# what has a target of its own: torch, a browser, engines and trainers
APART = $(foreach room,independent browser engines trainers,--ignore tests/$(room))

.PHONY: loop fuzz kill pythons sizes engines trainers report test slow independent check lint benchmarks browser docs licences sbom clean

report: $(VENV)/.lehr
	@echo "projecting $(MODEL): some seconds"
	$(BIN)/lehr report model=$(MODEL)

check: $(VENV)/.lehr
	$(BIN)/lehr check

test: $(VENV)/.test
	$(BIN)/python -m pytest -n auto -m "not slow" $(APART)

slow: $(VENV)/.test
	$(BIN)/python -m pytest -n auto -m slow $(APART)

independent: $(VENV)/.independent
	$(BIN)/python -m pytest tests/independent

# exports against the trainers' own code: LEHR_TRAINERS names a folder with an environment for each
trainers: $(VENV)/.test
	$(BIN)/python -m pytest tests/trainers

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fuzz: $(VENV)/.test
	$(BIN)/python -m tests.fuzz.run $(FILES) $(COMMANDS) $(SECONDS_OF_FUZZ)

engines: $(VENV)/.test
	$(BIN)/python -m pytest tests/engines -p no:cacheprovider

kill: $(VENV)/.test
	$(BIN)/python -m tests.kill.run $(KILLS)

# LEHR_PYTHONS names interpreters of other versions, with colons between
pythons: $(VENV)/.test
	$(BIN)/python -m tests.pythons.run

sizes: $(VENV)/.test
	$(BIN)/python -m benchmarks.sizes all

benchmarks: $(VENV)/.test
	for name in $(filter-out loop,$(basename $(notdir $(wildcard benchmarks/*.py)))); do $(BIN)/python -m benchmarks.$$name || exit 1; done

# small runs really trained, a law of them, a larger one forecast and then trained: takes torch and minutes of CPU
loop: $(VENV)/.independent
	$(BIN)/python -m benchmarks.loop

browser: $(VENV)/.test
	$(BIN)/python -m pytest tests/browser

docs: $(VENV)/.docs
	$(BIN)/mkdocs build --quiet --strict

# every package of the environment with its version and licence
licences: $(VENV)/.lehr
	$(BIN)/python .ci/licences.py

# what an installation brings along, as CycloneDX
sbom: $(VENV)/.lehr
	@$(BIN)/python .ci/sbom.py

clean:
	rm -rf $(VENV)

$(BIN)/python:
	@echo "making an environment of Python's in $(VENV)"
	$(PYTHON) -m venv $(VENV)

$(VENV)/.lehr: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing lehr and what it needs into $(VENV): half a minute to two, once"
	$(PIP) --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.lehr
	$(PIP) --editable '.[test]'
	@touch $@

$(VENV)/.docs: $(VENV)/.lehr
	$(PIP) --editable '.[docs]'
	@touch $@

$(VENV)/.independent: $(VENV)/.test
	$(PIP) --editable '.[test,independent]'
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	$(PIP) --editable '.[test,dev]'
	@touch $@
