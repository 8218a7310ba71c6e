//go:build cgo

package agentid

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const routesScope = `get_user(id in ["7", "8"], fields?: *); put_user(id == "7", name: *); "DELETE /users/{id}"(id == "7"); read_file(path in ["a/b/c.txt"])`

func TestRoutesAreTools(t *testing.T) {
	routes := must[*Routes](t)(NewRoutes(map[string]string{
		"GET /users/{id}": "get_user", "PUT /users/{id}": "put_user", "DELETE /users/{id}": "", "GET /files/{path...}": "read_file",
	}))
	acme := authority(t, "", AuthorityOptions{})
	ok(t, acme.PutProfile(bg, "web", ProfileOptions{Owner: "team:web@acme.example", Ceiling: routesScope}))
	agent := must[*Agent](t)(acme.StartAgent(bg, "web", AgentOptions{Principal: alice, Task: "t", Scope: routesScope}))
	defer agent.Close()
	guard := must[*Guard](t)(acme.Guard(bg, GuardOptions{Audience: "files"}))
	defer guard.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/users/{id}", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.PathValue("id")) })
	mux.HandleFunc("/files/{path...}", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.PathValue("path")) })
	mux.HandleFunc("/other", func(http.ResponseWriter, *http.Request) { t.Error("an unnamed route was reached") })
	server := httptest.NewServer(Middleware{Guard: guard, Call: routes.Call, MaxBody: 1000, ResourceMetadata: `https://x.example/"`}.Wrap(mux))
	defer server.Close()
	web := client(agent, routes.Call)
	proven := map[string]string{"GET": "get_user", "PUT": "put_user"}
	for _, x := range []struct {
		method, path, kind, body string
		status                   int
		reason                   string
	}{
		{"GET", "/users/7", "", "", 200, ""},
		{"GET", "/users/7?fields=name", "", "", 200, ""},
		{"GET", "/users/9", "", "", 403, "argument_constraint_violated"},
		{"GET", "/users/7?id=8", "", "", 403, "arguments_malformed"}, // there twice
		{"GET", "/users/7?admin=1", "", "", 403, "argument_not_permitted"},
		{"PUT", "/users/7", "application/json", ` { "name": "Ada" } `, 200, ""},
		{"PUT", "/users/7", "application/json; charset=UTF-8", `{"name":"Ada"}`, 200, ""},
		{"PUT", "/users/7", "application/json", `{"name":"Ada","id":"8"}`, 403, "arguments_malformed"},
		{"PUT", "/users/7", "application/json", `{"name":"Ada","name":"Bob"}`, 403, "arguments_malformed"},
		{"PUT", "/users/7", "application/json", `{"name":"Ada"},"x":{}`, 403, "arguments_malformed"},
		{"PUT", "/users/7", "application/json", `{"name":"Ada"` + "\x00" + `}`, 403, "arguments_malformed"},
		{"DELETE", "/users/7", "application/json", `{ }`, 200, ""},
		{"DELETE", "/users/8", "", "", 403, "argument_constraint_violated"},
		{"GET", "/files/a/b/c.txt", "", "", 200, ""},
		{"GET", "/files/etc/passwd", "", "", 403, "argument_constraint_violated"},
		{"GET", "/files/a/b%2f..%2f..%2fetc", "", "", 403, "argument_constraint_violated"},
	} {
		request := must[*http.Request](t)(http.NewRequest(x.method, server.URL+x.path, strings.NewReader(x.body)))
		if x.kind != "" {
			request.Header.Set("Content-Type", x.kind)
		}
		response, err := web.Do(request)
		if x.reason == "arguments_malformed" { // what an agent does not prove; so somebody sends it with another proof
			if err == nil {
				t.Fatalf("%v was proven", x)
			}
			request.Body, _ = request.GetBody()
			request.Header.Set(ChainHeader, must[string](t)(agent.Chain()))
			request.Header.Set(ProofHeader, must[string](t)(agent.Prove(proven[x.method], []byte(`{"id":"7"}`), "files")))
			response, err = http.DefaultTransport.RoundTrip(request)
		}
		if status, refusal, body := answer(t, response, err); status != x.status || refusal.Reason != x.reason {
			t.Errorf("%v: %d %s", x, status, body)
		}
	}
	// What is not a call is refused on both sides.
	for _, x := range []struct{ method, path, kind, body string }{
		{"GET", "/other", "", ""}, {"POST", "/users/7", "", ""}, {"HEAD", "/users/7", "", ""}, {"GET", "/users/7?fields=a&fields=b", "", ""},
		{"GET", "/users/7?%zz", "", ""}, {"GET", "/users/7?a=%ff", "", ""}, {"GET", "/users/%ff", "", ""}, {"GET", "/users/../users/7", "", ""},
		{"PUT", "/users/7", "application/x-www-form-urlencoded", "name=Ada"}, {"PUT", "/users/7", "application/json", `["Ada"]`},
		{"PUT", "/users/7", "text/plain", `{"name":"Ada"}`}, {"PUT", "/users/7", "application/json; charset=utf-16", `{"name":"Ada"}`},
	} {
		request := must[*http.Request](t)(http.NewRequest(x.method, server.URL+x.path, strings.NewReader(x.body)))
		request.Header.Set("Content-Type", x.kind)
		if response, err := web.Do(request); err == nil {
			t.Errorf("%v was sent", x)
			response.Body.Close()
		}
		request.Body, _ = request.GetBody()
		response := must[*http.Response](t)(http.DefaultTransport.RoundTrip(request))
		response.Body.Close()
		if response.StatusCode != 400 {
			t.Errorf("%v: %d", x, response.StatusCode)
		}
	}
	response := must[*http.Response](t)(http.Get(server.URL + "/users/7"))
	response.Body.Close()
	want := `Agent-Proof error="chain_empty", resource_metadata="https://x.example/\""`
	if challenge := response.Header.Get("WWW-Authenticate"); response.StatusCode != 401 || challenge != want {
		t.Error(response.Status, challenge)
	}
	big := `{"name":"` + strings.Repeat("x", 2000) + `"}`
	request := must[*http.Request](t)(http.NewRequest("PUT", server.URL+"/users/7", strings.NewReader(big)))
	sent, err := web.Do(request)
	if status, refusal, _ := answer(t, sent, err); status != 413 || refusal.Reason != "body" {
		t.Error(status, refusal)
	}
}

func TestAnArgumentIsWhereItsHandlerLooksForIt(t *testing.T) {
	routes := must[*Routes](t)(NewRoutes(map[string]string{"GET /files": "t", "POST /rm": "t", "POST /read?path&limit": "t", "GET /one?path": "t"}))
	for _, x := range []struct{ method, url, body, want string }{
		{"GET", "/files?path=a", "", `{"path":"a"}`},
		{"GET", "/files?path=a", `{ }`, `{"path":"a"}`},
		{"POST", "/rm", `{"path":"a"}`, `{"path":"a"}`},
		{"POST", "/read?path=a", `{"b":1}`, `{"path":"a","b":1}`},
		{"GET", "/one?path=a", "", `{"path":"a"}`},
		{"POST", "/read?path=a", `{"b":{"limit":1},"c":"\"limit\":","d":["limit"]}`, `{"path":"a","b":{"limit":1},"c":"\"limit\":","d":["limit"]}`},
		// What is not JSON is for the guard to deny: before a proof nothing is parsed, which takes long.
		{"POST", "/read?path=a", `{"b":01}`, `{"path":"a","b":01}`},
		{"POST", "/read?path=a", `{"b":{"c":1},"limit" :1}`, ""},
		{"POST", "/read?path=a", `{"b":{"c":01},"\u006c\u0069mit":1}`, ""},
		// A handler with a default for what it does not find would act on that, and not on what was decided.
		{"GET", "/files", `{"path":"a"}`, ""},
		{"GET", "/files?path=a", `{"limit":1}`, ""},
		{"POST", "/rm?path=a", "", ""},
		{"POST", "/rm?path=a", "{}", ""},
		{"POST", "/read", `{"path":"a"}`, ""},
		{"POST", "/read?path=a", `{"\u006cimit":1}`, ""},
		{"POST", "/read?path=a&other=b", "", ""},
		{"POST", "/read", `{"path"`, ""},
		{"GET", "/one?path=a&limit=1", "", ""},
	} {
		request := must[*http.Request](t)(http.NewRequest(x.method, "http://h"+x.url, nil))
		_, arguments, err := routes.Call(request, []byte(x.body))
		if string(arguments) != x.want || (err == nil) != (x.want != "") {
			t.Errorf("%v: %s, %v", x, arguments, err)
		}
	}
}

func TestRoutesThatAreNotWellFormedAreRefused(t *testing.T) {
	for _, route := range []string{"/users/{id}", "GET", "GET users", "GET /users/{id", "GET /users/{id}/{id}", "GET /users/", "", "GET /users/?x", "POST /a?", "POST /a?x&x", "POST /a/{x}?x", "POST /a?x&", "get /a"} {
		if _, err := NewRoutes(map[string]string{route: "t"}); err == nil {
			t.Errorf("%q was taken", route)
		}
	}
	_, err := NewRoutes(map[string]string{"GET /a/{x}": "a", "GET /{y}/b": "b"})
	if err == nil || errors.Is(err, http.ErrAbortHandler) {
		t.Error("two routes of one path")
	}
	if err != nil && (!strings.Contains(err.Error(), "GET /a/{x}") || strings.Contains(err.Error(), ".go:")) {
		t.Error(err)
	}
}
