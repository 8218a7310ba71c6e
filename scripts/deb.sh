#!/usr/bin/env bash
# Makes the Debian packages of what was built, into dist/: libagentid0, libagentid-dev, agentidctl.
set -euo pipefail
cd "$(dirname "$0")/.."
# dpkg-buildpackage writes beside the sources and into debian/: it gets a copy of its own, with what was built linked to.
work=$PWD/.build-deb
rm -rf "$work"
mkdir -p "$work/libagentid" dist
tar --exclude=./.build --exclude='./.build-*' --exclude=./.git --exclude=./dist -cf - . | tar -xf - -C "$work/libagentid"
ln -s "$PWD/.build" "$work/libagentid/.build"
if ! (cd "$work/libagentid" && dpkg-buildpackage -b -us -uc) >"$work/log" 2>&1; then
    tail -n 40 "$work/log" >&2
    exit 1
fi
rm -f dist/*.deb dist/libagentid_*
mv "$work"/*.deb "$work"/*.changes "$work"/*.buildinfo dist/
rm -rf "$work/libagentid"
(cd dist && ls -- *.deb) | sed 's/^/dist\//'
