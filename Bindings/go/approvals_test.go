//go:build cgo

package agentid

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// asking is an authority whose policy asks the CFO, and the CFO's key.
func asking(t *testing.T) (*Authority, []byte) {
	acme := authority(t, "", AuthorityOptions{})
	key := must[[]byte](t)(GenerateKey())
	var public struct{ X string }
	if err := json.Unmarshal(key, &public); err != nil {
		t.Fatal(err)
	}
	must[int64](t)(acme.ApplyPolicy(bg, fmt.Appendf(nil, `{"version":1,"approvers":[{"name":"user:cfo","key":"%s"}],
		"rules":[{"id":"big","match":"read_file","approval":{"of":["user:cfo"]}}]}`, public.X)))
	return acme, key
}

func TestAnApprovedCallIsPermittedOnce(t *testing.T) {
	acme, key := asking(t)
	agent := start(t, acme)
	_, err := agent.Authorize(bg, "read_file", inside)
	var denied *Denied
	if !errors.As(err, &denied) || denied.Reason != ReasonApprovalRequired || denied.Rule() != "big" || denied.Approval() == "" {
		t.Fatalf("%v", err)
	}
	request := denied.Approval()
	shown := must[ApprovalRequest](t)(acme.Approval(bg, request))
	if shown.State != "pending" || shown.Call.Tool != "read_file" || string(shown.Arguments) != string(inside) || shown.Of[0] != "user:cfo" {
		t.Fatalf("%+v", shown)
	}
	if all := must[[]ApprovalRequest](t)(acme.Approvals(bg)); len(all) != 1 || all[0].ID != request {
		t.Fatalf("%+v", all)
	}
	token := must[string](t)(acme.SignApproval(bg, request, "user:cfo", key))
	_, err = acme.Approve(bg, request, token+"x")
	refused(t, err, ErrMalformed, "")
	if !must[bool](t)(acme.Approve(bg, request, token)) {
		t.Fatal("it waits for more people")
	}
	must[*Decision](t)(agent.Authorize(bg, "read_file", inside))
	_, err = agent.Authorize(bg, "read_file", inside)
	if !errors.As(err, &denied) || denied.Approval() == request {
		t.Fatalf("%v", err)
	}
	if err := acme.Refuse(bg, denied.Approval(), "user:cfo"); err != nil {
		t.Fatal(err)
	}
	if approved, err := acme.WaitForApproval(bg, denied.Approval()); approved || err != nil {
		t.Fatal(approved, err)
	}
	_, err = acme.WaitForApproval(bg, request)
	refused(t, err, ErrNotFound, "")
}

func TestACallWaitsForItsApproverOrForItsContext(t *testing.T) {
	acme, key := asking(t)
	agent := start(t, acme)
	short, cancel := context.WithTimeout(bg, 50*time.Millisecond)
	defer cancel()
	_, err := agent.AuthorizeWaiting(short, "read_file", inside)
	var denied *Denied
	if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &denied) || denied.Approval() == "" {
		t.Fatalf("%v", err)
	}
	asked := denied.Approval()
	calls := 0
	err = acme.OnApproval(bg, "user:cfo", key, func(request ApprovalRequest) (ApprovalVerdict, error) {
		calls++
		switch {
		case calls == 1:
			panic("not yet")
		case strings.Contains(string(request.Arguments), "secret"):
			return ApprovalRefuse, nil
		default:
			return ApprovalApprove, nil
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	must[*Decision](t)(agent.AuthorizeWaiting(bg, "read_file", inside))
	if approvals := must[[]ApprovalRequest](t)(acme.Approvals(bg)); len(approvals) != 0 {
		t.Fatalf("%s was asked once, and used up: %+v", asked, approvals)
	}
	_, err = agent.AuthorizeWaiting(bg, "read_file", []byte(`{"path":"/data/q3/secret"}`))
	if !errors.As(err, &denied) || denied.Reason != ReasonApprovalRefused {
		t.Fatalf("%v", err)
	}
}

func TestPeopleTakeLabelsAwayOnce(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	key := must[[]byte](t)(GenerateKey())
	var public struct{ X string }
	if err := json.Unmarshal(key, &public); err != nil {
		t.Fatal(err)
	}
	must[int64](t)(acme.ApplyPolicy(bg, fmt.Appendf(nil, `{"version":1,"labels":["private"],"approvers":[{"name":"user:cfo","key":"%s"}],
		"rules":[{"id":"clear","declassifies":["private"],"approval":{"of":["user:cfo"]}}]}`, public.X)))
	agent := start(t, acme)
	ok(t, agent.AddLabels(bg, "private"))
	request := must[string](t)(acme.AskToDeclassify(bg, agent.ID(), "private"))
	refused(t, acme.Declassify(bg, request), ErrState, "approval_required")
	token := must[string](t)(acme.SignApproval(bg, request, "user:cfo", key))
	must[bool](t)(acme.Approve(bg, request, token))
	ok(t, acme.Declassify(bg, request))
	if got := must[[]string](t)(agent.Labels(bg)); len(got) != 0 {
		t.Fatal(got)
	}
	refused(t, acme.Declassify(bg, request), ErrNotFound, "approval")
}

// However many wait for people and hooks, who decides and who calls has a turn.
func TestWhatWaitsForPeopleAndHooksHoldsNoTurn(t *testing.T) {
	acme, _ := asking(t)
	agent := start(t, acme)
	hold := make(chan struct{})
	ok(t, acme.AddHook(bg, "slow", Hook{Events: []string{"suspended"}, Run: func(context.Context, Event) error { <-hold; return nil }}))
	other := start(t, acme)
	ok(t, acme.Suspend(bg, other.ID(), ""))
	_, err := agent.Authorize(bg, "read_file", inside)
	var denied *Denied
	if !errors.As(err, &denied) {
		t.Fatal(err)
	}
	waits := map[string]func() error{
		"people": func() error { _, err := acme.WaitForApproval(bg, denied.Approval()); return err },
		"a call": func() error { _, err := agent.AuthorizeWaiting(bg, "read_file", inside); return err },
		"hooks":  func() error { return acme.Settle(bg) },
	}
	answers := make(chan error)
	var begun atomic.Int32
	for _, wait := range waits {
		for range 2 * MaxWaiting {
			go func() { begun.Add(1); answers <- wait() }()
		}
	}
	until(t, "all to wait", func() bool { return int(begun.Load()) == len(waits)*2*MaxWaiting })
	time.Sleep(100 * time.Millisecond) // they have begun, and now wait
	until(t, "all turns to be free while they wait", func() bool { return len(turns) == 0 })
	close(hold)
	ok(t, acme.Refuse(bg, denied.Approval(), "user:cfo"))
	for range len(waits) * 2 * MaxWaiting {
		if err := <-answers; err != nil && (!errors.As(err, &denied) || denied.Reason != ReasonApprovalRefused) {
			t.Error(err)
		}
	}
}

func TestAResultIsJoinedFromAnAgentAndUnderItsType(t *testing.T) {
	agent := start(t, authority(t, "", AuthorityOptions{}))
	for where, join := range map[string]func() ([]string, error){
		"child":      func() ([]string, error) { return agent.JoinLabels(bg, nil, nil) },
		"typed.Type": func() ([]string, error) { return agent.JoinLabels(bg, agent, &TypedResult{Result: "7"}) },
	} {
		_, err := join()
		refused(t, err, ErrArgument, "argument")
		if fault := (*Error)(nil); !errors.As(err, &fault) || fault.Where != where {
			t.Errorf("%s: %v", where, err)
		}
	}
}
