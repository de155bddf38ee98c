# The one door. Everything a target needs it sets up itself, inside this folder
# (target/) and the caches of cargo, pip and npm.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
JOBS ?= 2
CARGO ?= cargo
HOST := $(shell rustc -vV | sed -n 's/^host: //p')
# Everything is compiled in one profile, so that dependencies are compiled once (Cargo.toml,
# .cargo/config.toml). Always the whole workspace, or they would be compiled again with other features.
OUT := target/$(HOST)/debug
BUILD := $(CARGO) build -j$(JOBS) --workspace
SHIP := $(BUILD) --config ship.toml
# The bounded run of the fuzzer is part of the tests where there is a C++ compiler.
CXX_FOUND := $(shell command -v c++ || command -v g++ || command -v clang++)
WITH_FUZZ := $(if $(CXX_FOUND),--features wxmcp-fuzz/libfuzzer)

.PHONY: help
help: ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

# `make check` builds them from scratch, and compares them with their lock.
GUESTS ?= build

.PHONY: guests
guests: ## Build the interpreter guests (from a cache when their inputs are the same)
	@[ -x $(OUT)/guest-build ] || echo "compiling the engine and what builds the guests: 5 minutes on two cores"
	$(SHIP) --bin guest-build
	@[ -f target/guests/manifest.json ] || echo "building the guests, and compiling the libraries beside them: 3 minutes"
	@$(SHIP) --lib --exclude wxmcp-guests & libraries=$$!; $(OUT)/guest-build $(GUESTS) || { kill $$libraries; exit 1; }; wait $$libraries

.PHONY: build
build: guests ## Build target/release/wxmcp
	$(SHIP) --bin wxmcp
	@# A file in its place, not into it: an older one may be running.
	@mkdir -p target/release && cp $(OUT)/wxmcp target/release/.wxmcp.new && mv -f target/release/.wxmcp.new target/release/wxmcp

.PHONY: servers
servers: ## Install the real MCP servers that the demonstration and the tests use
	tests/servers/setup.sh

.PHONY: clients
clients: ## Install the real MCP clients that the tests connect to wxmcp, into target/clients
	tests/clients/setup.sh

.PHONY: http-python
http-python: ## Install the HTTP clients of PyPI that the tests run in the sandbox, into target/http-python
	tests/http_python/setup.sh

.PHONY: agents
agents: build ## Let Claude Code and Codex call wxmcp, with scripted models on loopback; npm installs both (800 MB)
	tests/agents/setup.sh
	python3 -B tests/agents/run.py target/release/wxmcp

.PHONY: checkers
checkers: ## Install the type checkers that `wxmcp check` runs, into target/checkers/bin
	tests/checkers/setup.sh

.PHONY: http-clients
http-clients: ## Install the npm packages that scripts ask hosts with, into target/http-clients
	tests/http_clients/setup.sh

.PHONY: componentizers
componentizers: ## Install what `wxmcp build` makes components with, into target/componentizers
	tests/componentizers/setup.sh

.PHONY: components
components: guests servers ## Make the components in other languages that the tests run
	$(BUILD) --bins
	fixtures/components/build.sh $(OUT)

.PHONY: recordings
recordings: guests servers ## Record the runs in fixtures/recordings, anew
	$(BUILD) --bins
	fixtures/recordings/make.sh $(OUT)/wxmcp

.PHONY: wit
wit: guests ## Write the WIT of the tools that ship into wit/tools, anew
	$(BUILD) --bin wxmcp
	rm -rf target/wit
	$(OUT)/wxmcp tools export --format wit -o target/wit
	rm -rf wit/tools && mv target/wit wit/tools

.PHONY: bounds
bounds: ## Write the table of bounds in ARCHITECTURE.md, anew
	WXMCP_WRITE_BOUNDS=1 $(CARGO) nextest run --workspace -j$(JOBS) -E 'test(every_bound_is_in_the_table)'

.PHONY: run
run: build ## Do the main job on real data: the tool tree in tools/, on a sample database
	examples/records/run.sh

.PHONY: run-upstream
run-upstream: build servers ## The same with three MCP servers from npm and PyPI as tools
	examples/airports/run.sh

.PHONY: test
test: guests servers clients http-clients http-python checkers componentizers components ## Run all tests
	examples/sample.sh
	node --test guest-adapters/javascript/test
	$(CARGO) test --workspace --doc -j$(JOBS)
	$(BUILD) --bins
	$(OUT)/wxmcp verify --quiet fixtures/recordings
	$(if $(CXX_FOUND),,@echo "there is no C++ compiler: the bounded run of the fuzzer is left out")
	$(CARGO) nextest run --workspace $(WITH_FUZZ) -j$(JOBS)

.PHONY: check
check: ## What CI runs: format, guests from scratch against their lock, lints, docs, tests
	$(CARGO) fmt --all --check
	$(CARGO) fmt --check --manifest-path guest-adapters/rust/Cargo.toml
	$(MAKE) guests GUESTS="check --from-scratch"
	$(CARGO) clippy --workspace --all-targets $(WITH_FUZZ) -j$(JOBS) -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps -j$(JOBS)
	$(MAKE) test

# Our own crates are compiled with checks, and all that reads input so that what it does is counted; in a folder of its own.
FUZZ := target/fuzz/$(HOST)/debug/fuzz
SECONDS_EACH ?= $(shell expr 3600 / $$(ls fuzz/corpus | wc -l))

.PHONY: fuzz
fuzz: ## Feed changed input to what reads it, for an hour; TARGET=name of fuzz/corpus, SECONDS_EACH=so long
	RUSTC_WRAPPER=$(CURDIR)/fuzz/instrument.sh $(BUILD) --config fuzz/profile.toml --features wxmcp-fuzz/steps \
	  --bin fuzz --target-dir target/fuzz
	fuzz/run.sh $(FUZZ) $(SECONDS_EACH) $(TARGET)

.PHONY: packages-test
packages-test: build ## Compare 60 packages of PyPI and 30 of npm under wxmcp with native CPython and node; NAMES="pyyaml zod" these alone
	python3 -B tests/packages/check.py target/release/wxmcp $(NAMES)

.PHONY: bench
bench: build clients http-python ## Measure, side by side with native CPython and node, and print the table; BEFORE=COMMIT measures that too
	$(SHIP) --bins
	$(if $(BEFORE),benches/before.sh $(BEFORE))
	$(OUT)/figures $(if $(BEFORE),--before target/before/$(BEFORE))
	$(MAKE) bench-search

.PHONY: determinism
determinism: build ## Run more than 100 scripts deterministically, alone and beside processes that spin: each report must be the same
	$(SHIP) --bins
	$(OUT)/figures determinism

.PHONY: attacks
attacks: build ## Run scripts and servers that cost the host as much as they can, and print what each cost
	$(SHIP) --bins
	$(OUT)/attacks

.PHONY: bench-search
bench-search: guests ## Measure how well tools of 32 real servers are found, and how fast their WIT is made
	benches/servers/setup.sh
	$(SHIP) --bins
	$(OUT)/search
