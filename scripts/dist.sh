#!/usr/bin/env bash
# Makes dist/agentid-VERSION.tar.gz of the last commit, with the Swift packages that it needs in vendor/, where Package.swift looks
# first: it builds without network. The same commit and packages give the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -e .git ] || { echo "a source archive is made of a git repository: this is none" >&2; exit 1; }
[ -z "$(git status --porcelain)" ] || echo "what is not committed is left out" >&2
name=agentid-$(scripts/version.sh)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git archive --prefix="$name/" HEAD | tar -xf - -C "$work"
echo "==> resolving the Swift packages"
swift package resolve
for package in .build/checkouts/*/; do
    vendored=$work/$name/vendor/$(basename "$package")
    mkdir -p "$vendored"
    git -C "$package" archive HEAD | tar -xf - -C "$vendored"
    version=$(git -C "$package" describe --tags --exact-match)
    echo "$(basename "$package") $version" >>"$work/$name/vendor/versions"
    # Its tests, examples and CI are not needed to build it.
    rm -rf "$vendored"/{Tests,Examples,.github}
done
mkdir -p dist
tar --sort=name --mtime="@$(git log -1 --format=%ct)" --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw,a-s --format=ustar \
    -C "$work" -cf - "$name" | gzip -9n >"dist/$name.tar.gz"
echo "dist/$name.tar.gz"
