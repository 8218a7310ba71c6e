# One word starts everything. Each target installs what it misses and says what it does.
SHELL := /bin/bash
PREFIX ?= /usr/local
DESTDIR ?=
VENV := .build-venv
LIBRARY := .build/release/libagentid.so

# Each function has a section of its own, and what is public is not kept for code outside: the linker leaves out what nothing
# reaches, 400 kB of libagentid.so.
RELEASE := -c release --disable-local-rpath \
    -Xswiftc -Xfrontend -Xswiftc -function-sections -Xswiftc -Xfrontend -Xswiftc -internalize-at-link

# Tests are built apart from what is released, so that neither waits for the other.
DEBUG := .build-debug

# The others hold the threads that all tasks share, so these run after them.
APART := AgentIDAsyncTests

.PHONY: help build test test-swift test-swift-package test-swift-service docs-swift test-c test-ctl test-sandbox test-second \
    test-html test-python test-frameworks test-integrations test-wheel test-crash test-soak test-go test-docs test-install test-abi test-release \
    test-deb conform house test-dist crash soak differential demo agentdojo fuzz fuzz-short bench sanitize format wheel install uninstall abi abi-update dist deb release release-flags clean

help: ## show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

build: ## build libagentid.so and agentidctl
	@scripts/prepare.sh
	@echo "==> building libagentid.so and agentidctl (release)"
	swift build $(RELEASE) --product agentid
	swift build $(RELEASE) --product agentidctl

release-flags: ## the flags of a build for release
	@echo $(RELEASE)

test: ## build, and run every test, in two lanes side by side
	@scripts/prepare.sh all
	@MAKE="$(MAKE)" scripts/test.sh build $(VENV)/ready

test-swift: ## the tests of the Swift modules
	@echo "==> Swift tests"
	swift test --scratch-path $(DEBUG) --disable-xctest --skip $(APART)
	swift test --scratch-path $(DEBUG) --disable-xctest --filter $(APART)

test-swift-package: ## a package outside this one: by URL and version, the whole interface, the guide's code
	@Tests/SwiftPackage/run

test-swift-service: ## the Hummingbird service of examples/swift-service, called by Swift, curl and Go
	@scripts/test-swift-service.sh

docs-swift: ## the documentation of the Swift modules, into .build/docs
	@scripts/docs-swift.sh

test-c:
	@echo "==> C and C++ tests"
	@Tests/C/run

test-ctl:
	@echo "==> command line tests"
	@Tests/CommandLine/run

test-sandbox: ## the command line where the kernel refuses one call after the other
	@echo "==> sandbox tests"
	@Tests/Sandbox/run

test-second: ## 2,000 random chains: the library beside a second verifier, written from the draft's text alone
	@echo "==> a second verifier of AAT chains"
	@Tests/Second/run 2000

differential: build ## 20,000 of them, and verifiers with one rule bent, each of which must be found out: minutes; AGENTID_SEED repeats
	@Tests/Second/run 20000 --mutants

test-html: .build-html/ready ## the web pages of agentidctl, in a headless Chromium
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

test-wheel: wheel ## the wheel in every Python here, without Swift or libraries of the machine
	@echo "==> the wheel, installed"
	@Tests/Wheel/run

test-crash: $(VENV)/ready
	@echo "==> crashes, in short"
	@PYTHON=$(abspath $(VENV))/bin/python Tests/Crash/run short

crash: build $(VENV)/ready ## kills, power cuts, full disks, many at once: ten minutes of it; CRASH_SEED repeats
	@PYTHON=$(abspath $(VENV))/bin/python Tests/Crash/run

test-soak: $(VENV)/ready
	@echo "==> a soak, in short"
	@PYTHON=$(abspath $(VENV))/bin/python Tests/Soak/run short

soak: build $(VENV)/ready ## a million operations of several processes against a model, then 100,000 agents at once: quarter of an hour; SOAK_SEED repeats
	@PYTHON=$(abspath $(VENV))/bin/python Tests/Soak/run

test-go: ## the Go binding: format, vet, race detector, fuzz target, example
	@scripts/test-go.sh

test-docs: $(VENV)/ready ## every block of the documentation is run, every link and table checked
	@echo "==> documentation"
	@$(VENV)/bin/python Tests/Docs/run $(PAGES)

test-install: ## what `make install` installs, in a prefix of its own; docs/guides/c.md; what `make uninstall` leaves
	@scripts/prepare.sh distribution
	@echo "==> installation"
	@Tests/Install/run

test-abi:
	@scripts/prepare.sh distribution
	@echo "==> the C interface beside the last release's"
	@Tests/ABI/run

test-release: ## what `make release` does to versions, changelog and tags, in a clone
	@echo "==> releases"
	@Tests/Release/run

test-deb: ## the Debian packages: lintian, installed, used, purged
	@scripts/prepare.sh distribution
	@echo "==> Debian packages"
	@Tests/Debian/run

test-frameworks: ## HTTP, MCP, LangChain with LangGraph, and SPIFFE, of the integrations that test-integrations tests
	@echo "==> HTTP, MCP, LangChain and SPIFFE"
	@Tests/Integrations/run http_fastapi mcp langchain spiffe

test-integrations: build ## each agent framework, in an environment of its own (kept in .build-integrations); NAMES="mcp langchain" for some
	@scripts/prepare.sh integrations
	@echo "==> integrations"
	@Tests/Integrations/run $(NAMES)

test-dist: ## the source archive: builds without network, the same each time; minutes
	@scripts/prepare.sh
	@echo "==> source archive"
	@Tests/Dist/run

conform:
	@scripts/beside.sh conform

house:
	@scripts/beside.sh house

$(VENV)/ready: $(LIBRARY) $(shell find Bindings/python -name '*.py') Bindings/python/pyproject.toml
	@echo "==> virtual environment with the Python package"
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install -q --upgrade pip
	AGENTID_LIBRARY=$(abspath $(LIBRARY)) $(VENV)/bin/pip install -q --force-reinstall ./Bindings/python
	$(VENV)/bin/pip install -q pytest jsonschema cryptography prometheus_client opentelemetry-sdk "mcp==2.3.0" "psycopg[binary]>=3.1"
	@touch $@

agentdojo: build .build-agentdojo/ready ## AgentDojo's tasks and injections under each control, without a model, into docs/agentdojo.md; TRACES=1 recorded runs too
	@Benchmarks/agentdojo/run.sh

.build-agentdojo/ready: Benchmarks/agentdojo/requirements.txt
	@echo "==> virtual environment with AgentDojo"
	python3 -m venv .build-agentdojo
	.build-agentdojo/bin/pip install -q -r Benchmarks/agentdojo/requirements.txt
	@touch $@

demo: build $(VENV)/ready ## an agent is hijacked, an orchestrator is killed, a policy governs: MCP server, PostgreSQL
	@scripts/prepare.sh demo
	@$(VENV)/bin/python examples/demo/run.py

fuzz: ## every fuzz target, FUZZ_SECONDS each (20)
	@scripts/prepare.sh
	@scripts/fuzz.sh $(or $(FUZZ_SECONDS),20)

fuzz-short: ## every fuzz target for 4 seconds, as a part of make test where CI is set
	@scripts/prepare.sh
	@scripts/fuzz.sh 4

bench: ## libagentid beside raw libsodium and the peers: PASSES (1), QUICK=1, SLOW=1
	@PASSES=$(PASSES) QUICK=$(QUICK) SLOW=$(SLOW) Benchmarks/run

sanitize: ## the Swift tests under AddressSanitizer and ThreadSanitizer
	@scripts/prepare.sh
	for part in --skip --filter; do \
	    LSAN_OPTIONS=suppressions=$(abspath Tests/lsan.supp) \
	        swift test --disable-xctest $$part $(APART) --sanitize=address --scratch-path .build-asan && \
	    swift test --disable-xctest $$part $(APART) --sanitize=thread --scratch-path .build-tsan || exit 1; \
	done

lint: ## check the format of the Swift sources, and that they compare text by its bytes and hold the floors
	swift format lint --strict --recursive Package.swift Sources Tests examples/swift-service
	scripts/lint-text --self-test
	scripts/lint-text
	scripts/floors
	scripts/lint-async
	scripts/lint-english --self-test
	scripts/lint-english
	scripts/lint-header

lint-python: ## check types, rules and format of the Python package
	@scripts/lint-python.sh

format: ## format the Swift sources
	swift format --in-place --recursive Package.swift Sources Tests examples/swift-service

wheel: build ## dist/libagentid-VERSION-py3-none-manylinux_2_36_x86_64.whl, with all that it needs
	@scripts/wheel.sh

install: build ## install libraries, headers, command line, manual, completions: PREFIX, LIBDIR, DESTDIR
	@LIBDIR="$(LIBDIR)" scripts/install.sh "$(DESTDIR)" "$(PREFIX)"

uninstall: ## take away what install put there
	@scripts/uninstall.sh "$(DESTDIR)" "$(PREFIX)"

abi: build ## compare the C interface with the last release's, kept in abi/
	@scripts/prepare.sh distribution
	@scripts/abi.py check

abi-update: ## keep the C interface as it is now: part of a release
	@scripts/prepare.sh distribution
	@scripts/abi.py update

dist: ## the source archive, into dist/: builds without network, the same bytes from the same commit
	@scripts/dist.sh

release: ## VERSION=0.2.0: changelog cut, commit, tags for Swift and Go; archives, SBOM and checksums in dist/
	@scripts/prepare.sh all
	@scripts/release.sh $(VERSION)

deb: build ## Debian packages, into dist/
	@scripts/prepare.sh distribution
	@scripts/deb.sh

clean: ## remove everything that was built
	rm -rf .build .build-* examples/swift-service/.build dist Bindings/python/build Bindings/python/*.egg-info
