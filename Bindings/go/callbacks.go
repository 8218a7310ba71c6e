package agentid

/*
#include "abi.h"

static inline void go_clocks(int count) { agentid_go_clocks = count; }
*/
import "C"

import (
	"context"
	"crypto"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/cgo"
	"sync/atomic"
	"time"
	"unsafe"
)

// Callbacks are kept under a cgo.Handle until the library no longer needs them. A callback that panics, or ends its goroutine, has failed, and
// that is logged: it must not unwind through C.

// Clock tells the time instead of the machine's clock. Called from any thread, several at once. One that panics, calls runtime.Goexit or
// tells a time that is not within the years 1970 to 9999 has failed: calls are denied (clock_failed, clock_invalid). It does not call
// this package, which would ask it for the time again: within itself it is called three times at most.
type Clock func() time.Time

var kept atomic.Int64 // how many callbacks are kept, for the tests

func keep(callback any) C.uintptr_t {
	kept.Add(1)
	return C.uintptr_t(cgo.NewHandle(callback))
}

// drop lets a callback go. What was let go before panics in Delete, and stays so: a handle is not used twice.
func drop(callback C.uintptr_t) {
	defer func() { _ = recover() }()
	cgo.Handle(callback).Delete()
	kept.Add(-1)
}

func keepClock(clock Clock) C.uintptr_t {
	if clock == nil {
		return 0
	}
	return keep(clock)
}

// dropFailed lets go of the callbacks of a call that failed: the library may have failed before it looked at them.
func dropFailed(err error, callbacks ...C.uintptr_t) {
	if err == nil {
		return
	}
	for _, callback := range callbacks {
		if callback != 0 {
			drop(callback)
		}
	}
}

// try runs a callback; its panic is an error, and so is its Goexit: on a goroutine of its own, since neither may unwind
// through C.
func try(callback func() error) error {
	done := make(chan error, 1)
	go func() {
		err := errors.New("a callback called runtime.Goexit")
		defer func() {
			if panicked := recover(); panicked != nil {
				err = fmt.Errorf("panic: %v", panicked)
			}
			done <- err
		}()
		err = callback()
	}()
	return <-done
}

//export agentidGoNow
func agentidGoNow(milliseconds *C.int64_t, user C.uintptr_t, clocks C.int) C.int32_t {
	var now time.Time
	err := try(func() error {
		runtime.LockOSThread() // the thread knows how many clocks it is in
		defer runtime.UnlockOSThread()
		C.go_clocks(clocks)
		defer C.go_clocks(0)
		now = cgo.Handle(user).Value().(Clock)()
		return nil
	})
	if err == nil {
		*milliseconds = C.int64_t(millis(now))
	}
	return said(err, "the clock failed")
}

//export agentidGoSign
func agentidGoSign(message *C.uint8_t, length C.size_t, signature *C.uint8_t, user C.uintptr_t) C.int32_t {
	err := try(func() error {
		signer := cgo.Handle(user).Value().(crypto.Signer)
		made, err := signer.Sign(rand.Reader, C.GoBytes(unsafe.Pointer(message), C.int(length)), crypto.Hash(0))
		if err == nil && len(made) != 64 {
			err = fmt.Errorf("a signature of Ed25519 has 64 bytes, this one %d", len(made))
		}
		copy(unsafe.Slice((*byte)(signature), 64), made)
		return err
	})
	return said(err, "the signer failed")
}

//export agentidGoRun
func agentidGoRun(event *C.char, length C.size_t, user C.uintptr_t) C.int32_t {
	return said(try(func() error {
		hook := cgo.Handle(user).Value().(Hook)
		var happened Event
		if err := json.Unmarshal(C.GoBytes(unsafe.Pointer(event), C.int(length)), &happened); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(withTurn(context.Background()), hook.deadline())
		defer cancel()
		return hook.Run(ctx, happened)
	}), "a hook failed, its event is given again")
}

//export agentidGoApprove
func agentidGoApprove(request *C.char, length C.size_t, user C.uintptr_t) C.int32_t {
	verdict := ApprovalLeave
	err := try(func() error {
		var asked ApprovalRequest
		err := json.Unmarshal(C.GoBytes(unsafe.Pointer(request), C.int(length)), &asked)
		if err == nil {
			verdict, err = cgo.Handle(user).Value().(func(ApprovalRequest) (ApprovalVerdict, error))(asked)
		}
		return err
	})
	switch {
	case err != nil:
		return said(err, "a callback for approvals failed, it is asked again")
	case verdict == ApprovalApprove:
		return C.AGENTID_APPROVAL_APPROVE
	case verdict == ApprovalRefuse:
		return C.AGENTID_APPROVAL_REFUSE
	default:
		return C.AGENTID_APPROVAL_LEAVE
	}
}

//export agentidGoAcquire
func agentidGoAcquire(request *C.char, length C.size_t, secret *C.char, capacity C.size_t, count *C.size_t, call, user C.uintptr_t) C.int32_t {
	ctx := withTurn(context.Background())
	var acquiring *acquisition
	if call != 0 {
		acquiring = cgo.Handle(call).Value().(*acquisition)
		ctx = acquiring.ctx
	}
	err := try(func() error {
		provider := cgo.Handle(user).Value().(Provider)
		var asked SecretRequest
		if err := json.Unmarshal(C.GoBytes(unsafe.Pointer(request), C.int(length)), &asked); err != nil {
			return err
		}
		made, err := provider.Acquire(ctx, asked)
		defer clear(made)
		if err == nil && len(made) > int(capacity) {
			err = fmt.Errorf("a secret has at most %d bytes", capacity)
		}
		if err == nil {
			*count = C.size_t(copy(unsafe.Slice((*byte)(unsafe.Pointer(secret)), capacity), made))
		}
		return err
	})
	if err != nil && acquiring != nil {
		acquiring.failed = err
		return C.AGENTID_CALLBACK_FAILED
	}
	return said(err, "no secret was made")
}

//export agentidGoGiveBack
func agentidGoGiveBack(lease *C.char, length C.size_t, user C.uintptr_t) C.int32_t {
	return said(try(func() error {
		provider := cgo.Handle(user).Value().(Provider)
		var held SecretRequest
		if err := json.Unmarshal(C.GoBytes(unsafe.Pointer(lease), C.int(length)), &held); err != nil {
			return err
		}
		return provider.Release(withTurn(context.Background()), held)
	}), "a secret was not returned, it is tried again")
}

//export agentidGoLine
func agentidGoLine(level C.int32_t, reason, message *C.char, user C.uintptr_t) {
	_ = said(try(func() error {
		of := map[C.int32_t]slog.Level{C.AGENTID_LOG_INFO: slog.LevelInfo, C.AGENTID_LOG_WARNING: slog.LevelWarn}
		severity, known := of[level]
		if !known {
			severity = slog.LevelError
		}
		logger := cgo.Handle(user).Value().(*slog.Logger)
		logger.Log(context.Background(), severity, C.GoString(message), "reason", C.GoString(reason))
		return nil
	}), "a line of the log was lost")
}

//export agentidGoProgress
func agentidGoProgress(entries C.uint64_t, user C.uintptr_t) {
	_ = said(try(func() error { cgo.Handle(user).Value().(func(uint64))(uint64(entries)); return nil }), "progress failed")
}

//export agentidGoRelease
func agentidGoRelease(user C.uintptr_t) { drop(user) }

// said tells what a callback failed with, as the library is only told that it did.
func said(err error, what string) C.int32_t {
	if err == nil {
		return C.AGENTID_CALLBACK_OK
	}
	warn(what, "error", err)
	return C.AGENTID_CALLBACK_FAILED
}

// warn writes a line to the program's log. Its handler is a callback too: what it panics with must neither unwind through C nor
// end the program on a goroutine that nobody can recover.
func warn(what string, about ...any) {
	_ = try(func() error { slog.Warn("agentid: "+what, about...); return nil })
}
