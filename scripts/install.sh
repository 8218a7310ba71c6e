#!/usr/bin/env bash
# Installs under $1$2: header, stripped library with its links, command line, pkg-config file.
set -euo pipefail
root=$1$2
version=0.1.0
install -d "$root/include" "$root/lib/pkgconfig" "$root/bin"
install -m 644 Include/*.h "$root/include/"
install -m 755 .build/release/libagentid.so "$root/lib/libagentid.so.$version"
strip --strip-unneeded "$root/lib/libagentid.so.$version"
ln -sf "libagentid.so.$version" "$root/lib/libagentid.so.0"
ln -sf libagentid.so.0 "$root/lib/libagentid.so"
install -m 755 .build/release/agentidctl "$root/bin/agentidctl"
cat >"$root/lib/pkgconfig/agentid.pc" <<PC
prefix=$2
includedir=\${prefix}/include
libdir=\${prefix}/lib

Name: agentid
Description: identities, narrowing authority and a guard for AI agents
Version: $version
Cflags: -I\${includedir}
Libs: -L\${libdir} -lagentid
PC
echo "installed under $root"
