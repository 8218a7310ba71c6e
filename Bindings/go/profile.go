package agentid

/*
#include "abi.h"

static go_answer go_authority_put_profile(uintptr_t authority, _GoString_ name, agentid_profile_options options,
                                          _GoString_ owner, _GoString_ ceiling) {
    options.struct_size = sizeof options;
    options.owner = go_option(owner);
    options.ceiling = go_option(ceiling);
    DO(agentid_authority_put_profile(AS(authority, authority), TEXT(name), &options, &error));
}
static go_texts go_authority_profiles(uintptr_t authority) {
    TAKE(agentid_authority_profiles(AS(authority, authority), &first, &error));
}
static go_answer go_authority_withdraw_profile(uintptr_t authority, _GoString_ name, _GoString_ reason) {
    COUNT(agentid_authority_withdraw_profile(AS(authority, authority), TEXT(name), TEXT(reason), &count, &error));
}
static go_answer go_authority_certify_profile(uintptr_t authority, _GoString_ name, int64_t review_by) {
    DO(agentid_authority_certify_profile(AS(authority, authority), TEXT(name), review_by, &error));
}
*/
import "C"

import (
	"context"
	"encoding/json"
	"time"
)

// ProfileOptions are the limits of a profile's agents.
type ProfileOptions struct {
	Owner       string        // URI of who answers for such agents, e.g. "team:research@acme.example"
	Ceiling     string        // scope that no agent goes beyond, text or JSON form
	MaxLifetime time.Duration // of a grant; 0: one hour
	MaxDepth    int           // deepest delegation; 0: the default of 4; or NoDelegation
	ReviewBy    time.Time     // no new agents after this time, which is to come; zero: that of the profile that is kept, or none
}

// Profile is a profile as its authority knows it.
type Profile struct {
	Name        string          `json:"name"`
	Owner       string          `json:"owner"`
	Ceiling     json.RawMessage `json:"ceiling"`      // a scope in JSON form
	MaxLifetime int64           `json:"max_lifetime"` // seconds
	MaxDepth    int             `json:"max_depth"`
	ReviewBy    Time            `json:"review_by"`
}

// PutProfile creates or replaces a profile. Its name becomes a segment of its agents' IDs.
func (a *Authority) PutProfile(ctx context.Context, name string, options ProfileOptions) error {
	var t texts
	owner, ceiling := t.given("owner", options.Owner), t.given("ceiling", options.Ceiling)
	if t.fault != nil {
		return t.fault
	}
	return a.it().do(ctx, func() C.go_answer {
		return C.go_authority_put_profile(a.it().value, name, C.agentid_profile_options{
			max_lifetime: C.int64_t(seconds(options.MaxLifetime)), max_depth: depth(options.MaxDepth),
			review_by: C.int64_t(unix(options.ReviewBy)),
		}, owner, ceiling)
	})
}

// Profiles are all profiles.
func (a *Authority) Profiles(ctx context.Context) ([]Profile, error) {
	return readDocument[[]Profile](ctx, a.it(), func() C.go_texts { return C.go_authority_profiles(a.it().value) })
}

// WithdrawProfile revokes a profile and ends its agents: how many, those below them included.
func (a *Authority) WithdrawProfile(ctx context.Context, name, reason string) (ended int, err error) {
	return a.it().tally(urgent(ctx), func() C.go_answer { return C.go_authority_withdraw_profile(a.it().value, name, reason) })
}

// CertifyProfile says that someone has looked at a profile: it may start agents until the next review; zero: for good.
func (a *Authority) CertifyProfile(ctx context.Context, name string, reviewBy time.Time) error {
	return a.it().do(ctx, func() C.go_answer {
		return C.go_authority_certify_profile(a.it().value, name, C.int64_t(unix(reviewBy)))
	})
}
