//go:build cgo

package agentid

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// recorded is a span that writes down what it is told.
type recorded struct {
	tool string
	said *[]string
}

func (s recorded) say(text string)      { *s.said = append(*s.said, s.tool+": "+text) }
func (s recorded) Permitted(d Decision) { s.say(fmt.Sprint("permitted ", d.Permitted())) }
func (s recorded) Ended(outcome string) { s.say("ended " + outcome) }
func (s recorded) Traceparent() string {
	return "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
}
func (s recorded) Failed(err error) {
	var denied *Denied
	if errors.As(err, &denied) {
		s.say("denied " + string(denied.Reason))
		return
	}
	s.say("failed")
}

type spanKey struct{}

func record(t *testing.T) *[]string {
	said := &[]string{}
	TraceCalls(func(ctx context.Context, tool string) (context.Context, CallSpan) {
		return context.WithValue(ctx, spanKey{}, tool), recorded{tool, said}
	})
	t.Cleanup(func() { TraceCalls(nil) })
	return said
}

func TestEachCallHasASpanThatEndsOnceAndIsNamedInTheLog(t *testing.T) {
	said := record(t)
	directory := filepath.Join(t.TempDir(), "acme")
	acme, agent := spender(t, directory)
	expect := func(what string, expected ...string) {
		t.Helper()
		if !slices.Equal(*said, expected) {
			t.Fatalf("%s: %q", what, *said)
		}
		*said = nil
	}
	begin := func() *Call { return must[*Call](t)(agent.Call(bg, "read_file", inside)) }

	call := begin()
	if call.Context().Value(spanKey{}) != "read_file" {
		t.Fatal("the tool is not given the span")
	}
	ok(t, call.Commit(bg, "read 17 bytes", "a"))
	ok(t, call.Commit(bg, "read 17 bytes", "a"))
	ok(t, call.Done(bg, nil))
	ok(t, call.Close())
	expect("committed", "read_file: permitted true", "read_file: ended read 17 bytes")

	call = begin()
	refused(t, call.Commit(bg, strings.Repeat("x", 1025), ""), ErrArgument, "outcome")
	ok(t, call.Abort(bg, "", ""))
	expect("aborted", "read_file: permitted true", "read_file: ended failed")

	call = begin()
	ok(t, call.Close())
	expect("closed", "read_file: permitted true", "read_file: ended failed: closed without an outcome")

	call = begin()
	ok(t, call.Done(bg, context.DeadlineExceeded))
	call.Close()
	expect("failed", "read_file: permitted true", "read_file: ended failed: context.deadlineExceededError")

	permit := must[*Permit](t)(agent.Permit(bg, "read_file", inside))
	defer permit.Close()
	call = must[*Call](t)(agent.CallPermitted(bg, permit))
	ok(t, call.Done(bg, nil))
	call.Close()
	expect("permitted before", "read_file: permitted true", "read_file: ended succeeded")

	for range 2 { // what was committed and done took 0.80 of 1.00
		_, err := agent.Call(bg, "read_file", inside)
		deniedAs(t, err, ReasonBudgetExhausted)
	}
	expect("denied", "read_file: denied budget_exhausted", "read_file: denied budget_exhausted")

	ok(t, agent.Close())
	ok(t, acme.Integrate(bg))
	audit := must[*Audit](t)(OpenAudit(bg, directory, ""))
	defer audit.Close()
	named := 0
	for entry, err := range audit.Entries(bg, 0) {
		ok(t, err)
		if bytes.Contains(entry, []byte(" traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")) {
			named++
		}
	}
	if named != 5 {
		t.Fatal(named, "outcomes name their span")
	}
}

func TestARequestIsASpanWhetherOrNotItIsPermitted(t *testing.T) {
	said := record(t)
	server, agent, _ := site(t, nil)
	web := client(agent, nil)
	for _, body := range []string{`{"path":"/data/q3/a"}`, `{"path":"/etc/shadow"}`} {
		response, err := web.Post(server.URL+"/read_file", "application/json", strings.NewReader(body))
		ok(t, err)
		ok(t, response.Body.Close())
	}
	expected := []string{
		"POST /read_file: permitted true", "POST /read_file: ended succeeded",
		"POST /read_file: denied argument_constraint_violated",
	}
	if !slices.Equal(*said, expected) {
		t.Fatal(*said)
	}
}

func TestASpanThatPanicsLeavesNoCallBehind(t *testing.T) {
	_, agent := spender(t, "")
	TraceCalls(func(ctx context.Context, tool string) (context.Context, CallSpan) { return ctx, panicking{} })
	func() {
		defer func() { recover() }()
		agent.Call(bg, "read_file", inside)
		t.Fatal("it returned")
	}()
	TraceCalls(nil)
	if got := left(t, agent); got != "2 calls, 0.20" {
		t.Fatal(got)
	}
}

type panicking struct{ recorded }

func (panicking) Permitted(Decision) { panic("the host's span") }
