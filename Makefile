# The verbs that people and CI share.

LESS_CLI := $(CURDIR)/target/release/less-cli

.PHONY: help demo test check fuzz

help: ## Show these lines (the default)
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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
	cd sdk/node && node --test
	cd sdk/python && python3 -B -m unittest discover -s tests

check: ## Formatting and lints
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

SECONDS := 60
TARGET :=

fuzz: ## Feed what comes from outside with what a fuzzer finds: make fuzz SECONDS=60 [TARGET=http]
	fuzz/run $(SECONDS) $(TARGET)
