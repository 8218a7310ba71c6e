package agentid

/*
#include "abi.h"

static go_answer go_hook_add(uintptr_t authority, _GoString_ name, _GoString_ events, uintptr_t run,
                                       _GoString_ command, int64_t deadline, int64_t max_attempts) {
    agentid_hook hook = AGENTID_HOOK_INIT;
    hook.events = go_option(events);
    hook.command = go_option(command);
    hook.deadline = deadline;
    hook.max_attempts = max_attempts;
    if (run) {
        hook.run = agentid_go_run;
        hook.release = agentid_go_release;
        hook.user_data = (void *)run;
    }
    DO(agentid_hook_add(AS(authority, authority), TEXT(name), &hook, &error));
}
static go_answer go_hook_remove(uintptr_t authority, _GoString_ name) {
    DO(agentid_hook_remove(AS(authority, authority), TEXT(name), &error));
}
static go_texts go_hook_list(uintptr_t authority) {
    TAKE(agentid_hook_list(AS(authority, authority), &first, &error));
}
static go_texts go_hook_deliveries(uintptr_t authority, int32_t dead) {
    TAKE(agentid_hook_deliveries(AS(authority, authority), dead, &first, &error));
}
static go_answer go_hook_retry(uintptr_t authority, int64_t delivery) {
    DO(agentid_hook_retry(AS(authority, authority), delivery, &error));
}
static go_answer go_hook_settle(uintptr_t authority, int64_t milliseconds) {
    DO(agentid_hook_settle(AS(authority, authority), milliseconds, &error));
}
*/
import "C"

import (
	"context"
	"errors"
	"time"
)

// Hook runs on lifecycle events: a function (Run) or a Command. It runs at least once for each event, in the order of the
// events of one agent. A run that fails is tried again, with growing pauses, until it succeeds or MaxAttempts is reached;
// a restart in between changes nothing.
type Hook struct {
	Events      []string // nil: all but "renewed"
	Run         func(ctx context.Context, event Event) error
	Command     []string      // the program's path first; gets the event on stdin
	Deadline    time.Duration // of one attempt, also of Run's context; 0: 10 s
	MaxAttempts int           // 0: 12; after that the delivery is dead
}

func (h Hook) deadline() time.Duration {
	if h.Deadline == 0 {
		return 10 * time.Second
	}
	return time.Duration(seconds(h.Deadline)) * time.Second
}

// Event is something that happened to an agent, or to what it stands on: docs/schemas/event.json.
type Event struct {
	Event        string   `json:"event"` // e.g. "created"
	Milliseconds int64    `json:"time_ms"`
	Sequence     int64    `json:"sequence"`
	Decision     string   `json:"decision"` // the ID of the decision that denied
	Tool         string   `json:"tool"`
	Agent        string   `json:"agent"`
	Profile      string   `json:"profile"`
	Owner        string   `json:"owner"`
	Principal    string   `json:"principal"`
	Task         string   `json:"task"`
	Intent       string   `json:"intent"`
	Chain        []string `json:"chain"` // the `jti` of each grant in question, root first
	Key          string   `json:"key"`
	Reason       string   `json:"reason"`
	Tombstone    string   `json:"tombstone"`
	Issuer       *Issuer  `json:"issuer"` // of a denied chain

	Approval *ApprovalStep `json:"approval"` // of the event "approval"
}

// HookRecord is a hook as its authority knows it.
type HookRecord struct {
	Name        string   `json:"name"`
	Kind        string   `json:"kind"`
	Events      []string `json:"events"`
	Command     []string `json:"command"`
	Deadline    int64    `json:"deadline"` // seconds
	MaxAttempts int64    `json:"max_attempts"`
	Pending     int      `json:"pending"`
	Dead        int      `json:"dead"`
}

// Delivery is an event that a hook has not yet taken.
type Delivery struct {
	ID       int64  `json:"id"`
	Hook     string `json:"hook"`
	Agent    string `json:"agent"`
	Event    string `json:"event"` // the event, JSON
	Attempts int    `json:"attempts"`
	NextAt   Time   `json:"next_at"`
	Error    string `json:"error"`
}

// AddHook adds a hook, or takes up the one of this name again after a restart. The name is registered for good: events
// are kept while no process that runs it is alive, until RemoveHook.
func (a *Authority) AddHook(ctx context.Context, name string, hook Hook) error {
	var t texts
	events, command := t.list("events", hook.Events), t.list("command", hook.Command)
	if t.fault != nil {
		return t.fault
	}
	return finish(ctx, func() error {
		var run C.uintptr_t
		if hook.Run != nil {
			run = keep(hook)
		}
		err := a.it().done(C.go_hook_add(
			a.it().value, name, events, run, command, C.int64_t(seconds(hook.Deadline)), C.int64_t(hook.MaxAttempts)))
		dropFailed(err, run)
		return err
	})
}

// RemoveHook removes a hook with what was still to be delivered to it.
func (a *Authority) RemoveHook(ctx context.Context, name string) error {
	return a.it().do(ctx, func() C.go_answer { return C.go_hook_remove(a.it().value, name) })
}

// Hooks are all hooks, and how many deliveries each has waiting and dead.
func (a *Authority) Hooks(ctx context.Context) ([]HookRecord, error) {
	return readDocument[[]HookRecord](ctx, a.it(), func() C.go_texts { return C.go_hook_list(a.it().value) })
}

// Deliveries are those that wait, or those that are dead; at most 1000.
func (a *Authority) Deliveries(ctx context.Context, dead bool) ([]Delivery, error) {
	return readDocument[[]Delivery](ctx, a.it(), func() C.go_texts { return C.go_hook_deliveries(a.it().value, flag(dead)) })
}

// RetryDelivery gives a dead delivery another round of attempts.
func (a *Authority) RetryDelivery(ctx context.Context, delivery int64) error {
	return a.it().do(ctx, func() C.go_answer { return C.go_hook_retry(a.it().value, C.int64_t(delivery)) })
}

// Settle waits until nothing is due that the hooks in this process, or commands, can deliver; or for the context.
func (a *Authority) Settle(ctx context.Context) error {
	return lookUntil(ctx, func() (bool, error) {
		err := a.it().do(ctx, func() C.go_answer { return C.go_hook_settle(a.it().value, 0) })
		if errors.Is(err, ErrNo) {
			return false, nil
		}
		return true, err
	})
}
