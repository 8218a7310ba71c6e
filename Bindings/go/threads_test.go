//go:build cgo

package agentid

import (
	"errors"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
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

// Without a collector to close them: what was decided is in Go's memory alone, 80 bytes of a permit.
func TestDecisionsHoldNothingInTheLibrary(t *testing.T) {
	agent := start(t, authority(t, "", AuthorityOptions{}))
	resident := func() int {
		fields := strings.Fields(string(must[[]byte](t)(os.ReadFile("/proc/self/statm"))))
		return must[int](t)(strconv.Atoi(fields[1])) * os.Getpagesize()
	}
	for range 1000 {
		must[*Decision](t)(agent.Authorize(bg, "read_file", inside))
	}
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	const count = 100_000
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	start := resident()
	for range count {
		must[*Decision](t)(agent.Authorize(bg, "read_file", inside))
	}
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	inGo := int(after.TotalAlloc - before.TotalAlloc)
	if grown := resident() - start - 2*inGo; grown > count*50 {
		t.Fatalf("%d bytes of each decision are left in the library, %d in Go", grown/count, inGo/count)
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
