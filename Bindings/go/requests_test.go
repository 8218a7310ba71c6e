//go:build cgo

package agentid

import (
	"bufio"
	"encoding/json"
	"errors"
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

// onWire is a guarded server that tells what a handler reads, and sends it requests as they are written.
func onWire(t *testing.T, call CallOf, options GuardOptions) (agent *Agent, server *httptest.Server, send func(first, fields, tool, body string) (int, string)) {
	const scope = `get_root; "GET /"; "CONNECT /"; "GET /admin"; "POST /admin"`
	acme := authority(t, "", AuthorityOptions{})
	ok(t, acme.PutProfile(bg, "web", ProfileOptions{Owner: "team:web@acme.example", Ceiling: scope}))
	agent = must[*Agent](t)(acme.StartAgent(bg, "web", AgentOptions{Principal: alice, Task: "t", Scope: scope}))
	t.Cleanup(func() { agent.Close() })
	guard := must[*Guard](t)(acme.Guard(bg, options))
	t.Cleanup(func() { guard.Close() })
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "handled %s %s", r.Host, r.URL) })
	server = httptest.NewUnstartedServer(Middleware{Guard: guard, Call: call}.Wrap(handler))
	server.Config.ReadTimeout = 200 * time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	return agent, server, func(first, fields, tool, body string) (int, string) {
		t.Helper()
		proved := body
		if !strings.HasPrefix(proved, "{") {
			proved = "{}"
		}
		chain, proof, err := agent.Present(tool, []byte(proved), "files")
		ok(t, err)
		connection := must[net.Conn](t)(net.Dial("tcp", server.Listener.Addr().String()))
		defer connection.Close()
		ok(t, connection.SetDeadline(time.Now().Add(time.Minute)))
		fmt.Fprintf(connection, "%s HTTP/1.1\r\nHost: here.example\r\n%s: %s\r\n%s: %s\r\n%s\r\n%s", first, ChainHeader, chain, ProofHeader, proof, fields, body)
		response := must[*http.Response](t)(http.ReadResponse(bufio.NewReader(connection), nil))
		answer, err := io.ReadAll(response.Body)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
		return response.StatusCode, string(answer)
	}
}

func TestARequestThatNamesAnotherServerIsNoCall(t *testing.T) {
	routes := must[*Routes](t)(NewRoutes(map[string]string{"GET /{$}": "get_root"}))
	for name, call := range map[string]CallOf{"paths": nil, "routes": routes.Call} {
		t.Run(name, func(t *testing.T) {
			_, _, send := onWire(t, call, GuardOptions{Audience: "files"})
			tool := func(path string) string {
				if call != nil {
					return "get_root"
				}
				return path
			}
			for first, path := range map[string]string{
				"CONNECT inside.example:22": "CONNECT /", "CONNECT /": "CONNECT /", "GET http://inside.example/": "GET /",
				"GET http://inside.example/admin": "GET /admin", "GET http:admin": "GET /", "GET https:": "GET /",
			} {
				if status, answer := send(first, "", tool(path), ""); status != 400 {
					t.Errorf("%q: %d %s", first, status, answer)
				}
			}
			if status, answer := send("GET /", "", tool("GET /"), ""); status != 200 {
				t.Error(status, answer)
			}
		})
	}
}

func TestWhatCannotBeReadTellsNothingOfTheServer(t *testing.T) {
	_, _, send := onWire(t, nil, GuardOptions{Audience: "files"})
	status, answer := send("POST /admin", "Content-Length: 50\r\n", "POST /admin", `{}`)
	if status != 408 || strings.Contains(answer, "127.0.0.1") {
		t.Errorf("a body that does not come: %d %s", status, answer)
	}
	status, answer = send("POST /admin", "Transfer-Encoding: chunked\r\n", "GET /", "zz\r\n\r\n")
	if status != 400 || strings.Contains(answer, "chunk") {
		t.Errorf("a body that is not well-formed: %d %s", status, answer)
	}
}

func TestABodyHasOneType(t *testing.T) {
	routes := must[*Routes](t)(NewRoutes(map[string]string{"POST /admin": "POST /admin"}))
	for _, call := range []CallOf{nil, routes.Call} {
		_, _, send := onWire(t, call, GuardOptions{Audience: "files"})
		for _, second := range []string{"application/x-www-form-urlencoded", "application/json", IntroductionType} {
			fields := "Content-Type: application/json\r\nContent-Type: " + second + "\r\nContent-Length: 2\r\n"
			if status, answer := send("POST /admin", fields, "POST /admin", `{}`); status != 400 {
				t.Errorf("%s: %d %s", second, status, answer)
			}
		}
	}
}

// What follows on a connection of HTTP/2 would be decided by nobody.
func TestARequestThatWouldHaveTheConnectionSpeakHTTP2IsNoCall(t *testing.T) {
	_, _, send := onWire(t, nil, GuardOptions{Audience: "files"})
	for fields, want := range map[string]int{
		"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n": 400,
		"Connection: upgrade\r\nUpgrade: websocket, H2C\r\n":                                  400,
		"Connection: upgrade\r\nUpgrade: websocket\r\n":                                       200,
		"Connection: upgrade\r\nUpgrade: x\r\nUpgrade: h2c\r\n":                               400,
	} {
		if status, answer := send("GET /", fields, "GET /", ""); status != want {
			t.Errorf("%q: %d %s", fields, status, answer)
		}
	}
}

// A client that reads no further makes a handler fail, as one does that hangs up.
func TestWhoStopsReadingGetsNothingBack(t *testing.T) {
	much, path := strings.Repeat("x", 1<<20), filepath.Join(t.TempDir(), "file")
	ok(t, os.WriteFile(path, []byte(much), 0o600))
	for name, write := range map[string]func(w http.ResponseWriter) error{
		"parts": func(w http.ResponseWriter) error { _, err := io.WriteString(w, much); return err },
		"files": func(w http.ResponseWriter) error {
			file, err := os.Open(path)
			if err != nil {
				return err
			}
			defer file.Close()
			_, err = io.Copy(w, file) // by means of the server's own
			return err
		},
		"flushes": func(w http.ResponseWriter) error {
			_, _ = io.WriteString(w, much)
			return http.NewResponseController(w).Flush()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTill(t, payPolicy, func(w http.ResponseWriter, r *http.Request) {
				ok(t, http.NewResponseController(w).SetWriteDeadline(time.Now().Add(300*time.Millisecond)))
				for range 200 {
					if write(w) != nil {
						panic(http.ErrAbortHandler) // as a ReverseProxy does
					}
				}
				t.Error("all of it was read")
			})
			body := `{"usd":"6"}`
			chain, proof, err := s.agent.Present("pay", []byte(body), "till")
			ok(t, err)
			connection := must[net.Conn](t)(net.Dial("tcp", s.server.Listener.Addr().String()))
			defer connection.Close()
			fmt.Fprintf(connection, "POST /pay HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s: %s\r\n%s: %s\r\n\r\n%s",
				len(body), ChainHeader, chain, ProofHeader, proof, body)
			s.awaitOutcome()
			s.expect("4", "closed early")
		})
	}
}

// Both ends of a guard that issues nonces.
func TestARequestIsProvedAnewWithTheNonceThatAGuardAsksFor(t *testing.T) {
	agent, server, _ := onWire(t, nil, GuardOptions{Audience: "files", RequireNonce: true})
	var statuses []int
	base := roundTrip(func(r *http.Request) (*http.Response, error) {
		response, err := http.DefaultTransport.RoundTrip(r)
		if err == nil {
			statuses = append(statuses, response.StatusCode)
		}
		return response, err
	})
	web := &http.Client{Transport: &Transport{Agent: agent, Audience: "files", Base: base}}
	for range 2 {
		response, err := web.Post(server.URL+"/admin", "application/json", strings.NewReader(`{"a":1}`))
		if status, refusal, _ := answer(t, response, err); status != 200 {
			t.Fatal(status, refusal)
		}
	}
	if !slices.Equal(statuses, []int{401, 200, 401, 200}) {
		t.Error(statuses)
	}
	if refused := must[*http.Response](t)(http.Get(server.URL)); refused.Header.Get(NonceHeader) != "" {
		t.Error("a nonce for who has no chain")
	}
}

// A nonce that a server asks for is proved once, and only where the guard has refused the call: else it was made.
func TestAServerGetsNoMoreProofsThanOneForItsNonce(t *testing.T) {
	agent, _, _ := onWire(t, nil, GuardOptions{Audience: "files"})
	for reason, want := range map[string]int{"nonce_required": 2, "nonce_invalid": 2, "mine": 1} {
		var proofs []string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			proofs = append(proofs, r.Header.Get(ProofHeader))
			w.Header().Set(NonceHeader, "n")
			w.WriteHeader(401)
			ok(t, json.NewEncoder(w).Encode(Refusal{Reason: reason}))
		}))
		response, err := client(agent, nil).Get(server.URL)
		ok(t, err)
		body := must[[]byte](t)(io.ReadAll(response.Body))
		response.Body.Close()
		server.Close()
		if len(proofs) != want || response.StatusCode != 401 || !strings.Contains(string(body), reason) {
			t.Errorf("%s: %d proofs, %d %s", reason, len(proofs), response.StatusCode, body)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
