//go:build cgo

package agentid

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const payPolicy = `{"version": 1, "labels": ["private"], "rules": [{"id": "spend", "match": "pay", "budget": {
	"unit": "usd", "limit": "10", "cost": {"argument": "usd"}, "per": "day", "for": "agent"}}]}`

// till is a guarded server with a budget of 10 for the agent that may call it.
type till struct {
	t         *testing.T
	server    *httptest.Server
	agent     *Agent
	acme      *Authority
	directory string
}

func newTill(t *testing.T, policy string, handler http.HandlerFunc) till {
	directory := t.TempDir()
	acme := authority(t, directory, AuthorityOptions{})
	ok(t, acme.PutProfile(bg, "web", ProfileOptions{Owner: "team:web@acme.example", Ceiling: "pay(usd: *)"}))
	if policy != "" {
		must[int64](t)(acme.ApplyPolicy(bg, []byte(policy)))
	}
	agent := must[*Agent](t)(acme.StartAgent(bg, "web", AgentOptions{Principal: alice, Task: "t", Scope: "pay(usd: *)"}))
	t.Cleanup(func() { agent.Close() })
	guard := must[*Guard](t)(acme.Guard(bg, GuardOptions{Audience: "till"}))
	t.Cleanup(func() { guard.Close() })
	server := httptest.NewUnstartedServer(Middleware{Guard: guard, Call: payCall(t)}.Wrap(handler))
	server.Config.ErrorLog = nil
	server.Start()
	t.Cleanup(server.Close)
	return till{t, server, agent, acme, directory}
}

func payCall(t *testing.T) CallOf {
	return must[*Routes](t)(NewRoutes(map[string]string{"POST /pay": "pay"})).Call
}

// pay is the status of a payment of 6; 0 where there is none.
func (s till) pay(ctx context.Context) int {
	s.t.Helper()
	web := &http.Client{Transport: &Transport{Agent: s.agent, Audience: "till", Call: payCall(s.t)}}
	request := must[*http.Request](s.t)(http.NewRequestWithContext(ctx, "POST", s.server.URL+"/pay", strings.NewReader(`{"usd":"6"}`)))
	request.Header.Set("Content-Type", "application/json")
	response, err := web.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

func (s till) left() string {
	s.t.Helper()
	rest := must[Remaining](s.t)(s.agent.Remaining(bg, "pay"))
	return rest.Budgets[0].Left
}

// awaitOutcome waits until the log has the outcome of a call, five seconds at most.
func (s till) awaitOutcome() {
	s.t.Helper()
	for range 500 {
		if len(s.outcomes()) > 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatal("no call has ended")
}

func (s till) outcomes() (found []string) {
	s.t.Helper()
	ok(s.t, s.acme.Integrate(bg))
	log := must[*Audit](s.t)(OpenAudit(bg, s.directory, ""))
	defer log.Close()
	for line, err := range log.Entries(bg, 0) {
		ok(s.t, err)
		var entry struct{ Kind, Outcome string }
		ok(s.t, json.Unmarshal(line, &entry))
		if entry.Kind == "outcome" {
			found = append(found, entry.Outcome)
		}
	}
	return found
}

func (s till) expect(left string, outcomes ...string) {
	s.t.Helper()
	if got := s.left(); got != left {
		s.t.Errorf("%s is left of the budget, not %s", got, left)
	}
	if got := s.outcomes(); !slices.Equal(got, outcomes) {
		s.t.Errorf("the outcomes are %q, not %q", got, outcomes)
	}
}

func TestARequestThatFailedGivesItsBudgetBackBeforeItIsAnswered(t *testing.T) {
	for outcome, handler := range map[string]http.HandlerFunc{
		"failed: status 500": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 500) },
		"failed: status 422": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(422) },
		"failed: panic":      func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(outcome, func(t *testing.T) {
			s := newTill(t, payPolicy, handler)
			for range 3 { // the budget has room for one of them
				if status := s.pay(bg); status == 403 {
					t.Fatal("the budget of a call that failed is spent")
				}
			}
			s.expect("10", outcome, outcome, outcome)
		})
	}
}

func TestARequestThatSucceededHasSpentBeforeItIsAnswered(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"nothing":   func(http.ResponseWriter, *http.Request) {},
		"a text":    func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "paid") },
		"elsewhere": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", http.StatusNotModified) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newTill(t, payPolicy, handler)
			s.pay(bg)
			s.expect("4", "succeeded")
			if status := s.pay(bg); status != 403 {
				t.Fatal(status)
			}
		})
	}
}

func TestAnAnswerOfKnownLengthEndsTheCallBeforeItsLastPart(t *testing.T) {
	var s till
	var seen []int
	s = newTill(t, payPolicy, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "2")
		for range 2 {
			fmt.Fprint(w, "x")
			seen = append(seen, len(s.outcomes()))
		}
	})
	s.pay(bg)
	if !slices.Equal(seen, []int{0, 1}) {
		t.Fatal(seen)
	}
}

func TestAHandlerTellsWhatItsCallCostsAndMayEndIt(t *testing.T) {
	s := newTill(t, payPolicy, func(w http.ResponseWriter, r *http.Request) {
		call := CallFrom(r.Context())
		ok(t, call.Cost("usd", "1.00"))
		ok(t, call.Labels(r.Context(), "private"))
	})
	s.pay(bg)
	s.pay(bg)
	s.expect("8", "succeeded", "succeeded")
	s = newTill(t, payPolicy, func(w http.ResponseWriter, r *http.Request) {
		ok(t, CallFrom(r.Context()).Abort(r.Context(), "failed: the bank said no", ""))
	})
	s.pay(bg)
	s.expect("10", "failed: the bank said no")
	if CallFrom(bg) != nil {
		t.Fatal("a call outside of any request")
	}
}

func TestWhoHangsUpGetsNothingBack(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter, r *http.Request){
		"nothing":  func(http.ResponseWriter, *http.Request) {},
		"an error": func(w http.ResponseWriter, r *http.Request) { http.Error(w, r.Context().Err().Error(), 500) },
		"a panic":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			began, ended := make(chan bool), make(chan bool)
			s := newTill(t, payPolicy, func(w http.ResponseWriter, r *http.Request) {
				defer close(ended)
				close(began)
				<-r.Context().Done()
				answer(w, r)
			})
			ctx, hangUp := context.WithCancel(bg)
			go func() { <-began; hangUp() }()
			if status := s.pay(ctx); status != 0 {
				t.Fatal(status)
			}
			<-ended
			s.awaitOutcome()
			s.expect("4", "closed early")
		})
	}
}

func TestAHandlerCanFlushHijackAndSendFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	ok(t, os.WriteFile(path, []byte("paid"), 0o600))
	s := newTill(t, payPolicy, func(w http.ResponseWriter, r *http.Request) {
		_ = CallFrom(r.Context()).Cost("usd", "0")
		switch _, isFlusher := w.(http.Flusher); {
		case !isFlusher:
			t.Error("a Flusher is missing")
		case r.Header.Get("Way") == "file":
			http.ServeFile(w, r, path)
		default:
			ok(t, http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute)))
			fmt.Fprint(w, "paid")
			w.(http.Flusher).Flush()
		}
	})
	if status := s.pay(bg); status != 200 {
		t.Fatal(status)
	}
	s.expect("10", "succeeded")
	s = newTill(t, payPolicy, func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func(connection net.Conn) { connection.Close() }(connection)
		fmt.Fprint(connection, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})
	s.pay(bg)
	s.awaitOutcome()
	s.expect("4", "succeeded")
}

func TestWithoutAPolicyTheOutcomeStandsInTheLogToo(t *testing.T) {
	s := newTill(t, "", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 500) })
	s.pay(bg)
	if got := s.outcomes(); !slices.Equal(got, []string{"failed: status 500"}) {
		t.Fatal(got)
	}
}
