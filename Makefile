# The one door. Everything a target needs it sets up itself, inside this folder
# (target/) and the caches of cargo, pip and npm.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
JOBS ?= 2
CARGO ?= cargo
HOST := $(shell rustc -vV | sed -n 's/^host: //p')
# A static, fixed-address executable: the loader and relocations would cost a
# quarter of a cold start.
ifneq (,$(findstring linux-gnu,$(HOST)))
STATIC := -C target-feature=+crt-static -C relocation-model=static
endif

.PHONY: help
help: ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

.PHONY: guests
guests: target/debug/guest-build ## Build the interpreter guests (from a cache when their inputs are the same)
	target/debug/guest-build build

# The whole workspace is selected, so that the engine is built with the features
# that everything else wants of it, once.
.PHONY: target/debug/guest-build
target/debug/guest-build:
	$(CARGO) build -q -j$(JOBS) --workspace --bin guest-build

.PHONY: build
build: guests ## Build target/release/wxmcp
	RUSTFLAGS="$(STATIC)" $(CARGO) build --release -j$(JOBS) --target $(HOST) -p wxmcp
	@mkdir -p target/release && cp target/$(HOST)/release/wxmcp target/release/wxmcp

.PHONY: servers
servers: ## Install the real MCP servers that the demonstration and the tests use
	tests/servers/setup.sh

.PHONY: checkers
checkers: ## Install the type checkers that `wxmcp check` runs, into target/checkers/bin
	tests/checkers/setup.sh

.PHONY: componentizers
componentizers: ## Install what `wxmcp build` makes components with, into target/componentizers
	tests/componentizers/setup.sh

.PHONY: components
components: guests servers ## Make the components in other languages that the tests run
	$(CARGO) build -q -j$(JOBS) --workspace --bin wxmcp
	fixtures/components/build.sh

.PHONY: wit
wit: guests ## Write the WIT of the tools that ship into wit/tools, anew
	$(CARGO) build -q -j$(JOBS) --workspace --bin wxmcp
	rm -rf target/wit
	target/debug/wxmcp tools export --format wit -o target/wit
	rm -rf wit/tools && mv target/wit wit/tools

.PHONY: run
run: build ## Do the main job on real data: the tool tree in tools/, on a sample database
	examples/records/run.sh

.PHONY: run-upstream
run-upstream: build servers ## The same with three MCP servers from npm and PyPI as tools
	examples/airports/run.sh

.PHONY: test
test: guests servers checkers componentizers components ## Run all tests
	examples/sample.sh
	node --test guest-adapters/javascript/test
	$(CARGO) nextest run --workspace -j$(JOBS)

.PHONY: check
check: guests ## What CI runs: format, lints, docs, guests against their lock, tests
	$(CARGO) fmt --all --check
	$(CARGO) fmt --check --manifest-path guest-adapters/rust/Cargo.toml
	$(CARGO) clippy --workspace --all-targets -j$(JOBS) -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps -j$(JOBS)
	target/debug/guest-build check --from-scratch
	$(MAKE) test

.PHONY: bench
bench: guests ## Measure, side by side with native CPython, and print the table
	RUSTFLAGS="$(STATIC)" $(CARGO) build --release -j$(JOBS) --target $(HOST) -p wxmcp -p wxmcp-benches
	target/$(HOST)/release/figures
	$(MAKE) bench-search

.PHONY: bench-search
bench-search: guests ## Measure how well tools of 32 real servers are found, and how fast their WIT is made
	benches/servers/setup.sh
	RUSTFLAGS="$(STATIC)" $(CARGO) build --release -j$(JOBS) --target $(HOST) -p wxmcp -p wxmcp-benches
	target/$(HOST)/release/search
