package agentid

import (
	"context"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// A provider that says what calls of each tool may open.
type shelf struct{ vault }

func (s *shelf) Resources() map[string]string { return map[string]string{"read_file": "shelf{path}"} }

func TestAGuardGivesSecretsForWhatItPermitted(t *testing.T) {
	place := filepath.Join(t.TempDir(), "acme")
	acme := authority(t, place, AuthorityOptions{})
	guard := must[*Guard](t)(OpenGuardDirectory(bg, place, GuardOptions{AnyAudience: true}))
	defer guard.Close()
	made := func(context.Context, SecretRequest) ([]byte, error) { return []byte("s3cret"), nil }
	by := &vault{acquire: made}
	ok(t, guard.AddProvider(bg, "vault", by))
	ok(t, guard.AddProvider(bg, "shelf", &shelf{vault{acquire: made}}))
	agent := start(t, acme)
	const path = "/data/q3/a.csv"
	permit := func() *Permit {
		return must[*Permit](t)(guard.PermitAgent(bg, agent, "read_file", []byte(`{"path":"`+path+`"}`)))
	}

	own := permit()
	lease := must[*Lease](t)(guard.Acquire(bg, own, "vault", path, time.Minute))
	if held := must[[]BrokerLease](t)(acme.BrokerLeases(bg)); len(held) != 1 || held[0].ID != lease.ID || string(lease.Secret) != "s3cret" {
		t.Fatalf("%+v", held)
	}
	_, err := guard.Acquire(bg, own, "vault", path, time.Minute)
	refused(t, err, ErrDenied, string(ReasonSecretUsed))
	ok(t, lease.Release(bg))
	ok(t, guard.Release(bg, lease.ID))
	if by.returned.Load() != 1 {
		t.Fatal("it was not returned once")
	}

	_, err = guard.Acquire(bg, permit(), "vault", "/data/q3/b.csv", time.Minute)
	refused(t, err, ErrDenied, string(ReasonSecretResourceMismatch))
	_, err = guard.Acquire(bg, permit(), "shelf", path, time.Minute)
	refused(t, err, ErrDenied, string(ReasonSecretResourceMismatch))
	ok(t, must[*Lease](t)(guard.Acquire(bg, permit(), "shelf", "shelf"+path, time.Minute)).Release(bg))
	_, err = guard.Acquire(bg, must[*Permit](t)(agent.Permit(bg, "read_file", inside)), "vault", path, time.Minute)
	refused(t, err, ErrDenied, string(ReasonSecretPermitForeign))

	last := permit()
	must[*Lease](t)(guard.Acquire(bg, permit(), "vault", path, time.Minute))
	must[string](t)(agent.End(bg, "done"))
	_, err = guard.Acquire(bg, last, "vault", path, time.Minute)
	refused(t, err, ErrDenied, string(ReasonAuthorityRevoked))
	until(t, "its secret is returned", func() bool { return len(must[[]BrokerLease](t)(acme.BrokerLeases(bg))) == 0 })
}

func TestAProviderIsLetGoWithTheLastPermitOfItsGuard(t *testing.T) {
	place := filepath.Join(t.TempDir(), "acme")
	agent := start(t, authority(t, place, AuthorityOptions{}))
	before := kept.Load()
	guard := must[*Guard](t)(OpenGuardDirectory(bg, place, GuardOptions{AnyAudience: true}))
	ok(t, guard.AddProvider(bg, "vault", &vault{}))
	permit := must[*Permit](t)(guard.PermitAgent(bg, agent, "read_file", inside))
	guard.Close()
	runtime.KeepAlive(permit)
	until(t, "the collector frees the permit", func() bool { runtime.GC(); return kept.Load() <= before })
}
