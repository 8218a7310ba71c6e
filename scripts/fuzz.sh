#!/usr/bin/env bash
# Fuzzes: scripts/fuzz.sh [seconds for each target, 20 by default] [targets...]. What was found lies in .build-fuzz/found.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-20}
targets=("${@:2}")
[ ${#targets[@]} -gt 0 ] || targets=(json jws chain presentation scope glob note segment entry capi replay meters cost approval policy revocations)
binary=.build-fuzz/release/agentid-fuzz
echo "==> building the fuzz targets (instrumented, optimised, AddressSanitizer)"
# In one option for the compiler: of two it takes the last, and fuzzes blindly.
AGENTID_FUZZ=1 swift build -c release --product agentid-fuzz --scratch-path .build-fuzz \
    --sanitize=fuzzer -Xswiftc -sanitize=fuzzer,address 2>&1 | grep -E "error|warning: |complete" || true
export SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0
# In memory, and gone afterwards, whatever a target leaves there.
TMPDIR=$(mktemp -d -p /dev/shm agentid-fuzz.XXXXXX)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
found=0
for target in "${targets[@]}"; do
    corpus=.build-fuzz/corpus/$target crashes=.build-fuzz/found/$target
    mkdir -p "$corpus" "$crashes"
    echo "==> $target for $seconds s"
    if ! "$binary" "$target" "$corpus" "Tests/Fuzz/seeds/$target" -max_total_time="$seconds" -max_len=4096 -timeout=60 \
        -rss_limit_mb=2048 -artifact_prefix="$crashes/" -print_final_stats=1 >"$crashes/log" 2>&1; then
        found=$((found + 1))
        tail -n 40 "$crashes/log"
        echo "found: repeat with SWIFT_BACKTRACE=enable=no $binary $target FILE, for FILE in $crashes"
    fi
    if ! grep -q "cov: " "$crashes/log"; then
        found=$((found + 1))
        echo "blind: the build of $target is not instrumented"
    fi
    grep -E "stat::number_of_executed_units|cov:" "$crashes/log" | tail -n 2 | sed 's/^/    /'
done
echo "${#targets[@]} fuzz targets, $found with findings"
[ "$found" -eq 0 ]
