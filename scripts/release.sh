#!/usr/bin/env bash
# Makes a release: release.sh VERSION. Everything happens in a clone; only when all of it is there do the commit and the tags come
# into this repository and the archives into dist/. So what fails changes nothing.
#
# The version goes into the header, which all else follows, the Python package and debian/changelog; "Unreleased" in CHANGELOG.md is
# cut; the interface is kept in abi/. Tags: VERSION for Swift packages, and one for each Go module, Bindings/go/vVERSION and
# Bindings/go/agentidgrpc/vVERSION. dist/ gets the source archive, the wheel, Debian packages, what they contain (SPDX 2.3) and checksums.
# ARCHIVES=0 makes commit and tags alone.
set -euo pipefail
cd "$(dirname "$0")/.."
fail() { echo "release: $1" >&2; exit 2; }

version=${1:-}
[[ $version =~ ^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$ ]] || fail "\"$version\" is not a version: write MAJOR.MINOR.PATCH, e.g. make release VERSION=0.2.0"
[ -z "$(git status --porcelain)" ] || fail "there are changes that are not committed: commit them, or take them away"
last=$(git tag --list '[0-9]*' --sort=-v:refname | head -n 1)
if [ -n "$last" ] && [ "$(printf '%s\n' "$last" "$version" | sort -V | tail -n 1)" != "$version" ] || [ "$last" = "$version" ]; then
    fail "$version is not after $last, the last release: name a later one"
fi
unreleased=$(awk '/^## /{ on = $2 == "Unreleased" } on && /^- /' CHANGELOG.md)
[ -n "$unreleased" ] || fail "CHANGELOG.md has nothing under \"## Unreleased\": write what changed"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
branch=$(git symbolic-ref --short HEAD 2>/dev/null) || fail "HEAD is on no branch: check one out"
git clone -q . "$work/libagentid"
here=$PWD
cd "$work/libagentid"
git config user.name "$(git -C "$here" config user.name || echo libagentid)"
git config user.email "$(git -C "$here" config user.email || echo maintainers@libagentid.invalid)"

echo "==> version $version"
IFS=. read -r major minor patch <<<"$version"
sed -i -E "s/^(#define AGENTID_VERSION_MAJOR) .*/\1 $major/; s/^(#define AGENTID_VERSION_MINOR) .*/\1 $minor/; s/^(#define AGENTID_VERSION_PATCH) .*/\1 $patch/" Include/agentid.h
sed -i -E "s/^version = \".*\"/version = \"$version\"/" Bindings/python/pyproject.toml
sed -i -E "s/^## Unreleased$/## Unreleased\n\n## $version, $(date -u +%F)/" CHANGELOG.md
if ! head -n 1 debian/changelog | grep -qF "($version)"; then
    { printf 'libagentid (%s) unstable; urgency=medium\n\n  * Release %s: see CHANGELOG.md.\n\n -- libagentid maintainers <maintainers@libagentid.invalid>  %s\n\n' \
        "$version" "$version" "$(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S +0000')"; cat debian/changelog; } >debian/changelog.new
    mv debian/changelog.new debian/changelog
fi
[ "$(scripts/version.sh)" = "$version" ] || fail "Include/agentid.h did not take the version: look at AGENTID_VERSION_..."
if [ "${ARCHIVES:-1}" = 1 ]; then
    make build abi-update
fi
git commit -qam "Version $version"
git tag -a -m "Version $version" "$version"
for module in Bindings/go Bindings/go/agentidgrpc; do
    git tag -a -m "Version $version" "$module/v$version"
done

if [ "${ARCHIVES:-1}" = 1 ]; then
    make dist wheel deb
    scripts/sbom.py "$version" >"dist/agentid-$version.spdx.json"
    (cd dist && sha256sum -- * >SHA256SUMS)
    mkdir -p "$here/dist"
    cp dist/* "$here/dist/"
fi
cd "$here"
git fetch -q "$work/libagentid" HEAD "refs/tags/$version:refs/tags/$version" "refs/tags/Bindings/go/*v$version:refs/tags/Bindings/go/*v$version"
git merge -q --ff-only FETCH_HEAD
echo "released $version on $branch: git push origin $branch $version Bindings/go/v$version Bindings/go/agentidgrpc/v$version"
