package agentid

/*
#include "abi.h"

static go_answer go_guard_admit(uintptr_t guard, _GoString_ chain, _GoString_ credentials) {
    MAKE(admission, agentid_guard_admit(AS(guard, guard), TEXT(chain), TEXT(credentials), &made, &error));
}
static go_decision go_admission_authorize(uintptr_t admission, _GoString_ proof, _GoString_ tool,
                                          _GoString_ arguments, int along) {
    DECIDE(along, agentid_admission_authorize(AS(admission, admission), TEXT(proof), TEXT(tool), TEXT(arguments),
                                             &made, &error));
}
static void go_admission_free(uintptr_t admission) { agentid_admission_free(AS(admission, admission)); }
*/
import "C"

import (
	"context"
	"runtime"
)

// Admission is a chain that a guard has verified.
type Admission struct{ handle }

// Admit verifies a chain once, for many calls. The credentials are those of holders whose ID is not under their
// parent's, joined by '~'; they may be empty.
func (g *Guard) Admit(ctx context.Context, chain, credentials string) (*Admission, error) {
	return waiting(ctx, func() (*Admission, error) {
		answer := C.go_guard_admit(g.it().value, chain, credentials)
		if err := g.it().done(answer); err != nil {
			return nil, err
		}
		admission := new(Admission)
		admission.strict = g.it().strict
		admission.hold(answer.handle, func(value C.uintptr_t) { C.go_admission_free(value) })
		return admission, nil
	}, func(admission *Admission) { admission.Close() })
}

// Authorize decides one call under the admitted chain: expiry, revocation, proof and scope are checked anew each time.
func (a *Admission) Authorize(ctx context.Context, proof, tool string, arguments []byte) (*Decision, error) {
	return decided(a.ask(ctx, proof, tool, arguments, bare))
}

// Permit is Authorize, for a permit that is kept. Close it.
func (a *Admission) Permit(ctx context.Context, proof, tool string, arguments []byte) (*Permit, error) {
	return permitted(a.ask(ctx, proof, tool, arguments, told|held))
}

func (a *Admission) ask(ctx context.Context, proof, tool string, arguments []byte, along C.int) (verdict, error) {
	if err := ended(ctx); err != nil {
		return verdict{}, err
	}
	if lane := a.it().enter(); lane != nil {
		answer := C.go_admission_authorize(a.it().value, proof, tool, view(arguments), along)
		lane.leave()
		runtime.KeepAlive(a)
		return answer, nil
	}
	return apart(ctx, arguments, func(arguments []byte) verdict {
		defer runtime.KeepAlive(a)
		return C.go_admission_authorize(a.it().value, proof, tool, view(arguments), along)
	})
}
