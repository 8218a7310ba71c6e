//go:build cgo

package agentid

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// readings is a server that is open to its agent for any argument, so that only what can be read in two ways is refused.
func readings(t *testing.T, call CallOf, handler http.Handler) (send func(method, path, kind, tool, proved, body string) (int, string)) {
	const scope = `read_file; "POST /read_file"`
	acme := authority(t, "", AuthorityOptions{})
	ok(t, acme.PutProfile(bg, "web", ProfileOptions{Owner: "team:web@acme.example", Ceiling: scope}))
	agent := must[*Agent](t)(acme.StartAgent(bg, "web", AgentOptions{Principal: alice, Task: "t", Scope: scope}))
	t.Cleanup(func() { agent.Close() })
	guard := must[*Guard](t)(acme.Guard(bg, GuardOptions{Audience: "files"}))
	t.Cleanup(func() { guard.Close() })
	server := httptest.NewServer(Middleware{Guard: guard, Call: call}.Wrap(handler))
	t.Cleanup(server.Close)
	return func(method, path, kind, tool, proved, body string) (int, string) {
		t.Helper()
		request := must[*http.Request](t)(http.NewRequest(method, server.URL+path, strings.NewReader(body)))
		if kind != "" {
			request.Header.Set("Content-Type", kind)
		}
		chain, proof, err := agent.Present(tool, []byte(proved), "files")
		ok(t, err)
		request.Header.Set(ChainHeader, chain)
		request.Header.Set(ProofHeader, proof)
		response := must[*http.Response](t)(http.DefaultTransport.RoundTrip(request))
		defer response.Body.Close()
		return response.StatusCode, string(must[[]byte](t)(io.ReadAll(response.Body)))
	}
}

func TestABodyThatAHandlerWouldReadAsAFormIsRefused(t *testing.T) {
	form := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.FormValue("path")) })
	send := readings(t, nil, form)
	const body = `{"path":"/data/q3/&path=/etc/passwd&x="}` // JSON, and a form
	for kind, want := range map[string]int{
		"application/x-www-form-urlencoded": 400, "application/x-www-form-urlencoded; charset=utf-8": 400,
		"multipart/form-data; boundary=x": 400, "text/plain": 400, "application/json; charset=utf-16": 400, "/": 400,
		"application/json": 200, "application/json; charset=UTF-8": 200, "application/problem+json": 200, "": 200,
	} {
		if status, read := send("POST", "/read_file", kind, "POST /read_file", body, body); status != want || strings.Contains(read, "passwd") {
			t.Errorf("%q: %d %s", kind, status, read)
		}
	}
	if status, read := send("POST", "/read_file", "text/plain", "POST /read_file", "{}", ""); status != 200 {
		t.Error("a type of no body is nothing to refuse:", status, read)
	}
}

func TestNamesThatTakeLongToCompareAreRefused(t *testing.T) {
	send := readings(t, nil, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }))
	for _, letter := range []string{"\u00e4", `\u00e4`, "a"} {
		for count, want := range map[int]int{600: 200, 700: 400} {
			if letter == "a" {
				want = 200
			}
			var body strings.Builder
			for i := range count {
				fmt.Fprintf(&body, `,"%d%s":1`, i, strings.Repeat(letter, 96/len(letter)))
			}
			text := "{" + body.String()[1:] + "}"
			if status, read := send("POST", "/read_file", "", "POST /read_file", text, text); status != want {
				t.Errorf("%d names with %s: %d %s", count, letter, status, read)
			}
		}
	}
	const odd = `{"\u212a":1,"a0":1,"a1":1,"a2":1,"a3":1,"a4":1,"a5":1,"a6":1,"a7":1,"k":2}`
	for _, text := range []string{odd, `{"K":1,"k":2}`, `{"\u017f":1,"s":2}`} {
		if status, read := send("POST", "/read_file", "", "POST /read_file", text, text); status != 400 {
			t.Error(text, status, read)
		}
	}
}

func TestAValueOfAPathIsAnArgumentWhateverItsNameIsWrittenWith(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/files/{größe}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.PathValue("größe")) })
	mux.HandleFunc("/rest/{パス...}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.PathValue("パス")) })
	routes := must[*Routes](t)(NewRoutes(map[string]string{"GET /files/{größe}": "read_file", "GET /rest/{パス...}": "read_file"}))
	send := readings(t, routes.Call, mux)
	for path, proved := range map[string]string{"/files/9": `{"größe":"9"}`, "/rest/a/b": `{"パス":"a/b"}`} {
		if status, read := send("GET", path, "", "read_file", "{}", ""); status != 401 {
			t.Errorf("%s without its value: %d %s", path, status, read)
		}
		if status, read := send("GET", path, "", "read_file", proved, ""); status != 200 {
			t.Errorf("%s: %d %s", path, status, read)
		}
	}
}

// A client whose next request waits on its connection already is not seen to leave, until a write fails.
func TestWhoHangsUpUnseenGetsNothingBack(t *testing.T) {
	for name, write := range map[string]func(w http.ResponseWriter) error{
		"written": func(w http.ResponseWriter) error { _, err := w.Write(make([]byte, 1<<16)); return err },
		"copied": func(w http.ResponseWriter) error {
			_, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader(strings.Repeat("x", 1<<16)))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan bool)
			s := newTill(t, payPolicy, func(w http.ResponseWriter, r *http.Request) {
				defer close(ended)
				for {
					if err := write(w); err != nil {
						panic(http.ErrAbortHandler) // as httputil.ReverseProxy does
					}
				}
			})
			const body = `{"usd":"6"}`
			chain, proof, err := s.agent.Present("pay", []byte(body), "till")
			ok(t, err)
			connection := must[net.Conn](t)(net.Dial("tcp", s.server.Listener.Addr().String()))
			fmt.Fprintf(connection, "POST /pay HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%s: %s\r\n%s: %s\r\nContent-Length: %d\r\n\r\n%sG",
				ChainHeader, chain, ProofHeader, proof, len(body), body)
			_, _ = connection.Read(make([]byte, 1))
			connection.Close()
			<-ended
			s.awaitOutcome()
			if got := s.outcomes(); !slices.Equal(got, []string{closedEarly}) {
				t.Errorf("the outcomes are %q", got)
			}
			s.expect("4", closedEarly)
		})
	}
}

func TestNamesThatDifferInCaseAloneAreRefused(t *testing.T) {
	routes := must[*Routes](t)(NewRoutes(map[string]string{"PUT /files/{path}": "read_file", "PUT /files": "read_file"}))
	for _, call := range []CallOf{nil, routes.Call} {
		send := readings(t, call, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
		method, path, tool := "POST", "/read_file", "POST /read_file"
		if call != nil {
			method, path, tool = "PUT", "/files", "read_file"
		}
		for body, want := range map[string]int{
			`{"path":"/ok","PATH":"/etc"}`: 400, `{"a":{"b":[{"x":1,"X":2}]}}`: 400, `{"mask":1,"ma\u017fk":2}`: 400, `{"k":1,"\u212a":2}`: 400,
			`{"x\u0061":1,"X\u0041":2}`:                               400,
			`{"a":{"x":1},"X":2,"y":["X","x"],"z":[{"x":1},{"X":2}]}`: 200, `{"path":"/ok","paths":"PATH"}`: 200, `{}`: 200,
		} {
			if status, read := send(method, path, "application/json", tool, body, body); status != want {
				t.Errorf("%s: %d %s", body, status, read)
			}
		}
	}
	send := readings(t, routes.Call, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	if status, read := send("PUT", "/files/7", "application/json", "read_file", `{"path":"7","Path":"8"}`, `{"Path":"8"}`); status != 400 {
		t.Error(status, read)
	}
	if status, read := send("PUT", "/files/7?PATH=8", "", "read_file", `{"path":"7","PATH":"8"}`, ""); status != 400 {
		t.Error(status, read)
	}
}
