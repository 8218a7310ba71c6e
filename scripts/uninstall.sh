#!/usr/bin/env bash
# Takes away what scripts/install.sh put under $1$2: its files, and its directories where nothing else has come into them.
set -euo pipefail
destination=${1%/} prefix=$2
[[ $prefix == /* ]] || prefix=$PWD/$prefix
export LC_ALL=C
list=$destination$prefix/share/libagentid/installed
[ -e "$list" ] || { echo "nothing of libagentid is installed under $destination$prefix" >&2; exit 1; }
mapfile -t entries < <(sort -r "$list")
for entry in "${entries[@]}"; do
    case $entry in
    */) rmdir --ignore-fail-on-non-empty "$destination$entry" ;;
    *) rm -f "$destination$entry" ;;
    esac
done
echo "uninstalled from $destination$prefix"
