//go:build cgo

package agentid

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	alice = "user:alice@acme.example"
	scope = "read_file(path under '/data/q3')"
)

var bg = context.Background()

var (
	inside  = []byte(`{"path":"/data/q3/public/a.csv"}`)
	outside = []byte(`{"path":"/data/q3/secret.csv"}`)
	beyond  = []byte(`{"path":"/etc/shadow"}`) // what no scope here permits
)

// must stops a test at what cannot go wrong.
func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused wants an error of a kind and, where it is told, of a name.
func refused(t testing.TB, err error, code Code, name string) {
	t.Helper()
	var said *Error
	if !errors.Is(err, code) || !errors.As(err, &said) || (name != "" && said.Name != name) {
		t.Fatalf("want %v %q, got %#v", code, name, err)
	}
}

func authority(t testing.TB, directory string, options AuthorityOptions) *Authority {
	t.Helper()
	options.TrustDomain = "acme.example"
	acme := must[*Authority](t)(OpenAuthority(bg, directory, options))
	t.Cleanup(func() { acme.Close() })
	ok(t, acme.PutProfile(bg, "researcher", ProfileOptions{Owner: "team:research@acme.example", Ceiling: "read_file(path under '/data'); search(query: *)"}))
	return acme
}

func start(t testing.TB, acme *Authority) *Agent {
	t.Helper()
	agent := must[*Agent](t)(acme.StartAgent(bg, "researcher", AgentOptions{Principal: alice, Task: "Q3 review", Scope: scope}))
	t.Cleanup(func() { agent.Close() })
	return agent
}

// everywhere runs a test with an authority in memory and with one in a directory.
func everywhere(t *testing.T, test func(t *testing.T, acme *Authority)) {
	t.Run("memory", func(t *testing.T) { test(t, authority(t, "", AuthorityOptions{})) })
	t.Run("directory", func(t *testing.T) {
		test(t, authority(t, filepath.Join(t.TempDir(), "acme"), AuthorityOptions{}))
	})
}

func TestSubAgentIsHeldToItsNarrowerScope(t *testing.T) {
	everywhere(t, func(t *testing.T, acme *Authority) {
		agent := start(t, acme)
		reader := must[*Agent](t)(agent.Spawn(bg, "reader", Delegation{Scope: "read_file(path under '/data/q3/public')"}))
		defer reader.Close()
		if decision := must[*Decision](t)(reader.Authorize(bg, "read_file", inside)); !decision.Permitted() || decision.Reason() != "" {
			t.Fatal("not permitted")
		}
		_, err := reader.Authorize(bg, "read_file", outside)
		var denied *Denied
		if !errors.As(err, &denied) || !errors.Is(err, ErrDenied) {
			t.Fatal(err)
		}
		if denied.Reason != "argument_constraint_violated" || denied.Argument != "path" || denied.Link != 1 {
			t.Fatalf("%+v", denied)
		}
		if _, err := denied.Document(); !errors.Is(err, ErrNotFound) || denied.Explain() != denied.Error() {
			t.Fatal(err)
		}
		check := must[*Decision](t)(reader.Check(bg, "read_file", outside))
		document := must[DecisionDocument](t)(check.Denied().Document())
		if document.Decision != "deny" || *document.Link != 1 || len(document.Chain) != 2 || document.Chain[0].Principal != alice {
			t.Fatalf("%+v", document)
		}
		if document.Chain[1].Agent != reader.ID() || document.Chain[1].Expires.Before(time.Now()) {
			t.Fatalf("%+v", document.Chain[1])
		}
		if check.Permitted() || check.Reason() != denied.Reason || !strings.Contains(check.Denied().Explain(), reader.ID()) {
			t.Fatal("a denial that was only checked")
		}
	})
}

func TestScopeThatWasForgottenIsNotAll(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	agent := start(t, acme)
	// The library may refuse an empty scope, or read it as one that permits nothing.
	forgotten := func(agent *Agent, err error) {
		t.Helper()
		if err == nil {
			defer agent.Close()
			_, err = agent.Authorize(bg, "read_file", inside)
		}
		if err == nil {
			t.Fatal("all was permitted")
		}
	}
	forgotten(agent.Spawn(bg, "reader", Delegation{}))
	forgotten(acme.StartAgent(bg, "researcher", AgentOptions{Principal: alice, Task: "t"}))
	none := ""
	forgotten(acme.StartAgent(bg, "researcher", AgentOptions{Principal: alice, Task: "t", Scope: scope, Entitlements: &none}))
	if _, err := agent.Spawn(bg, "reader", Delegation{Scope: scope, SameScope: true}); !errors.Is(err, ErrArgument) {
		t.Fatal(err)
	}
	child := must[*Agent](t)(agent.Spawn(bg, "reader", Delegation{SameScope: true, MaxDepth: NoDelegation}))
	defer child.Close()
	if _, err := child.Spawn(bg, "below", Delegation{SameScope: true}); !errors.Is(err, ErrState) {
		t.Fatal(err)
	}
}

// public is the public half of a JWK.
func public(t *testing.T, key []byte) string {
	var jwk map[string]string
	ok(t, json.Unmarshal(key, &jwk))
	delete(jwk, "d")
	return string(must[[]byte](t)(json.Marshal(jwk)))
}

func TestIdentityIssuedToAKeyElsewhere(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	key := must[[]byte](t)(GenerateKey())
	held := public(t, key)
	chain, credential, err := acme.Issue(bg, "researcher", held, AgentOptions{Principal: alice, Task: "t", Scope: scope})
	ok(t, err)
	holder := must[*Agent](t)(OpenAgent(OpenAgentOptions{Key: string(key), Chain: chain, Credential: credential}))
	defer holder.Close()
	if string(must[[]byte](t)(holder.ExportKey())) == "" || must[string](t)(holder.Credential()) != credential {
		t.Fatal("what was given is not what is held")
	}
	_, err = holder.Authorize(bg, "read_file", inside)
	refused(t, err, ErrState, "")
	other := start(t, acme)
	longer := must[string](t)(other.Delegate(bg, held, Delegation{SameScope: true, Lifetime: time.Minute}))
	child := must[*Agent](t)(OpenAgent(OpenAgentOptions{Key: string(key), Chain: longer}))
	defer child.Close()
	_, err = other.Delegate(bg, string(key), Delegation{SameScope: true})
	refused(t, err, ErrMalformed, "")
	if must[json.RawMessage](t)(DecodeChain(longer)) == nil {
		t.Fatal("a chain that cannot be decoded")
	}
}

func TestKeysRotate(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	agent := start(t, acme)
	before := must[string](t)(agent.PublicKey())
	ok(t, agent.RotateKey(bg))
	if must[string](t)(agent.PublicKey()) == before {
		t.Fatal("the same key")
	}
	must[*Decision](t)(agent.Authorize(bg, "read_file", inside))
	refused(t, acme.ActivateKey(bg), ErrState, "")
	ok(t, acme.PublishKey(bg))
	ok(t, acme.ActivateKey(bg))
	must[*Decision](t)(start(t, acme).Authorize(bg, "read_file", inside))
}

func TestLifeEndsWithNothingLeft(t *testing.T) {
	everywhere(t, func(t *testing.T, acme *Authority) {
		agent := start(t, acme)
		child := must[*Agent](t)(agent.Spawn(bg, "reader", Delegation{SameScope: true}))
		defer child.Close()
		ok(t, acme.Suspend(bg, agent.ID(), "look into it"))
		_, err := child.Authorize(bg, "read_file", inside)
		refused(t, err, ErrDenied, "suspended")
		ok(t, acme.Resume(bg, agent.ID()))
		must[*Decision](t)(child.Authorize(bg, "read_file", inside))
		left, err := acme.VerifyGone(bg, agent.ID())
		refused(t, err, ErrNo, "not_gone")
		if left.Gone || len(left.Live) == 0 {
			t.Fatalf("%+v", left)
		}
		tombstone := must[string](t)(acme.Deprovision(bg, agent.ID(), "done"))
		_, err = child.Authorize(bg, "read_file", inside)
		refused(t, err, ErrDenied, "")
		if gone := must[Gone](t)(acme.VerifyGone(bg, agent.ID())); !gone.Gone || gone.Agents != 2 || gone.Tombstone != tombstone {
			t.Fatalf("%+v", gone)
		}
		receipt := must[Tombstone](t)(VerifyTombstone("acme.example", must[string](t)(acme.Bundle(bg)), tombstone))
		if receipt.Agent != agent.ID() || receipt.Reason != "done" || receipt.Below != 1 {
			t.Fatalf("%+v", receipt)
		}
		_, err = VerifyTombstone("acme.example", must[string](t)(acme.Bundle(bg)), tombstone[:len(tombstone)-4]+"AAAA")
		refused(t, err, ErrDenied, "")
		records := must[[]AgentRecord](t)(acme.Agents(bg, AgentFilter{State: "deprovisioned", Principal: alice}))
		if len(records) != 2 || records[0].Ended.IsZero() || records[0].Live {
			t.Fatalf("%+v", records)
		}
	})
}

func TestAllAgentsAreListedPageByPage(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	known := map[string]bool{}
	for range 12 {
		known[start(t, acme).ID()] = true
	}
	defer func(before int) { agentPage = before }(agentPage)
	agentPage = 5
	for offset := range 8 {
		found := must[[]AgentRecord](t)(acme.Agents(bg, AgentFilter{State: "active", Offset: offset}))
		for i, record := range found {
			if !known[record.ID] || i > 0 && found[i-1].ID >= record.ID {
				t.Fatalf("%d of %d: %+v", i, offset, record)
			}
		}
		if len(found) != 12-offset {
			t.Fatalf("%d from %d", len(found), offset)
		}
	}
}

func TestProfilesAndPrincipalsEnd(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	agent := start(t, acme)
	ok(t, acme.CertifyProfile(bg, "researcher", time.Now().Add(time.Hour)))
	profiles := must[[]Profile](t)(acme.Profiles(bg))
	if len(profiles) != 1 || profiles[0].ReviewBy.Before(time.Now()) || profiles[0].MaxDepth != 4 {
		t.Fatalf("%+v", profiles)
	}
	if ended := must[int](t)(acme.DeprovisionPrincipal(bg, alice, "left")); ended != 1 {
		t.Fatal(ended)
	}
	_, err := agent.Authorize(bg, "read_file", inside)
	refused(t, err, ErrDenied, "")
	if ended := must[int](t)(acme.WithdrawProfile(bg, "researcher", "no more")); ended != 0 {
		t.Fatal(ended)
	}
	if ended := must[int](t)(acme.Reap(bg)); ended != 0 {
		t.Fatal(ended)
	}
	refused(t, acme.CertifyProfile(bg, "nobody", time.Time{}), ErrNotFound, "")
}

func TestErrorsNameInputAndRule(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	_, err := acme.StartAgent(bg, "researcher", AgentOptions{Principal: alice, Task: "t", Scope: "read_file(path under '/etc')"})
	refused(t, err, ErrScope, "")
	var said *Error
	if errors.As(err, &said); said.Where != "options.scope" || said.Link != -1 {
		t.Fatalf("%+v", said)
	}
	_, err = acme.StartAgent(bg, "nobody", AgentOptions{Principal: alice, Task: "t", Scope: scope})
	refused(t, err, ErrNotFound, "")
	_, err = acme.StartAgent(bg, "researcher", AgentOptions{Principal: alice, Task: "a\x00b", Scope: scope})
	refused(t, err, ErrArgument, "argument")
	if errors.Is(err, ErrDenied) || ErrDenied.Error() != "denied" {
		t.Fatal("kinds of errors are mixed up")
	}
	for said, text := range map[Error]string{
		{Message: "cannot open /a/b", Where: "/a/b"}: "cannot open /a/b",
		{Message: "it is gone", Where: "/a/b"}:       "it is gone (/a/b)",
		{Message: "no scope", Where: "scope"}:        "no scope (scope)",
	} {
		if said.Error() != text {
			t.Fatal(said.Error())
		}
	}
	agent := start(t, acme)
	decision := must[*Decision](t)(agent.Authorize(bg, "read_file", inside))
	permit := must[*Permit](t)(agent.Permit(bg, "read_file", inside))
	if document := must[DecisionDocument](t)(permit.Document()); document.Chain[0].Agent != agent.ID() || must[string](t)(permit.Explain()) == "" {
		t.Fatalf("%+v", document)
	}
	for range 2 {
		ok(t, agent.Close())
		ok(t, permit.Close())
	}
	_, err = permit.Document()
	refused(t, err, ErrHandle, "handle")
	_, err = agent.Authorize(bg, "read_file", inside)
	refused(t, err, ErrHandle, "handle")
	if !decision.Permitted() || !permit.Permitted() || agent.ID() == "" {
		t.Fatal("what is closed")
	}
	ok(t, acme.Close())
	_, err = acme.Bundle(bg)
	refused(t, err, ErrHandle, "handle")
	refused(t, new(Authority).PublishKey(bg), ErrHandle, "")
	ok(t, new(Authority).Close())
}

func TestLibraryIsSound(t *testing.T) {
	ok(t, SelfTest())
	if Version() == "" {
		t.Fatal("no version")
	}
}
