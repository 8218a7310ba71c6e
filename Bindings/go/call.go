package agentid

/*
#include "abi.h"

typedef struct go_call {
    go_decision decision;
    uintptr_t call;
} go_call;

static go_call go_called(agentid_status status, agentid_error *error, agentid_decision *made, agentid_call *call) {
    return (go_call){go_decided(status, error, made, GO_TOLD), (uintptr_t)call};
}
static go_call go_call_begin(uintptr_t agent, _GoString_ tool, _GoString_ arguments) {
    agentid_decision *made = NULL;
    agentid_call *call = NULL;
    agentid_error *error = NULL;
    agentid_status status =
        agentid_call_begin(AS(agent, agent), TEXT(tool), TEXT(arguments), 0, &made, &call, &error);
    return go_called(status, error, made, call);
}
static go_call go_guard_call_begin(uintptr_t guard, _GoString_ chain, _GoString_ proof, _GoString_ tool,
                                   _GoString_ arguments) {
    agentid_decision *made = NULL;
    agentid_call *call = NULL;
    agentid_error *error = NULL;
    agentid_status status = agentid_guard_call_begin(AS(guard, guard), TEXT(chain), TEXT(proof), TEXT(tool),
                                                     TEXT(arguments), 0, &made, &call, &error);
    return go_called(status, error, made, call);
}
static go_answer go_guard_call_permitted(uintptr_t guard, uintptr_t decision) {
    MAKE(call, agentid_guard_call_permitted(AS(guard, guard), AS(decision, decision), 0, &made, &error));
}
static go_answer go_agent_call_permitted(uintptr_t agent, uintptr_t decision) {
    MAKE(call, agentid_agent_call_permitted(AS(agent, agent), AS(decision, decision), 0, &made, &error));
}
static go_answer go_call_cost(uintptr_t call, _GoString_ unit, _GoString_ cost) {
    DO(agentid_call_cost(AS(call, call), TEXT(unit), TEXT(cost), &error));
}
static go_answer go_call_labels(uintptr_t call, _GoString_ labels) {
    DO(agentid_call_labels(AS(call, call), TEXT(labels), &error));
}
static go_answer go_call_extend(uintptr_t call, _GoString_ unit, _GoString_ amount, int64_t within, _GoString_ key) {
    DO(agentid_call_extend(AS(call, call), TEXT(unit), TEXT(amount), within, TEXT(key), &error));
}
static go_answer go_call_commit(uintptr_t call, _GoString_ outcome, _GoString_ key) {
    DO(agentid_call_commit(AS(call, call), TEXT(outcome), TEXT(key), &error));
}
static go_answer go_call_abort(uintptr_t call, _GoString_ outcome, _GoString_ key) {
    DO(agentid_call_abort(AS(call, call), TEXT(outcome), TEXT(key), &error));
}
static go_answer go_call_leave(uintptr_t call, _GoString_ failure) {
    DO(agentid_call_leave(AS(call, call), TEXT(failure), &error));
}
static void go_call_free(uintptr_t call) { agentid_call_free(AS(call, call)); }
*/
import "C"

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Call is a permitted call, from its decision until its outcome is known:
//
//	call, err := agent.Call(ctx, "pay", arguments)
//	if err != nil {
//		return err
//	}
//	defer call.Close() // ends it as failed where nothing else has
//	receipt, err := bank.Pay(...)
//	if err == nil {
//		err = call.Cost("usd", receipt.Total) // the rest comes back
//	}
//	return errors.Join(err, call.Done(ctx, err))
//
// It ends once, by Done, Commit or Abort, or by Close if none of them did: budgets are charged its cost, and the outcome is
// recorded with the decision's ID. They tell it whatever has become of their context: a caller that has gone leaves no call that was
// paid unpaid. A call that does not end within an hour counts as having cost what was reserved for it; Extend gives it more time.
type Call struct {
	handle
	Decision Decision // permits
	needs    any      // its agent or its guard
	trace    trace
}

// Call permits one call as Authorize does, and begins it. The error is a Denied where the call is denied.
func (a *Agent) Call(ctx context.Context, tool string, arguments []byte) (*Call, error) {
	return traced(ctx, named(tool), func(ctx context.Context) (*Call, error) {
		return waiting(ctx, func() (*Call, error) {
			return a.it().called(a, C.go_call_begin(a.it().value, tool, view(arguments)))
		}, forget)
	})
}

// Call permits one call by chain and proof as Authorize does, and begins it. The error is a Denied where the call is denied.
func (g *Guard) Call(ctx context.Context, chain, proof, tool string, arguments []byte) (*Call, error) {
	return traced(ctx, named(tool), func(ctx context.Context) (*Call, error) {
		return waiting(ctx, func() (*Call, error) {
			return g.it().called(g, C.go_guard_call_begin(g.it().value, chain, proof, tool, view(arguments)))
		}, forget)
	})
}

// CallPermitted begins the call that this guard has permitted, in whatever form it was presented.
func (g *Guard) CallPermitted(ctx context.Context, permit *Permit) (*Call, error) {
	if permit == nil {
		return nil, missing("a permit", "permit")
	}
	return traced(ctx, permit.tool, func(ctx context.Context) (*Call, error) { return g.callPermitted(ctx, permit) })
}

func (g *Guard) callPermitted(ctx context.Context, permit *Permit) (*Call, error) {
	return waiting(ctx, func() (*Call, error) {
		answer := C.go_guard_call_permitted(g.it().value, permit.value)
		if err := g.it().done(answer); err != nil {
			return nil, err
		}
		return g.it().begun(g, answer.handle, permit.Decision), nil
	}, forget)
}

// CallPermitted begins the call that the authority's own guard has permitted to this agent.
func (a *Agent) CallPermitted(ctx context.Context, permit *Permit) (*Call, error) {
	if permit == nil {
		return nil, missing("a permit", "permit")
	}
	return traced(ctx, permit.tool, func(ctx context.Context) (*Call, error) {
		return waiting(ctx, func() (*Call, error) {
			answer := C.go_agent_call_permitted(a.it().value, permit.value)
			if err := a.it().done(answer); err != nil {
				return nil, err
			}
			return a.it().begun(a, answer.handle, permit.Decision), nil
		}, forget)
	})
}

func named(tool string) func() string { return func() string { return tool } }

// tool is what was permitted, as the decision's document says.
func (p *Permit) tool() string {
	document, err := p.Document()
	if err != nil {
		return "" // closed: the call says so
	}
	return document.Tool
}

func (h *handle) called(needs any, answer C.go_call) (*Call, error) {
	decision, err := decided(answer.decision, nil)
	if err != nil {
		return nil, err
	}
	return h.begun(needs, answer.call, *decision), nil
}

func (h *handle) begun(needs any, value C.uintptr_t, decision Decision) *Call {
	call := &Call{Decision: decision, needs: needs}
	call.strict = h.strict
	call.hold(value, func(value C.uintptr_t) { C.go_call_free(value) })
	return call
}

// forget ends a call whose caller has gone before it began.
func forget(call *Call) { call.Close() }

// Cost sets the cost of the call in a unit of the policy's budgets, in decimal digits, replacing an earlier one. When the call
// ends, the budget gets back what was reserved beyond the cost. A cost above the reservation is counted and recorded; if it
// exceeds the budget, later calls are denied. A unit that no budget counts changes nothing.
func (c *Call) Cost(unit, cost string) error {
	return c.it().done(C.go_call_cost(c.it().value, unit, cost))
}

// Labels adds labels of the policy to the call's task, for the data in the call's result. Every process of the directory sees them
// before it returns. If it returns an error, do not use the result.
func (c *Call) Labels(ctx context.Context, names ...string) error {
	labels, err := json.Marshal(append([]string{}, names...))
	if err != nil {
		return err
	}
	return c.it().do(ctx, func() C.go_answer { return C.go_call_labels(c.it().value, view(labels)) })
}

// Extend gives a long call more time, from now on (0: an hour, at most 30 days; a longer time that it has stays), and reserves
// more of a unit; "0" adds time only. A second call with the same key reserves nothing: use it to try again safely; it may be empty.
// The error is a Denied (budget_exhausted) if less is left: the call goes on with what it has.
func (c *Call) Extend(ctx context.Context, unit, amount string, within time.Duration, key string) error {
	return c.it().do(ctx, func() C.go_answer {
		return C.go_call_extend(c.it().value, unit, amount, C.int64_t(seconds(within)), key)
	})
}

// Commit ends a call that succeeded. The outcome in a few words, without values; empty: "succeeded". A second call with the same
// key changes nothing, but completes what failed; it may be empty. The error is ErrState (call_ended) if the call ended otherwise.
func (c *Call) Commit(ctx context.Context, outcome, key string) error {
	told := c.tracing().outcome(outcome, "succeeded")
	err := c.it().do(lasting(ctx), func() C.go_answer { return C.go_call_commit(c.it().value, told, key) })
	return c.tracing().end(err, outcome, "succeeded")
}

// Abort ends a call that failed or was never made. Budgets get back what was reserved, once, as far as their rules say so.
func (c *Call) Abort(ctx context.Context, outcome, key string) error {
	told := c.tracing().outcome(outcome, "failed")
	err := c.it().do(lasting(ctx), func() C.go_answer { return C.go_call_abort(c.it().value, told, key) })
	return c.tracing().end(err, outcome, "failed")
}

// Done ends the call where it has not ended: as failed where err is not nil. Of err only its type is recorded.
func (c *Call) Done(ctx context.Context, err error) error {
	if err == nil && c.tracing().span != nil {
		ended := c.Commit(ctx, "", "")
		if fault := (*Error)(nil); errors.As(ended, &fault) && fault.Name == "call_ended" {
			return nil
		}
		return ended
	}
	failure := ""
	if err != nil {
		failure = fmt.Sprintf("failed: %.200s", fmt.Sprintf("%T", err))
	}
	return c.leave(ctx, failure)
}

// leave ends the call where it has not ended.
func (c *Call) leave(ctx context.Context, failure string) error {
	told := failure
	if failure != "" {
		told = c.tracing().outcome(failure, "")
	}
	err := c.it().do(lasting(ctx), func() C.go_answer { return C.go_call_leave(c.it().value, told) })
	return c.tracing().end(err, failure, "succeeded")
}

// lasting is a context with the same values that does not end.
func lasting(ctx context.Context) context.Context {
	if ctx == nil {
		return nil // which the call refuses
	}
	return context.WithoutCancel(ctx)
}

// Close ends the call as failed where it has not ended, and lets go of it; further calls are harmless.
func (c *Call) Close() error {
	if c == nil || c.closed.Load() {
		return nil
	}
	const failure = "failed: closed without an outcome"
	err := c.done(C.go_call_leave(c.value, c.tracing().outcome(failure, "")))
	c.tracing().end(nil, failure, "")
	c.handle.Close()
	if errors.Is(err, ErrHandle) { // another goroutine has closed it meanwhile
		return nil
	}
	return err
}
