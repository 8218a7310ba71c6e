#!/usr/bin/env bash
# Looks for inputs under the documented limits that cost most: scripts/cost.sh [seconds for each operation] [operations...].
# Fails where one costs over 50 ms of a processor's time.
set -euo pipefail
cd "$(dirname "$0")/.."
AGENTID_FUZZ=1 swift build -c release --product agentid-cost --scratch-path .build-cost 2>&1 |
    grep -E "error|warning: |complete" || true
TMPDIR=$(mktemp -d -p /dev/shm agentid-cost.XXXXXX)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
.build-cost/release/agentid-cost "$@"
