# SymRL: `make` says what there is. Needs GNU make and Python 3.11, 3.12 or 3.13.

# The first Python that runs and is of a right version; another one: make book PYTHON=/path/to/python3.12
CANDIDATES := .venv/bin/python python3.11 python3.12 python3.13 python3 python
RIGHT := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON := $(shell for python in $(CANDIDATES); do \
  if "$$python" -c '$(RIGHT)' >/dev/null 2>&1; then echo "$$python"; break; fi; done)
INSIDE := .venv/bin/python
GRADER := .venv-grading/bin/python

.DEFAULT_GOAL := help
.PHONY: help book test bench shake lab assignments grade chapters chapter links wheel newest colab report clean
.PHONY: environment grading-environment python

help:
	@echo 'make book              set everything up, run the notebooks, build the site, print its address'
	@echo 'make test              set everything up, run every check (make test STEPS="style unit": only these)'
	@echo 'make bench             how fast, against what: measure, print and write the table of the site (three minutes)'
	@echo 'make shake             run the chapters on other arithmetic and with other seeds, list what changes (half an hour)'
	@echo 'make lab               set everything up, open the first chapter in JupyterLab'
	@echo 'make assignments       make the assignments: student version, answer version, a zip of each'
	@echo 'make grade SUBMISSIONS=folder    grade what students handed in (OUT=folder: where the marks go)'
	@echo '                       ROSTER=file.csv: the class, STUDENT=name: this one again'
	@echo 'make chapters          write what the chapters say of themselves into the map, the tables and the contents'
	@echo 'make chapter NUMBER=8 SLUG=symmetry_as_data    begin a new chapter: notebook, checks, their test, recorder'
	@echo 'make links URL=...     write the address of your repository everywhere (URL= takes it out again)'
	@echo 'make wheel             build the package as one file, for Colab'
	@echo 'make newest            run the chapters and the tests with the newest release of every package'
	@echo 'make colab             the same with the versions that Colab has'
	@echo 'make clean             remove what was built; .venv stays'
	@echo 'PYTHON=/path/to/python picks the Python that .venv is made with'

book: environment
	@$(INSIDE) tools/book.py

test: environment
	@$(INSIDE) tools/test.py $(STEPS)

bench: environment
	@$(INSIDE) tools/bench.py

shake: environment
	@$(INSIDE) tools/shake.py

lab: environment
	@$(INSIDE) -m jupyterlab notebooks/01_groups.ipynb

assignments: grading-environment
	@$(GRADER) tools/assignments.py

grade: grading-environment
	@$(GRADER) tools/grade.py --submissions "$${SUBMISSIONS:-}" $${OUT:+--out "$$OUT"} \
	  $${ROSTER:+--roster "$$ROSTER"} $${STUDENT:+--student "$$STUDENT"}

chapters: python
	@"$(PYTHON)" tools/chapters.py

chapter: python
	@"$(PYTHON)" tools/new_chapter.py --number '$(NUMBER)' --slug '$(SLUG)'

links: python
ifeq ($(origin URL),undefined)
	@"$(PYTHON)" tools/links.py
else
	@"$(PYTHON)" tools/links.py --url '$(URL)'
endif

wheel: environment
	@rm -rf build dist
	@$(INSIDE) -m pip wheel --quiet --no-deps --wheel-dir dist .
	@rm -rf build
	@ls dist/*.whl

newest colab: python
	@"$(PYTHON)" tools/versions.py $@

# For the weekly run on GitHub: an issue about the one that failed.
report: python
	@"$(PYTHON)" tools/versions.py '$(VERSIONS)' --report

clean:
	@rm -rf _build build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@for folder in symrl_lite tests tools notebooks; do \
	  if [ -d "$$folder" ]; then find "$$folder" -name __pycache__ -type d -prune -exec rm -rf {} +; fi; done
	@echo 'Removed what was built. To set up anew as well: rm -rf .venv .venv-grading'

# .venv, complete: made, repaired or left as it is
environment: python
	@"$(PYTHON)" tools/environment.py

# .venv-grading: nbgrader, on top of .venv
grading-environment: environment
	@"$(PYTHON)" tools/environment.py --grading

python:
	@if [ -z "$(PYTHON)" ]; then \
	  echo 'symrl: no Python 3.11, 3.12 or 3.13 was found. Install one, or name it: make book PYTHON=/path/to/python3.11' >&2; exit 1; \
	elif ! "$(PYTHON)" -c '' >/dev/null 2>&1; then \
	  echo 'symrl: $(PYTHON) does not run. Name a Python 3.11, 3.12 or 3.13 that does: make book PYTHON=/path/to/python3.11' >&2; exit 1; \
	elif ! "$(PYTHON)" -c '$(RIGHT)'; then \
	  echo "symrl: $(PYTHON) is $$("$(PYTHON)" -V 2>&1), and the course needs 3.11, 3.12 or 3.13. Another one: make book PYTHON=/path/to/python3.11" >&2; exit 1; fi
