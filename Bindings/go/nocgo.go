//go:build !cgo

package agentid

// libagentid is a C library: this package needs cgo. Build with CGO_ENABLED=1, a C compiler, and libagentid's header and
// library where pkg-config finds them (docs/guides/go.md).
var _ = agentid_needs_cgo_set_CGO_ENABLED_1_and_install_a_C_compiler
