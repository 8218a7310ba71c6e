package agentid

/*
#include "abi.h"

static go_answer go_authority_open(_GoString_ directory, agentid_authority_options options, _GoString_ trust_domain,
                                   _GoString_ passphrase, uintptr_t signer, _GoString_ public_key, uintptr_t clock) {
    agentid_signer by = {sizeof by, agentid_go_sign, (const uint8_t *)_GoStringPtr(public_key), agentid_go_release,
                         (void *)signer};
    agentid_clock time = go_clock(clock);
    options.struct_size = sizeof options;
    options.trust_domain = go_option(trust_domain);
    options.passphrase = go_option(passphrase);
    options.signer = signer ? &by : NULL;
    options.clock = clock ? &time : NULL;
    MAKE(authority, agentid_authority_open(TEXT(directory), &options, &made, &error));
}
static void go_authority_close(uintptr_t authority) { agentid_authority_close(AS(authority, authority)); }

static go_texts go_authority_bundle(uintptr_t authority) {
    TAKE(agentid_authority_bundle(AS(authority, authority), &first, &error));
}
static go_texts go_authority_revocation_list(uintptr_t authority, int64_t lifetime) {
    TAKE(agentid_authority_revocation_list(AS(authority, authority), lifetime, &first, &error));
}
static go_answer go_authority_publish_key(uintptr_t authority) {
    DO(agentid_authority_publish_key(AS(authority, authority), &error));
}
static go_answer go_authority_activate_key(uintptr_t authority) {
    DO(agentid_authority_activate_key(AS(authority, authority), &error));
}

typedef struct go_request { // what is copied of agentid_agent_options
    _GoString_ principal, task, intent, scope, entitlements, labels, audiences, limits;
    int32_t isolated;
} go_request;

static agentid_agent_options go_agent_options(const go_request *texts, int64_t lifetime, int64_t until,
                                              int32_t max_depth) {
    agentid_agent_options options = AGENTID_AGENT_OPTIONS_INIT;
    options.principal = go_option(texts->principal);
    options.task = go_option(texts->task);
    options.intent = go_option(texts->intent);
    options.scope = go_option(texts->scope);
    options.entitlements = go_option(texts->entitlements);
    options.labels = go_option(texts->labels);
    options.audiences = go_option(texts->audiences);
    options.limits = go_option(texts->limits);
    options.lifetime = lifetime;
    options.until = until;
    options.max_depth = max_depth;
    options.isolated = texts->isolated;
    return options;
}
static go_answer go_authority_start_agent(uintptr_t authority, _GoString_ profile, go_request texts, int64_t lifetime,
                                          int64_t until, int32_t max_depth) {
    agentid_agent_options options = go_agent_options(&texts, lifetime, until, max_depth);
    MAKE(agent, agentid_authority_start_agent(AS(authority, authority), TEXT(profile), &options, &made, &error));
}
static go_answer go_authority_unpark(uintptr_t authority, _GoString_ id) {
    MAKE(agent, agentid_authority_unpark(AS(authority, authority), TEXT(id), &made, &error));
}
static go_texts go_authority_issue(uintptr_t authority, _GoString_ profile, _GoString_ holder, go_request texts,
                                   int64_t lifetime, int64_t until, int32_t max_depth) {
    agentid_agent_options options = go_agent_options(&texts, lifetime, until, max_depth);
    TAKE(agentid_authority_issue(AS(authority, authority), TEXT(profile), TEXT(holder), &options, &first, &second,
                                 &error));
}
*/
import "C"

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"time"
)

// Authority is the root of trust of one trust domain: signing keys, profiles, revocations.
type Authority struct{ handle }

// AuthorityOptions are those of OpenAuthority. The zero value opens what is there.
type AuthorityOptions struct {
	TrustDomain   string        // e.g. "acme.example"; needed to create, checked against what is stored
	Passphrase    string        // encrypts the signing keys at rest; needed again at every opening
	Signer        crypto.Signer // an Ed25519 key elsewhere (HSM, KMS) that signs instead of a stored one
	Clock         Clock         // nil: the machine's
	MustExist     bool          // do not create what is not there
	LeaseDuration time.Duration // how long an agent lives without being renewed; 0: five minutes
	ResumeWithin  time.Duration // for how long after its lease lapsed its handle renews it; 0: never
	AuditSync     AuditSync     // when decisions and events are durable
	AuditRelaxed  bool          // what cannot be written down is counted; otherwise it is denied
	NoAudit       bool          // nothing is written down
}

// OpenAuthority opens the authority kept in a directory, or creates it there; an empty directory keeps all in memory.
func OpenAuthority(ctx context.Context, directory string, options AuthorityOptions) (*Authority, error) {
	var t texts
	domain, passphrase := t.maybe("trust_domain", options.TrustDomain), t.maybe("passphrase", options.Passphrase)
	if t.fault != nil {
		return nil, t.fault
	}
	var key ed25519.PublicKey
	if options.Signer != nil {
		err := try(func() error { // that of a key that is nil panics
			public, _ := options.Signer.Public().(ed25519.PublicKey)
			key = bytes.Clone(public)
			return nil
		})
		if err != nil || len(key) != ed25519.PublicKeySize {
			return nil, argument("the signer's key is not an Ed25519 key", "options.signer")
		}
	}
	return waiting(ctx, func() (*Authority, error) {
		var signer C.uintptr_t
		if key != nil {
			signer = keep(options.Signer)
		}
		clock := keepClock(options.Clock)
		answer := C.go_authority_open(directory, C.agentid_authority_options{
			must_exist: flag(options.MustExist), lease_duration: C.int64_t(seconds(options.LeaseDuration)),
			resume_within: C.int64_t(seconds(options.ResumeWithin)),
			audit_sync:    C.int32_t(options.AuditSync), audit_relaxed: flag(options.AuditRelaxed),
			no_audit: flag(options.NoAudit),
		}, domain, passphrase, signer, view(key), clock)
		if err := done(answer); err != nil {
			dropFailed(err, signer, clock)
			return nil, err
		}
		authority := new(Authority)
		authority.strict = options.AuditSync == AuditAlways && !options.NoAudit
		authority.holdWaiting(answer.handle, func(value C.uintptr_t) { C.go_authority_close(value) })
		return authority, nil
	}, func(authority *Authority) { authority.Close() })
}

func flag(on bool) C.int32_t {
	if on {
		return 1
	}
	return 0
}

// AgentOptions says for whom and for what an agent is started.
type AgentOptions struct {
	Principal    string        // URI of whom it acts for, e.g. "user:alice@acme.example"
	Task         string        // which task, in a few words
	Intent       string        // what the human asked, verbatim if you like
	Scope        string        // what the task needs, text or JSON form
	Entitlements *string       // what the principal may do at most; nil: no limit beside the profile's ceiling
	Lifetime     time.Duration // of each grant, renewed at half its life while the agent is open; 0: five minutes, or the profile's longest where less
	Until        time.Time     // the hard end: no grant runs past it; zero: none
	MaxDepth     int           // deepest delegation; 0: the profile's; or NoDelegation
	Labels       []string      // information-flow labels the task starts with
	Audiences    []string      // names of the guards that the grant, and all below it, may be presented to; nil: any
	Isolated     bool          // every agent that it spawns is isolated: what these learn does not flow up to it
	Limits       string        // rates and budgets of it and all below it, a JSON array as docs/policies.md says; "": the policy's only
}

func (o AgentOptions) texts() (C.go_request, error) {
	var t texts
	request := C.go_request{
		principal: t.given("principal", o.Principal), task: t.given("task", o.Task), intent: t.maybe("intent", o.Intent),
		scope: t.given("scope", o.Scope), labels: t.list("labels", o.Labels),
		audiences: t.list("audiences", o.Audiences), isolated: flag(o.Isolated), limits: t.maybe("limits", o.Limits),
	}
	if o.Entitlements != nil {
		request.entitlements = t.given("entitlements", *o.Entitlements)
	}
	return request, t.fault
}

// StartAgent starts an agent: profile ceiling ∩ principal's entitlements ∩ what the task asks for. As long as it is open its
// lease, credential and grant are renewed, up to Until. One that comes after the context has ended is ended at once.
func (a *Authority) StartAgent(ctx context.Context, profile string, options AgentOptions) (*Agent, error) {
	request, err := options.texts()
	if err != nil {
		return nil, err
	}
	return waiting(ctx, func() (*Agent, error) {
		return newAgent(C.go_authority_start_agent(
			a.it().value, profile, request, C.int64_t(seconds(options.Lifetime)), C.int64_t(unix(options.Until)),
			depth(options.MaxDepth)), a, a.it().strict)
	}, unwanted)
}

// Unpark unparks an agent, in whatever process it was parked: the same ID, scope, labels and Until, with a new grant.
// Those that were parked with it are unparked with it: Agent.Unparked has them. One that cannot go on, as something was revoked
// or nothing of its scope is left, ends. Of several callers at once one gets them. One that comes after the context has ended is parked again,
// with those, for the rest of its time.
func (a *Authority) Unpark(ctx context.Context, id string) (*Agent, error) {
	return waiting(ctx, func() (*Agent, error) {
		return newAgent(C.go_authority_unpark(a.it().value, id), a, a.it().strict)
	}, func(agent *Agent) {
		defer agent.Close()
		if err := agent.Park(withTurn(context.Background()), 0); err != nil {
			warn("an agent that nobody waited for was not parked again, it is denied once its lease has lapsed", "agent", agent, "error", err)
		}
	})
}

// Issue issues a root grant and a credential to a public JWK that is held elsewhere. Nobody renews them. An agent that is issued
// after the context has ended is ended at once.
func (a *Authority) Issue(ctx context.Context, profile, holder string, options AgentOptions) (chain, credential string, err error) {
	request, err := options.texts()
	if err != nil {
		return "", "", err
	}
	issued, err := waiting(ctx, func() (issued [2]string, err error) {
		answer := C.go_authority_issue(
			a.it().value, profile, holder, request, C.int64_t(seconds(options.Lifetime)), C.int64_t(unix(options.Until)),
			depth(options.MaxDepth))
		issued[1] = string(take(&answer.second))
		issued[0], err = a.it().text(answer)
		return issued, err
	}, func(issued [2]string) { a.takeBack(issued[0]) })
	return issued[0], issued[1], err
}

// takeBack ends an agent whose chain nobody waited for.
func (a *Authority) takeBack(chain string) {
	var read struct {
		Links []struct {
			Claims struct {
				Ours struct{ Agent string } `json:"urn:agentid:1"`
			}
		}
	}
	document, err := DecodeChain(chain)
	if err == nil {
		err = json.Unmarshal(document, &read)
	}
	for _, link := range read.Links {
		_, err = a.Deprovision(withTurn(context.Background()), link.Claims.Ours.Agent, "the call that issued it was cancelled")
	}
	if fault := (*Error)(nil); err != nil && !(errors.As(err, &fault) && fault.Name == "tombstone_unsigned") {
		warn("an agent that was issued to nobody has not ended, it ends with its grant", "error", err)
	}
}

// Bundle is the trust domain's public keys, a SPIFFE bundle, for Guard.AddBundle and anyone else who verifies.
func (a *Authority) Bundle(ctx context.Context) (string, error) {
	return a.it().read(ctx, func() C.go_texts { return C.go_authority_bundle(a.it().value) })
}

// RevocationList is a signed list of what this authority has revoked, for Guard.LoadRevocations of guards that cannot read its
// registry. Anybody may pass it on. It is good for the lifetime, in whole seconds; 0: an hour.
func (a *Authority) RevocationList(ctx context.Context, lifetime time.Duration) (string, error) {
	return a.it().read(ctx, func() C.go_texts { return C.go_authority_revocation_list(a.it().value, C.int64_t(seconds(lifetime))) })
}

// PublishKey adds the next signing key to the bundle; guards need to see it before it signs.
func (a *Authority) PublishKey(ctx context.Context) error {
	return a.it().do(ctx, func() C.go_answer { return C.go_authority_publish_key(a.it().value) })
}

// ActivateKey signs with the published key from now on.
func (a *Authority) ActivateKey(ctx context.Context) error {
	return a.it().do(ctx, func() C.go_answer { return C.go_authority_activate_key(a.it().value) })
}
