# `make` prints what can be done; every target sets up what it needs by itself.
.DEFAULT_GOAL := help
.PHONY: help settings run test check seeds bench screenshots demo status parked partner contracts texts migration migrate downgrade backup restore again person format sbom lock clean clean-data faults soak mutants setup setup-test
PYTHON := .venv/bin/python
# Through the module: the scripts in .venv/bin hold the path at which the environment was made.
PYTEST := $(PYTHON) -m pytest
UV_COMPILE := .venv/bin/uv pip compile --universal --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header --python-version 3.11 -q
# Runs Python with the addresses and secrets of the stack that `make run` made.
OPERATE := $(PYTHON) -m deploy.stack $(PYTHON)
ARGS ?=
# Compiled modules, and tests as pytest prepares them, are kept: to make them anew costs each worker 20 s of processor time.
unexport PYTHONDONTWRITEBYTECODE

help:  ## print the targets
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

run: setup  ## start everything on this machine; Ctrl-C stops it (DATABASE=postgresql SCALE="referrals=2")
	@$(PYTHON) -m deploy.stack

test: setup-test  ## run all tests (ARGS="-k name" for some)
	$(PYTEST) tests -q -n auto --no-loadscope-reorder $(ARGS)

check: setup-test  ## format, lint, types, import boundaries, and what was forgotten
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(PYTHON) -m deploy.checks
	@# The long forms run seldom, so what they need is looked for here.
	@mkdir -p .pytest_cache
	$(PYTEST) tests -qq -m full --setup-plan >.pytest_cache/long-forms || { cat .pytest_cache/long-forms; exit 1; }

seeds: setup-test  ## which requirement is proved by which test
	$(PYTHON) -m tests.seeds $(ARGS)

bench: setup-test  ## measure throughput and latency
	$(PYTHON) -m tests.load.bench $(ARGS)

screenshots: setup-test  ## pictures of the pages in var/screenshots (ARGS="--all" for every state), and those of the README
	@$(PYTHON) -W ignore -m tests.support.screenshots $(ARGS)

faults: setup-test  ## the long fault and abuse tests; writes bar against result to .cache/faults.md (long)
	$(PYTEST) tests -q -m full $(ARGS)

soak: setup-test  ## half an hour of work, half an hour of strangers against one person, then `mutants` (MINUTES=2 for a look)
	SOAK_MINUTES=$(or $(MINUTES),30) $(PYTEST) tests -q -m soak $(ARGS)
	$(MAKE) mutants

mutants: setup-test  ## small changes of the code that a test has to notice (long; ARGS="directory --each 60")
	$(PYTHON) -m tests.mutants $(ARGS)

demo: setup  ## play a day's work on the running system
	@$(OPERATE) -m deploy.demo play $(ARGS)

settings: setup  ## every setting of every process, with default and meaning
	@$(PYTHON) -m deploy.settings

status: setup  ## what runs, and what is wrong
	@$(OPERATE) -m deploy.status

parked: setup  ## messages that could not be handled (ARGS="…" for more)
	@$(OPERATE) -m deploy.parked $(or $(ARGS),list)

partner: setup  ## let another system read events (NAME=mercy ORGANISATION=harbor; ARGS="…" for more)
	@$(OPERATE) -m deploy.partners $(if $(NAME),add "$(NAME)" "$(ORGANISATION)" $(TYPES),$(or $(ARGS),list))

contracts: setup-test  ## write what follows from the declarations: schemas, AsyncAPI, lists in READMEs
	$(PYTHON) -m deploy.contracts

texts: setup-test  ## write the pages' texts that languages have to translate into gateway/web/locale
	@$(PYTHON) -m deploy.texts

migrate: setup  ## bring the databases up to date (SERVICE=referrals for one); `make run` does it by itself
	@$(OPERATE) -m deploy.migrate $(SERVICE)

downgrade: setup  ## take a service's database back to a revision (SERVICE=referrals TO=0007)
	@$(OPERATE) -m services.chassis.migrate downgrade "$(SERVICE)" "$(TO)"

backup: setup  ## save databases and files while it serves (TO=folder; default var/backups/TIME)
	@$(OPERATE) -m deploy.backup "$(or $(TO),var/backups/$(shell date -u +%Y%m%dT%H%M%SZ))" $(ARGS)

restore: setup  ## restore a backup, after `make run` was stopped (FROM=folder)
	@$(PYTHON) -m deploy.stack --alone $(PYTHON) -m deploy.restore "$(FROM)" $(ARGS)

again: setup  ## publish events again, after `make run` was stopped (SINCE=2026-05-01T10:00:00+00:00, SERVICE=referrals for one)
	@$(PYTHON) -m deploy.stack --alone $(PYTHON) -m deploy.publish_again "$(SINCE)" $(SERVICE)

person: setup  ## all that is kept about one person, as a file (ARGS="ORGANISATION PERSON_ID FILE")
	@$(OPERATE) -m deploy.person_data $(ARGS)

migration: setup-test  ## write a service's next migration from its models (SERVICE=referrals NAME="add site")
	@$(PYTHON) -m services.chassis.migrate draft "$(SERVICE)" "$(NAME)"

format: setup-test  ## lay out the code, and mend what the linter can mend
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

sbom: setup-test  ## what the image holds of others (CycloneDX), in .cache/sbom.json
	@mkdir -p .cache
	$(PYTHON) -m cyclonedx_py requirements requirements.lock -o .cache/sbom.json

lock: setup-test  ## resolve the dependencies again
	$(UV_COMPILE) pyproject.toml -o requirements.lock
	$(UV_COMPILE) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	$(UV_COMPILE) --group node -o requirements-node.lock

clean:  ## delete the virtual environment and caches
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

clean-data:  ## delete ALL data of the local stack (var/); stop it first
	rm -rf var

setup:
	@deploy/setup.sh run

setup-test:
	@deploy/setup.sh test
