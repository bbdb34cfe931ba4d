# Everything runs in one virtual environment, .venv, which the first target that needs it makes.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
DEVELOPING := .venv/.installed-dev
# A second one has datasets 3.6, the last line that runs loading scripts.
VENV_3_6 := .venv-datasets-3.6
INSTALLED_3_6 := $(VENV_3_6)/.installed

.PHONY: install demo quick test test-pretraining test-processes test-browser test-wheel test-datasets-3.6 test-versions lint docs bench gpu clean

install: $(DEVELOPING)

# torch alone and first: the exact version in constraints.txt, so that nothing else picks another build.
$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,report,publish]'
	touch $@

# What tests and lint need beyond that.
$(DEVELOPING): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

# A tiny random model, fine-tuned on the mini corpus for every task (wos takes longest, so it is first), the table,
# and the report. No network.
demo: $(INSTALLED)
	HF_HUB_OFFLINE=1 $(BIN)/python -m recipes.tiny_model --output_dir out/tiny
	HF_HUB_OFFLINE=1 $(BIN)/python recipes/run_all.py --mini --preset demo --jobs 2 --tasks wos ynat mrc sts re nli ner dp --model_name_or_path out/tiny --output_dir out/demo
	HF_HUB_OFFLINE=1 $(BIN)/python -m recipes.report out/demo --output out/demo/report

# The same for one task.
quick: $(INSTALLED)
	HF_HUB_OFFLINE=1 $(BIN)/python -m recipes.tiny_model --output_dir out/tiny
	HF_HUB_OFFLINE=1 $(BIN)/python recipes/run_all.py --mini --preset demo --tasks ynat --model_name_or_path out/tiny --output_dir out/quick
	HF_HUB_OFFLINE=1 $(BIN)/python -m recipes.report out/quick --output out/quick/report

# Three workers for two cores, since many tests wait for processes; a file's tests share what is costly to make.
test: $(DEVELOPING)
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --ignore tests/test_wheel.py --ignore tests/recipes/pretraining --ignore tests/recipes/test_processes.py --ignore-glob '*_browser.py'

# Corpora, pseudonyms, vocabularies, pre-training.
test-pretraining: $(DEVELOPING)
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -n 2 --dist loadfile tests/recipes/pretraining

# Every task on two processes, by DDP and FSDP2.
test-processes: $(DEVELOPING)
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest tests/recipes/test_processes.py

# The pages in a Chromium; without one the tests are skipped.
test-browser: $(DEVELOPING)
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -n 2 tests/recipes/*_browser.py tests/recipes/leaderboard/*_browser.py

# The wheel, in a fresh environment.
test-wheel: $(DEVELOPING)
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest tests/test_wheel.py

$(INSTALLED_3_6): constraints-datasets-3.6.txt
	test -x $(VENV_3_6)/bin/python || $(PYTHON) -m venv $(VENV_3_6)
	$(VENV_3_6)/bin/python -m pip install --quiet --disable-pip-version-check -r constraints-datasets-3.6.txt
	touch $@

# Our builder files as scripts, and the exported folder, in datasets 3.6: the same rows as here. And the exported
# metrics with evaluate alone: the same scores.
test-datasets-3.6: $(DEVELOPING) $(INSTALLED_3_6)
	HF_HUB_OFFLINE=1 KLUE_PYTHON_DATASETS_3_6=$(CURDIR)/$(VENV_3_6)/bin/python \
		$(BIN)/python -m pytest tests/klue_datasets/test_scripts.py tests/klue_metrics/test_export.py

# The lowest versions that pyproject.toml allows, and the newest ones on the index. One file of tests lists all
# fields of one version of transformers' TrainingArguments.
test-versions: .venv-lowest/.installed .venv-newest/.installed
	for python in .venv-lowest/bin/python .venv-newest/bin/python; do \
		HF_HUB_OFFLINE=1 $$python -m pytest -n 3 --dist loadfile --ignore tests/recipes/test_trainer_fields.py \
			tests/klue_datasets tests/klue_metrics tests/recipes || exit 1; \
	done

.venv-lowest/.installed: CONSTRAINTS := -c constraints-lowest.txt
.venv-lowest/.installed .venv-newest/.installed: pyproject.toml constraints-lowest.txt
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check "$$(grep '^torch==' constraints.txt)"
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade $(CONSTRAINTS) -e '.[dev]'
	touch $@

lint: $(DEVELOPING)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Tables, metric cards, --help texts, CITATION.cff: whatever is made from something else; see docs/generator/documents.py.
docs: $(DEVELOPING)
	$(BIN)/python -m docs.generator

bench: $(DEVELOPING)
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -s -o python_files='bench_*.py' tests/benchmarks

# Every recipe on a GPU, and the throughput of training. Needs a machine with one.
gpu: $(INSTALLED)
	HF_HUB_OFFLINE=1 $(BIN)/python tests/benchmarks/gpu.py --output out/gpu

clean:
	rm -rf .venv .venv-lowest .venv-newest $(VENV_3_6) out hub build *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
