//go:build !agentid_static

package agentid

// #cgo pkg-config: agentid
import "C"
