package agentid

import (
	"path/filepath"
	"testing"
	"time"
)

func TestASignedListReachesAGuardWithoutTheDirectory(t *testing.T) {
	acme := authority(t, filepath.Join(t.TempDir(), "acme"), AuthorityOptions{})
	guard := must[*Guard](t)(OpenGuard(GuardOptions{AnyAudience: true}))
	defer guard.Close()
	ok(t, guard.AddBundle("acme.example", must[string](t)(acme.Bundle(bg))))
	agent := start(t, acme)
	first := must[string](t)(acme.RevocationList(bg, 0))
	ok(t, guard.LoadRevocations(first, false))
	must[*Decision](t)(guard.AuthorizeAgent(bg, agent, "read_file", inside))
	must[bool](t)(acme.Revoke(bg, RevokePrincipal, "user:alice@acme.example"))
	list := must[string](t)(acme.RevocationList(bg, time.Minute))
	ok(t, guard.LoadRevocations(list, true))
	_, err := guard.AuthorizeAgent(bg, agent, "read_file", inside)
	refused(t, err, ErrDenied, string(ReasonAuthorityRevoked))
	refused(t, guard.LoadRevocations(first, false), ErrState, "revocations_rolled_back")
	refused(t, guard.LoadRevocations(list[:len(list)-8], false), ErrMalformed, "revocations")
	_, err = acme.RevocationList(bg, 31*24*time.Hour)
	refused(t, err, ErrArgument, "")
}
