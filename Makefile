# The one door. `make` alone lists the targets.

CARGO ?= cargo
# Seconds each fuzz target runs in `make fuzz` and, shorter, in `make test`.
FUZZ_SECONDS ?= 60
FUZZ_SECONDS_BRIEF ?= 5
# Which graphics devices `make bench-gpu` measures and `make soak-gpu` asks.
GPU ?=
# Items of each operation in `make soak-gpu` (1,000,000 where nothing is said) and of each signature row in `make soak-lanes`
# (450,000, which is 1.5 * 10^8 items and leaves in all), and minutes of `make soak-gpu` in all.
SOAK_ITEMS ?=
SOAK_MINUTES ?= 90
APT_PACKAGES = python3 prometheus openssl mesa-vulkan-drivers libvulkan1

.PHONY: help setup demo run test lint audit bench bench-gpu soak-lanes soak-gpu fuzz doc

help: ## List the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 10

setup: ## Install what the tests need besides Rust and a C compiler, where apt is there.
	@ops/setup.sh $(APT_PACKAGES)

demo: ## Start a node on loopback, send it real data, show what came back.
	$(CARGO) run --release --locked -q --bin assay -- demo

run: ## Run a node with throwaway certificates in ./run, listening on loopback.
	$(CARGO) build --release --locked --bin assay
	ops/run-local.sh target/release/assay run

test: setup ## Build and pass every test, the golden frames' independent decoder and a brief fuzz run included.
	$(CARGO) test --workspace --locked
	$(CARGO) run --manifest-path fuzz/Cargo.toml --locked --release --bin brief -- --seconds $(FUZZ_SECONDS_BRIEF)

lint: ## Formatting, clippy, and the dependency rules of deny.toml.
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	@command -v cargo-deny >/dev/null || $(CARGO) install --locked cargo-deny
	$(CARGO) deny --locked check bans licenses sources

audit: ## Known vulnerabilities in the dependencies; fetches the advisory database, so it needs the network.
	@command -v cargo-deny >/dev/null || $(CARGO) install --locked cargo-deny
	$(CARGO) deny --locked check advisories

bench: ## The CPU backends beside the libraries there are, then every operation in process and through a node on loopback.
	@ops/setup.sh pkg-config libssl-dev
	$(CARGO) run --manifest-path benches/Cargo.toml --locked --release -- --out benches/results \
		--commit $$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
	$(CARGO) build --release --locked --bin assay
	benches/run.sh target/release/assay

bench-gpu: ## Items per second of every operation on GPU=hardware (or software), kernels and bus apart; a table in benches/results.
	$(CARGO) build --release --locked --bin assay
	benches/gpu.sh target/release/assay $(or $(GPU),hardware)

soak-lanes: ## The lanes against the reference and second libraries, SOAK_ITEMS a signature row, twenty times that a digest or a tree's rule.
	@ops/setup.sh pkg-config libssl-dev
	$(CARGO) run --manifest-path benches/Cargo.toml --locked --release --bin assay-soak -- --backend lanes \
		--items $(or $(SOAK_ITEMS),450000)

soak-gpu: ## Random and mutated items on GPU=software (or hardware) against the reference: SOAK_ITEMS an operation, SOAK_MINUTES at most.
	@ops/setup.sh pkg-config libssl-dev $(if $(filter hardware,$(GPU)),,mesa-vulkan-drivers libvulkan1)
	$(CARGO) run --manifest-path benches/Cargo.toml --locked --release --bin assay-soak -- --backend gpu --gpu $(or $(GPU),software) \
		--items $(or $(SOAK_ITEMS),1000000) --digests 1 --minutes $(SOAK_MINUTES)

fuzz: ## Fuzz what meets strangers, FUZZ_SECONDS a target.
	$(CARGO) run --manifest-path fuzz/Cargo.toml --locked --release --bin brief -- --seconds $(FUZZ_SECONDS)

doc: ## The crates' documentation, warnings refused.
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked
