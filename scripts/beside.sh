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
    echo "==> the AAT corpus through agentidctl conform"
    "$shared/check/aat-conform" --adapter "$PWD/.build/release/agentidctl conform" --profile Core,Status,Identity,PDP,MCP
    ;;
house)
    echo "==> facts of the design"
    "$shared/check/house" && echo "house: nothing to say that counts"
    ;;
esac
