# make demo   builds, fetches models, starts everything on this machine, places one call, stays up
# make test   everything that must hold (what CI runs)
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
TOOLS := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/sidetone/tools
export PATH := $(TOOLS)/python/bin:$(PATH)

# Tests cover the console by microphone; without it the product needs no ALSA.
ALL := --features sidetone/console-audio

# What `unit` builds. The browser's tests take the program from the same build: alone it has other features
# of tokio, and all that stands on tokio would be compiled again.
TESTS := --workspace --lib --bins --tests $(ALL)

# Between PEERs.
comma := ,

.PHONY: demo test web tools lint unit web-test faults soak fuzz bench bench-calls bench-memory bench-recording \
	bench-history livekit-suite install

demo: web
	scripts/tools.sh livekit
	cargo build --bin sidetone
	target/debug/sidetone demo $(if $(ONCE),--once)

# The release build on the PATH, by cargo: ~/.cargo/bin/sidetone.
install: web
	CARGO_PROFILE_RELEASE_STRIP=symbols cargo install --locked --path . --bin sidetone

# Each part a `make` of its own, and a table of what they took.
test:
	@+MAKE="$(MAKE)" scripts/times.py parts tools web lint unit web-test

tools:
	scripts/tools.sh livekit python postgres pgbouncer s3 redis egress alsa

web: web/dist/index.html
web/dist/index.html: $(shell find web/src web/public web/*.json web/*.mjs web/csp.txt 2>/dev/null)
	cd web && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets $(ALL) --quiet -- -D warnings
	cargo clippy --bin sidetone --quiet -- -D warnings
	cargo deny --log-level error check licenses bans sources
	scripts/advisories.sh
	scripts/shipped.sh

unit:
	scripts/times.py tests cargo nextest run $(TESTS) --no-fail-fast

# The call element and the pages in a real Chromium, with a stand-in agent, with the real one, and with the demo.
web-test: web
	scripts/tools.sh livekit python s3 browser
	cargo test --quiet --no-run $(TESTS)
	cd web && npm test

# What ten callers hear and what is written down of it while parts of the system die (docs/faults.md).
# FAULTS=worker-killed,postgres-stopped: only these.
faults:
	scripts/tools.sh livekit python postgres
	FAULTS=$(FAULTS) cargo nextest run $(TESTS) --run-ignored only --no-capture -E 'test(=faults::every_fault)'

# One `serve` through as many calls as fit, half of them beside a flood: what it holds at the end, and what the
# others hear (docs/soak.md). SOAK_MINUTES=10.
soak:
	scripts/tools.sh livekit
	SOAK_MINUTES=$(or $(SOAK_MINUTES),10) cargo nextest run $(TESTS) --run-ignored only --no-capture \
		-E 'test(=soak::a_day_in_ten_minutes)'

# Feeds every reader of what strangers send, guided by coverage: the targets of tests/fuzz, FUZZ_SECONDS=60 each, or
# those of TARGETS="webm mp4". `make test` replays what is kept of it.
fuzz:
	FUZZ_SECONDS=$(or $(FUZZ_SECONDS),60) scripts/fuzz.sh $(TARGETS)

# All that is measured: whole calls, what they leave behind, what recording one costs, a long history.
bench: bench-calls bench-memory bench-recording bench-history

# Whole calls, 1 and 4 at once, or CALLERS=1,4,16,40,60: what callers hear and what it costs.
# PEER=livekit-agents,pipecat: beside them. The release build, as theirs are.
bench-calls:
	scripts/tools.sh livekit $(subst $(comma), ,$(subst -,_,$(PEER)))
	cargo build --release --bin sidetone
	SIDETONE_BINARY=target/release/sidetone \
	cargo bench --profile dev --bench conversation -- --callers $(or $(CALLERS),1$(comma)4) $(if $(PEER),--peer $(PEER))

# The heap after 50 and after 500 calls that end while the caller is there.
bench-memory:
	scripts/tools.sh livekit
	cargo bench --profile dev --bench memory

# What recording a call costs, in CPU-seconds and bytes a call-minute.
bench-recording:
	cargo bench --profile dev --bench recording

# A history of 1,000,000 calls on SQLite and Postgres: times and query plans (docs/history-queries.md).
# The dev profile: the databases do the work, and the build is there already.
bench-history:
	scripts/tools.sh postgres
	cargo bench --profile dev --bench history -- --calls 1000000

# The official livekit crate's own tests on crates/libwebrtc.
livekit-suite:
	scripts/tools.sh livekit
	scripts/livekit-suite.sh
