//go:build cgo

package agentid

import (
	"bytes"
	"context"
	"sync/atomic"
	"time"
)

// MaxWaiting limits the calls in the library that can wait (for a disk, a lock, a signer, a provider); each holds a thread of its
// own. Further ones wait for their turn in Go, where a goroutine costs no thread: a disk that hangs holds
// MaxWaiting threads, however many requests come, and at most 16 more for calls that revoke, suspend or end.
//
// A callback that calls this package passes on the context that it was given: such calls need no turn of their own. With
// another one, and MaxWaiting callbacks at once that do so, it would wait for itself.
const MaxWaiting = 64

var turns = make(chan struct{}, MaxWaiting)

// Calls that take authority away have turns of their own as well: what hangs must not hold them up.
var reserve = make(chan struct{}, 16)

type urgentKey struct{}

func urgent(ctx context.Context) context.Context {
	if ctx == nil {
		return nil // turn refuses it
	}
	return context.WithValue(ctx, urgentKey{}, true)
}

// In a context that was given to a callback: the call that it belongs to has its turn already.
type insideKey struct{}

func withTurn(ctx context.Context) context.Context { return context.WithValue(ctx, insideKey{}, true) }

// ended is why nothing is asked in a context; nil where it goes on.
func ended(ctx context.Context) error {
	if ctx == nil {
		return missing("a context", "ctx")
	}
	return ctx.Err()
}

// turn waits for a turn, or for the end of the context; leave gives it back.
func turn(ctx context.Context) (leave func(), err error) {
	if err := ended(ctx); err != nil {
		return nil, err
	}
	if ctx.Value(insideKey{}) != nil {
		return func() {}, nil
	}
	var reserved chan struct{} // nil: never ready
	if ctx.Value(urgentKey{}) != nil {
		reserved = reserve
	}
	select {
	case turns <- struct{}{}:
		return func() { <-turns }, nil
	case reserved <- struct{}{}:
		return func() { <-reserved }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// waiting makes a call that can wait. Where the context ends first, that is the answer, at once; the call ends apart, and
// what it made then goes to orphan, which ends or closes it. A call without a value to lose has no orphan.
func waiting[T any](ctx context.Context, call func() (T, error), orphan func(T)) (T, error) {
	var none T
	leave, err := turn(ctx)
	if err != nil {
		return none, err
	}
	if ctx.Done() == nil { // nobody will ask for it back: no goroutine is needed
		defer leave()
		return call()
	}
	type answer struct {
		value T
		err   error
	}
	answered := make(chan answer, 1)
	var taken atomic.Bool // by the caller or by the call, whichever is first
	go func() {
		value, err := call()
		if taken.CompareAndSwap(false, true) {
			leave()
			answered <- answer{value, err}
			return
		}
		if err == nil && orphan != nil {
			orphan(value)
		}
		leave()
	}()
	select {
	case got := <-answered:
		return got.value, got.err
	case <-ctx.Done():
		if taken.CompareAndSwap(false, true) {
			return none, ctx.Err()
		}
		got := <-answered // it came back just now
		return got.value, got.err
	}
}

// lookUntil asks again, less and less often, until it is over or the context has ended. People and hooks take minutes: whoever
// waits for them holds neither a thread nor a turn meanwhile.
func lookUntil(ctx context.Context, look func() (over bool, err error)) error {
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 250*time.Millisecond) {
		if over, err := look(); over || err != nil {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// finish is waiting for a call that makes nothing.
func finish(ctx context.Context, call func() error) error {
	_, err := waiting(ctx, func() (struct{}, error) { return struct{}{}, call() }, nil)
	return err
}

// Decisions wait for nothing, but for those of a strict log (AuditAlways): they are made on the goroutine that asks. At most
// laneCalls of each lane are in the library at a time; those beyond are made as calls that can wait. A handle has a lane, so that
// callers of different agents share no cache line.
type lane struct {
	calls atomic.Int32
	_     [124]byte
}

const laneCalls = 16

var lanes [16]lane

// enter is the lane to decide in, to be left afterwards; nil where the call has to be made apart.
func (h *handle) enter() *lane {
	if h.strict {
		return nil
	}
	lane := &lanes[uint64(h.value)*0x9E3779B97F4A7C15>>60]
	if lane.calls.Add(1) <= laneCalls {
		return lane
	}
	lane.calls.Add(-1)
	return nil
}

func (l *lane) leave() { l.calls.Add(-1) }

// apart is a decision that is made as a call that can wait. It gets a copy of the arguments: they are the caller's again when
// the context has ended.
func apart(ctx context.Context, arguments []byte, decide func(arguments []byte) verdict) (verdict, error) {
	copied := bytes.Clone(arguments)
	return waiting(ctx, func() (verdict, error) { return decide(copied), nil }, discard)
}
