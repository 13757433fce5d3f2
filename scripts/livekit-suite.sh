#!/usr/bin/env bash
# Runs the official livekit crate's own tests on our media engine, against a
# real livekit-server on free loopback ports, and prints a table.
#
# The crate and its tests come from cargo's download; they are copied into the
# target folder, never into git. Exit code 0 means that everything passed except
# for the expected failures below.
#
#   scripts/livekit-suite.sh              all suites
#   scripts/livekit-suite.sh room_test    some suites ("lib" is the unit tests)
set -euo pipefail

version=0.10.0
# Tests that need something the engine does not support, with the entry of
# crates/libwebrtc/src/unsupported.rs that says so.
expected_failures=()
# A test whose premise is a race: it cancels `room.close()` by a zero timeout, which tokio fires at
# the next millisecond, and this engine has often closed by then. A run that missed the premise
# fails with this message and proves nothing; the test is repeated until the premise holds, and
# then all its assertions must hold.
premise_test=room_test::test_cancelled_close_still_closes_peer_connections
premise_missed='close should have been cancelled at its first suspension point'
premise_runs=40
all_suites=(lib room_test rpc_test data_stream_test audio_test engine_lifecycle_test
    peer_connection_signaling_test reconnection_test data_channel_test data_channel_encryption
    data_track_test schema_storage_test)
# Suites that are not built. The first three use pictures (frames, buffers, streams of them), whose types
# the engine does not have (`Video` and `PacketTrailer` of crates/libwebrtc/src/unsupported.rs). The last
# one is for sound devices (`AudioDevices`): without one almost all of its tests end before they assert
# anything, so that passing would show nothing.
left_out=(video_test dynacast_test packet_trailer_test platform_audio_test)
suites=("${@:-${all_suites[@]}}")

repo=$(cd "$(dirname "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-$repo/target}
work=$repo/target/livekit-suite
tools=${XDG_CACHE_HOME:-$HOME/.cache}/sidetone/tools
server=$(command -v livekit-server || true)
[ -n "$server" ] || server=$tools/livekit-server-1.13.3
[ -x "$server" ] || {
    echo "no livekit-server in PATH and none at $server; run 'make demo' once or install it" >&2
    exit 2
}

cd "$repo"
cargo fetch --locked -q 2>/dev/null || cargo fetch -q
source=$(cargo metadata --format-version 1 2>/dev/null |
    python3 -c 'import json,sys
for p in json.load(sys.stdin)["packages"]:
    if (p["name"], p["version"]) == ("livekit", sys.argv[1]):
        print(p["manifest_path"].removesuffix("/Cargo.toml"))' "$version")
[ -d "$source" ] || { echo "cargo has no download of livekit $version" >&2; exit 2; }

# A separate workspace around a copy of the crate, with our engine patched in
# and our lock file, so that dependencies are built once for both.
# `cp -p` keeps the modification times, so that cargo builds the copy only once.
mkdir -p "$work"
rm -rf "$work/livekit"
cp -rp "$source" "$work/livekit"
chmod -R u+w "$work/livekit"
rm -f "$work/livekit/Cargo.lock"
# The video helper needs picture types that the engine does not have.
helper=$work/livekit/tests/common/e2e/mod.rs
sed -i '/^pub mod video;$/d' "$helper"
touch -r "$source/tests/common/e2e/mod.rs" "$helper"
python3 - "$repo" "$work" "${left_out[@]}" <<'PY'
import re, sys
repo, work, *left_out = sys.argv[1:]
root = open(f"{repo}/Cargo.toml").read()
profile = re.search(r"^\[profile\.dev\]\n(?:.+\n)*", root, re.M).group(0)
override = re.search(r"^\[profile\.dev\.build-override\]\n(?:.+\n)*", root, re.M).group(0)
open(f"{work}/Cargo.toml", "w").write(
    '[workspace]\nmembers = ["livekit"]\nresolver = "3"\n\n'
    f'[patch.crates-io]\nlibwebrtc = {{ path = "{repo}/crates/libwebrtc" }}\n\n{profile}\n{override}'
)
manifest = f"{work}/livekit/Cargo.toml"
text = open(manifest).read()
for name in left_out:
    text = re.sub(r'\[\[test\]\]\nname = "%s"\npath = "[^"]+"\n' % name, "", text)
text = re.sub(r'\[\[example\]\]\nname = "[^"]+"\npath = "[^"]+"\n', "", text)
text = text.replace('[dev-dependencies.livekit-api]\nversion = "0.10.0"\nfeatures = ["services"]',
    '[dev-dependencies.livekit-api]\nversion = "0.10.0"\ndefault-features = false\n'
    'features = ["services", "access-token", "rustls-tls-webpki-roots"]')
open(manifest, "w").write(text)
PY
touch -r "$source/Cargo.toml" "$work/livekit/Cargo.toml"
cp Cargo.lock "$work/Cargo.lock"

read -r http tcp udp < <(python3 - <<'PY'
import socket
kinds = (socket.SOCK_STREAM, socket.SOCK_STREAM, socket.SOCK_DGRAM)
sockets = [socket.socket(socket.AF_INET, kind) for kind in kinds]
for s in sockets:
    s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in sockets))
PY
)
cat > "$work/server.yaml" <<YAML
port: $http
bind_addresses: [127.0.0.1]
rtc:
  node_ip: 127.0.0.1
  use_external_ip: false
  enable_loopback_candidate: true
  ips: {includes: [127.0.0.1/32]}
  stun_servers: ["127.0.0.1:3478"]
  tcp_port: $tcp
  udp_port: $udp
keys: {devkey: secret-secret-secret-secret-secret-}
logging: {level: info}
YAML
"$server" --config "$work/server.yaml" > "$work/server.log" 2>&1 &
server_pid=$!
trap 'kill $server_pid 2>/dev/null; wait $server_pid 2>/dev/null || true' EXIT
for _ in $(seq 50); do
    (: < "/dev/tcp/127.0.0.1/$http") 2>/dev/null && break
    kill -0 $server_pid 2>/dev/null || { cat "$work/server.log" >&2; exit 2; }
    sleep 0.2
done

export LIVEKIT_URL=ws://127.0.0.1:$http LIVEKIT_API_KEY=devkey
export LIVEKIT_API_SECRET=secret-secret-secret-secret-secret-
export CARGO_TARGET_DIR=$target
cd "$work"
features=(--no-default-features --features native,rustls-tls-webpki-roots,__lk-e2e-test)
is_expected() { printf '%s\n' "${expected_failures[@]}" | grep -qxF -- "$1"; }

# Returns whether the test passes once its premise holds, and leaves the number of runs in `runs`.
passes_when_its_premise_holds() {
    local log=$1
    shift
    for ((runs = 2; runs <= premise_runs; runs++)); do
        if timeout 60 cargo test -q -p livekit "${features[@]}" "$@" > "$log" 2>&1; then
            return 0
        fi
        grep -qF "$premise_missed" "$log" || return 1
    done
    return 1
}

bad=0
table=()
for suite in "${suites[@]}"; do
    if [ "$suite" = lib ]; then which=(--lib); else which=(--test "$suite"); fi
    log=$work/$suite.log
    if ! cargo test -q -p livekit "${features[@]}" "${which[@]}" --no-run > "$log" 2>&1; then
        tail -40 "$log"
        table+=("$(printf '%-34s does not build' "$suite")")
        bad=1
        continue
    fi
    timeout 590 cargo test -p livekit "${features[@]}" "${which[@]}" -- --test-threads=2 \
        > "$log" 2>&1 || true
    passed=$(grep -cE '^test .* \.\.\. ok$' "$log" || true)
    mapfile -t failed < <(sed -n 's/^test \(.*\) \.\.\. FAILED.*$/\1/p' "$log" | sort -u)
    expected=0 unexpected=() notes=()
    for name in "${failed[@]}"; do
        if is_expected "$suite::$name"; then
            expected=$((expected + 1))
        elif [ "$suite::$name" = "$premise_test" ] && grep -qF "$premise_missed" "$log" &&
            passes_when_its_premise_holds "$log.again" "${which[@]}" -- --exact "$name"; then
            passed=$((passed + 1))
            notes+=("  $name passes at run $runs, the first in which close was cancelled")
        else
            unexpected+=("$name")
        fi
    done
    for entry in "${expected_failures[@]}"; do
        [[ $entry == "$suite::"* ]] || continue
        grep -qE "^test ${entry#"$suite::"} \.\.\. ok$" "$log" &&
            table+=("  ${entry#"$suite::"} passes now: take it off the list of expected failures")
    done
    finished=yes
    grep -q '^test result:' "$log" || { finished=no; bad=1; }
    [ ${#unexpected[@]} -eq 0 ] || bad=1
    table+=("$(printf '%-34s %3d passed %3d failed %3d failed as expected%s' "$suite" "$passed" \
        "${#unexpected[@]}" "$expected" "$([ $finished = yes ] || echo '  did not finish')")")
    table+=("${notes[@]}")
    for name in "${unexpected[@]}"; do table+=("  FAILED $name  (see $log)"); done
done

echo
printf '%s\n' "${table[@]}"
echo "expected failures: ${expected_failures[*]:-none}"
echo "not built, for lack of pictures and sound devices: ${left_out[*]}"
[ $bad -eq 0 ] && echo "livekit $version passes on this engine" || echo "livekit $version does not pass"
exit $bad
