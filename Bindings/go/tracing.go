//go:build cgo

package agentid

import (
	"context"
	"sync"
	"sync/atomic"
)

// CallSpan is one Call in the host's tracing, e.g. a span of OpenTelemetry. Its methods are called once each at most, one after the other.
// Never put an argument's value into it: a span goes where the audit log does not.
type CallSpan interface {
	// Permitted is told of the decision, before the tool runs.
	Permitted(decision Decision)
	// Failed ends the span of a call that did not begin: err is a *Denied, or a fault. Show the name of a fault's type at most.
	Failed(err error)
	// Ended ends the span of a call that began: with its outcome, "failed: ..." where it failed.
	Ended(outcome string)
	// Traceparent names the span as W3C Trace Context does, and is written after the outcome into the audit log; empty: it is not.
	Traceparent() string
}

type startSpan = func(ctx context.Context, tool string) (context.Context, CallSpan)

var spans atomic.Pointer[startSpan]

// TraceCalls asks start for a span of each Call of this process from now on, before it is decided; nil ends that. The context that start
// returns has the span, and Call.Context hands it to the tool. A nil span leaves that call without one. The library depends on no tracing
// package: docs/guides/go.md has the glue for OpenTelemetry. Safe from any goroutine.
func TraceCalls(start func(ctx context.Context, tool string) (context.Context, CallSpan)) {
	if start == nil {
		spans.Store(nil)
		return
	}
	spans.Store(&start)
}

// trace is the span of a call, from its decision until its outcome. The zero value and nil have none.
type trace struct {
	ctx   context.Context
	span  CallSpan
	ended sync.Once
}

// tracing is the span of a call; of a nil one none.
func (c *Call) tracing() *trace {
	if c == nil {
		return new(trace)
	}
	return &c.trace
}

// Context is the one that the call was begun with, with its span where TraceCalls made one: hand it to the tool.
func (c *Call) Context() context.Context {
	return orBackground(c.tracing().ctx)
}

// traced begins a call in a span of its own. What the host's span raises ends the call, and reaches the caller.
func traced(ctx context.Context, tool func() string, begin func(ctx context.Context) (*Call, error)) (*Call, error) {
	if ctx == nil {
		return nil, ended(ctx)
	}
	var span CallSpan
	if start := spans.Load(); start != nil {
		ctx, span = (*start)(ctx, tool())
	}
	call, err := begin(ctx)
	switch {
	case span == nil && err != nil:
		return nil, err
	case span == nil:
		call.trace.ctx = ctx
		return call, nil
	case err != nil:
		span.Failed(err)
		return nil, err
	}
	told := false
	defer func() {
		if !told {
			call.Close()
		}
	}()
	call.trace.ctx = ctx
	span.Permitted(call.Decision)
	call.trace.span, told = span, true
	return call, nil
}

// outcome is an outcome as the audit log is to have it: with the name of its span. One that is too long stays so, and is refused.
func (t *trace) outcome(said, without string) string {
	if t.span == nil || len(said) > 1024 {
		return said
	}
	if said == "" {
		said = without
	}
	if parent := t.span.Traceparent(); parent != "" {
		return firstBytes(said, 900) + " traceparent=" + firstBytes(parent, 64)
	}
	return said
}

// end ends the span once, where the call has ended.
func (t *trace) end(err error, said, without string) error {
	if t.span != nil && err == nil {
		if said == "" {
			said = without
		}
		t.ended.Do(func() { t.span.Ended(said) })
	}
	return err
}

// firstBytes cuts a text between two characters.
func firstBytes(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && text[most]&0xC0 == 0x80 {
		most--
	}
	return text[:most]
}
