//go:build cgo

package agentid

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// until waits for what another thread does.
func until(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !happened(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not happen: ", what)
		}
	}
}

// atRest waits until what earlier tests left is collected, and returns the number of callbacks that are kept.
func atRest() int64 {
	last := kept.Load()
	for still := 0; still < 5; still++ {
		runtime.GC()
		time.Sleep(20 * time.Millisecond)
		if now := kept.Load(); now != last {
			last, still = now, 0
		}
	}
	return last
}

type signer struct {
	key  ed25519.PrivateKey
	sign func(message []byte) ([]byte, error)
}

func (s *signer) Public() crypto.PublicKey { return s.key.Public() }

func (s *signer) Sign(rand io.Reader, message []byte, options crypto.SignerOpts) ([]byte, error) {
	if s.sign != nil {
		return s.sign(message)
	}
	return s.key.Sign(rand, message, options)
}

func elsewhere(t *testing.T) *signer {
	_, key, err := ed25519.GenerateKey(nil)
	ok(t, err)
	return &signer{key: key}
}

func TestSignerElsewhereKeepsEveryKeyOutOfTheDirectory(t *testing.T) {
	directory, by := filepath.Join(t.TempDir(), "acme"), elsewhere(t)
	acme := authority(t, directory, AuthorityOptions{Signer: by})
	must[*Decision](t)(start(t, acme).Authorize(bg, "read_file", inside))
	if keys, _ := filepath.Glob(directory + "/keys/*.jwk"); keys != nil {
		t.Fatal(keys)
	}
	for name, sign := range map[string]func([]byte) ([]byte, error){
		"signer_mismatch": func([]byte) ([]byte, error) { return make([]byte, 64), nil },
		"signer_failed":   func([]byte) ([]byte, error) { return nil, errors.New("unplugged") },
	} {
		by.sign = sign
		_, err := acme.StartAgent(bg, "researcher", AgentOptions{Principal: alice, Task: "t", Scope: scope})
		refused(t, err, ErrSigner, name)
	}
	by.sign = func([]byte) ([]byte, error) { panic("unplugged") }
	_, err := acme.StartAgent(bg, "researcher", AgentOptions{Principal: alice, Task: "t", Scope: scope})
	refused(t, err, ErrSigner, "signer_failed")
}

func TestClockThatFailsDenies(t *testing.T) {
	var now atomic.Pointer[time.Time]
	clock := func() time.Time { return *now.Load() }
	set := func(when time.Time) { now.Store(&when) }
	set(time.Now())
	acme := authority(t, "", AuthorityOptions{Clock: clock})
	agent := start(t, acme)
	must[*Decision](t)(agent.Authorize(bg, "read_file", inside))
	set(time.Now().Add(400 * time.Second))
	_, err := agent.Authorize(bg, "read_file", inside)
	refused(t, err, ErrDenied, "expired")
	set(time.Time{})
	_, err = agent.Authorize(bg, "read_file", inside)
	refused(t, err, ErrDenied, "")
	now.Store(nil) // a nil pointer: it panics
	_, err = agent.Authorize(bg, "read_file", inside)
	refused(t, err, ErrDenied, "")
	set(time.Now())
}

// failing is a program's log whose handler fails.
type failing struct{ how func() }

func (failing) Enabled(context.Context, slog.Level) bool    { return true }
func (f failing) Handle(context.Context, slog.Record) error { f.how(); return nil }
func (f failing) WithAttrs([]slog.Attr) slog.Handler        { return f }
func (f failing) WithGroup(string) slog.Handler             { return f }

func TestALogThatFailsEndsNoProgram(t *testing.T) {
	before := slog.Default()
	defer slog.SetDefault(before)
	for _, how := range []func(){func() { panic("the log") }, runtime.Goexit} {
		var lines, runs atomic.Int64
		slog.SetDefault(slog.New(failing{func() { lines.Add(1); how() }}))
		var stopped atomic.Bool
		acme := authority(t, filepath.Join(t.TempDir(), "acme"), AuthorityOptions{Clock: func() time.Time {
			if stopped.Load() {
				panic("no time")
			}
			return time.Now()
		}})
		ok(t, acme.AddHook(bg, "failing", Hook{Run: func(context.Context, Event) error {
			if runs.Add(1) == 1 {
				return errors.New("not yet")
			}
			return nil
		}}))
		agent := start(t, acme)
		until(t, "the hook is called again", func() bool { return lines.Load() > 0 && runs.Load() > 1 })
		must[*Decision](t)(agent.Authorize(bg, "read_file", inside))
		stopped.Store(true)
		_, err := agent.Authorize(bg, "read_file", inside)
		refused(t, err, ErrDenied, "clock_failed")
		stopped.Store(false)
		refused(t, acme.AddProvider(bg, "none", nil), ErrArgument, "argument")
	}
}

func TestCallbacksAreLetGo(t *testing.T) {
	before := atRest()
	acme := must[*Authority](t)(OpenAuthority(bg, "", AuthorityOptions{TrustDomain: "acme.example", Signer: elsewhere(t), Clock: time.Now}))
	if kept.Load() != before+2 {
		t.Fatal(kept.Load())
	}
	ok(t, acme.Close())
	for _, domain := range []string{"", "Not A Domain"} {
		if _, err := OpenAuthority(bg, "", AuthorityOptions{TrustDomain: domain, Signer: elsewhere(t), Clock: time.Now}); err == nil {
			t.Fatal("it opened")
		}
	}
	if _, err := OpenGuard(GuardOptions{Audience: "files", ProofWindow: time.Hour, Clock: time.Now}); err == nil {
		t.Fatal("it opened")
	}
	until(t, "callbacks are let go", func() bool { return kept.Load() <= before })
}

func TestCollectorIsTheBackstop(t *testing.T) {
	before := atRest()
	func() {
		acme := must[*Authority](t)(OpenAuthority(bg, "", AuthorityOptions{TrustDomain: "acme.example", Clock: time.Now}))
		must[string](t)(acme.Bundle(bg))
	}()
	until(t, "the collector closes it", func() bool { runtime.GC(); return kept.Load() <= before })
}

func TestHookIsGivenEveryEventUntilItSucceeds(t *testing.T) {
	acme := authority(t, filepath.Join(t.TempDir(), "acme"), AuthorityOptions{})
	before := kept.Load()
	var failed atomic.Bool
	events := make(chan Event, 100)
	ok(t, acme.AddHook(bg, "watch", Hook{Events: []string{"created", "deprovisioned"}, Run: func(ctx context.Context, event Event) error {
		if _, bounded := ctx.Deadline(); !bounded {
			return errors.New("no deadline")
		}
		if failed.CompareAndSwap(false, true) {
			panic("the first attempt")
		}
		events <- event
		return nil
	}}))
	agent := start(t, acme)
	must[string](t)(agent.End(bg, "done"))
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	ok(t, acme.Settle(ctx))
	until(t, "both events", func() bool { return len(events) == 2 })
	if created, ended := <-events, <-events; created.Event != "created" || created.Principal != alice || ended.Tombstone == "" || ended.Agent != agent.ID() {
		t.Fatalf("%+v %+v", created, ended)
	}
	cancel()
	if err := acme.Settle(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if hooks := must[[]HookRecord](t)(acme.Hooks(bg)); len(hooks) != 1 || hooks[0].Name != "watch" {
		t.Fatalf("%+v", hooks)
	}
	until(t, "nothing is left to deliver", func() bool { return len(must[[]Delivery](t)(acme.Deliveries(bg, false))) == 0 })
	if len(must[[]Delivery](t)(acme.Deliveries(bg, true))) != 0 {
		t.Fatal("deliveries are dead")
	}
	refused(t, acme.RetryDelivery(bg, 77), ErrNotFound, "")
	ok(t, acme.RemoveHook(bg, "watch"))
	refused(t, acme.RemoveHook(bg, "watch"), ErrNotFound, "")
	if err := acme.AddHook(bg, "wrong", Hook{Events: []string{"born"}, Run: func(context.Context, Event) error { return nil }}); err == nil {
		t.Fatal("there is no event of this name")
	}
	// A removed hook is let go when its thread has seen it.
	until(t, "neither is kept", func() bool { return kept.Load() <= before })
}

type vault struct {
	acquire  func(context.Context, SecretRequest) ([]byte, error)
	returned atomic.Int64
}

func (v *vault) Acquire(ctx context.Context, request SecretRequest) ([]byte, error) {
	return v.acquire(ctx, request)
}
func (v *vault) Release(context.Context, SecretRequest) error { v.returned.Add(1); return nil }
func (v *vault) ReleaseCommand() []string                     { return nil }

func TestSecretEndsWithItsAgent(t *testing.T) {
	acme := authority(t, filepath.Join(t.TempDir(), "acme"), AuthorityOptions{})
	made := []byte("s3cret")
	by := &vault{acquire: func(context.Context, SecretRequest) ([]byte, error) { return made, nil }}
	ok(t, acme.AddProvider(bg, "vault", by))
	agent := start(t, acme)
	permit := must[*Permit](t)(agent.Permit(bg, "read_file", inside))
	lease := must[*Lease](t)(acme.Acquire(bg, permit, "vault", "door", time.Minute))
	if string(lease.Secret) != "s3cret" || string(made) == "s3cret" {
		t.Fatal("the secret is not where it belongs")
	}
	if held := must[[]BrokerLease](t)(acme.BrokerLeases(bg)); len(held) != 1 || held[0].ID != lease.ID || held[0].Resource != "door" {
		t.Fatalf("%+v", held)
	}
	secret := lease.Secret
	ok(t, lease.Release(bg))
	ok(t, lease.Release(bg))
	if strings.Trim(string(secret), "\x00") != "" || by.returned.Load() != 1 {
		t.Fatal("the secret is still there")
	}

	unplugged := errors.New("unplugged")
	by.acquire = func(context.Context, SecretRequest) ([]byte, error) { return nil, unplugged }
	_, err := acme.Acquire(bg, permit, "vault", "door", time.Minute)
	refused(t, err, ErrState, "")
	if !errors.Is(err, unplugged) {
		t.Fatal(err)
	}
	by.acquire = func(context.Context, SecretRequest) ([]byte, error) { panic("unplugged") }
	_, err = acme.Acquire(bg, permit, "vault", "door", time.Minute)
	refused(t, err, ErrState, "")
	by.acquire = func(context.Context, SecretRequest) ([]byte, error) { return make([]byte, 1<<20), nil }
	_, err = acme.Acquire(bg, permit, "vault", "door", time.Minute)
	refused(t, err, ErrState, "")

	by.acquire = func(context.Context, SecretRequest) ([]byte, error) { return []byte("x"), nil }
	must[*Lease](t)(acme.Acquire(bg, permit, "vault", "door", time.Minute))
	must[string](t)(agent.End(bg, "done"))
	if held := must[[]BrokerLease](t)(acme.BrokerLeases(bg)); len(held) != 0 {
		t.Fatalf("%+v", held)
	}
	_, err = acme.Acquire(bg, permit, "vault", "door", time.Minute)
	refused(t, err, ErrDenied, "")
}

func TestEveryDecisionCanBeFoundAndProved(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "acme")
	acme := authority(t, directory, AuthorityOptions{AuditSync: AuditAlways})
	agent := start(t, acme)
	files := must[*Guard](t)(acme.Guard(bg, GuardOptions{Audience: "files"}))
	defer files.Close()
	permit := must[*Decision](t)(files.AuthorizeAgent(bg, agent, "read_file", inside))
	ok(t, files.Report(bg, permit.ID(), "succeeded"))
	ok(t, acme.Integrate(bg))
	log := must[*Audit](t)(OpenAudit(bg, directory, ""))
	defer log.Close()
	found := must[AuditRecord](t)(log.Find(bg, permit.ID()))
	if found.Outcome == nil || *found.Outcome != "succeeded" || !strings.Contains(string(found.Entry), permit.ID()) {
		t.Fatalf("%+v", found)
	}
	head := must[AuditHead](t)(log.Head(bg))
	var count uint64
	for entry, err := range log.Entries(bg, 0) {
		ok(t, err)
		if len(entry) == 0 {
			t.Fatal("an empty entry")
		}
		count++
	}
	if count != head.Size || len(head.Root) != 32 {
		t.Fatal(count, head)
	}
	if proof := must[InclusionProof](t)(log.Prove(bg, found.Index)); proof.Index != found.Index || proof.Size != head.Size {
		t.Fatalf("%+v", proof)
	}
	if proof := must[ConsistencyProof](t)(log.Consistency(bg, 1, 0)); proof.To != head.Size {
		t.Fatalf("%+v", proof)
	}
	var read atomic.Uint64
	if report := must[AuditReport](t)(log.Verify(bg, func(entries uint64) { read.Store(entries) })); !report.Sound || report.Size != head.Size {
		t.Fatalf("%+v", report)
	}
	for _, err := range log.Entries(bg, head.Size+10) {
		refused(t, err, ErrNotFound, "")
	}
	_, err := OpenAudit(bg, t.TempDir(), "")
	refused(t, err, ErrNotFound, "")
}
