package agentid

/*
#include "abi.h"

static void go_guard_close(uintptr_t guard) { agentid_guard_close(AS(guard, guard)); }

static void go_guard_complete(agentid_guard_options *options, _GoString_ audience, const agentid_clock *clock) {
    options->struct_size = sizeof *options;
    options->audience = go_option(audience);
    options->clock = clock;
}
static go_answer go_guard_open(agentid_guard_options options, _GoString_ audience, uintptr_t clock) {
    agentid_clock time = go_clock(clock);
    go_guard_complete(&options, audience, clock ? &time : NULL);
    MAKE(guard, agentid_guard_open(&options, &made, &error));
}
static go_answer go_authority_guard(uintptr_t authority, agentid_guard_options options, _GoString_ audience,
                                    uintptr_t clock) {
    agentid_clock time = go_clock(clock);
    go_guard_complete(&options, audience, clock ? &time : NULL);
    MAKE(guard, agentid_authority_guard(AS(authority, authority), &options, &made, &error));
}
static go_answer go_guard_open_directory(_GoString_ directory, agentid_guard_options options, _GoString_ audience,
                                         uintptr_t clock) {
    agentid_clock time = go_clock(clock);
    go_guard_complete(&options, audience, clock ? &time : NULL);
    MAKE(guard, agentid_guard_open_directory(TEXT(directory), &options, &made, &error));
}
static go_answer go_guard_add_bundle(uintptr_t guard, _GoString_ trust_domain, _GoString_ bundle) {
    DO(agentid_guard_add_bundle(AS(guard, guard), TEXT(trust_domain), TEXT(bundle), &error));
}
static go_answer go_guard_load_revocations(uintptr_t guard, _GoString_ list, int32_t keep) {
    DO(agentid_guard_load_revocations(AS(guard, guard), TEXT(list), keep, &error));
}
static go_answer go_guard_refreshed(uintptr_t guard) { DO(agentid_guard_refreshed(AS(guard, guard), &error)); }

static go_decision go_guard_authorize(uintptr_t guard, _GoString_ chain, _GoString_ proof, _GoString_ tool,
                                      _GoString_ arguments, int along) {
    DECIDE(along, agentid_guard_authorize(AS(guard, guard), TEXT(chain), TEXT(proof), TEXT(tool), TEXT(arguments),
                                         &made, &error));
}
static go_decision go_guard_authorize_agent(uintptr_t guard, uintptr_t agent, _GoString_ tool, _GoString_ arguments,
                                            int along) {
    DECIDE(along, agentid_guard_authorize_agent(AS(guard, guard), AS(agent, agent), TEXT(tool), TEXT(arguments), &made,
                                               &error));
}
static go_decision go_guard_authorize_presentation(uintptr_t guard, _GoString_ presentation, _GoString_ tool,
                                                   _GoString_ arguments, int along) {
    DECIDE(along, agentid_guard_authorize_presentation(AS(guard, guard), TEXT(presentation), TEXT(tool),
                                                      TEXT(arguments), &made, &error));
}
static go_texts go_guard_nonce(uintptr_t guard) { TAKE(agentid_guard_nonce(AS(guard, guard), &first, &error)); }
static go_texts go_guard_statistics(uintptr_t guard) {
    TAKE(agentid_guard_statistics(AS(guard, guard), &first, &error));
}
*/
import "C"

import (
	"context"
	"encoding/json"
	"runtime"
	"time"
)

// Guard is the point that decides: chain, proof, tool and arguments in, decision out.
type Guard struct{ handle }

// GuardOptions are those of a guard. One of Audience and AnyAudience is needed; 0 is the library's default.
type GuardOptions struct {
	Audience        string        // the guard's own name, that proofs must carry
	AnyAudience     bool          // proofs that name no guard are accepted too; one for another by name never is
	RequireChainAud bool          // some grant of each chain must name this guard; one for others only is denied anyway
	RequireNonce    bool          // each proof must carry a nonce of this guard's: see Nonce
	RequireClaim    bool          // deny chains without the claim that names agent, owner and principal
	ProofWindow     time.Duration // either way; 0: 30 s
	MaxViewAge      time.Duration // how old what it knows of revocations may be; see agentid.h for what 0 means
	ReplayCapacity  int           // used proofs of one root grant that there is room for; a full memory denies
	CacheEntries    int           // verified chains kept
	CacheBytes      int           // of all chains kept
	MaxDepth        int           // deepest chain
	MaxTokenSize    int           // bytes
	MaxChainSize    int           // bytes
	Clock           Clock         // nil: that of the authority which makes the guard, or the machine's
	OwnReplayMemory bool          // used proofs are remembered in this guard alone, not with its directory
	AuditSync       AuditSync     // for a guard of a directory; others do as their authority
	AuditRelaxed    bool          // decisions that cannot be written down are counted, not denied
	NoAudit         bool          // nothing is written down
}

// open makes a guard by what of the library does; strict is whether its decisions then wait for the disk.
func (o GuardOptions) open(ctx context.Context, strict bool, by func(options C.agentid_guard_options, audience string, clock C.uintptr_t) C.go_answer) (*Guard, error) {
	var t texts
	audience := t.maybe("audience", o.Audience)
	if t.fault != nil {
		return nil, t.fault
	}
	return waiting(ctx, func() (*Guard, error) {
		clock := keepClock(o.Clock)
		answer := by(C.agentid_guard_options{
			any_audience: flag(o.AnyAudience), require_claim: flag(o.RequireClaim),
			proof_window: C.int64_t(seconds(o.ProofWindow)), max_view_age: C.int64_t(seconds(o.MaxViewAge)),
			replay_capacity: C.int64_t(o.ReplayCapacity), cache_entries: C.int64_t(o.CacheEntries),
			cache_bytes: C.int64_t(o.CacheBytes), max_depth: depth(o.MaxDepth),
			max_token_size: C.int64_t(o.MaxTokenSize), max_chain_size: C.int64_t(o.MaxChainSize),
			own_replay_memory: flag(o.OwnReplayMemory), audit_sync: C.int32_t(o.AuditSync),
			audit_relaxed: flag(o.AuditRelaxed), no_audit: flag(o.NoAudit), require_nonce: flag(o.RequireNonce),
			require_chain_aud: flag(o.RequireChainAud),
		}, audience, clock)
		if err := done(answer); err != nil {
			dropFailed(err, clock)
			return nil, err
		}
		guard := new(Guard)
		guard.strict = strict && !o.NoAudit
		guard.holdWaiting(answer.handle, func(value C.uintptr_t) { C.go_guard_close(value) })
		return guard, nil
	}, func(guard *Guard) { guard.Close() })
}

// OpenGuard makes a guard that knows only the bundles and revocations it is given. It waits for nothing.
func OpenGuard(options GuardOptions) (*Guard, error) {
	return options.open(withTurn(context.Background()), false, func(options C.agentid_guard_options, audience string, clock C.uintptr_t) C.go_answer {
		return C.go_guard_open(options, audience, clock)
	})
}

// OpenGuardDirectory makes a guard that follows the authority kept in a directory, without its keys.
// A proof is accepted once among all guards of the directory, in whatever process, but for OwnReplayMemory.
func OpenGuardDirectory(ctx context.Context, directory string, options GuardOptions) (*Guard, error) {
	strict := options.AuditSync == AuditAlways
	return options.open(ctx, strict, func(options C.agentid_guard_options, audience string, clock C.uintptr_t) C.go_answer {
		return C.go_guard_open_directory(directory, options, audience, clock)
	})
}

// Guard makes a guard that follows this authority; it stays usable when the authority is closed.
func (a *Authority) Guard(ctx context.Context, options GuardOptions) (*Guard, error) {
	return options.open(ctx, a.it().strict, func(options C.agentid_guard_options, audience string, clock C.uintptr_t) C.go_answer {
		defer runtime.KeepAlive(a)
		return C.go_authority_guard(a.it().value, options, audience, clock)
	})
}

// AddBundle trusts the keys of a bundle for the trust domain they belong to.
func (g *Guard) AddBundle(trustDomain, bundle string) error {
	return g.it().done(C.go_guard_add_bundle(g.it().value, trustDomain, bundle))
}

// LoadRevocations loads a signed list of what an authority has revoked, without its registry: see Authority.RevocationList. The
// guard needs the bundle of the list's domain, whose chains and credentials alone it is about. What it names stays revoked here.
// When it has expired and no newer one was loaded, chains of its domain are denied (ReasonRevocationViewStale), unless keep.
// A list that is older than the one held is refused (revocations_rolled_back), and nothing changes.
func (g *Guard) LoadRevocations(list string, keep bool) error {
	return g.it().done(C.go_guard_load_revocations(g.it().value, list, flag(keep)))
}

// Refreshed says that nothing was revoked beyond what this guard was told.
func (g *Guard) Refreshed() error { return g.it().done(C.go_guard_refreshed(g.it().value)) }

// Authorize decides one call: may the holder of this chain, who signed this proof, call this tool with these arguments,
// a JSON object, now? The error is a Denied where not, and means no as well where it is anything else.
func (g *Guard) Authorize(ctx context.Context, chain, proof, tool string, arguments []byte) (*Decision, error) {
	return decided(g.ask(ctx, chain, proof, tool, arguments, bare))
}

// Check is Authorize, but a denial is an answer, not an error: ask Permitted.
func (g *Guard) Check(ctx context.Context, chain, proof, tool string, arguments []byte) (*Decision, error) {
	return checked(g.ask(ctx, chain, proof, tool, arguments, told))
}

// Permit is Authorize, for a permit that is kept: for Authority.Acquire, say, or to know who asked. Close it.
func (g *Guard) Permit(ctx context.Context, chain, proof, tool string, arguments []byte) (*Permit, error) {
	return permitted(g.ask(ctx, chain, proof, tool, arguments, told|held))
}

func (g *Guard) ask(ctx context.Context, chain, proof, tool string, arguments []byte, along C.int) (verdict, error) {
	if err := ended(ctx); err != nil {
		return verdict{}, err
	}
	if lane := g.it().enter(); lane != nil {
		answer := C.go_guard_authorize(g.it().value, chain, proof, tool, view(arguments), along)
		lane.leave()
		runtime.KeepAlive(g)
		return answer, nil
	}
	return apart(ctx, arguments, func(arguments []byte) verdict {
		defer runtime.KeepAlive(g)
		return C.go_guard_authorize(g.it().value, chain, proof, tool, view(arguments), along)
	})
}

// AuthorizeAgent decides one call of an agent held in this process; no proof is needed.
func (g *Guard) AuthorizeAgent(ctx context.Context, agent *Agent, tool string, arguments []byte) (*Decision, error) {
	return decided(g.askFor(ctx, agent, tool, arguments, bare))
}

// PermitAgent is AuthorizeAgent, for a permit that is kept. Close it.
func (g *Guard) PermitAgent(ctx context.Context, agent *Agent, tool string, arguments []byte) (*Permit, error) {
	return permitted(g.askFor(ctx, agent, tool, arguments, told|held))
}

func (g *Guard) askFor(ctx context.Context, agent *Agent, tool string, arguments []byte, along C.int) (verdict, error) {
	if err := ended(ctx); err != nil {
		return verdict{}, err
	}
	if agent == nil {
		return verdict{}, missing("an agent", "agent")
	}
	if lane := g.it().enter(); lane != nil {
		answer := C.go_guard_authorize_agent(g.it().value, agent.value, tool, view(arguments), along)
		lane.leave()
		runtime.KeepAlive(g)
		runtime.KeepAlive(agent)
		return answer, nil
	}
	return apart(ctx, arguments, func(arguments []byte) verdict {
		defer runtime.KeepAlive(g)
		defer runtime.KeepAlive(agent)
		return C.go_guard_authorize_agent(g.it().value, agent.value, tool, view(arguments), along)
	})
}

// AuthorizePresentation decides one call by a presentation as it came, a JSON object: see Agent.Presentation.
func (g *Guard) AuthorizePresentation(ctx context.Context, presentation, tool string, arguments []byte) (*Decision, error) {
	return decided(g.askPresented(ctx, presentation, tool, arguments, bare))
}

// CheckPresentation is AuthorizePresentation, but a denial is an answer, not an error: ask Permitted.
func (g *Guard) CheckPresentation(ctx context.Context, presentation, tool string, arguments []byte) (*Decision, error) {
	return checked(g.askPresented(ctx, presentation, tool, arguments, told))
}

// PermitPresentation is AuthorizePresentation, for a permit that is kept. Close it.
func (g *Guard) PermitPresentation(ctx context.Context, presentation, tool string, arguments []byte) (*Permit, error) {
	return permitted(g.askPresented(ctx, presentation, tool, arguments, told|held))
}

func (g *Guard) askPresented(ctx context.Context, presentation, tool string, arguments []byte, along C.int) (verdict, error) {
	if err := ended(ctx); err != nil {
		return verdict{}, err
	}
	if lane := g.it().enter(); lane != nil {
		answer := C.go_guard_authorize_presentation(g.it().value, presentation, tool, view(arguments), along)
		lane.leave()
		runtime.KeepAlive(g)
		return answer, nil
	}
	return apart(ctx, arguments, func(arguments []byte) verdict {
		defer runtime.KeepAlive(g)
		return C.go_guard_authorize_presentation(g.it().value, presentation, tool, view(arguments), along)
	})
}

// Nonce is a nonce for one proof, good once and for as long as a proof may be old. It needs a guard with RequireNonce.
func (g *Guard) Nonce() (string, error) { return g.it().text(C.go_guard_nonce(g.it().value)) }

// Statistics counts what the guard has decided and holds: a JSON document.
func (g *Guard) Statistics() (json.RawMessage, error) {
	return g.it().data(C.go_guard_statistics(g.it().value))
}
