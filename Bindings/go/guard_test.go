//go:build cgo

package agentid

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestGuardElsewhereNeedsChainAndFreshProof(t *testing.T) {
	everywhere(t, func(t *testing.T, acme *Authority) {
		files := must[*Guard](t)(OpenGuard(GuardOptions{Audience: "files"}))
		defer files.Close()
		ok(t, files.AddBundle("acme.example", must[string](t)(acme.Bundle(bg))))
		agent, thief := start(t, acme), start(t, acme)
		chain := must[string](t)(agent.Chain())
		proof := must[string](t)(agent.Prove("read_file", inside, "files"))
		must[*Decision](t)(files.Authorize(bg, chain, proof, "read_file", inside))
		for reason, proof := range map[string]string{
			"replayed": proof, "pop_missing": "",
			"pop_signature_invalid": must[string](t)(thief.Prove("read_file", inside, "files")),
		} {
			if decision := must[*Decision](t)(files.Check(bg, chain, proof, "read_file", inside)); decision.Permitted() || string(decision.Reason()) != reason {
				t.Fatal(decision.Reason())
			}
		}
		var statistics struct{ Permitted int }
		ok(t, json.Unmarshal(must[json.RawMessage](t)(files.Statistics()), &statistics))
		if statistics.Permitted != 1 {
			t.Fatal(statistics)
		}
	})
}

func TestGuardHasANameOrSaysThatItNeedsNone(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	agent := start(t, acme)
	chain := must[string](t)(agent.Chain())
	var fault *Error
	if _, err := acme.Guard(bg, GuardOptions{}); !errors.As(err, &fault) || fault.Name != "audience_missing" {
		t.Fatal(err)
	}
	guard := must[*Guard](t)(acme.Guard(bg, GuardOptions{AnyAudience: true}))
	defer guard.Close()
	decision := must[*Decision](t)(guard.Check(bg, chain, must[string](t)(agent.Prove("read_file", inside, "")), "read_file", inside))
	if !decision.Permitted() {
		t.Fatal(decision.Reason())
	}
}

func TestAdmittedChainIsCheckedAnew(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	agent := start(t, acme)
	files := must[*Guard](t)(acme.Guard(bg, GuardOptions{Audience: "files", RequireClaim: true}))
	defer files.Close()
	admission := must[*Admission](t)(files.Admit(bg, must[string](t)(agent.Chain()), ""))
	defer admission.Close()
	must[*Decision](t)(admission.Authorize(bg, must[string](t)(agent.Prove("read_file", inside, "files")), "read_file", inside))
	must[*Decision](t)(files.AuthorizeAgent(bg, agent, "read_file", inside))
	ok(t, files.Revoke(RevokeAgent, agent.ID()))
	_, err := admission.Authorize(bg, must[string](t)(agent.Prove("read_file", inside, "files")), "read_file", inside)
	refused(t, err, ErrDenied, "authority_revoked")
	ok(t, files.Refreshed())
	_, err = files.Admit(bg, "nonsense", "")
	refused(t, err, ErrDenied, "")
}

func TestACallWithoutArgumentsIsToldWhatItHas(t *testing.T) {
	agent := start(t, authority(t, "", AuthorityOptions{}))
	_, err := agent.Authorize(bg, "read_file", nil)
	refused(t, err, ErrDenied, "arguments_malformed")
	if !strings.Contains(err.Error(), "a call without any has {}") {
		t.Fatal(err)
	}
}

func TestRevocationShowsAtTheNextCallOfEveryGuard(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "acme")
	acme := authority(t, directory, AuthorityOptions{Passphrase: "correct horse"})
	agent := start(t, acme)
	beside := must[*Guard](t)(OpenGuardDirectory(bg, directory, GuardOptions{Audience: "files", OwnReplayMemory: true}))
	defer beside.Close()
	ask := func() (*Decision, error) {
		return beside.Authorize(bg, must[string](t)(agent.Chain()), must[string](t)(agent.Prove("read_file", inside, "files")), "read_file", inside)
	}
	must[*Decision](t)(ask())
	for name, is := range map[string]bool{alice: true, "user:nobody@acme.example": false} {
		if known, err := acme.Revoke(bg, RevokePrincipal, name); err != nil || known != is {
			t.Fatal(name, known, err)
		}
	}
	_, err := acme.Revoke(bg, RevokePrincipal, "alice")
	refused(t, err, ErrArgument, "revocation")
	_, err = ask()
	refused(t, err, ErrDenied, "authority_revoked")
	_, err = OpenAuthority(bg, directory, AuthorityOptions{Passphrase: "wrong"})
	refused(t, err, ErrPassphrase, "")
}

func TestPresentationsAndNonces(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	agent, err := acme.StartAgent(bg, "researcher", AgentOptions{
		Principal: alice, Task: "t", Scope: "read_file(path under '/data')", Audiences: []string{"files", "mail"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer agent.Close()
	guard, err := acme.Guard(bg, GuardOptions{Audience: "files", RequireNonce: true, RequireChainAud: true})
	if err != nil {
		t.Fatal(err)
	}
	defer guard.Close()
	call := []byte(`{"path":"/data/a"}`)
	present := func(options ProofOptions) string {
		sent, err := agent.Presentation("read_file", call, options)
		if err != nil {
			t.Fatal(err)
		}
		decision, err := guard.CheckPresentation(bg, sent, "read_file", call)
		if err != nil {
			t.Fatal(err)
		}
		return string(decision.Reason())
	}
	nonce, err := guard.Nonce()
	if err != nil {
		t.Fatal(err)
	}
	for i, one := range []struct {
		options ProofOptions
		reason  string
	}{
		{ProofOptions{Audience: "files"}, "nonce_required"}, {ProofOptions{Audience: "files", Nonce: nonce}, ""},
		{ProofOptions{Audience: "files", Nonce: nonce}, "replayed"}, {ProofOptions{Audience: "files", Nonce: "x"}, "nonce_invalid"},
		{ProofOptions{Audience: "mail", Nonce: nonce}, "pop_recipient_mismatch"},
	} {
		if reason := present(one.options); reason != one.reason {
			t.Errorf("case %d: %q, expected %q", i, reason, one.reason)
		}
	}
	if _, err := agent.ProveWith("read_file", call, ProofOptions{Audience: "a\x00b"}); err == nil {
		t.Error("a NUL in an option is refused")
	}
	other, err := acme.Guard(bg, GuardOptions{Audience: "web"})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	sent, err := agent.Presentation("read_file", call, ProofOptions{Audience: "web"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = other.AuthorizePresentation(bg, sent, "read_file", call)
	refused(t, err, ErrDenied, "chain_audience_mismatch")
}
