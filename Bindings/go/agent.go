package agentid

/*
#include "abi.h"

static void go_agent_close(uintptr_t agent) { agentid_agent_close(AS(agent, agent)); }

static go_answer go_agent_spawn(uintptr_t agent, _GoString_ name, agentid_delegation_options options, _GoString_ scope,
                                _GoString_ labels, _GoString_ audiences) {
    options.struct_size = sizeof options;
    options.scope = go_option(scope);
    options.labels = go_option(labels);
    options.audiences = go_option(audiences);
    MAKE(agent, agentid_agent_spawn(AS(agent, agent), TEXT(name), &options, &made, &error));
}
static go_texts go_agent_delegate(uintptr_t agent, _GoString_ holder, agentid_delegation_options options,
                                  _GoString_ scope, _GoString_ labels, _GoString_ audiences, _GoString_ id) {
    options.struct_size = sizeof options;
    options.scope = go_option(scope);
    options.labels = go_option(labels);
    options.audiences = go_option(audiences);
    options.agent = go_option(id);
    TAKE(agentid_agent_delegate(AS(agent, agent), TEXT(holder), &options, &first, &error));
}
static go_texts go_agent_prove(uintptr_t agent, _GoString_ tool, _GoString_ arguments, _GoString_ audience) {
    TAKE(agentid_agent_prove(AS(agent, agent), TEXT(tool), TEXT(arguments), TEXT(audience), &first, &error));
}
static go_texts go_agent_present(uintptr_t agent, _GoString_ tool, _GoString_ arguments, _GoString_ audience) {
    TAKE(agentid_agent_present(AS(agent, agent), TEXT(tool), TEXT(arguments), TEXT(audience), &first, &second, &error));
}
static go_texts go_agent_prove_with(uintptr_t agent, _GoString_ tool, _GoString_ arguments, _GoString_ audience,
                                    _GoString_ nonce) {
    agentid_proof_options options = AGENTID_PROOF_OPTIONS_INIT;
    options.audience = go_option(audience);
    options.nonce = go_option(nonce);
    TAKE(agentid_agent_prove_with(AS(agent, agent), TEXT(tool), TEXT(arguments), &options, &first, &error));
}
static go_texts go_agent_presentation(uintptr_t agent, _GoString_ tool, _GoString_ arguments, _GoString_ audience,
                                      _GoString_ nonce) {
    agentid_proof_options options = AGENTID_PROOF_OPTIONS_INIT;
    options.audience = go_option(audience);
    options.nonce = go_option(nonce);
    TAKE(agentid_agent_presentation(AS(agent, agent), TEXT(tool), TEXT(arguments), &options, &first, &error));
}
static go_answer go_agent_expires(uintptr_t agent) { COUNT(agentid_agent_expires(AS(agent, agent), &count, &error)); }
static go_decision go_agent_authorize(uintptr_t agent, _GoString_ tool, _GoString_ arguments, int hold) {
    DECIDE(hold, agentid_agent_authorize(AS(agent, agent), TEXT(tool), TEXT(arguments), &made, &error));
}
static go_answer go_agent_rotate_key(uintptr_t agent) { DO(agentid_agent_rotate_key(AS(agent, agent), &error)); }
static go_answer go_agent_rotate_key_revoking(uintptr_t agent) {
    DO(agentid_agent_rotate_key_revoking(AS(agent, agent), &error));
}
static go_answer go_agent_park(uintptr_t agent, int64_t seconds) {
    DO(agentid_agent_park(AS(agent, agent), seconds, &error));
}
static go_texts go_agent_end(uintptr_t agent, _GoString_ reason) {
    TAKE(agentid_agent_end(AS(agent, agent), TEXT(reason), &first, &error));
}
static go_texts go_agent_id(uintptr_t agent) { TAKE(agentid_agent_id(AS(agent, agent), &first, &error)); }
static go_texts go_agent_chain(uintptr_t agent) { TAKE(agentid_agent_chain(AS(agent, agent), &first, &error)); }
static go_texts go_agent_chain_reference(uintptr_t agent) {
    TAKE(agentid_agent_chain_reference(AS(agent, agent), &first, &error));
}
static go_texts go_agent_scope(uintptr_t agent) { TAKE(agentid_agent_scope(AS(agent, agent), &first, &error)); }
static go_texts go_agent_credential(uintptr_t agent) {
    TAKE(agentid_agent_credential(AS(agent, agent), &first, &error));
}
static go_texts go_agent_public_key(uintptr_t agent) {
    TAKE(agentid_agent_public_key(AS(agent, agent), &first, &error));
}
static go_texts go_agent_export_key(uintptr_t agent) {
    TAKE(agentid_agent_export_key(AS(agent, agent), &first, &error));
}
static go_answer go_agent_open(_GoString_ key, _GoString_ chain, _GoString_ credential, uintptr_t clock) {
    agentid_open_agent_options options = AGENTID_OPEN_AGENT_OPTIONS_INIT;
    agentid_clock time = go_clock(clock);
    options.key = go_option(key);
    options.chain = go_option(chain);
    options.credential = go_option(credential);
    options.clock = clock ? &time : NULL;
    MAKE(agent, agentid_agent_open(&options, &made, &error));
}
*/
import "C"

import (
	"context"
	"log/slog"
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

// Delegation is what a sub-agent gets. One of Scope and SameScope is needed: a scope that was forgotten is not all.
type Delegation struct {
	Scope     string        // what it may do, text or JSON form
	SameScope bool          // all that its parent may
	Lifetime  time.Duration // of each grant; 0: as long as its parent's
	Until     time.Time     // the hard end: no grant runs past it; zero: its parent's
	MaxDepth  int           // how much deeper it may delegate; 0: as deep as its parent may; or NoDelegation
	Labels    []string      // information-flow labels, added to its parent's
	Agent     string        // Delegate only: the ID of a holder that has a credential
	Audiences []string      // names of the guards that its grants may be presented to; nil: its parent's
}

// OpenAgentOptions is an identity that was issued or delegated to a key held here.
type OpenAgentOptions struct {
	Key        string // the private key, a JWK
	Chain      string // the chain whose leaf is bound to it
	Credential string // where there is one
	Clock      Clock  // nil: the machine's
}

// OpenAgent takes up an identity. Its chain is read, not verified: a guard decides what it is worth.
func OpenAgent(options OpenAgentOptions) (*Agent, error) {
	var t texts
	key, chain := t.given("key", options.Key), t.given("chain", options.Chain)
	credential := t.maybe("credential", options.Credential)
	if t.fault != nil {
		return nil, t.fault
	}
	clock := keepClock(options.Clock)
	agent, err := newAgent(C.go_agent_open(key, chain, credential, clock), nil, false)
	dropFailed(err, clock)
	return agent, err
}

func newAgent(answer C.go_answer, needs any, strict bool) (*Agent, error) {
	if err := done(answer); err != nil {
		return nil, err
	}
	agent := &Agent{needs: needs}
	agent.strict = strict
	agent.hold(answer.handle, func(value C.uintptr_t) { C.go_agent_close(value) })
	id, err := agent.text(C.go_agent_id(agent.value))
	if err != nil {
		agent.Close()
		return nil, err
	}
	agent.id = id
	return agent, nil
}

func (d Delegation) texts() (scope, labels, audiences string, fault error) {
	var t texts
	scope, labels = t.maybe("scope", d.Scope), t.list("labels", d.Labels)
	audiences = t.list("audiences", d.Audiences)
	return scope, labels, audiences, t.fault
}

func (d Delegation) options() C.agentid_delegation_options {
	return C.agentid_delegation_options{
		same_scope: flag(d.SameScope), lifetime: C.int64_t(seconds(d.Lifetime)), max_depth: C.int32_t(d.MaxDepth), until: C.int64_t(unix(d.Until)),
	}
}

// Spawn starts a sub-agent under this one, offline: an ID below this one's, a key of its own, no more than its authority.
// Its grant is renewed as long as it is open. One that comes after the context has ended is ended at once.
func (a *Agent) Spawn(ctx context.Context, name string, delegation Delegation) (*Agent, error) {
	scope, labels, audiences, err := delegation.texts()
	if err != nil {
		return nil, err
	}
	return waiting(ctx, func() (*Agent, error) {
		return newAgent(C.go_agent_spawn(a.value, name, delegation.options(), scope, labels, audiences), a, a.strict)
	}, unwanted)
}

// unwanted ends an agent whose caller has gone.
func unwanted(agent *Agent) {
	defer agent.Close()
	if _, err := agent.End(withTurn(context.Background()), "the call that started it was cancelled"); err != nil {
		slog.Warn("agentid: an agent that nobody waited for has not ended, it is denied once its lease has lapsed", "agent", agent, "error", err)
	}
}

// Delegate delegates to a public JWK held elsewhere, offline; it returns this agent's chain with the new grant after it.
// Nobody renews that: it ends with this agent's present grant at the latest.
func (a *Agent) Delegate(ctx context.Context, holder string, delegation Delegation) (string, error) {
	scope, labels, audiences, err := delegation.texts()
	if err != nil {
		return "", err
	}
	var t texts
	id := t.maybe("agent", delegation.Agent)
	if t.fault != nil {
		return "", t.fault
	}
	return a.read(ctx, func() C.go_texts {
		return C.go_agent_delegate(a.value, holder, delegation.options(), scope, labels, audiences, id)
	})
}

// Prove signs one call, for a guard elsewhere. The audience is empty where that guard asks for none.
func (a *Agent) Prove(tool string, arguments []byte, audience string) (string, error) {
	return a.text(C.go_agent_prove(a.value, tool, view(arguments), audience))
}

// ProofOptions says for which guard a proof is made.
type ProofOptions struct {
	Audience string // the guard's name for itself; empty where somebody forwards the call to it
	Nonce    string // where that guard asks for one, what its Nonce gave out
}

// ProveWith is Prove, for a guard that asks for more than its name.
func (a *Agent) ProveWith(tool string, arguments []byte, options ProofOptions) (string, error) {
	audience, nonce, err := options.texts()
	if err != nil {
		return "", err
	}
	return a.text(C.go_agent_prove_with(a.value, tool, view(arguments), audience, nonce))
}

// Presentation is the agent's chain and the proof of one call under it as one JSON object, taken together as by Present, for
// Guard.AuthorizePresentation or any other verifier.
func (a *Agent) Presentation(tool string, arguments []byte, options ProofOptions) (string, error) {
	audience, nonce, err := options.texts()
	if err != nil {
		return "", err
	}
	return a.text(C.go_agent_presentation(a.value, tool, view(arguments), audience, nonce))
}

func (o ProofOptions) texts() (audience, nonce string, fault error) {
	var t texts
	audience, nonce = t.maybe("audience", o.Audience), t.maybe("nonce", o.Nonce)
	return audience, nonce, t.fault
}

// Present is the agent's chain and the proof of one call under it, taken together, for a guard elsewhere: between Chain and
// Prove the grant may be renewed, and a proof is for one grant only.
func (a *Agent) Present(tool string, arguments []byte, audience string) (chain, proof string, err error) {
	answer := C.go_agent_present(a.value, tool, view(arguments), audience)
	proof = string(take(&answer.second))
	chain, err = a.text(answer)
	return chain, proof, err
}

// Expires is when the present grant ends. It is made anew at half its life while the agent is open: ask again.
func (a *Agent) Expires() (time.Time, error) {
	answer := C.go_agent_expires(a.value)
	if err := a.done(answer); err != nil {
		return time.Time{}, err
	}
	return time.Unix(int64(answer.count), 0), nil
}

// Authorize asks the authority's own guard, in this process: holding the agent is the proof. The arguments are a JSON
// object. The error is a Denied where the call is denied, and means no as well where it is anything else.
func (a *Agent) Authorize(ctx context.Context, tool string, arguments []byte) (*Decision, error) {
	return decided(a.ask(ctx, tool, arguments, passing))
}

// Check is Authorize, but a denial is an answer, not an error: ask Permitted.
func (a *Agent) Check(ctx context.Context, tool string, arguments []byte) (*Decision, error) {
	return checked(a.ask(ctx, tool, arguments, passing))
}

// Permit is Authorize, for a permit that is kept: for Authority.Acquire, say. Close it.
func (a *Agent) Permit(ctx context.Context, tool string, arguments []byte) (*Permit, error) {
	return permitted(a.ask(ctx, tool, arguments, held))
}

func (a *Agent) ask(ctx context.Context, tool string, arguments []byte, hold C.int) (verdict, error) {
	if err := ctx.Err(); err != nil {
		return verdict{}, err
	}
	if lane := a.enter(); lane != nil {
		answer := C.go_agent_authorize(a.value, tool, view(arguments), hold)
		lane.leave()
		runtime.KeepAlive(a)
		return answer, nil
	}
	return apart(ctx, arguments, func(arguments []byte) verdict {
		defer runtime.KeepAlive(a)
		return C.go_agent_authorize(a.value, tool, view(arguments), hold)
	})
}

// End ends the agent and all below it, for good; it returns the tombstone. The agent still has to be closed. Where the end
// could not be made durable, that is the error: it is denied in this process all the same, and its end is tried again.
//
// A context that ends first does not stop it: pass one that outlives the task, as context.WithoutCancel makes it.
func (a *Agent) End(ctx context.Context, reason string) (tombstone string, err error) {
	return a.read(urgent(ctx), func() C.go_texts { return C.go_agent_end(a.value, reason) })
}

// Park parks the agent: its run waits, for so long at most (30 days), and not beyond its Until. Authority.Unpark takes it up
// again. Meanwhile it is denied (parked), and its key sealed under the authority. This handle ends nothing any more, and still
// has to be closed. Where it fails, the agent goes on.
func (a *Agent) Park(ctx context.Context, most time.Duration) error {
	return a.do(ctx, func() C.go_answer { return C.go_agent_park(a.value, C.int64_t(seconds(most))) })
}

// RotateKey hands everything over to a new key; the old one is wiped here. It costs one level of depth. It revokes
// nothing: whoever has a copy of the old key can go on under the chain that it held, and what it delegated stays valid,
// until those grants expire. Where it may be in other hands, use RotateKeyRevoking.
func (a *Agent) RotateKey(ctx context.Context) error {
	return a.do(ctx, func() C.go_answer { return C.go_agent_rotate_key(a.value) })
}

// RotateKeyRevoking has the authority, which must be in this process, grant the same anew to a new key, and revokes every
// key and grant that the agent held until then, with all that was delegated and spawned under them. Both or neither: where
// it fails, the agent keeps its key. It is refused to an agent that another one started (sub_agent).
func (a *Agent) RotateKeyRevoking(ctx context.Context) error {
	return a.do(urgent(ctx), func() C.go_answer { return C.go_agent_rotate_key_revoking(a.value) })
}

// ExportKey is the private key, a JWK: the only way a key leaves the library. Wipe it (clear) as soon as it is stored.
func (a *Agent) ExportKey() ([]byte, error) { return a.data(C.go_agent_export_key(a.value)) }

// ID is the agent's SPIFFE ID, also after it was closed.
func (a *Agent) ID() string { return a.id }

// Chain is the grants from the root to the agent's own, joined by '~'. It is another one after each renewal: do not keep it.
func (a *Agent) Chain() (string, error) { return a.text(C.go_agent_chain(a.value)) }

// ChainReference is the reference of Chain: 51 characters, for a guard that has verified it before.
func (a *Agent) ChainReference() (string, error) { return a.text(C.go_agent_chain_reference(a.value)) }

// Credential is the workload identity token; empty for a sub-agent that was started offline.
func (a *Agent) Credential() (string, error) { return a.text(C.go_agent_credential(a.value)) }

// PublicKey is the public key, a JWK.
func (a *Agent) PublicKey() (string, error) { return a.text(C.go_agent_public_key(a.value)) }

// Scope is the scope in text form.
func (a *Agent) Scope() (string, error) { return a.text(C.go_agent_scope(a.value)) }
