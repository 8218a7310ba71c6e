#!/usr/bin/env bash
# Installs what the build needs and the machine lacks, from Debian's packages; with `test`, what the tests need as well.
set -euo pipefail
command -v swift >/dev/null || { echo "Swift 6.2 or later is needed: see https://www.swift.org/install" >&2; exit 1; }
packages=(libsodium-dev libsqlite3-dev pkg-config gcc g++ valgrind python3-venv)
[ "${1:-}" != test ] || packages+=(postgresql)
missing=()
for package in "${packages[@]}"; do
    dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
echo "==> installing ${missing[*]}"
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
# The tests start a server of their own: Debian's package is not to make one that runs with the machine.
clusters=/etc/postgresql-common/createcluster.conf
if [[ " ${missing[*]} " == *" postgresql "* && ! -e $clusters ]]; then
    "${as_root[@]}" mkdir -p "${clusters%/*}"
    echo "create_main_cluster = false" | "${as_root[@]}" tee "$clusters" >/dev/null
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
