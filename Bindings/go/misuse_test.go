//go:build cgo

package agentid_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"agentid.example/agentid"
	"agentid.example/agentid/agentidtest"
)

func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// What is nil because an error was overlooked is refused by its name.
func TestWhatIsNilIsRefusedByItsName(t *testing.T) {
	bg := context.Background()
	test := agentidtest.New(t, "search(query: *)")
	agent := test.Agent("search(query: *)")
	scope := must[*agentid.Scope](t)(agentid.ParseScope("search"))
	defer scope.Close()
	for name, call := range map[string]func() error{
		"permit of Acquire":       func() error { _, err := test.Authority.Acquire(bg, nil, "p", "r", time.Second); return err },
		"permit of a guard":       func() error { _, err := test.Guard.Acquire(bg, nil, "p", "r", time.Second); return err },
		"permit of CallPermitted": func() error { _, err := test.Guard.CallPermitted(bg, nil); return err },
		"permit of an agent":      func() error { _, err := agent.CallPermitted(bg, nil); return err },
		"agent of AuthorizeAgent": func() error { _, err := test.Guard.AuthorizeAgent(bg, nil, "search", []byte("{}")); return err },
		"agent of PermitAgent":    func() error { _, err := test.Guard.PermitAgent(bg, nil, "search", []byte("{}")); return err },
		"child of Subsumes":       func() error { return scope.Subsumes(nil) },
		"other of Meet":           func() error { _, err := scope.Meet(nil); return err },
	} {
		var said *agentid.Error
		if err := call(); !errors.As(err, &said) || said.Code != agentid.ErrArgument || said.Where != strings.Fields(name)[0] {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Arguments that were forgotten are missing to who proves a call as to who decides it.
func TestArgumentsThatAreMissingAreNamedToWhoProvesACallToo(t *testing.T) {
	agent := agentidtest.New(t, "search(query: *)").Agent("search(query: *)")
	_, denied := agent.Authorize(context.Background(), "search", nil)
	_, failed := agent.Prove("search", nil, "files")
	var said *agentid.Error
	if !errors.As(failed, &said) || said.Name != "arguments" || denied == nil || said.Error() != denied.Error() {
		t.Error(failed, denied)
	}
}

// A depth beyond 32 bits is refused, and not another one: neither the default, nor none, nor a small one.
func TestADepthBeyondItsBoundIsRefused(t *testing.T) {
	bg := context.Background()
	test := agentidtest.New(t, "search(query: *)")
	agent := test.Agent("search(query: *)")
	for _, depth := range []int{1 << 31, 1<<32 - 1, 1 << 32, 1<<32 + 3, -1 << 32, -1<<32 + 3, math.MaxInt, math.MinInt} {
		for name, call := range map[string]func() error{
			"profile": func() error {
				return test.Authority.PutProfile(bg, "deep", agentid.ProfileOptions{Owner: "team:x@acme.example", Ceiling: "search", MaxDepth: depth})
			},
			"guard": func() error {
				_, err := test.Authority.Guard(bg, agentid.GuardOptions{Audience: "deep", MaxDepth: depth})
				return err
			},
			"child": func() error {
				_, err := agent.Spawn(bg, "deep", agentid.Delegation{SameScope: true, MaxDepth: depth})
				return err
			},
		} {
			if err := call(); !errors.Is(err, agentid.ErrArgument) && !errors.Is(err, agentid.ErrLimit) {
				t.Errorf("%s: a depth of %d: %v", name, depth, err)
			}
		}
	}
}

// A time.Duration is nanoseconds: 300 is a number without its unit, and no time.
func TestANumberWithoutItsUnitIsNoTime(t *testing.T) {
	bg := context.Background()
	test := agentidtest.New(t, "search(query: *)")
	agent := test.Agent("search(query: *)")
	hear := func(context.Context, agentid.Event) error { return nil }
	for name, call := range map[string]func() error{
		"lease": func() error {
			_, err := agentid.OpenAuthority(bg, "", agentid.AuthorityOptions{TrustDomain: "acme.example", LeaseDuration: 300})
			return err
		},
		"resumption": func() error {
			_, err := agentid.OpenAuthority(bg, "", agentid.AuthorityOptions{TrustDomain: "acme.example", ResumeWithin: 300})
			return err
		},
		"profile": func() error {
			return test.Authority.PutProfile(bg, "p", agentid.ProfileOptions{Owner: "team:x@acme.example", Ceiling: "search", MaxLifetime: 3600})
		},
		"child": func() error {
			_, err := agent.Spawn(bg, "c", agentid.Delegation{SameScope: true, Lifetime: 60})
			return err
		},
		"window": func() error {
			_, err := test.Authority.Guard(bg, agentid.GuardOptions{Audience: "g", ProofWindow: 30})
			return err
		},
		"age": func() error {
			_, err := test.Authority.Guard(bg, agentid.GuardOptions{Audience: "g", MaxViewAge: 60})
			return err
		},
		"hook":        func() error { return test.Authority.AddHook(bg, "h", agentid.Hook{Run: hear, Deadline: 10}) },
		"revocations": func() error { _, err := test.Authority.RevocationList(bg, 3600); return err },
		"park":        func() error { return agent.Park(bg, 60) },
	} {
		if err := call(); !errors.Is(err, agentid.ErrArgument) && !errors.Is(err, agentid.ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A middleware without a guard lets nothing through.
func TestAMiddlewareWithoutAGuardLetsNothingThrough(t *testing.T) {
	handler := agentid.Middleware{}.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it ran") }))
	for _, kind := range []string{"application/json", agentid.IntroductionType} {
		request := httptest.NewRequest(http.MethodPost, "/search", strings.NewReader("{}"))
		request.Header.Set("Content-Type", kind)
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		if answer.Code != http.StatusServiceUnavailable {
			t.Errorf("%s: %d", kind, answer.Code)
		}
	}
}

// Decisions and agents print as what they are.
func TestDecisionsAndAgentsPrint(t *testing.T) {
	bg := context.Background()
	test := agentidtest.New(t, "search(query: *)")
	agent := test.Agent("search(query: *)")
	permitted := must[*agentid.Decision](t)(agent.Check(bg, "search", []byte(`{"query":1}`)))
	denied := must[*agentid.Decision](t)(agent.Check(bg, "send", []byte("{}")))
	var none *agentid.Decision
	if got := fmt.Sprint(permitted, ", ", denied, ", ", none); got != "permitted, denied: the tool send is not granted (tool), no decision" {
		t.Error(got)
	}
	if got := fmt.Sprint(agent); got != agent.ID() {
		t.Error(got)
	}
}
