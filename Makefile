# make demo   builds, fetches models, starts everything on this machine, places one call, stays up
# make test   everything that must hold (what CI runs)
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
TOOLS := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/sidetone/tools
export PATH := $(TOOLS)/python/bin:$(PATH)

.PHONY: demo test build web tools lint unit livekit-suite bench fmt

demo: web
	scripts/tools.sh livekit
	cargo build --quiet --bin sidetone
	target/debug/sidetone demo $(if $(ONCE),--once)

test: tools web lint unit

tools:
	scripts/tools.sh livekit python system

web: web/dist/index.html
web/dist/index.html: $(shell find web/src web/public web/*.json web/*.mjs web/csp.txt 2>/dev/null)
	cd web && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	cargo deny --log-level error check licenses bans sources

unit:
	cargo nextest run --workspace --no-fail-fast

livekit-suite:
	scripts/tools.sh livekit
	scripts/livekit-suite.sh
