package agentid

/*
#include "abi.h"

static void go_agent_close(uintptr_t agent) { agentid_agent_close(AS(agent, agent)); }

typedef struct go_delegation { // what is copied of agentid_delegation_options
    _GoString_ scope, labels, audiences, limits, agent;
} go_delegation;

static void go_delegation_complete(agentid_delegation_options *options, const go_delegation *texts) {
    options->struct_size = sizeof *options;
    options->scope = go_option(texts->scope);
    options->labels = go_option(texts->labels);
    options->audiences = go_option(texts->audiences);
    options->limits = go_option(texts->limits);
}
static go_answer go_agent_spawn(uintptr_t agent, _GoString_ name, agentid_delegation_options options, go_delegation texts) {
    go_delegation_complete(&options, &texts);
    MAKE(agent, agentid_agent_spawn(AS(agent, agent), TEXT(name), &options, &made, &error));
}
static go_texts go_agent_delegate(uintptr_t agent, _GoString_ holder, agentid_delegation_options options,
                                  go_delegation texts) {
    go_delegation_complete(&options, &texts);
    options.agent = go_option(texts.agent);
    TAKE(agentid_agent_delegate(AS(agent, agent), TEXT(holder), &options, &first, &error));
}
static go_decision go_agent_authorize(uintptr_t agent, _GoString_ tool, _GoString_ arguments, int along) {
    DECIDE(along, agentid_agent_authorize(AS(agent, agent), TEXT(tool), TEXT(arguments), &made, &error));
}
static go_answer go_agent_rotate_key(uintptr_t agent) { DO(agentid_agent_rotate_key(AS(agent, agent), &error)); }
static go_answer go_agent_rotate_key_revoking(uintptr_t agent) {
    DO(agentid_agent_rotate_key_revoking(AS(agent, agent), &error));
}
static go_answer go_agent_park(uintptr_t agent, int64_t seconds) {
    DO(agentid_agent_park(AS(agent, agent), seconds, &error));
}
static go_answer go_agent_take_unparked(uintptr_t agent) {
    MAKE(agent, agentid_agent_take_unparked(AS(agent, agent), &made, &error));
}
static go_texts go_agent_end(uintptr_t agent, _GoString_ reason) {
    TAKE(agentid_agent_end(AS(agent, agent), TEXT(reason), &first, &error));
}
*/
import "C"

import (
	"context"
	"errors"
	"runtime"
	"time"
)

// Agent is one running agent instance: its identity, its key, its chain. End ends it. Close only lets go of it: its key is
// wiped, and it is denied once its lease has lapsed.
type Agent struct {
	handle
	id    string
	needs any // its parent or its authority, which live as long
}

// Delegation describes a sub-agent's authority. One of Scope and SameScope is needed: a scope that was forgotten is not all.
type Delegation struct {
	Scope     string        // what it may do, text or JSON form
	SameScope bool          // all that its parent may
	Lifetime  time.Duration // of each grant; 0: as long as its parent's
	Until     time.Time     // the hard end: no grant runs past it; zero: its parent's
	MaxDepth  int           // how much deeper it may delegate; 0: as deep as its parent may; or NoDelegation
	Labels    []string      // information-flow labels, added to its parent's
	Agent     string        // Delegate only: the ID of a holder that has a credential
	Audiences []string      // names of the guards that its grants may be presented to; nil: its parent's
	Isolated  bool          // Spawn only: it and all below it keep the labels of what they learn to themselves
	Limits    string        // rates and budgets of it and all below it, a JSON array as docs/policies.md says; "": no others
}

func newAgent(answer C.go_answer, needs any, strict bool) (*Agent, error) {
	if err := done(answer); err != nil {
		return nil, err
	}
	agent := &Agent{needs: needs}
	agent.strict = strict
	agent.hold(answer.handle, func(value C.uintptr_t) { C.go_agent_close(value) })
	id, err := agent.readID()
	if err != nil {
		agent.Close()
		return nil, err
	}
	agent.id = id
	return agent, nil
}

func (d Delegation) texts() (C.go_delegation, error) {
	var t texts
	given := C.go_delegation{
		scope: t.maybe("scope", d.Scope), labels: t.list("labels", d.Labels), audiences: t.list("audiences", d.Audiences),
		limits: t.maybe("limits", d.Limits),
	}
	return given, t.fault
}

func (d Delegation) options() C.agentid_delegation_options {
	return C.agentid_delegation_options{
		same_scope: flag(d.SameScope), lifetime: C.int64_t(seconds(d.Lifetime)), max_depth: depth(d.MaxDepth), until: C.int64_t(unix(d.Until)),
		isolated: flag(d.Isolated),
	}
}

// Spawn starts a sub-agent under this one, offline: an ID below this one's, a key of its own, no more than its authority.
// Its grant is renewed as long as it is open. One that comes after the context has ended is ended at once.
func (a *Agent) Spawn(ctx context.Context, name string, delegation Delegation) (*Agent, error) {
	texts, err := delegation.texts()
	if err != nil {
		return nil, err
	}
	return waiting(ctx, func() (*Agent, error) {
		return newAgent(C.go_agent_spawn(a.it().value, name, delegation.options(), texts), a, a.it().strict)
	}, unwanted)
}

// unwanted ends an agent whose caller has gone.
func unwanted(agent *Agent) {
	defer agent.Close()
	_, err := agent.End(withTurn(context.Background()), "the call that started it was cancelled")
	if fault := (*Error)(nil); errors.As(err, &fault) && fault.Name == "tombstone_unsigned" {
		warn("an agent that nobody waited for has ended; the next Reap signs its tombstone", "agent", agent)
	} else if err != nil {
		warn("an agent that nobody waited for has not ended, it is denied once its lease has lapsed", "agent", agent, "error", err)
	}
}

// Delegate delegates to a public JWK held elsewhere, offline; it returns this agent's chain with the new grant after it.
// Nobody renews that: it ends with this agent's present grant at the latest.
func (a *Agent) Delegate(ctx context.Context, holder string, delegation Delegation) (string, error) {
	given, err := delegation.texts()
	if err != nil {
		return "", err
	}
	var t texts
	if given.agent = t.maybe("agent", delegation.Agent); t.fault != nil {
		return "", t.fault
	}
	return a.it().read(ctx, func() C.go_texts {
		return C.go_agent_delegate(a.it().value, holder, delegation.options(), given)
	})
}

// Authorize asks the authority's own guard, in this process: holding the agent is the proof. The arguments are a JSON
// object, `{}` where there are none. The error is a Denied where the call is denied, and means no as well where it is anything else.
func (a *Agent) Authorize(ctx context.Context, tool string, arguments []byte) (*Decision, error) {
	return decided(a.ask(ctx, tool, arguments, bare))
}

// Check is Authorize, but a denial is an answer, not an error: ask Permitted.
func (a *Agent) Check(ctx context.Context, tool string, arguments []byte) (*Decision, error) {
	return checked(a.ask(ctx, tool, arguments, told))
}

// Permit is Authorize, for a permit that is kept: for Authority.Acquire, say. Close it.
func (a *Agent) Permit(ctx context.Context, tool string, arguments []byte) (*Permit, error) {
	return permitted(a.ask(ctx, tool, arguments, told|held))
}

func (a *Agent) ask(ctx context.Context, tool string, arguments []byte, along C.int) (verdict, error) {
	if err := ended(ctx); err != nil {
		return verdict{}, err
	}
	if lane := a.it().enter(); lane != nil {
		answer := C.go_agent_authorize(a.it().value, tool, view(arguments), along)
		lane.leave()
		runtime.KeepAlive(a)
		return answer, nil
	}
	return apart(ctx, arguments, func(arguments []byte) verdict {
		defer runtime.KeepAlive(a)
		return C.go_agent_authorize(a.it().value, tool, view(arguments), along)
	})
}

// End ends the agent and all below it, for good; it returns the tombstone. The agent still has to be closed. Where the end
// could not be made durable, that is the error: it is denied in this process all the same, and its end is tried again.
//
// A context that ends first does not stop it: pass one that outlives the task, as context.WithoutCancel makes it.
func (a *Agent) End(ctx context.Context, reason string) (tombstone string, err error) {
	return a.it().read(urgent(ctx), func() C.go_texts { return C.go_agent_end(a.it().value, reason) })
}

// Park parks the agent: its run waits, for so long at most (30 days), and not beyond its Until. Authority.Unpark unparks it
// again. All below it that this process holds are parked with it, all or none. Meanwhile they are denied (parked), and their
// keys sealed under the authority. Their handles end nothing any more, and still have to be closed. What another process holds
// stays as it is, denied while this one is parked. Where Park fails, all go on. With 0, one that Unpark returned is parked for the
// rest of its time, as if nobody had taken it up; where none is left, that is an ErrState (parking_over).
func (a *Agent) Park(ctx context.Context, most time.Duration) error {
	return a.it().do(ctx, func() C.go_answer { return C.go_agent_park(a.it().value, C.int64_t(seconds(most))) })
}

// Unparked returns the agents that this one had started and that were parked with it, each once, to be closed. Ask them for
// those that they had started. One that nobody asks for is kept by this agent, and ends with it.
func (a *Agent) Unparked() ([]*Agent, error) {
	var taken []*Agent
	for {
		child, err := newAgent(C.go_agent_take_unparked(a.it().value), a, a.it().strict)
		runtime.KeepAlive(a)
		if errors.Is(err, ErrNotFound) {
			return taken, nil
		}
		if err != nil {
			return taken, err
		}
		taken = append(taken, child)
	}
}

// RotateKey hands everything over to a new key; the old one is wiped here. It costs one level of depth. It revokes
// nothing: whoever has a copy of the old key can go on under the chain that it held, and what it delegated stays valid,
// until those grants expire. Where it may be in other hands, use RotateKeyRevoking.
func (a *Agent) RotateKey(ctx context.Context) error {
	return a.it().do(ctx, func() C.go_answer { return C.go_agent_rotate_key(a.it().value) })
}

// RotateKeyRevoking has the authority, which must be in this process, grant the same anew to a new key, and revokes every
// key and grant that the agent held until then, with all that was delegated and spawned under them, at once, whoever has the
// registry's lock. Where it fails, the agent keeps its key, unless the registry could not be written (CodeIO): the old key
// is revoked then, and the agent has no other. It is refused to an agent that another one started (sub_agent).
func (a *Agent) RotateKeyRevoking(ctx context.Context) error {
	return a.it().do(urgent(ctx), func() C.go_answer { return C.go_agent_rotate_key_revoking(a.it().value) })
}
