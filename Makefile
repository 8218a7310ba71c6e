# One word starts everything. Each target installs what it misses and says what it does.
SHELL := /bin/bash
PREFIX ?= /usr/local
DESTDIR ?=
VENV := .build-venv
LIBRARY := .build/release/libagentid.so

.PHONY: help build test test-swift test-c test-ctl test-html test-python test-crash test-go crash conform house demo fuzz bench sanitize lint format install uninstall clean

help: ## show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

build: ## build libagentid.so and agentidctl
	@scripts/prepare.sh
	@echo "==> building libagentid.so and agentidctl (release)"
	swift build -c release --product agentid
	swift build -c release --product agentidctl

test: build lint test-swift test-c test-ctl test-html test-python test-crash test-go conform house $(if $(CI),fuzz) ## run every test

test-swift:
	@echo "==> Swift tests"
	swift test --disable-xctest

test-c:
	@echo "==> C and C++ tests"
	@Tests/C/run

test-ctl:
	@echo "==> command line tests"
	@Tests/CommandLine/run

test-html: build .build-html/ready ## the web pages of agentidctl, in a headless Chromium
	@echo "==> HTML tests"
	@.build-html/bin/python Tests/HTML/run

.build-html/ready:
	@scripts/prepare.sh html
	@echo "==> virtual environment with Playwright and axe"
	python3 -m venv .build-html
	.build-html/bin/pip install -q "playwright>=1.40" "axe-playwright-python>=0.1.4"
	@touch $@

test-python: $(VENV)/ready
	@scripts/prepare.sh test
	@echo "==> Python tests"
	$(VENV)/bin/python -m pytest -q -rs Bindings/python/tests
	$(VENV)/bin/python examples/python/quickstart.py
	$(VENV)/bin/python examples/demo/run.py >$(VENV)/demo.txt && tail -n 1 $(VENV)/demo.txt | grep -x 'Everything was as expected\.' \
	    || { cat $(VENV)/demo.txt; exit 1; }

test-crash: $(VENV)/ready
	@echo "==> crashes, in short"
	@PYTHON=$(abspath $(VENV))/bin/python Tests/Crash/run short

crash: build $(VENV)/ready ## kills, power cuts, full disks, many at once: ten minutes of it; CRASH_SEED repeats
	@PYTHON=$(abspath $(VENV))/bin/python Tests/Crash/run

test-go: ## the Go binding: format, vet, race detector, fuzz target, example
	@scripts/test-go.sh

conform:
	@scripts/beside.sh conform

house:
	@scripts/beside.sh house

$(VENV)/ready: $(LIBRARY) $(shell find Bindings/python -name '*.py') Bindings/python/pyproject.toml
	@echo "==> virtual environment with the Python package"
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install -q --upgrade pip
	AGENTID_LIBRARY=$(abspath $(LIBRARY)) $(VENV)/bin/pip install -q --force-reinstall ./Bindings/python
	$(VENV)/bin/pip install -q pytest jsonschema cryptography "mcp==2.3.0" "psycopg[binary]>=3.1"
	@touch $@

demo: build $(VENV)/ready ## an agent is hijacked, an orchestrator is killed: MCP server, PostgreSQL
	@scripts/prepare.sh demo
	@$(VENV)/bin/python examples/demo/run.py

fuzz: ## every fuzz target, FUZZ_SECONDS each (20)
	@scripts/prepare.sh
	@scripts/fuzz.sh $(or $(FUZZ_SECONDS),20)

bench: ## libagentid beside raw libsodium and the peers: PASSES (1), QUICK=1, SLOW=1
	@PASSES=$(PASSES) QUICK=$(QUICK) SLOW=$(SLOW) Benchmarks/run

sanitize: ## the Swift tests under AddressSanitizer and ThreadSanitizer
	@scripts/prepare.sh
	LSAN_OPTIONS=suppressions=$(abspath Tests/lsan.supp) swift test --disable-xctest --sanitize=address --scratch-path .build-asan
	swift test --disable-xctest --sanitize=thread --scratch-path .build-tsan

lint: ## check the format of the Swift sources
	swift format lint --strict --recursive Package.swift Sources Tests

format: ## format the Swift sources
	swift format --in-place --recursive Package.swift Sources Tests

install: build ## install header, library, command line and pkg-config file: PREFIX, DESTDIR
	@scripts/install.sh "$(DESTDIR)" "$(PREFIX)"

uninstall: ## take away what install put there
	rm -f $(DESTDIR)$(PREFIX)/include/agentid.h $(DESTDIR)$(PREFIX)/include/agentid_*.h $(DESTDIR)$(PREFIX)/lib/libagentid.so* \
	    $(DESTDIR)$(PREFIX)/lib/pkgconfig/agentid.pc $(DESTDIR)$(PREFIX)/bin/agentidctl

clean: ## remove everything that was built
	rm -rf .build .build-* dist Bindings/python/build Bindings/python/*.egg-info
