//go:build cgo

package agentid

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// hanging is a signer whose signatures wait until they are let go.
type hanging struct {
	*signer
	hangs   atomic.Bool
	waiting atomic.Int64 // signatures that wait now
	most    atomic.Int64
	release chan struct{}
}

func hang(t *testing.T) *hanging {
	h := &hanging{signer: elsewhere(t), release: make(chan struct{})}
	by := h.signer.key
	h.sign = func(message []byte) ([]byte, error) {
		if h.hangs.Load() {
			h.most.Store(max(h.most.Load(), h.waiting.Add(1)))
			<-h.release
			h.waiting.Add(-1)
		}
		return by.Sign(nil, message, crypto.Hash(0))
	}
	return h
}

var task = AgentOptions{Principal: alice, Task: "t", Scope: scope}

// states are those of all agents.
func states(t *testing.T, acme *Authority) (found []string) {
	for _, agent := range must[[]AgentRecord](t)(acme.Agents(bg, AgentFilter{})) {
		found = append(found, agent.State)
	}
	return found
}

func TestWhatACancelledCallMadeIsEndedByWhoeverComesBack(t *testing.T) {
	by := hang(t)
	acme := authority(t, "", AuthorityOptions{Signer: by})
	parked := start(t, acme)
	ok(t, parked.Park(bg, time.Hour))
	by.hangs.Store(true)
	for name, call := range map[string]func(ctx context.Context) (*Agent, error){
		"started":  func(ctx context.Context) (*Agent, error) { return acme.StartAgent(ctx, "researcher", task) },
		"unparked": func(ctx context.Context) (*Agent, error) { return acme.Unpark(ctx, parked.ID()) },
		"issued": func(ctx context.Context) (*Agent, error) {
			_, _, err := acme.Issue(ctx, "researcher", public(t, must[[]byte](t)(GenerateKey())), task)
			return nil, err
		},
	} {
		ctx, cancel := context.WithCancel(bg)
		answer := make(chan error)
		go func() { _, err := call(ctx); answer <- err }()
		until(t, name+": the signature hangs", func() bool { return by.waiting.Load() > 0 })
		cancel()
		if err := <-answer; !errors.Is(err, context.Canceled) { // while it still hangs
			t.Fatal(name, err)
		}
		for by.waiting.Load() > 0 {
			select {
			case by.release <- struct{}{}:
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	close(by.release)
	until(t, "all have come back", func() bool { return len(turns) == 0 })
	want := map[string]int{"deprovisioned": 2, "parked": 1}
	until(t, "nobody lives whom nobody holds", func() bool {
		found := map[string]int{}
		for _, state := range states(t, acme) {
			found[state]++
		}
		return maps.Equal(found, want)
	})
	back := must[*Agent](t)(acme.Unpark(bg, parked.ID()))
	defer back.Close()
	must[*Decision](t)(back.Authorize(bg, "read_file", inside))
}

func TestTheLogSaysTheTruthOfAnAgentThatNobodyWaitedFor(t *testing.T) {
	var text bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&text, nil)))
	defer slog.SetDefault(before)
	by := elsewhere(t)
	acme := authority(t, "", AuthorityOptions{Signer: by})
	agent := start(t, acme)
	by.sign = func([]byte) ([]byte, error) { return nil, errors.New("unplugged") }
	unwanted(agent)
	if got := states(t, acme); len(got) != 1 || got[0] == "active" {
		t.Fatal(got)
	}
	said := text.String()
	if !strings.Contains(said, "has ended; the next Reap signs its tombstone") || strings.Contains(said, "has not ended") {
		t.Fatal(said)
	}
}

func TestASecretThatNobodyWaitsForIsReturned(t *testing.T) {
	acme := authority(t, filepath.Join(t.TempDir(), "acme"), AuthorityOptions{})
	asked, release := make(chan struct{}), make(chan struct{})
	by := &vault{acquire: func(ctx context.Context, _ SecretRequest) ([]byte, error) {
		close(asked)
		<-ctx.Done() // the provider is told
		<-release
		return []byte("late"), nil
	}}
	ok(t, acme.AddProvider(bg, "vault", by))
	agent := start(t, acme)
	permit := must[*Permit](t)(agent.Permit(bg, "read_file", inside))
	defer permit.Close()
	ctx, cancel := context.WithCancel(bg)
	answer := make(chan error)
	go func() {
		_, err := acme.Acquire(ctx, permit, "vault", "door", time.Minute)
		answer <- err
	}()
	<-asked
	cancel()
	if err := <-answer; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(release)
	until(t, "the secret is returned", func() bool { return by.returned.Load() == 1 })
	until(t, "no lease is left", func() bool { return len(must[[]BrokerLease](t)(acme.BrokerLeases(bg))) == 0 })
}

func TestWhatHangsHoldsABoundedNumberOfThreadsAndNoRevocation(t *testing.T) {
	by := hang(t)
	acme := authority(t, "", AuthorityOptions{Signer: by})
	agent := start(t, acme)
	before := threads(t)
	by.hangs.Store(true)
	ctx, cancel := context.WithCancel(bg)
	var all sync.WaitGroup
	for range 20 * MaxWaiting {
		all.Add(1)
		go func() {
			defer all.Done()
			if agent, err := acme.StartAgent(ctx, "researcher", task); err == nil {
				agent.Close()
			}
		}()
	}
	until(t, "every turn is taken", func() bool { return len(turns) == MaxWaiting })
	if known := must[bool](t)(acme.Revoke(bg, RevokeAgent, agent.ID())); !known {
		t.Fatal("it was not revoked")
	}
	_, err := agent.Authorize(bg, "read_file", inside)
	refused(t, err, ErrDenied, "authority_revoked")
	if now := threads(t); now > before+MaxWaiting+cap(reserve)+20 || by.most.Load() > MaxWaiting {
		t.Fatalf("%d threads, %d before; %d signatures at a time", now, before, by.most.Load())
	}
	cancel()
	all.Wait() // all have their answer while everything hangs
	by.hangs.Store(false)
	close(by.release)
	until(t, "every turn is given back", func() bool { return len(turns) == 0 && len(reserve) == 0 })
	until(t, "nobody lives whom nobody holds", func() bool {
		// One was revoked, and has not ended.
		return len(slices.DeleteFunc(states(t, acme), func(state string) bool { return state != "active" })) == 1
	})
}

func threads(t *testing.T) int {
	status := must[[]byte](t)(os.ReadFile("/proc/self/status"))
	return must[int](t)(strconv.Atoi(string(regexp.MustCompile(`Threads:\s+(\d+)`).FindSubmatch(status)[1])))
}

func TestAContextThatHasEndedBeginsNothing(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "acme")
	acme := authority(t, directory, AuthorityOptions{})
	agent := start(t, acme)
	guard := must[*Guard](t)(acme.Guard(bg, GuardOptions{Audience: "files"}))
	defer guard.Close()
	size := func() uint64 {
		ok(t, acme.Integrate(bg))
		log := must[*Audit](t)(OpenAudit(bg, directory, ""))
		defer log.Close()
		return must[AuditHead](t)(log.Head(bg)).Size
	}
	before := size()
	ctx, cancel := context.WithCancelCause(bg)
	cancel(errors.New("the user has gone"))
	for name, call := range map[string]func() error{
		"OpenAuthority": func() error {
			_, err := OpenAuthority(ctx, "", AuthorityOptions{TrustDomain: "acme.example"})
			return err
		},
		"StartAgent":      func() error { _, err := acme.StartAgent(ctx, "researcher", task); return err },
		"Spawn":           func() error { _, err := agent.Spawn(ctx, "reader", Delegation{SameScope: true}); return err },
		"Authorize":       func() error { _, err := agent.Authorize(ctx, "read_file", inside); return err },
		"Check":           func() error { _, err := agent.Check(ctx, "read_file", beyond); return err },
		"Permit":          func() error { _, err := agent.Permit(ctx, "read_file", inside); return err },
		"AuthorizeAgent":  func() error { _, err := guard.AuthorizeAgent(ctx, agent, "read_file", inside); return err },
		"Guard.Authorize": func() error { _, err := guard.Authorize(ctx, "", "", "read_file", inside); return err },
		"Admit":           func() error { _, err := guard.Admit(ctx, "", ""); return err },
		"End":             func() error { _, err := agent.End(ctx, "done"); return err },
		"Revoke":          func() error { _, err := acme.Revoke(ctx, RevokeAgent, agent.ID()); return err },
		"PutProfile":      func() error { return acme.PutProfile(ctx, "other", ProfileOptions{}) },
		"PublishKey":      func() error { return acme.PublishKey(ctx) },
		"Settle":          func() error { return acme.Settle(ctx) },
		"Reap":            func() error { _, err := acme.Reap(ctx); return err },
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	must[*Decision](t)(agent.Authorize(bg, "read_file", inside))
	if after := size(); after != before+1 {
		t.Errorf("%d entries more", after-before)
	}
}

func TestCallsOfCallbacksNeedNoTurnOfTheirOwn(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	told := make(chan error, 1)
	ok(t, acme.AddHook(bg, "suspended", Hook{Events: []string{"suspended"}, MaxAttempts: 1, Run: func(ctx context.Context, _ Event) error {
		_, err := acme.Agents(ctx, AgentFilter{})
		told <- err
		return nil
	}}))
	agent := start(t, acme)
	for range MaxWaiting {
		turns <- struct{}{}
	}
	defer func() {
		for range MaxWaiting {
			<-turns
		}
	}()
	leave, err := turn(withTurn(bg))
	ok(t, err)
	leave()
	ctx, cancel := context.WithTimeout(bg, time.Millisecond)
	defer cancel()
	if _, err := turn(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	ok(t, acme.Suspend(bg, agent.ID(), ""))
	ok(t, <-told)
}

// A strict log waits for the disk at each decision; and a lane may be full. Both are decided apart, with arguments of their own.
func TestDecisionsThatWaitAreMadeApart(t *testing.T) {
	acme := authority(t, filepath.Join(t.TempDir(), "acme"), AuthorityOptions{AuditSync: AuditAlways})
	strict := start(t, acme)
	if strict.enter() != nil {
		t.Fatal("a strict decision on the caller's goroutine")
	}
	child := must[*Agent](t)(strict.Spawn(bg, "reader", Delegation{SameScope: true}))
	defer child.Close()
	full := start(t, authority(t, "", AuthorityOptions{}))
	var entered []*lane
	for lane := full.enter(); lane != nil; lane = full.enter() {
		entered = append(entered, lane)
	}
	if len(entered) != laneCalls {
		t.Fatal(len(entered))
	}
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	for _, agent := range []*Agent{strict, child, full} {
		permit := must[*Permit](t)(agent.Permit(ctx, "read_file", inside))
		ok(t, permit.Close())
		_, err := agent.Authorize(ctx, "read_file", beyond)
		refused(t, err, ErrDenied, "argument_constraint_violated")
	}
	for _, lane := range entered {
		lane.leave()
	}
	if full.enter().leave(); len(turns) != 0 {
		t.Fatal(len(turns))
	}
}
