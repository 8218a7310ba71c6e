package agentid

/*
#cgo noescape go_free
#cgo nocallback go_free
#include "abi.h"

static agentid_bytes go_free(agentid_bytes bytes) {
    agentid_bytes_free(&bytes);
    return bytes;
}
static go_answer go_selftest(void) { DO(agentid_selftest(&error)); }
static go_texts go_key_generate(void) { TAKE(agentid_key_generate(&first, &error)); }
static go_texts go_chain_decode(_GoString_ chain) { TAKE(agentid_chain_decode(TEXT(chain), &first, &error)); }
static go_texts go_chain_reference(_GoString_ chain) { TAKE(agentid_chain_reference(TEXT(chain), &first, &error)); }
*/
import "C"

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"unsafe"
)

// The loader may have found another library than the one this package was built against. To go on would be to guess at
// the layout of what is passed; a package cannot refuse to load but by this.
func init() {
	if found := C.agentid_abi_version(); found != C.AGENTID_ABI_VERSION {
		panic(fmt.Sprintf("agentid: libagentid speaks ABI %d, this program was built for %d", found, int(C.AGENTID_ABI_VERSION)))
	}
}

// Version is the library's version, e.g. "0.1.0".
func Version() string { return C.GoString(C.agentid_version()) }

// SelfTest checks the library in this process: known answers, entropy, guarded memory.
func SelfTest() error { return done(C.go_selftest()) }

// GenerateKey makes a new Ed25519 key pair, a private JWK, for an agent that asks elsewhere for its grant.
func GenerateKey() ([]byte, error) { return data(C.go_key_generate()) }

// DecodeChain reads what a chain says, NOT verified: never decide by this. The answer is a JSON document.
func DecodeChain(chain string) (json.RawMessage, error) { return data(C.go_chain_decode(chain)) }

// ChainReference names a chain by the hash of its leaf: "sha-256=" and that hash. A guard that has verified the chain takes
// it in the chain's place. To any other guard it is [ReasonChainUnknown]: send the whole chain once. The chain is read, not
// verified.
func ChainReference(chain string) (string, error) {
	reference, err := data(C.go_chain_reference(chain))
	return string(reference), err
}

// A handle of the library, closed once: by Close, at the latest by the collector.
type handle struct {
	value   C.uintptr_t
	strict  bool // decisions by it wait for the disk
	closed  atomic.Bool
	close   func(C.uintptr_t)
	cleanup runtime.Cleanup
}

func (h *handle) hold(value C.uintptr_t, close func(C.uintptr_t)) {
	h.value, h.close = value, close
	h.cleanup = runtime.AddCleanup(h, close, value)
}

// holdWaiting is hold for what can wait when it is closed: the collector's goroutine must not.
func (h *handle) holdWaiting(value C.uintptr_t, close func(C.uintptr_t)) {
	h.value, h.close = value, close
	h.cleanup = runtime.AddCleanup(h, func(value C.uintptr_t) {
		go func() {
			turns <- struct{}{}
			close(value)
			<-turns
		}()
	}, value)
}

// Close ends it; further calls are harmless, and calls that are under way in other goroutines end first.
// It returns nil, and an error only to be an io.Closer.
func (h *handle) Close() error {
	if h.close != nil && h.closed.CompareAndSwap(false, true) {
		h.cleanup.Stop()
		h.close(h.value)
	}
	return nil
}

// do, read, tally and readDocument make a call that can wait and answer what its methods below do.

func (h *handle) do(ctx context.Context, call func() C.go_answer) error {
	return finish(ctx, func() error { return h.done(call()) })
}

func (h *handle) read(ctx context.Context, call func() C.go_texts) (string, error) {
	return waiting(ctx, func() (string, error) { return h.text(call()) }, nil)
}

func (h *handle) tally(ctx context.Context, call func() C.go_answer) (int, error) {
	return waiting(ctx, func() (int, error) { return h.count(call()) }, nil)
}

func readDocument[T any](ctx context.Context, h *handle, call func() C.go_texts) (T, error) {
	return waiting(ctx, func() (T, error) { return document[T](h, call()) }, nil)
}

func readReport[T any](ctx context.Context, h *handle, call func() C.go_texts) (T, error) {
	return waiting(ctx, func() (T, error) { return report[T](h, call()) }, nil)
}

// The methods below are called with what the library answered for this handle: that keeps it from being collected, and
// so closed, before the library has.

func (h *handle) done(answer C.go_answer) error {
	runtime.KeepAlive(h)
	return done(answer)
}

func (h *handle) count(answer C.go_answer) (int, error) {
	runtime.KeepAlive(h)
	return int(answer.count), done(answer)
}

func (h *handle) text(answer C.go_texts) (string, error) {
	runtime.KeepAlive(h)
	return text(answer)
}

func (h *handle) data(answer C.go_texts) ([]byte, error) {
	runtime.KeepAlive(h)
	return data(answer)
}

// document reads what the library answered into a value made for it.
func document[T any](h *handle, answer C.go_texts) (value T, err error) {
	runtime.KeepAlive(h)
	bytes, err := data(answer)
	if err == nil {
		err = json.Unmarshal(bytes, &value)
	}
	return value, err
}

// report is document for an answer that comes with its error as well.
func report[T any](h *handle, answer C.go_texts) (value T, err error) {
	runtime.KeepAlive(h)
	bytes := take(&answer.first)
	err = failure(answer.status, answer.error)
	if len(bytes) > 0 {
		if read := json.Unmarshal(bytes, &value); err == nil {
			err = read
		}
	}
	return value, err
}

func done(answer C.go_answer) error { return failure(answer.status, answer.error) }

func data(answer C.go_texts) ([]byte, error) {
	bytes := take(&answer.first)
	return bytes, failure(answer.status, answer.error)
}

func text(answer C.go_texts) (string, error) {
	bytes, err := data(answer)
	return unsafe.String(unsafe.SliceData(bytes), len(bytes)), err
}

// take copies bytes of the library, which are freed.
func take(bytes *C.agentid_bytes) []byte {
	var copied []byte
	if bytes.len > 0 {
		copied = make([]byte, bytes.len)
		copy(copied, unsafe.Slice((*byte)(unsafe.Pointer(bytes.data)), bytes.len))
	}
	*bytes = C.go_free(*bytes)
	return copied
}

// view is bytes as a string, not copied: the library reads them during one call only.
func view(bytes []byte) string { return unsafe.String(unsafe.SliceData(bytes), len(bytes)) }

// texts are those of one option struct: each ends with a NUL, and one inside would end it early.
type texts struct{ fault error }

// given is a text that was given, be it empty: the library says what it thinks of that.
func (t *texts) given(name, text string) string {
	if strings.IndexByte(text, 0) >= 0 && t.fault == nil {
		t.fault = &Error{ErrArgument, "argument", "a NUL character cannot be part of an option", "options." + name, -1}
	}
	return text + "\x00"
}

// maybe is a text that was not given where it is empty.
func (t *texts) maybe(name, text string) string {
	if text == "" {
		return ""
	}
	return t.given(name, text)
}

// list is a JSON array of texts, not given where it is nil.
func (t *texts) list(name string, list []string) string {
	if list == nil {
		return ""
	}
	encoded, err := json.Marshal(list)
	if err != nil && t.fault == nil {
		t.fault = err
	}
	return t.given(name, string(encoded))
}
