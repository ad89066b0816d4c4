# Everything a checkout needs, from python3 with venv, make and git. All of it runs from .venv.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.venv/bin:$(PATH)

# Another torch, say for a GPU: `make environment TORCH="torch>=2.9,<3"`. It keeps a torch of that range
# that is in .venv already (so PyTorch's own instructions may come first), and else fetches the newest.
TORCH ?=

.PHONY: help environment quickstart quick lint test docs generate clean

help:  ## show this list
	@sed -nE 's/^([a-z]+):.*  ## (.*)/  make \1\t\2/p' Makefile | expand -t 20

# The newest pip takes half the time of the one that Python brings. Modules are compiled when they are first
# imported, most never are; beforehand only where Python is told not to keep what it compiles.
define INSTALL
@echo "installing into .venv, once: some minutes"
python3 -m venv --upgrade-deps .venv
$(if $(TORCH),grep -vE '^(torch|triton)==',cat) envs/constraints.txt > .venv/constraints.txt
python -m pip install $(if $(PYTHONDONTWRITEBYTECODE),,--no-compile) -c .venv/constraints.txt $(if $(TORCH),'$(TORCH)')
endef

environment: .venv/.installed  ## install everything into .venv, at the versions of envs/constraints.txt

.venv/.installed: pyproject.toml envs/constraints.txt envs/data-alone.txt
	$(INSTALL) -e '.[data,test,export,release,searchers,slurm,lsf,flux,truth,docs]'
	python -m pip install --no-deps --requirement envs/data-alone.txt
	touch $@

# What the quickstart needs. Where everything is installed, that serves.
.venv/.quickstart: pyproject.toml envs/constraints.txt
	$(INSTALL) -e . music21
	touch $@

quickstart: $(if $(wildcard .venv/.installed),environment,.venv/.quickstart)  ## run config/quickstart.yaml on this machine and show its results
	@echo "evolving recurrent cells on the Bach chorales beside hand-designed ones: about four minutes on two idle cores"
	gp-cells run config/quickstart.yaml
	@[ "$${VIRTUAL_ENV:-}" = "$(CURDIR)/.venv" ] || echo "for these commands, in this shell first: source .venv/bin/activate"

quick: environment  ## run the fast tests
	pytest --numprocesses 2 --no-loadscope-reorder -m "not slow"

lint: environment  ## check style, types, imports and the workflow
	ruff check
	ruff format --check
	mypy
	lint-imports --no-cache
	snakefmt --check Snakefile rules
	snakemake --lint

test: lint  ## lint, then run every test, four at a time, since those of clusters mostly wait; the slowest are told
	pytest --numprocesses 4 --no-loadscope-reorder --durations 40

docs: environment  ## build the documentation site into site/ (python -m http.server -d site shows it)
	NO_MKDOCS_2_WARNING=1 mkdocs build --quiet

generate: environment  ## write what is made from code and results: schema, settings, dictionary, the README's table
	gp-cells schema > gp_cells/config/config.schema.json
	gp-cells settings-reference > config/SETTINGS.md
	sed -i '/^## runs/,$$d' results/README.md
	gp-cells dictionary >> results/README.md
	snakemake --snakefile rules/readme.smk --cores 1
	sed -i -e '/readme.smk: begin/,/<!-- end/{//!d}' -e '/readme.smk: begin/r results/reference.md' README.md docs/results/reference.md

clean:  ## delete what the tools left; results and .venv stay
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist gp_cells.egg-info
	find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +
