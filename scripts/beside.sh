#!/usr/bin/env bash
# Runs a check that stands beside the project; says so where it does not, and fails there in CI.
set -euo pipefail
shared=${AGENTID_SHARED:-../shared}
if [ ! -d "$shared" ]; then
    echo "left out: $1 ($shared is absent)"
    [ -z "${CI:-}" ]
    exit
fi
case "$1" in
conform)
    echo "==> the vectors of AAT draft -02 through agentidctl conform"
    "$shared/check/aat02-conform" "$PWD/.build/release/agentidctl conform" "$shared/vectors/aat-02/vectors.json"
    ;;
house)
    echo "==> facts of the design"
    "$shared/check/house" && echo "house: nothing to say that counts"
    ;;
esac
