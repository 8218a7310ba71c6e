#!/usr/bin/env bash
# Builds the documentation of the Swift modules into .build/docs, warnings as errors, from what the compiler says they export.
# Nothing public may be without a comment.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/prepare.sh
echo "==> documentation of the Swift modules"
swift build --scratch-path .build-debug --target AgentIDAsync
modules=$(swift build --scratch-path .build-debug --show-bin-path)/Modules
graphs=.build/symbol-graphs output=.build/docs
rm -rf "$graphs" "$output"
mkdir -p "$graphs"
extract() { # module options...
    swift symbolgraph-extract -module-name "$1" -target "$(swiftc -print-target-info | sed -n 's/.*"triple": "\(.*\)",/\1/p' | head -n 1)" \
        -I "$modules" -I Sources/CSodium -I Sources/CSQLite -I Sources/CProcess -output-dir "$graphs" \
        -minimum-access-level public -omit-extension-block-symbols -skip-synthesized-members "${@:2}"
}
extract AgentID -experimental-allowed-reexported-modules=JOSE,Scopes,StrictJSON,TransparencyLog
extract AgentIDAsync
python3 scripts/undocumented.py "$graphs"/*.json
docc=$(dirname "$(readlink -f "$(command -v swift)")")/docc
"$docc" convert Sources/AgentID/AgentID.docc --additional-symbol-graph-dir "$graphs" --output-dir "$output" \
    --fallback-display-name AgentID --fallback-bundle-identifier agentid --warnings-as-errors
echo "$output: to read it, $docc preview or any web server"
