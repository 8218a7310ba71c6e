//go:build cgo

package agentid

import (
	"errors"
	"testing"
)

// Whatever is sent, a guard answers; it permits only what the holder has proven, under a scope that permits it.
func FuzzAuthorize(f *testing.F) {
	acme := authority(f, "", AuthorityOptions{})
	agent := start(f, acme)
	guard := must[*Guard](f)(acme.Guard(bg, GuardOptions{Audience: "files"}))
	defer guard.Close()
	scope := must[*Scope](f)(ParseScope(scope))
	defer scope.Close()
	chain := must[string](f)(agent.Chain())
	f.Add(chain, must[string](f)(agent.Prove("read_file", inside, "files")), "read_file", inside)
	f.Add(chain+"~"+chain, "a.b.c", "read_file\x00", []byte(`{"path":"/data/q3/\u0000"}`))
	f.Add("", "", "", []byte(nil))
	f.Add("~~", "..", "\xff", []byte("{\"path\":\"\xed\xa0\x80\"}"))
	f.Fuzz(func(t *testing.T, chain, proof, tool string, arguments []byte) {
		_, err := guard.Authorize(bg, chain, proof, tool, arguments)
		if err == nil {
			if scope.Permits(tool, arguments) != nil {
				t.Fatalf("permitted: %q %q", tool, arguments)
			}
		} else if denied := new(Denied); errors.As(err, &denied) && denied.Decision.Permitted() {
			t.Fatalf("denied and permitted: %q %q", tool, arguments)
		}
		// Holding the agent is the proof: what its scope permits, and no more, whatever the arguments are.
		_, err = agent.Authorize(bg, tool, arguments)
		if permitted := scope.Permits(tool, arguments) == nil; permitted != (err == nil) {
			t.Fatalf("the scope says %v of %q %q, the guard %v", permitted, tool, arguments, err)
		}
	})
}
