//go:build cgo

package agentid

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

func TestAuthorizeAllocatesTheDecisionOnly(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	agent := start(t, acme)
	guard := must[*Guard](t)(acme.Guard(bg, GuardOptions{AnyAudience: true}))
	defer guard.Close()
	for name, authorize := range map[string]func() (*Decision, error){
		"agent": func() (*Decision, error) { return agent.Authorize(bg, "read_file", inside) },
		"guard": func() (*Decision, error) { return guard.AuthorizeAgent(bg, agent, "read_file", inside) },
	} {
		if count := testing.AllocsPerRun(200, func() { must[*Decision](t)(authorize()) }); count > 1 {
			t.Errorf("%s: %v allocations", name, count)
		}
	}
}

// A handle has the number of its place in a part of the library's table, which is given out again: it grows with what is left
// there.
func TestDecisionsHoldNothingInTheLibrary(t *testing.T) {
	agent := start(t, authority(t, "", AuthorityOptions{}))
	place := func() uint64 {
		permit := must[*Permit](t)(agent.Permit(bg, "read_file", inside))
		defer permit.Close()
		return uint64(permit.value) >> 32 & (1<<18 - 1)
	}
	const count = 10_000
	before := place()
	for range count {
		must[*Decision](t)(agent.Authorize(bg, "read_file", inside))
		must[*Decision](t)(agent.Check(bg, "read_file", beyond))
	}
	if after := place(); after > before+count/10 {
		t.Fatalf("%d places taken by %d decisions", after-before, 2*count)
	}
}

// Goroutines wander from thread to thread while others revoke what they hold and close what they use.
func TestNothingIsPermittedOnceItWasEnded(t *testing.T) {
	for name, end := range map[string]func(acme *Authority, agent *Agent) error{
		"revoked": func(acme *Authority, agent *Agent) error {
			_, err := acme.Revoke(bg, RevokeAgent, agent.ID())
			return err
		},
		"ended":     func(_ *Authority, agent *Agent) error { _, err := agent.End(bg, "done"); return err },
		"suspended": func(acme *Authority, agent *Agent) error { return acme.Suspend(bg, agent.ID(), "") },
	} {
		t.Run(name, func(t *testing.T) {
			acme := authority(t, "", AuthorityOptions{})
			agent := start(t, acme)
			guard := must[*Guard](t)(acme.Guard(bg, GuardOptions{Audience: "files"}))
			chain := must[string](t)(agent.Chain())
			var ended atomic.Bool
			var workers sync.WaitGroup
			for range 8 {
				workers.Add(1)
				go func() {
					defer workers.Done()
					for range 300 {
						late := ended.Load()
						_, err := agent.Authorize(bg, "read_file", inside)
						if late && err == nil {
							t.Error("permitted after it was ended")
						}
						runtime.Gosched()
						proof, err := agent.Prove("read_file", inside, "files")
						if err != nil {
							if !errors.Is(err, ErrHandle) && !errors.Is(err, ErrState) {
								t.Error(err)
							}
							continue
						}
						if decision, err := guard.Check(bg, chain, proof, "read_file", inside); err == nil {
							if late && decision.Permitted() {
								t.Error("permitted after it was ended")
							}
							_ = decision.Reason()
						} else if !errors.Is(err, ErrHandle) {
							t.Error(err)
						}
					}
				}()
			}
			runtime.Gosched()
			ok(t, end(acme, agent))
			ended.Store(true)
			for range 3 {
				workers.Add(1)
				go func() {
					defer workers.Done()
					runtime.GC()
					guard.Close()
				}()
			}
			workers.Wait()
		})
	}
}

func TestPermitIsReadWhileItIsClosed(t *testing.T) {
	agent := start(t, authority(t, "", AuthorityOptions{}))
	for range 100 {
		permit := must[*Permit](t)(agent.Permit(bg, "read_file", inside))
		var all sync.WaitGroup
		for i := range 4 {
			all.Add(1)
			go func() {
				defer all.Done()
				if i == 0 {
					permit.Close()
				}
				if _, err := permit.Explain(); err != nil && !errors.Is(err, ErrHandle) {
					t.Error(err)
				}
			}()
		}
		all.Wait()
	}
}

func BenchmarkAuthorize(b *testing.B) {
	agent := start(b, authority(b, "", AuthorityOptions{}))
	b.ReportAllocs()
	for b.Loop() {
		_, err := agent.Authorize(bg, "read_file", inside)
		ok(b, err)
	}
}

func BenchmarkDeny(b *testing.B) {
	agent := start(b, authority(b, "", AuthorityOptions{}))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := agent.Authorize(bg, "read_file", beyond); err == nil {
			b.Fatal("permitted")
		}
	}
}
