#!/usr/bin/env bash
# Installs what the build needs and the machine lacks, from Debian's packages; with `test`, `demo`, `html`, `integrations` or `distribution`,
# what those need as well; with `all`, everything.
set -euo pipefail
command -v swift >/dev/null || { echo "Swift 6.2 or later is needed: see https://www.swift.org/install" >&2; exit 1; }
packages=(libsodium-dev libsqlite3-dev pkg-config gcc g++ valgrind python3-venv)
case "${1:-}" in
test | demo | all) packages+=(postgresql) ;;&
distribution | all) packages+=(abigail-tools debhelper lintian man-db mandoc zsh fish) ;;&
html | all) packages+=(chromium) ;;&
integrations | all) packages+=(golang-google-grpc-dev golang-google-protobuf-dev) ;;
esac
missing=()
for package in "${packages[@]}"; do
    dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
echo "==> installing ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "as root: apt-get install ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
fi
# The tests start a server of their own: Debian's package is not to make one that runs with the machine.
clusters=/etc/postgresql-common/createcluster.conf
if [[ " ${missing[*]} " == *" postgresql "* && ! -e $clusters ]]; then
    "${as_root[@]}" mkdir -p "${clusters%/*}"
    echo "create_main_cluster = false" | "${as_root[@]}" tee "$clusters" >/dev/null
fi
"${as_root[@]}" apt-get update -qq
# A person sees how far it is; a log is told that it is done.
if [ -t 1 ]; then
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -o Dpkg::Progress-Fancy=1 "${missing[@]}"
else
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
fi
