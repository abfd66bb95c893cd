# The verbs that people and CI share.

LESS_CLI := $(CURDIR)/target/release/less-cli

# What `make chaos` draws its decisions from; CHAOS is passed on: `make chaos SEED=7 CHAOS="--rounds 20 kills"`.
SEED ?= $(shell date +%s)

.PHONY: help demo test chaos bench check advisories fuzz guide

help: ## Show these lines (the default)
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Build, deploy the food-delivery example and follow two orders through it
	cargo build --release -p less-cli
	LESS_CLI="$(LESS_CLI)" node examples/food-delivery/demo.mjs

# The black-box tests run target/debug/less-cli, which neither runner builds by itself. Without nextest they run one at
# a time, for only nextest knows which of them want the machine to themselves.
test: ## Run all tests (cargo nextest where it is installed)
	cargo build -p less-cli
	@if cargo nextest --version >/dev/null 2>&1; then \
		set -x; cargo nextest run --workspace; \
	else \
		set -x; cargo test --workspace --exclude less-tests && cargo test -p less-tests --test it -- --test-threads=1; \
	fi
	cargo test -p less-tests --test conformance
	cargo test -p less-tests --test chaos -- --short
	cd sdk/node && node --test
	cd sdk/python && python3 -B -m unittest discover -s tests

chaos: ## Break everything under load, with the released binary (SEED=n repeats a run)
	cargo build --release -p less-cli
	LESS_CLI="$(LESS_CLI)" cargo test -p less-tests --test chaos -- --seed $(SEED) $(CHAOS)

check: ## Formatting and lints
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

guide: ## The guide as a book, in target/guide (needs mdbook)
	@command -v mdbook >/dev/null || { echo "mdbook is not installed: cargo install --locked mdbook"; exit 1; }
	mdbook build docs/guide

advisories: ## Known weaknesses of dependencies, where their database can be reached
	@if GIT_TERMINAL_PROMPT=0 timeout 30 git ls-remote -q https://github.com/RustSec/advisory-db.git HEAD >/dev/null 2>&1; then \
		cargo audit --version >/dev/null 2>&1 || cargo install --locked cargo-audit; \
		cargo audit; \
	else \
		echo "skipped: advisory database not reachable"; \
	fi

# About 25 minutes, on a machine that does nothing else; `target/release/less-bench list` tells the parts of it.
bench: ## Measure Less against the field, complete workflows verified
	cargo build --release -p less-cli
	cargo build --release -p less-bench --features axum
	bench/install
	LESS_CLI="$(LESS_CLI)" target/release/less-bench

SECONDS := 60
TARGET :=

fuzz: ## Feed what comes from outside with what a fuzzer finds: make fuzz SECONDS=60 [TARGET=http]
	fuzz/run $(SECONDS) $(TARGET)
