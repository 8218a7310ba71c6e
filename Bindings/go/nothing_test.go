//go:build cgo

package agentid_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"agentid.example/agentid"
	"agentid.example/agentid/agentidtest"
)

// Every method of what was never made, nil or a zero value, given nothing: an error, and in no case a panic, which where a call is made
// apart would end the program.
func TestNothingIsAnErrorInEveryMethod(t *testing.T) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	open, cancel := context.WithCancel(context.Background())
	defer cancel()
	methods := 0
	for _, zero := range []any{
		new(agentid.Authority), new(agentid.Agent), new(agentid.Guard), new(agentid.Admission), new(agentid.Audit), new(agentid.Scope),
		new(agentid.Permit), new(agentid.Call), new(agentid.Decision), new(agentid.Denied), new(agentid.Error), new(agentid.Lease),
		new(agentid.Transport), new(agentid.Routes), new(agentid.Middleware),
	} {
		kind := reflect.TypeOf(zero)
		for _, receiver := range []reflect.Value{reflect.Zero(kind), reflect.ValueOf(zero)} {
			for i := range kind.NumMethod() {
				if _, isOfValue := kind.Elem().MethodByName(kind.Method(i).Name); isOfValue && receiver.IsNil() {
					continue // Go itself panics
				}
				for _, ctx := range []context.Context{nil, context.Background(), cancelled, open} {
					methods++
					callWithNothing(t, kind.Method(i), receiver, ctx)
				}
			}
		}
	}
	if methods < 800 {
		t.Errorf("only %d calls were made", methods)
	}
}

var (
	contexts = reflect.TypeFor[context.Context]()
	faults   = reflect.TypeFor[error]()
)

func callWithNothing(t *testing.T, method reflect.Method, receiver reflect.Value, ctx context.Context) {
	what := fmt.Sprintf("(%s).%s, nil: %t, with %v", receiver.Type(), method.Name, receiver.IsNil(), ctx)
	defer func() {
		if panicked := recover(); panicked != nil {
			t.Errorf("%s: %v", what, panicked)
		}
	}()
	given := []reflect.Value{receiver}
	for i := 1; i < method.Type.NumIn(); i++ {
		switch kind := method.Type.In(i); {
		case kind == contexts && ctx != nil:
			given = append(given, reflect.ValueOf(ctx))
		case !method.Type.IsVariadic() || i < method.Type.NumIn()-1:
			given = append(given, reflect.Zero(kind))
		}
	}
	got := method.Func.Call(given)
	for _, value := range got {
		if value.Kind() == reflect.Func && value.Type().CanSeq2() && !value.IsNil() {
			for _, fault := range value.Seq2() {
				got = []reflect.Value{fault}
			}
		}
		if value.Kind() == reflect.Bool && value.Bool() {
			t.Errorf("%s: true", what)
		}
	}
	if len(got) == 0 || !got[len(got)-1].Type().Implements(faults) {
		return
	}
	switch err, _ := got[len(got)-1].Interface().(error); {
	case method.Name == "Close" && err != nil:
		t.Errorf("%s: to close nothing is harmless, and was %v", what, err)
	case method.Name == "Close" || method.Name == "Denied":
	case err == nil:
		t.Errorf("%s: no error", what)
	case err.Error() == "":
		t.Errorf("%s: an error that says nothing: %#v", what, err)
	}
}

// A decision that nobody made permits nothing.
func TestADecisionThatNobodyMadePermitsNothing(t *testing.T) {
	var decision agentid.Decision
	var permit agentid.Permit
	var call agentid.Call
	if decision.Permitted() || permit.Permitted() || call.Decision.Permitted() {
		t.Error("a zero value permits")
	}
	if got := fmt.Sprint(&decision, ", ", &permit, ", ", (*agentid.Permit)(nil)); got != "no decision, no decision, no decision" {
		t.Error(got)
	}
}

// A denial that the program made itself, as its tests do, is one.
func TestADenialOfOnesOwnIsADenial(t *testing.T) {
	for _, denied := range []*agentid.Denied{nil, {}, {Reason: agentid.ReasonExpired, Argument: "path", Link: -1}} {
		if !errors.Is(denied, agentid.ErrDenied) || !strings.HasPrefix(denied.Error(), "denied") {
			t.Errorf("%#v does not deny", denied)
		}
		_ = slog.AnyValue(denied).Resolve()
	}
	made := error(&agentid.Denied{Reason: agentid.ReasonExpired, Argument: "path"})
	var said *agentid.Error
	if !errors.As(made, &said) || said.Name != "expired" || said.Where != "arguments.path" {
		t.Errorf("%#v", said)
	}
}

// forgetful is a provider that fails where it is nil.
type forgetful struct{ command []string }

func (*forgetful) Acquire(context.Context, agentid.SecretRequest) ([]byte, error) { return nil, nil }
func (*forgetful) Release(context.Context, agentid.SecretRequest) error           { return nil }
func (f *forgetful) ReleaseCommand() []string                                     { return f.command }

// What is nil within an interface, and functions that are nil, are refused where they are given.
func TestWhatIsNilInAnInterfaceIsRefused(t *testing.T) {
	bg := context.Background()
	test := agentidtest.New(t, "search(query: *)")
	key, err := agentid.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func() error{
		"signer": func() error {
			_, err := agentid.OpenAuthority(bg, "", agentid.AuthorityOptions{TrustDomain: "test.example", Signer: ed25519.PrivateKey(nil)})
			return err
		},
		"provider": func() error { return test.Authority.AddProvider(bg, "p", (*forgetful)(nil)) },
		"decide":   func() error { return test.Authority.OnApproval(bg, "user:a@test.example", key, nil) },
		"hook":     func() error { return test.Authority.AddHook(bg, "h", agentid.Hook{}) },
		"context":  func() error { return test.Authority.Settle(nil) }, //nolint:staticcheck // that is the question
	} {
		if err := call(); !errors.Is(err, agentid.ErrArgument) {
			t.Errorf("%s: %v", name, err)
		}
	}
	agent := test.Agent("search(query: *)")
	if got, ok := agentid.FromContext(agentid.WithAgent(nil, agent)); !ok || got != agent { //nolint:staticcheck // that is the question
		t.Error("an agent of no context is not found")
	}
}

// Requests that no server and no client makes, but a program can.
func TestRequestsThatAreNoneAreRefused(t *testing.T) {
	test := agentidtest.New(t, "search(query: *)")
	agent := test.Agent("search(query: *)")
	client := &agentid.Transport{Agent: agent, Audience: "test"}
	for _, request := range []*http.Request{nil, {}, {URL: &url.URL{}}, {Method: "GET", URL: &url.URL{Scheme: "http", Host: "127.0.0.1:1"}}} {
		if answer, err := client.RoundTrip(request); err == nil {
			t.Errorf("%v: %v", request, answer)
		}
		if _, _, err := (&agentid.Routes{}).Call(request, nil); err == nil {
			t.Errorf("%v has a route", request)
		}
	}
	answer := httptest.NewRecorder()
	agentid.Middleware{Guard: test.Guard}.Wrap(nil).ServeHTTP(answer, httptest.NewRequest("GET", "/", nil))
	if answer.Code != http.StatusServiceUnavailable {
		t.Error(answer.Code)
	}
}

// A clock's time that milliseconds in 64 bits do not reach is none: it does not come around to another one.
func TestAClockDoesNotComeAround(t *testing.T) {
	bg := context.Background()
	now := time.Now()
	var lock sync.Mutex
	told := func() time.Time { lock.Lock(); defer lock.Unlock(); return now }
	acme, err := agentid.OpenAuthority(bg, filepath.Join(t.TempDir(), "acme"), agentid.AuthorityOptions{TrustDomain: "test.example", Clock: told})
	if err != nil {
		t.Fatal(err)
	}
	defer acme.Close()
	if err := acme.PutProfile(bg, "agent", agentid.ProfileOptions{Owner: "team:test@test.example", Ceiling: "search"}); err != nil {
		t.Fatal(err)
	}
	agent, err := acme.StartAgent(bg, "agent", agentid.AgentOptions{Principal: "user:a@test.example", Task: "t", Scope: "search"})
	if err != nil {
		t.Fatal(err)
	}
	defer agent.Close()
	// A thousand times 2^61 is 0 in 64 bits: in milliseconds these are now.
	for _, far := range []time.Time{time.Unix(now.Unix()+1<<61, 0), time.Unix(now.Unix()-1<<61, 0)} {
		lock.Lock()
		now = far
		lock.Unlock()
		if decision, err := agent.Authorize(bg, "search", []byte("{}")); err == nil {
			t.Errorf("%v is permitted at %d: %v", decision, far.Unix(), time.UnixMilli(far.UnixMilli()))
		}
	}
	lock.Lock()
	now = time.Now()
	lock.Unlock()
}

// A clock that calls this package is not asked without end.
func TestAClockThatAsksForTheTimeEnds(t *testing.T) {
	bg := context.Background()
	var agent atomic.Pointer[agentid.Agent]
	var asked atomic.Int64
	clock := func() time.Time {
		if agent := agent.Load(); agent != nil {
			asked.Add(1)
			_, _ = agent.Authorize(bg, "search", []byte("{}"))
		}
		return time.Now()
	}
	acme, err := agentid.OpenAuthority(bg, "", agentid.AuthorityOptions{TrustDomain: "test.example", Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	defer acme.Close()
	if err := acme.PutProfile(bg, "agent", agentid.ProfileOptions{Owner: "team:test@test.example", Ceiling: "search"}); err != nil {
		t.Fatal(err)
	}
	started, err := acme.StartAgent(bg, "agent", agentid.AgentOptions{Principal: "user:a@test.example", Task: "t", Scope: "search"})
	if err != nil {
		t.Fatal(err)
	}
	defer started.Close()
	agent.Store(started)
	if _, err := started.Authorize(bg, "search", []byte("{}")); err != nil || asked.Load() == 0 {
		t.Errorf("%v, asked %d times", err, asked.Load())
	}
	agent.Store(nil)
}

// Leases and calls are released and closed by many at once.
func TestALeaseIsReleasedByManyAtOnce(t *testing.T) {
	bg := context.Background()
	test := agentidtest.New(t, "search(query: *)")
	agent := test.Agent("search(query: *)")
	if err := test.Authority.AddProvider(bg, "p", lends{}); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		permit, err := agent.Permit(bg, "search", []byte(`{"query":"q"}`))
		if err != nil {
			t.Fatal(err)
		}
		lease, err := test.Authority.Acquire(bg, permit, "p", "r", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		call, err := agent.CallPermitted(bg, permit)
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for range 8 {
			group.Add(1)
			go func() {
				defer group.Done()
				if err := errors.Join(lease.Release(bg), call.Close(), permit.Close()); err != nil {
					t.Error(err)
				}
			}()
		}
		group.Wait()
	}
}

type lends struct{}

func (lends) Acquire(context.Context, agentid.SecretRequest) ([]byte, error) { return []byte("s"), nil }
func (lends) Release(context.Context, agentid.SecretRequest) error           { return nil }
func (lends) ReleaseCommand() []string                                       { return nil }
