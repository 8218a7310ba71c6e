//go:build cgo

package agentid

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const budget = `{"version":1,"labels":["private"],"rules":[
	{"id":"spend","match":"read_file","budget":{"unit":"usd","limit":"1.00","cost":{"fixed":"0.40"}}},
	{"id":"flow","match":"read_file(path like '**.out')","labels":{"refuses":["private"]}}]}`

// left is what is left of the budget, as the denial says.
func left(t *testing.T, agent *Agent) string {
	t.Helper()
	for count := 0; ; count++ {
		call, err := agent.Call(bg, "read_file", inside)
		var denied *Denied
		if errors.As(err, &denied) {
			document := must[DecisionDocument](t)(denied.Document())
			if denied.Reason != ReasonBudgetExhausted || denied.Rule() != "spend" || document.Left == nil || document.Left.Unit != "usd" {
				t.Fatalf("%v %+v", err, document)
			}
			return fmt.Sprint(count, " calls, ", document.Left.Amount)
		}
		ok(t, err)
		defer call.Close()
	}
}

func deniedAs(t *testing.T, err error, reason Reason) {
	t.Helper()
	var denied *Denied
	if !errors.As(err, &denied) || denied.Reason != reason {
		t.Fatal(err)
	}
}

func spender(t *testing.T, directory string) (*Authority, *Agent) {
	acme := authority(t, directory, AuthorityOptions{})
	must[int64](t)(acme.ApplyPolicy(bg, []byte(budget)))
	return acme, start(t, acme)
}

func TestACallIsSettledOnceInWhateverWayItEnds(t *testing.T) {
	_, agent := spender(t, "")
	call := must[*Call](t)(agent.Call(bg, "read_file", inside))
	if !call.Decision.Permitted() {
		t.Fatal("denied")
	}
	ok(t, call.Cost("usd", "0.10"))
	refused(t, call.Cost("usd", "0.123"), ErrArgument, "cost")
	ok(t, call.Commit(bg, "read 17 bytes", "a"))
	ok(t, call.Commit(bg, "", "a"))
	refused(t, call.Commit(bg, "", ""), ErrState, "call_ended")
	refused(t, call.Abort(bg, "", ""), ErrState, "call_ended")
	ok(t, call.Done(bg, errors.New("late")))
	ok(t, call.Close())
	ok(t, call.Close())
	if got := left(t, agent); got != "2 calls, 0.10" {
		t.Fatal(got)
	}
	// What is closed without an outcome has failed, and so has what is done with an error.
	for _, end := range []func(*Call) error{
		func(call *Call) error { return call.Close() },
		func(call *Call) error { return call.Done(bg, context.DeadlineExceeded) },
		func(call *Call) error { return errors.Join(call.Abort(bg, "", ""), call.Abort(bg, "", "")) },
	} {
		call = must[*Call](t)(agent.Call(bg, "read_file", inside))
		ok(t, end(call))
		ok(t, call.Close())
		if got := left(t, agent); got != "2 calls, 0.10" {
			t.Fatal(got)
		}
	}
	call = must[*Call](t)(agent.Call(bg, "read_file", inside))
	ok(t, call.Done(bg, nil))
	call.Close()
	if got := left(t, agent); got != "1 calls, 0.10" {
		t.Fatal(got)
	}
}

func TestACallThatWasMadeIsPaidThoughItsCallerHasGone(t *testing.T) {
	_, agent := spender(t, "")
	gone, leave := context.WithCancel(bg)
	late, end := context.WithTimeout(bg, 0)
	defer end()
	calls := []*Call{must[*Call](t)(agent.Call(gone, "read_file", inside)), must[*Call](t)(agent.Call(bg, "read_file", inside))}
	leave()
	ok(t, calls[0].Done(gone, nil))
	ok(t, calls[1].Commit(late, "read 17 bytes", "k"))
	for _, call := range calls {
		ok(t, call.Close())
	}
	if got := left(t, agent); got != "0 calls, 0.20" {
		t.Fatal(got)
	}
}

func TestACallIsExtendedOncePerKeyAndItsLabelsAreThere(t *testing.T) {
	_, agent := spender(t, "")
	call := must[*Call](t)(agent.Call(bg, "read_file", inside))
	defer call.Close()
	for range 3 {
		ok(t, call.Extend(bg, "usd", "0.25", 2*time.Hour, "page 2"))
	}
	deniedAs(t, call.Extend(bg, "usd", "0.36", 0, ""), ReasonBudgetExhausted)
	if got := left(t, agent); got != "0 calls, 0.35" {
		t.Fatal(got)
	}
	refused(t, call.Labels(bg, "privat"), ErrNotFound, "unknown_label")
	ok(t, call.Labels(bg, "private"))
	decision := must[*Decision](t)(agent.Check(bg, "read_file", []byte(`{"path":"/data/q3/a.out"}`)))
	if decision.Permitted() || decision.Denied().Rule() != "flow" {
		t.Fatal(decision.Reason(), decision.Denied())
	}
}

func TestAGuardBeginsWhatWasPresented(t *testing.T) {
	acme, agent := spender(t, filepath.Join(t.TempDir(), "acme"))
	guard := must[*Guard](t)(acme.Guard(bg, GuardOptions{Audience: "files"}))
	defer guard.Close()
	chain, proof, err := agent.Present("read_file", inside, "files")
	ok(t, err)
	call := must[*Call](t)(guard.Call(bg, chain, proof, "read_file", inside))
	ok(t, call.Cost("usd", "0.01"))
	ok(t, call.Done(bg, nil))
	ok(t, call.Close())
	_, err = guard.Call(bg, chain, proof, "read_file", inside)
	deniedAs(t, err, ReasonReplayed)
	permit := must[*Permit](t)(guard.PermitAgent(bg, agent, "read_file", inside))
	defer permit.Close()
	call = must[*Call](t)(guard.CallPermitted(bg, permit))
	ok(t, call.Cost("usd", "0.01"))
	ok(t, call.Done(bg, nil))
	ok(t, call.Close())
	kept := must[*Permit](t)(agent.Permit(bg, "read_file", inside))
	defer kept.Close()
	call = must[*Call](t)(agent.CallPermitted(bg, kept))
	ok(t, call.Abort(bg, "", ""))
	ok(t, call.Close())
	if got := left(t, agent); got != "2 calls, 0.18" {
		t.Fatal(got)
	}
}

func TestGoroutinesThatEndOneCallSettleItOnce(t *testing.T) {
	_, agent := spender(t, "")
	for range 20 {
		call := must[*Call](t)(agent.Call(bg, "read_file", inside))
		ok(t, call.Cost("usd", "0.01"))
		var all sync.WaitGroup
		for i := range 8 {
			all.Add(1)
			go func() {
				defer all.Done()
				if i%2 == 0 {
					_ = call.Commit(bg, "", "")
				} else {
					_ = call.Close()
				}
			}()
		}
		all.Wait()
	}
	if got := left(t, agent); got != "2 calls, 0.00" {
		t.Fatal(got)
	}
}

func TestWhatIsLeftIsToldAndWhoUsedIt(t *testing.T) {
	acme, agent := spender(t, "")
	must[*Decision](t)(agent.Authorize(bg, "read_file", inside))
	left := must[Remaining](t)(agent.Remaining(bg, "read_file"))
	if left.Policy != 1 || len(left.Budgets) != 1 || left.Budgets[0].Left != "0.60" || left.Budgets[0].ResetsIn != nil {
		t.Fatalf("%+v", left)
	}
	spent := must[Meters[BudgetMeter]](t)(acme.Budgets(bg, 0, 0))
	if spent.Total != 1 || spent.Meters[0].Spent != "0.40" || spent.Meters[0].Subject != agent.ID() {
		t.Fatalf("%+v", spent)
	}
	if used := must[Meters[RateMeter]](t)(acme.Limits(bg, 0, 10)); used.Total != 0 || len(used.Meters) != 0 {
		t.Fatalf("%+v", used)
	}
}

func TestLimitsOfGrantsCountForTheHolderAndAllBelow(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	agent := start(t, acme)
	limits := func(amount string) string {
		return `[{"id":"pocket","match":"read_file","budget":{"unit":"eur","limit":"` + amount + `","cost":{"fixed":"1.00"}}}]`
	}
	child := must[*Agent](t)(agent.Spawn(bg, "below", Delegation{SameScope: true, Limits: limits("1.00")}))
	_, err := child.Spawn(bg, "further", Delegation{SameScope: true, Limits: limits("1.01")})
	refused(t, err, ErrScope, "not_below_parent")
	_, err = agent.Spawn(bg, "further", Delegation{SameScope: true, Limits: "[]"})
	refused(t, err, ErrLimit, "limit_exceeded")
	further := must[*Agent](t)(child.Spawn(bg, "further", Delegation{SameScope: true}))
	must[*Decision](t)(further.Authorize(bg, "read_file", inside))
	var denied *Denied
	if _, err := child.Authorize(bg, "read_file", inside); !errors.As(err, &denied) || denied.Rule() != "limit:pocket" {
		t.Fatal(err)
	}
	options := AgentOptions{Principal: "user:alice@acme.example", Task: "t", Scope: "read_file(path under '/data')", Limits: limits("0.00")}
	root := must[*Agent](t)(acme.StartAgent(bg, "researcher", options))
	if _, err := root.Authorize(bg, "read_file", inside); !errors.As(err, &denied) || denied.Rule() != "limit:pocket" {
		t.Fatal(err)
	}
}

func TestLabelsGoDownIntoGrantsAndAreTold(t *testing.T) {
	_, agent := spender(t, "")
	ok(t, agent.AddLabels(bg, "private"))
	child := must[*Agent](t)(agent.Spawn(bg, "below", Delegation{SameScope: true}))
	if got := must[[]string](t)(child.Labels(bg)); len(got) != 1 || got[0] != "private" {
		t.Fatal(got)
	}
	var failed *Error
	if err := child.AddLabels(bg, "unheard-of"); !errors.As(err, &failed) || failed.Name != "unknown_label" {
		t.Fatal(err)
	}
}

func TestAnIsolatedChildsLabelsComeUpOnPurposeAlone(t *testing.T) {
	acme, agent := spender(t, "")
	policy := strings.Replace(budget, `"version":1,`, `"version":2,"results":[{"name":"verdict","type":["pay","ask"]}],`, 1)
	must[int64](t)(acme.ApplyPolicy(bg, []byte(policy)))
	child := must[*Agent](t)(agent.Spawn(bg, "reader", Delegation{SameScope: true, Isolated: true}))
	ok(t, child.AddLabels(bg, "private"))
	if got := must[[]string](t)(agent.Labels(bg)); len(got) != 0 {
		t.Fatal(got)
	}
	_, err := agent.JoinLabels(bg, child, &TypedResult{Result: "pay eve", Type: "verdict"})
	refused(t, err, ErrMalformed, "result_type")
	_, err = child.JoinLabels(bg, agent, nil)
	refused(t, err, ErrArgument, "not_below")
	if got := must[[]string](t)(agent.JoinLabels(bg, child, &TypedResult{Result: "pay", Type: "verdict"})); len(got) != 0 {
		t.Fatal(got)
	}
	if got := must[[]string](t)(agent.JoinLabels(bg, child, nil)); len(got) != 1 || got[0] != "private" {
		t.Fatal(got)
	}
	if got := must[[]string](t)(agent.Labels(bg)); len(got) != 1 {
		t.Fatal(got)
	}
}

func TestAnExtensionTakesNoTimeAway(t *testing.T) {
	_, agent := spender(t, "")
	call := must[*Call](t)(agent.Call(bg, "read_file", inside))
	defer call.Close()
	refused(t, call.Extend(bg, "usd", "0", -time.Millisecond, ""), ErrArgument, "call_within")
	ok(t, call.Extend(bg, "usd", "0", time.Millisecond, ""))
	time.Sleep(1100 * time.Millisecond)
	ok(t, call.Extend(bg, "usd", "0", time.Hour, ""))
}
