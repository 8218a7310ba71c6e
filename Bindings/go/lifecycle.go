package agentid

/*
#include "abi.h"

static go_texts go_authority_agents(uintptr_t authority, agentid_agent_filter filter, _GoString_ profile,
                                    _GoString_ principal, _GoString_ owner, _GoString_ parent, _GoString_ state,
                                    _GoString_ after) {
    filter.struct_size = sizeof filter;
    filter.profile = go_option(profile);
    filter.principal = go_option(principal);
    filter.owner = go_option(owner);
    filter.parent = go_option(parent);
    filter.state = go_option(state);
    filter.after = go_option(after);
    TAKE(agentid_authority_agents(AS(authority, authority), &filter, &first, &error));
}
static go_answer go_authority_suspend(uintptr_t authority, _GoString_ agent, _GoString_ reason) {
    DO(agentid_authority_suspend(AS(authority, authority), TEXT(agent), TEXT(reason), &error));
}
static go_answer go_authority_resume(uintptr_t authority, _GoString_ agent) {
    DO(agentid_authority_resume(AS(authority, authority), TEXT(agent), &error));
}
static go_texts go_authority_deprovision(uintptr_t authority, _GoString_ agent, _GoString_ reason) {
    TAKE(agentid_authority_deprovision(AS(authority, authority), TEXT(agent), TEXT(reason), &first, &error));
}
static go_answer go_authority_deprovision_principal(uintptr_t authority, _GoString_ principal, _GoString_ reason) {
    COUNT(agentid_authority_deprovision_principal(AS(authority, authority), TEXT(principal), TEXT(reason), &count,
                                                  &error));
}
static go_answer go_authority_reap(uintptr_t authority) {
    COUNT(agentid_authority_reap(AS(authority, authority), &count, &error));
}
static go_answer go_authority_prune(uintptr_t authority, int64_t ended_before) {
    COUNT(agentid_authority_prune(AS(authority, authority), ended_before, &count, &error));
}
static go_texts go_authority_verify_gone(uintptr_t authority, _GoString_ agent) {
    TAKE(agentid_authority_verify_gone(AS(authority, authority), TEXT(agent), &first, &error));
}
static go_texts go_tombstone_verify(_GoString_ trust_domain, _GoString_ bundle, _GoString_ tombstone) {
    TAKE(agentid_tombstone_verify(TEXT(trust_domain), TEXT(bundle), TEXT(tombstone), &first, &error));
}
*/
import "C"

import (
	"context"
	"time"
)

// AgentFilter chooses the agents that match all that is given.
type AgentFilter struct {
	Profile   string
	Principal string
	Owner     string
	Parent    string // the ID of the agent that started them
	State     string // "active", "parked", "suspended" or "deprovisioned"; one suspended while it is parked is found by either
	Limit     int    // at most so many; 0: all
	Offset    int    // leaving out so many first
}

// AgentRecord is an agent as its authority knows it: docs/schemas/agent.json.
type AgentRecord struct {
	ID             string `json:"id"`
	Parent         string `json:"parent"`
	Profile        string `json:"profile"`
	Owner          string `json:"owner"`
	Principal      string `json:"principal"`
	Task           string `json:"task"`
	Intent         string `json:"intent"`
	Key            string `json:"key"` // thumbprint
	State          string `json:"state"`
	Live           bool   `json:"live"`    // a guard would let it act
	Expired        bool   `json:"expired"` // it has not ended, and its last grant has expired
	Created        Time   `json:"created"`
	LeaseExpires   Time   `json:"lease_expires"`
	GrantExpires   Time   `json:"grant_expires"`
	RenewalFailure string `json:"renewal_failure"` // why its grant was not renewed, where it is held in this process
	Ended          Time   `json:"ended"`
	EndReason      string `json:"end_reason"`
	Tombstone      string `json:"tombstone"`
}

// Gone lists what is left of an agent and of all below it: docs/schemas/gone.json.
type Gone struct {
	Agent      string         `json:"agent"`
	Gone       bool           `json:"gone"`       // nothing of them is usable any more
	Agents     int            `json:"agents"`     // how many were looked at
	Chains     int            `json:"chains"`     // how many were presented to a guard
	Permitted  []string       `json:"permitted"`  // grants whose chain was not denied
	Reasons    map[string]int `json:"reasons"`    // how often each reason was given
	Live       []string       `json:"live"`       // agents that have not ended
	Leases     []string       `json:"leases"`     // secrets that were not returned
	Deliveries int            `json:"deliveries"` // hook deliveries that still wait: they keep nothing alive
	Tombstone  string         `json:"tombstone"`
}

// Tombstone is the claims of a tombstone, the signed receipt that an agent is gone: docs/schemas/tombstone.json.
type Tombstone struct {
	Issuer    string   `json:"iss"`
	Agent     string   `json:"sub"`
	Signed    Time     `json:"iat"`
	JTI       string   `json:"jti"`
	Ended     Time     `json:"ended"`
	Reason    string   `json:"reason"`
	Created   Time     `json:"created"`
	Profile   string   `json:"profile"`
	Owner     string   `json:"owner"`
	Principal string   `json:"principal"`
	Task      string   `json:"task"`
	Key       string   `json:"key"`
	Parent    string   `json:"parent"`
	Below     int      `json:"below"` // how many agents ended with it
	Grants    []string `json:"grants"`
}

// agentPage is how many agents are asked for at once.
var agentPage = 1000

// Agents are the agents this authority knows, ended ones included, by ID: all that match, or a page of filter.Limit.
func (a *Authority) Agents(ctx context.Context, filter AgentFilter) ([]AgentRecord, error) {
	var t texts
	profile, principal := t.maybe("profile", filter.Profile), t.maybe("principal", filter.Principal)
	owner, parent, state := t.maybe("owner", filter.Owner), t.maybe("parent", filter.Parent), t.maybe("state", filter.State)
	if t.fault != nil {
		return nil, t.fault
	}
	limit, offset, after, found := filter.Limit, filter.Offset, "", []AgentRecord{}
	if limit == 0 {
		limit = agentPage
	}
	for {
		page, err := readDocument[[]AgentRecord](ctx, a.it(), func() C.go_texts {
			return C.go_authority_agents(a.it().value, C.agentid_agent_filter{
				limit: C.int64_t(limit), offset: C.int64_t(offset),
			}, profile, principal, owner, parent, state, after)
		})
		if err != nil {
			return nil, err
		}
		found = append(found, page...)
		if filter.Limit != 0 || len(page) < limit {
			return found, nil
		}
		// Not by the offset: where others end meanwhile, that passes some by.
		offset, after = 0, t.maybe("after", page[len(page)-1].ID)
	}
}

// Suspend denies an agent's calls, and those of all below it, until it is resumed. It shows before the call returns.
func (a *Authority) Suspend(ctx context.Context, agent, reason string) error {
	return a.it().do(urgent(ctx), func() C.go_answer { return C.go_authority_suspend(a.it().value, agent, reason) })
}

// Resume resumes a suspended agent.
func (a *Authority) Resume(ctx context.Context, agent string) error {
	return a.it().do(ctx, func() C.go_answer { return C.go_authority_resume(a.it().value, agent) })
}

// Deprovision ends an agent and all below it, for good; nothing is permitted to them after the call returned.
func (a *Authority) Deprovision(ctx context.Context, agent, reason string) (tombstone string, err error) {
	return a.it().read(urgent(ctx), func() C.go_texts { return C.go_authority_deprovision(a.it().value, agent, reason) })
}

// DeprovisionPrincipal is for a principal who leaves: it ends every agent that acts for them or is owned by them.
func (a *Authority) DeprovisionPrincipal(ctx context.Context, principal, reason string) (ended int, err error) {
	return a.it().tally(urgent(ctx), func() C.go_answer { return C.go_authority_deprovision_principal(a.it().value, principal, reason) })
}

// Reap ends the agents whose lease has lapsed and finishes what a process that died left undone.
func (a *Authority) Reap(ctx context.Context) (ended int, err error) {
	return a.it().tally(ctx, func() C.go_answer { return C.go_authority_reap(a.it().value) })
}

// Prune forgets agents that ended before a time, but for their tombstones; what they did stays in the log. Agents with a grant that
// expired less than an hour ago are kept, and so are those with unfinished work.
func (a *Authority) Prune(ctx context.Context, endedBefore time.Time) (pruned int, err error) {
	return a.it().tally(ctx, func() C.go_answer { return C.go_authority_prune(a.it().value, C.int64_t(endedBefore.Unix())) })
}

// VerifyGone presents to a guard everything that an agent and all below it ever held, and looks for what is left of
// them. Where something is usable still, the error is ErrNo and the answer says what.
func (a *Authority) VerifyGone(ctx context.Context, agent string) (Gone, error) {
	return readReport[Gone](ctx, a.it(), func() C.go_texts { return C.go_authority_verify_gone(a.it().value, agent) })
}

// VerifyTombstone verifies a tombstone, offline, by the bundle of the trust domain whose agent it was.
func VerifyTombstone(trustDomain, bundle, tombstone string) (Tombstone, error) {
	return document[Tombstone](nil, C.go_tombstone_verify(trustDomain, bundle, tombstone))
}
