# Everything runs in one virtual environment, .venv, which the first target that needs it makes.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: install demo test lint bench clean

install: $(INSTALLED)

# torch alone and first: the exact version in constraints.txt, so that nothing else picks another build.
$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

# A tiny random model, fine-tuned on the mini corpus for every task, and the KLUE table. No network.
demo: $(INSTALLED)
	HF_HUB_OFFLINE=1 $(BIN)/python -m recipes.tiny_model --output_dir out/tiny
	HF_HUB_OFFLINE=1 $(BIN)/python recipes/run_all.py --mini --preset demo --model_name_or_path out/tiny --output_dir out/demo

test: $(INSTALLED)
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(INSTALLED)
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -s -o python_files='bench_*.py' tests/benchmarks

clean:
	rm -rf .venv out hub build *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
