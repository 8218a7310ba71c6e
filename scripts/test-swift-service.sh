#!/usr/bin/env bash
# Tests examples/swift-service: its own tests, then the running service, called by curl with what agentidctl signed and by an
# agent in Go. What it builds stays in its .build and in .build-go.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/go.sh
here=examples/swift-service
work=$(mktemp -d)
service=
trap '[ -z "$service" ] || kill "$service"; rm -rf "$work"' EXIT

echo "==> the Swift service's tests (the first build of Hummingbird takes some minutes)"
if ! swift test --package-path "$here" --disable-xctest >"$work/log" 2>&1; then
    cat "$work/log" >&2
    exit 1
fi
tail -n 1 "$work/log"

echo "==> the service, called by curl and by Go"
ctl() { .build/release/agentidctl "$@"; }
scope='"GET /books"(); "POST /notes/list"(book == "q3"); "POST /notes/add"(book == "q3", text: *)'
ctl init --authority "$work/acme" acme.example >/dev/null 2>&1
ctl profile put scribe --authority "$work/acme" --owner team:books@acme.example --ceiling "$scope" >/dev/null 2>&1
ctl agent --authority "$work/acme" --profile scribe --principal user:alice@acme.example --task "Q3 review" \
    --scope "$scope" --out "$work/agent" >/dev/null
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url=http://127.0.0.1:$port
"$here/.build/debug/service" "$work/acme" "$port" >"$work/service.log" 2>&1 &
service=$!
for _ in $(seq 100); do
    curl -sf "$url/health" && break
    kill -0 "$service" 2>/dev/null || { cat "$work/service.log" >&2; exit 1; }
    sleep 0.1
done
# Sends a call and expects a status.
call() { # status method path body
    local proof status
    proof=$(ctl prove --agent "$work/agent" --tool "$2 $3" --arguments "${4:-{\}}" --audience notes)
    status=$(curl -s -o "$work/answer" -w '%{http_code}' -X "$2" "$url$3" -H "Agent-Chain: $(cat "$work/agent/chain")" \
        -H "Agent-Proof: $proof" ${4:+-H "Content-Type: application/json" --data-raw "$4"})
    [ "$status" = "$1" ] || { echo "$2 $3: $status, not $1: $(cat "$work/answer")" >&2; exit 1; }
}
call 201 POST /notes/add '{"book":"q3","text":"by curl"}'
call 200 GET /books
call 403 POST /notes/add '{"book":"hr","text":"by curl"}'
grep -q '"reason":"argument_constraint_violated"' "$work/answer"
(cd "$here/Tests/go-client" && go vet . && go build -o "$work/client" .)
"$work/client" "$work/acme" "$url"
ctl deprovision "$(ctl agents --authority "$work/acme" --json | python3 -c '
import json, sys
print(next(agent["id"] for agent in json.load(sys.stdin) if agent["principal"] == "user:alice@acme.example"))')" --authority "$work/acme" >/dev/null
call 403 GET /books
grep -q '"reason":"authority_revoked"' "$work/answer"
echo "permitted, denied, and denied once ended"
