package agentid

/*
#include "abi.h"

static go_answer go_broker_add_provider(int is_guard, uintptr_t broker, _GoString_ name, _GoString_ command,
                                        _GoString_ resources, uintptr_t user) {
    agentid_provider provider = {sizeof provider, agentid_go_acquire, agentid_go_give_back, go_option(command),
                                 agentid_go_release, (void *)user, go_option(resources)};
    DO(is_guard ? agentid_guard_add_provider(AS(guard, broker), TEXT(name), &provider, &error)
                : agentid_broker_add_provider(AS(authority, broker), TEXT(name), &provider, &error));
}
static go_texts go_broker_acquire(int is_guard, uintptr_t broker, uintptr_t decision, _GoString_ provider,
                                  _GoString_ resource, int64_t ttl, uintptr_t call) {
    uintptr_t outer = agentid_go_acquiring; // a provider may acquire what it needs itself
    agentid_go_acquiring = call;
    agentid_bytes first = {NULL, 0, 0}, second = {NULL, 0, 0};
    agentid_error *error = NULL;
    agentid_status status = is_guard
        ? agentid_guard_acquire(AS(guard, broker), AS(decision, decision), TEXT(provider), TEXT(resource), ttl, &first,
                                &second, &error)
        : agentid_broker_acquire(AS(authority, broker), AS(decision, decision), TEXT(provider), TEXT(resource), ttl,
                                 &first, &second, &error);
    agentid_go_acquiring = outer;
    return (go_texts){status, (uintptr_t)error, first, second};
}
static go_answer go_broker_release(int is_guard, uintptr_t broker, _GoString_ lease) {
    DO(is_guard ? agentid_guard_release(AS(guard, broker), TEXT(lease), &error)
                : agentid_broker_release(AS(authority, broker), TEXT(lease), &error));
}
static go_texts go_broker_leases(uintptr_t authority) {
    TAKE(agentid_broker_leases(AS(authority, authority), &first, &error));
}
*/
import "C"

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"runtime/cgo"
	"sync"
	"time"
)

// Provider makes and takes back secrets. Called from any thread, several at once; it must bear being called twice for
// one lease. ReleaseCommand is what releases a lease in a process without it: a program and its arguments, or nil.
type Provider interface {
	// Acquire makes a secret. The context is that of Authority.Acquire, and ends with it: calls of this package by a provider
	// pass it on. The library wipes what is returned once it has it.
	Acquire(ctx context.Context, request SecretRequest) ([]byte, error)
	// Release leaves nothing of a lease, also where it was never acquired; only the first three members are told.
	Release(ctx context.Context, lease SecretRequest) error
	ReleaseCommand() []string
}

// Binder is a Provider that says which resource calls of each tool may open: by the tool's name, and {name} within a
// resource is the call's argument of that name, e.g. "crm/{table}". Others are refused, and each permit then gets one secret.
// Without it a Guard's permit opens what one of its call's arguments says, and an Authority's any resource.
type Binder interface {
	Resources() map[string]string
}

// SecretRequest asks a provider for a secret.
type SecretRequest struct {
	Lease     string `json:"lease"`
	Agent     string `json:"agent"`
	Resource  string `json:"resource"`
	TTL       int64  `json:"ttl"`    // seconds
	Domain    string `json:"domain"` // the authority's own: it answers to no other's chains
	Task      string `json:"task"`
	Principal string `json:"principal"`
}

// Lease is a secret that was got for one permitted call: for the tool, not for the agent.
type Lease struct {
	ID     string
	Secret []byte // wiped by Release
	lender lender
	wiping *sync.Mutex
}

// Release returns the secret before its time; harmless where it was returned before.
func (l *Lease) Release(ctx context.Context) error {
	if l == nil || l.wiping == nil {
		return &Error{ErrHandle, "handle", "there is no lease: Acquire returns one", "lease", -1}
	}
	l.wiping.Lock()
	clear(l.Secret)
	l.Secret = nil
	l.wiping.Unlock()
	return l.lender.release(ctx, l.ID)
}

// BrokerLease is a secret that the broker holds.
type BrokerLease struct {
	ID       string `json:"id"`
	Agent    string `json:"agent"`
	Provider string `json:"provider"`
	Resource string `json:"resource"`
	Acquired Time   `json:"acquired"`
	Expires  Time   `json:"expires"`
	State    string `json:"state"`
	Attempts int    `json:"attempts"`
	Error    string `json:"error"`
}

// lender is who lends secrets: an authority, or a guard without its keys.
type lender struct {
	*handle
	isGuard C.int
}

func (a *Authority) lender() lender { return lender{a.it(), 0} }
func (g *Guard) lender() lender     { return lender{g.it(), 1} }

// AddProvider adds a provider of secrets to this process, in place of one of the same name.
func (a *Authority) AddProvider(ctx context.Context, name string, provider Provider) error {
	return a.lender().addProvider(ctx, name, provider)
}

// AddProvider adds a provider of secrets to this guard, in place of one of the same name: for a tool server without the
// authority's keys. Leases are written to the registry of the directory that the guard follows, which this process has to own.
func (g *Guard) AddProvider(ctx context.Context, name string, provider Provider) error {
	return g.lender().addProvider(ctx, name, provider)
}

func (l lender) addProvider(ctx context.Context, name string, provider Provider) error {
	if provider == nil {
		return missing("a provider", "provider")
	}
	var t texts
	var command, resources string
	if err := try(func() (err error) { // of one that is nil in its interface they panic
		command = t.list("release_command", provider.ReleaseCommand())
		if binder, binds := provider.(Binder); binds {
			if bound := binder.Resources(); len(bound) > 0 {
				var document []byte
				document, err = json.Marshal(bound)
				resources = t.maybe("resources", string(document))
			}
		}
		return err
	}); err != nil {
		return argument("the provider does not say how it releases, or what it opens: "+err.Error(), "provider")
	}
	if t.fault != nil {
		return t.fault
	}
	return finish(ctx, func() error {
		user := keep(provider)
		err := l.done(C.go_broker_add_provider(l.isGuard, l.value, name, command, resources, user))
		dropFailed(err, user)
		return err
	})
}

// acquisition is what the provider of one call of Acquire is told, and tells.
type acquisition struct {
	ctx    context.Context
	failed error
}

// Acquire gets a secret for a call that was permitted. It ends with the agent at the latest, and is returned when the
// agent is deprovisioned, also by another process after this one died. Where the provider failed, its error is joined.
// A secret that comes after the context has ended is returned to its provider. A refusal is Denied, and an event of the agent.
func (a *Authority) Acquire(ctx context.Context, permit *Permit, provider, resource string, ttl time.Duration) (*Lease, error) {
	return a.lender().acquire(ctx, permit, provider, resource, ttl)
}

// Acquire gets a secret for a call that this guard has permitted since it has the provider: one for each permit, of the
// resource that the call names. Otherwise it is as Authority.Acquire.
func (g *Guard) Acquire(ctx context.Context, permit *Permit, provider, resource string, ttl time.Duration) (*Lease, error) {
	return g.lender().acquire(ctx, permit, provider, resource, ttl)
}

func (l lender) acquire(ctx context.Context, permit *Permit, provider, resource string, ttl time.Duration) (*Lease, error) {
	if permit == nil {
		return nil, missing("a permit", "permit")
	}
	return waiting(ctx, func() (*Lease, error) {
		acquiring := &acquisition{ctx: withTurn(ctx)}
		call := cgo.NewHandle(acquiring)
		defer call.Delete()
		answer := C.go_broker_acquire(l.isGuard, l.value, permit.value, provider, resource, C.int64_t(seconds(ttl)), C.uintptr_t(call))
		runtime.KeepAlive(permit)
		secret := take(&answer.second)
		id, err := l.text(answer)
		if err != nil {
			if acquiring.failed != nil {
				err = errors.Join(err, acquiring.failed)
			}
			return nil, err
		}
		return &Lease{id, secret, l, new(sync.Mutex)}, nil
	}, func(lease *Lease) {
		if err := lease.Release(withTurn(context.Background())); err != nil {
			warn("a secret that nobody waited for was not returned, it ends with its lease", "error", err)
		}
	})
}

// Release returns a secret by the ID of its lease.
func (a *Authority) Release(ctx context.Context, lease string) error {
	return a.lender().release(ctx, lease)
}

// Release returns a secret by the ID of its lease.
func (g *Guard) Release(ctx context.Context, lease string) error {
	return g.lender().release(ctx, lease)
}

func (l lender) release(ctx context.Context, lease string) error {
	return l.do(ctx, func() C.go_answer { return C.go_broker_release(l.isGuard, l.value, lease) })
}

// BrokerLeases lists the secrets that the broker has lent.
func (a *Authority) BrokerLeases(ctx context.Context) ([]BrokerLease, error) {
	return readDocument[[]BrokerLease](ctx, a.it(), func() C.go_texts { return C.go_broker_leases(a.it().value) })
}
