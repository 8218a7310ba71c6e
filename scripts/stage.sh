#!/usr/bin/env bash
# Lays out under $1 what an installation under the prefix $2 consists of, its libraries in $3: headers, shared and static
# library, pkg-config file, command line with its completions, manual pages, units for systemd.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$1$2 libraries=$1$3
version=$(scripts/version.sh)
install -d "$root"/{bin,include,share/{bash-completion/completions,zsh/site-functions,fish/vendor_completions.d}} \
    "$root/lib/systemd/system" "$libraries/pkgconfig"
install -m 644 Include/*.h "$root/include/"

install -m 644 .build/release/libagentid.so "$libraries/libagentid.so.$version"
strip --strip-unneeded "$libraries/libagentid.so.$version"
ln -s "libagentid.so.$version" "$libraries/libagentid.so.0"
ln -s libagentid.so.0 "$libraries/libagentid.so"
scripts/archive.sh "$libraries/libagentid.a"
chmod 644 "$libraries/libagentid.a"
cat >"$libraries/pkgconfig/agentid.pc" <<PC
prefix=$2
includedir=\${prefix}/include
libdir=$([[ $3 == "$2"/* ]] && echo "\${prefix}/${3#"$2"/}" || echo "$3")

Name: agentid
Description: identities, narrowing authority and a guard for AI agents
Version: $version
Cflags: -I\${includedir}
Libs: -L\${libdir} -lagentid
Libs.private: -lsodium -lsqlite3 -lstdc++ -lm
PC

program=.build/release/agentidctl
install -m 755 -s "$program" "$root/bin/agentidctl"
# Its first line would name a shell to run it with; it is sourced.
"$program" completion bash | sed '1{/^#!/d}' >"$root/share/bash-completion/completions/agentidctl"
"$program" completion zsh >"$root/share/zsh/site-functions/_agentidctl"
"$program" completion fish >"$root/share/fish/vendor_completions.d/agentidctl.fish"
python3 scripts/manual "$root/share/man" "$program"
for unit in systemd/*; do
    sed "s|/usr/bin/agentidctl|$2/bin/agentidctl|" "$unit" >"$root/lib/systemd/system/${unit##*/}"
done
chmod 644 "$root"/lib/systemd/system/*
