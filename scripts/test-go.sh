#!/usr/bin/env bash
# Tests the Go binding against the library as it is installed: format, vet, tests under the race detector, the fuzz target
# for FUZZ_SECONDS (10), the example program, and that a wrong library is refused. All of it stays in .build-go.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/go.sh

echo "==> gofmt and go vet"
unformatted=$("$(go env GOROOT)/bin/gofmt" -l Bindings/go examples/go examples/go-grpc examples/swift-service Tests/HTTP)
[ -z "$unformatted" ] || { echo "not as gofmt writes it: $unformatted" >&2; exit 1; }
(cd Bindings/go && go vet ./...)
(cd examples/go && go vet ./...)

echo "==> Go tests, with the race detector"
log=$home/test.log
if ! (cd Bindings/go && go test -race -count=1 -v ./...) >"$log" 2>&1; then
    grep -v '^=== ' "$log" >&2
    exit 1
fi
grep -E '^(ok|\?) ' "$log"
echo "$(grep -cE '^ *--- PASS' "$log") passed"

echo "==> fuzzing FuzzAuthorize for ${FUZZ_SECONDS:-10} s"
(cd Bindings/go && go test -run '^$' -fuzz FuzzAuthorize -fuzztime "${FUZZ_SECONDS:-10}s" .) | tail -n 2

echo "==> examples/go"
(cd examples/go && go build -race -o "$home/example" .)
"$home/example"

echo "==> examples/go as one program without libraries, and a build without cgo"
(cd examples/go && go build -tags agentid_static -o "$home/static" . 2>"$log") || { cat "$log" >&2; exit 1; }
env -i "$home/static" | tail -n 1
if ldd "$home/static" >/dev/null 2>&1; then
    echo "it needs libraries" >&2
    exit 1
fi
if (cd Bindings/go && CGO_ENABLED=0 go build ./...) >"$log" 2>&1 || ! grep -q needs_cgo "$log"; then
    echo "a build without cgo does not say what is missing" >&2
    exit 1
fi

echo "==> HTTP with Go at one end and Python at the other"
(cd Tests/HTTP/go-ends && go vet . && go build -o "$home/http-ends" .)
AGENTID_LIBRARY=$PWD/.build/release/libagentid.so python3 Tests/HTTP/run "$home/http-ends"

echo "==> a wrong library is refused"
mkdir -p "$home/wrong"
sed 's/^#define AGENTID_ABI_VERSION 1$/#define AGENTID_ABI_VERSION 2/' Include/agentid.h >"$home/wrong/agentid.h"
cp Include/agentid_*.h "$home/wrong/"
sed "s|^Cflags:.*|Cflags: -I$home/wrong|" "$prefix/lib/pkgconfig/agentid.pc" >"$home/wrong/agentid.pc"
if (cd Bindings/go && PKG_CONFIG_PATH=$home/wrong CGO_CFLAGS="$CGO_CFLAGS -DWRONG" go build ./...) >"$log" 2>&1 ||
    ! grep -q "written for ABI 1" "$log"; then
    echo "it was built against a header of another ABI" >&2
    exit 1
fi
echo 'unsigned agentid_abi_version(void) { return 2; }' | gcc -shared -fPIC -x c - -o "$home/wrong/abi.so"
if LD_PRELOAD=$home/wrong/abi.so "$home/example" >"$log" 2>&1 || ! grep -q "libagentid speaks ABI 2" "$log"; then
    echo "it ran with a library of another ABI" >&2
    exit 1
fi
echo "at build and at load"
