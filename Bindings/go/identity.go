package agentid

/*
#include "abi.h"

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
static go_answer go_agent_expires(uintptr_t agent) { COUNT(agentid_agent_expires(AS(agent, agent), &count, &error)); }
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
*/
import "C"

import "time"

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

// Expires is when the present grant ends. It is made anew at half its life while the agent is open: ask again.
func (a *Agent) Expires() (time.Time, error) {
	answer := C.go_agent_expires(a.it().value)
	if err := a.it().done(answer); err != nil {
		return time.Time{}, err
	}
	return time.Unix(int64(answer.count), 0), nil
}

// Prove signs one call, for a guard elsewhere. The audience is empty where that guard asks for none.
func (a *Agent) Prove(tool string, arguments []byte, audience string) (string, error) {
	return a.it().text(C.go_agent_prove(a.it().value, tool, view(arguments), audience))
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
	return a.it().text(C.go_agent_prove_with(a.it().value, tool, view(arguments), audience, nonce))
}

// Presentation is the agent's chain and the proof of one call under it as one JSON object, taken together as by Present, for
// Guard.AuthorizePresentation or any other verifier.
func (a *Agent) Presentation(tool string, arguments []byte, options ProofOptions) (string, error) {
	audience, nonce, err := options.texts()
	if err != nil {
		return "", err
	}
	return a.it().text(C.go_agent_presentation(a.it().value, tool, view(arguments), audience, nonce))
}

func (o ProofOptions) texts() (audience, nonce string, fault error) {
	var t texts
	audience, nonce = t.maybe("audience", o.Audience), t.maybe("nonce", o.Nonce)
	return audience, nonce, t.fault
}

// Present is the agent's chain and the proof of one call under it, taken together, for a guard elsewhere: between Chain and
// Prove the grant may be renewed, and a proof is for one grant only.
func (a *Agent) Present(tool string, arguments []byte, audience string) (chain, proof string, err error) {
	answer := C.go_agent_present(a.it().value, tool, view(arguments), audience)
	proof = string(take(&answer.second))
	chain, err = a.it().text(answer)
	return chain, proof, err
}

// ExportKey is the private key, a JWK: the only way a key leaves the library. Wipe it (clear) as soon as it is stored.
func (a *Agent) ExportKey() ([]byte, error) { return a.it().data(C.go_agent_export_key(a.it().value)) }

func (a *Agent) readID() (string, error) { return a.it().text(C.go_agent_id(a.it().value)) }

// ID is the agent's SPIFFE ID, also after it was closed.
func (a *Agent) ID() string {
	if a == nil {
		return ""
	}
	return a.id
}

// Chain is the grants from the root to the agent's own, joined by '~'. It is another one after each renewal: do not keep it.
func (a *Agent) Chain() (string, error) { return a.it().text(C.go_agent_chain(a.it().value)) }

// ChainReference is the reference of Chain: 51 characters, for a guard that has verified it before.
func (a *Agent) ChainReference() (string, error) {
	return a.it().text(C.go_agent_chain_reference(a.it().value))
}

// Credential is the workload identity token; empty for a sub-agent that was started offline.
func (a *Agent) Credential() (string, error) { return a.it().text(C.go_agent_credential(a.it().value)) }

// PublicKey is the public key, a JWK.
func (a *Agent) PublicKey() (string, error) { return a.it().text(C.go_agent_public_key(a.it().value)) }

// Scope is the scope in text form.
func (a *Agent) Scope() (string, error) { return a.it().text(C.go_agent_scope(a.it().value)) }
