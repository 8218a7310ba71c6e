//go:build agentid_static

package agentid

// One program without libraries: -tags agentid_static links libagentid.a and all that it needs.

// #cgo pkg-config: --static agentid
// #cgo LDFLAGS: -static
import "C"
