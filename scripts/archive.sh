#!/usr/bin/env bash
# Makes the archive $1 for static linking, out of the objects of libagentid.so and what they need of the Swift runtime: one
# object, whose only names for others are the header's. Who links it needs no Swift.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
objects=.build/release/agentid.product/Objects.LinkFileList
runtime=$(swiftc -static-stdlib -print-target-info |
    python3 -c 'import json, sys; print(*json.load(sys.stdin)["paths"]["runtimeLibraryImportPaths"])')
read -r libraries start <<<"$runtime"
# Each object names the libraries that it needs; those that are not Swift's stay for the program's own linking.
needed=$(swift-autolink-extract "@$objects" -o - | grep '^-lswift')
nm -D --defined-only .build/release/libagentid.so | awk '{ print $3 }' >"$work/names"
# As the shared library is linked (Package.swift): nothing that is not reached, no names of Unicode scalars.
ld -r -d -T scripts/archive.ld --force-group-allocation --gc-sections --strip-debug \
    --defsym=_swift_stdlib_getScalarName=0 $(sed 's/^/-u /' "$work/names") -o "$work/merged.o" \
    "@$objects" "$start/swiftrt.o" -L"$libraries" --start-group $needed --end-group
objcopy --keep-global-symbols="$work/names" "$work/merged.o" "$work/agentid.o"
rm -f "$1"
ar rcsD "$1" "$work/agentid.o"
