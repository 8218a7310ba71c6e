#!/usr/bin/env bash
# Installs under $1$2 what scripts/stage.sh lays out; libraries go to LIBDIR, $2/lib without it. What it put there, the
# directories that it made included, is listed in $2/share/libagentid/installed for scripts/uninstall.sh.
set -euo pipefail
destination=${1%/} prefix=$2
# What is installed says where it is: a relative path is meant from here.
[[ $prefix == /* ]] || prefix=$PWD/$prefix
[[ -z ${LIBDIR:-} || $LIBDIR == /* ]] || LIBDIR=$PWD/$LIBDIR
export LC_ALL=C
list=$prefix/share/libagentid/installed
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
umask 022
"${BASH_SOURCE%/*}/stage.sh" "$stage" "$prefix" "${LIBDIR:-$prefix/lib}"
install -D -m 644 /dev/null "$stage$list"

# Directories of an earlier installation are still ours; its files that are no more part of it go.
before=$stage/.before
cp "$destination$list" "$before" 2>/dev/null || : >"$before"
made=$(grep '/$' "$before" || true)
make_directory() {
    [ -d "$destination$1" ] && return
    [ "$1" = / ] || make_directory "$(dirname "$1")"
    mkdir -p "$destination$1"
    made+=$'\n'${1%/}/
}
mapfile -t files < <(cd "$stage" && find . -mindepth 2 ! -type d | sed 's/^\.//' | sort)
for file in "${files[@]}"; do
    make_directory "$(dirname "$file")"
    cp --no-dereference --preserve=mode --remove-destination "$stage$file" "$destination$file"
done
printf '%s\n' "${files[@]}" "$made" | grep . | sort -u >"$destination$list"
while read -r file; do
    [[ $file == */ ]] || rm -f "$destination$file"
done < <(sort "$before" | comm -13 "$destination$list" -)
echo "installed under $destination$prefix"
