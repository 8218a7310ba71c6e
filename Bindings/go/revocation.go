package agentid

/*
#include "abi.h"

static go_answer go_authority_revoke(uintptr_t authority, agentid_revocation_kind kind, _GoString_ value) {
    int32_t known = -1;
    agentid_error *error = NULL;
    agentid_status status = agentid_authority_revoke(AS(authority, authority), kind, TEXT(value), &known, &error);
    return (go_answer){status, (uintptr_t)error, 0, known};
}
static go_answer go_guard_revoke(uintptr_t guard, agentid_revocation_kind kind, _GoString_ value) {
    DO(agentid_guard_revoke(AS(guard, guard), kind, TEXT(value), &error));
}
*/
import "C"

import "context"

// Revocation is the kind of thing that is revoked.
type Revocation int32

// The kinds of revocations.
const (
	RevokeGrant     Revocation = C.AGENTID_REVOKE_GRANT     // a grant's `jti`
	RevokeKey       Revocation = C.AGENTID_REVOKE_KEY       // a holder's key, as RFC 7638 thumbprint
	RevokeAgent     Revocation = C.AGENTID_REVOKE_AGENT     // an agent's ID; everything under it falls with it
	RevokeProfile   Revocation = C.AGENTID_REVOKE_PROFILE   // a profile's name
	RevokePrincipal Revocation = C.AGENTID_REVOKE_PRINCIPAL // a principal's URI
	RevokeIssuer    Revocation = C.AGENTID_REVOKE_ISSUER    // an authority's signing key, as thumbprint
)

// Revoke revokes, for good: every chain that contains what is named is denied from now on by every guard of this
// authority, and of its directory on this machine.
//
// It tells whether this authority's registry has what is named. Where it has not, that is revoked all the same, as it may
// be another authority's, or was handed on elsewhere; or it is mistyped.
func (a *Authority) Revoke(ctx context.Context, kind Revocation, value string) (known bool, err error) {
	count, err := a.it().tally(urgent(ctx), func() C.go_answer {
		return C.go_authority_revoke(a.it().value, C.agentid_revocation_kind(kind), value)
	})
	return count > 0, err
}

// Revoke revokes for this guard alone. It shows before the call returns.
func (g *Guard) Revoke(kind Revocation, value string) error {
	return g.it().done(C.go_guard_revoke(g.it().value, C.agentid_revocation_kind(kind), value))
}
