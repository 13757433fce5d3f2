# make demo   builds, fetches models, starts everything on this machine, places one call, stays up
# make test   everything that must hold (what CI runs)
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
TOOLS := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/sidetone/tools
export PATH := $(TOOLS)/python/bin:$(PATH)

# Tests include the console's microphone; without it the product does not need ALSA.
ALL := --features sidetone/console-audio

# What `unit` builds. The browser's tests use the program of the same build: built alone it would enable other
# features of tokio, and everything that depends on tokio would be compiled again.
TESTS := --workspace --lib --bins --tests $(ALL)

# Separates PEERs.
comma := ,

.PHONY: demo test web tools lint unit web-test faults soak fuzz bench bench-calls bench-memory bench-recording \
	bench-history bench-rooms bench-scale livekit-suite install

demo: web
	scripts/tools.sh livekit
	cargo build --bin sidetone
	target/debug/sidetone demo $(if $(ONCE),--once)

# Installs the release build with cargo, as ~/.cargo/bin/sidetone.
install: web
	CARGO_PROFILE_RELEASE_STRIP=symbols cargo install --locked --path . --bin sidetone

# Runs each part in a `make` of its own, and prints a table of the times.
test:
	@+MAKE="$(MAKE)" scripts/times.py parts tools web lint unit web-test

tools:
	scripts/tools.sh livekit python postgres pgbouncer s3 redis egress nft alsa

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

# Tests the call element and the pages in a real Chromium, with a stand-in agent, the real one, and the demo.
web-test: web
	scripts/tools.sh livekit python s3 browser
	cargo test --quiet --no-run $(TESTS)
	cd web && npm test

# Measures what ten callers hear, and what is recorded, while parts of the system die (docs/faults.md).
# FAULTS=worker-killed,postgres-stopped runs only these.
faults:
	scripts/tools.sh livekit python postgres
	FAULTS=$(FAULTS) cargo nextest run $(TESTS) --run-ignored only --no-capture -E 'test(=faults::every_fault)'

# Runs as many calls as possible through one `serve`, half of the time during a flood, and measures what it still
# holds at the end and what the other callers hear (docs/soak.md). SOAK_MINUTES=10.
soak:
	scripts/tools.sh livekit
	SOAK_MINUTES=$(or $(SOAK_MINUTES),10) cargo nextest run $(TESTS) --run-ignored only --no-capture \
		-E 'test(=soak::a_day_in_ten_minutes)'

# Fuzzes every parser of untrusted input, guided by coverage: the targets of tests/fuzz, FUZZ_SECONDS=60 each, or only
# TARGETS="webm mp4". `make test` replays the inputs that were kept.
fuzz:
	FUZZ_SECONDS=$(or $(FUZZ_SECONDS),60) scripts/fuzz.sh $(TARGETS)

# All benchmarks: whole calls, what they leave behind, what recording one costs, a long history.
bench: bench-calls bench-memory bench-recording bench-history

# Whole calls, 1 and 4 at once, or CALLERS=1,4,16,40,60: what callers hear and what it costs.
# PEER=livekit-agents,pipecat compares with these. Uses the release build, because theirs are optimised too.
bench-calls:
	scripts/tools.sh livekit $(subst $(comma), ,$(subst -,_,$(PEER)))
	cargo build --release --bin sidetone
	SIDETONE_BINARY=target/release/sidetone \
	cargo bench --profile dev --bench conversation -- --callers $(or $(CALLERS),1$(comma)4) $(if $(PEER),--peer $(PEER))

# The heap after 50 and after 500 calls that end while the caller is there.
bench-memory:
	scripts/tools.sh livekit
	cargo bench --profile dev --bench memory

# What recording a call costs, in CPU-seconds and bytes per call minute.
bench-recording:
	cargo bench --profile dev --bench recording

# What 20 rooms cost the process that is in them, in CPU and memory.
bench-rooms:
	scripts/tools.sh livekit
	cargo bench --bench rooms

# A history of 1,000,000 calls on SQLite and Postgres: times and query plans (docs/history-queries.md).
# Uses the dev profile: the databases do the work, and its build already exists.
bench-history:
	scripts/tools.sh postgres
	cargo bench --profile dev --bench history -- --calls 1000000

# What 1,000 and 10,000 open calls ask of the database and the control plane (docs/scale.md), in about fifteen minutes.
# Uses the release build of the control plane, because events are also parsed and verified. CALLS=1000 for fewer.
bench-scale: web
	scripts/tools.sh postgres
	cargo build --release --bin sidetone
	SIDETONE_BINARY=target/release/sidetone \
	cargo bench --profile dev --bench scale -- --calls $(or $(CALLS),1000$(comma)10000)

# The official livekit crate's own tests on crates/libwebrtc.
livekit-suite:
	scripts/tools.sh livekit
	scripts/livekit-suite.sh
