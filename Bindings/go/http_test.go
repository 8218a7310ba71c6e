//go:build cgo

package agentid

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const webScope = `"POST /read_file"(path under "/data/q3"); "GET /"`

// site is a guarded server that answers with what it read, and an agent that may call it.
func site(t *testing.T, call CallOf) (server *httptest.Server, agent *Agent, acme *Authority) {
	acme = authority(t, "", AuthorityOptions{})
	ok(t, acme.PutProfile(bg, "web", ProfileOptions{Owner: "team:web@acme.example", Ceiling: webScope + `; "POST /big"; read_file(path under "/data/q3")`}))
	agent = must[*Agent](t)(acme.StartAgent(bg, "web", AgentOptions{Principal: alice, Task: "t", Scope: webScope + `; "POST /big"; read_file(path under "/data/q3")`}))
	t.Cleanup(func() { agent.Close() })
	guard := must[*Guard](t)(acme.Guard(bg, GuardOptions{Audience: "files"}))
	t.Cleanup(func() { guard.Close() })
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !PermitFrom(r.Context()).Permitted() {
			t.Error("a handler without a permit")
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Write(body)
	})
	server = httptest.NewServer(Middleware{Guard: guard, Call: call, MaxBody: 1000}.Wrap(echo))
	t.Cleanup(server.Close)
	return server, agent, acme
}

func client(agent *Agent, call CallOf) *http.Client {
	return &http.Client{Transport: &Transport{Agent: agent, Audience: "files", Call: call}}
}

// answer is the status and, where it was refused, why.
func answer(t *testing.T, response *http.Response, err error) (int, Refusal, string) {
	t.Helper()
	ok(t, err)
	defer response.Body.Close()
	body := must[[]byte](t)(io.ReadAll(response.Body))
	var refusal Refusal
	if response.StatusCode != http.StatusOK {
		ok(t, json.Unmarshal(body, &refusal))
	}
	return response.StatusCode, refusal, string(body)
}

func TestRequestIsACall(t *testing.T) {
	server, agent, acme := site(t, nil)
	web := client(agent, nil)
	post := func(path, body string) (int, Refusal, string) {
		t.Helper()
		response, err := web.Post(server.URL+path, "application/json", strings.NewReader(body))
		return answer(t, response, err)
	}
	if status, _, body := post("/read_file", string(inside)); status != 200 || body != string(inside) {
		t.Fatal(status, body)
	}
	response, err := web.Get(server.URL)
	if status, refusal, _ := answer(t, response, err); status != 200 {
		t.Fatal(status, refusal)
	}
	status, refusal, body := post("/read_file", `{"path":"/etc/shadow"}`)
	if status != 403 || refusal.Reason != "argument_constraint_violated" || refusal.Argument != "path" || *refusal.Link != 0 {
		t.Fatal(status, body)
	}
	if strings.Contains(body, "shadow") {
		t.Fatal("a value of an argument in ", body)
	}
	if status, refusal, _ := post("/delete_file", "{}"); status != 403 || refusal.Reason != "tool_not_authorized" {
		t.Fatal(status, refusal)
	}
	if status, refusal, _ := post("/read%5ffile", string(inside)); status != 403 {
		t.Fatal(status, refusal)
	}
	ok(t, acme.Suspend(bg, agent.ID(), "look into it"))
	if status, refusal, _ := post("/read_file", string(inside)); status != 403 || refusal.Reason != "suspended" {
		t.Fatal(status, refusal)
	}
}

func TestRequestWithoutProofIsAnsweredWithWhatIsMissing(t *testing.T) {
	server, agent, _ := site(t, nil)
	chain := must[string](t)(agent.Chain())
	tool := "POST /read_file"
	used := must[string](t)(agent.Prove(tool, inside, "files"))
	send := func(body string, header http.Header) (int, Refusal, *http.Response) {
		request := must[*http.Request](t)(http.NewRequest("POST", server.URL+"/read_file", strings.NewReader(body)))
		request.Header = header
		response, err := http.DefaultClient.Do(request)
		status, refusal, _ := answer(t, response, err)
		return status, refusal, response
	}
	if status, refusal, _ := send(string(inside), http.Header{ChainHeader: {chain}, ProofHeader: {used}}); status != 200 {
		t.Fatal(status, refusal)
	}
	other := must[string](t)(agent.Prove(tool, inside, "elsewhere"))
	for _, x := range []struct {
		reason string
		header http.Header
	}{
		{"chain_empty", http.Header{}},
		{"pop_missing", http.Header{ChainHeader: {chain}}},
		{"replayed", http.Header{ChainHeader: {chain}, ProofHeader: {used}}},
		{"pop_recipient_mismatch", http.Header{ChainHeader: {chain}, ProofHeader: {other}}},
	} {
		status, refusal, response := send(string(inside), x.header)
		if status != 401 || refusal.Reason != x.reason || !strings.Contains(response.Header.Get("WWW-Authenticate"), x.reason) {
			t.Fatal(status, refusal)
		}
	}
	twice := http.Header{ChainHeader: {chain, chain}, ProofHeader: {used}}
	if status, refusal, _ := send(string(inside), twice); status != 400 {
		t.Fatal(status, refusal)
	}
}

func TestWhatIsNoCallIsRefused(t *testing.T) {
	server, agent, _ := site(t, nil)
	send := func(url, body string) (int, Refusal) {
		request := must[*http.Request](t)(http.NewRequest("POST", server.URL+url, strings.NewReader(body)))
		request.Header.Set(ChainHeader, must[string](t)(agent.Chain()))
		request.Header.Set(ProofHeader, must[string](t)(agent.Prove("POST /read_file", inside, "files")))
		response, err := http.DefaultClient.Do(request)
		status, refusal, _ := answer(t, response, err)
		return status, refusal
	}
	for _, x := range []struct {
		status    int
		url, body string
	}{
		{400, "/read_file?path=/etc", string(inside)},
		{400, "/read_file?", string(inside)},
		{413, "/read_file", `{"path":"` + strings.Repeat("x", 2000) + `"}`},
		{401, "/read_file", `{"path":"/data/q3/other"}`}, // proven for other arguments
		{403, "/read_file", `{"path":`},
		{403, "/read_file", `[]`},
		{403, "/read_file", `{"path":"/data/q3/a","path":"/etc"}`},
	} {
		if status, refusal := send(x.url, x.body); status != x.status {
			t.Fatal(x, status, refusal)
		}
	}
	if _, err := client(agent, nil).Get(server.URL + "/?a=b"); err == nil {
		t.Fatal("a query was sent")
	}
	big := bytes.NewReader(make([]byte, DefaultMaxBody+1))
	if _, err := client(agent, nil).Post(server.URL+"/big", "", big); err == nil {
		t.Fatal("a body beyond the limit was sent")
	}
}

func TestCallIsWhatTheUserSays(t *testing.T) {
	call := func(r *http.Request, body []byte) (string, []byte, error) {
		arguments, err := json.Marshal(map[string]string{"path": r.URL.Query().Get("path")})
		return strings.TrimPrefix(r.URL.Path, "/"), arguments, err
	}
	server, agent, _ := site(t, call)
	response, err := client(agent, call).Get(server.URL + "/read_file?path=/data/q3/a.csv")
	if status, refusal, _ := answer(t, response, err); status != 200 {
		t.Fatal(status, refusal)
	}
	response, err = client(agent, call).Get(server.URL + "/read_file?path=/etc/shadow")
	if status, refusal, _ := answer(t, response, err); status != 403 {
		t.Fatal(status, refusal)
	}
}

func TestRedirectIsNotProven(t *testing.T) {
	server, agent, _ := site(t, nil)
	trap := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, server.URL+"/read_file", http.StatusTemporaryRedirect)
	}))
	defer trap.Close()
	request := must[*http.Request](t)(http.NewRequest("POST", trap.URL+"/read_file", bytes.NewReader(inside)))
	_, err := client(agent, nil).Do(request)
	if !errors.Is(err, ErrRedirected) {
		t.Fatal(err)
	}
	if request.Header.Get(ProofHeader) != "" {
		t.Fatal("the caller's request was changed")
	}
}

func TestGuardThatIsClosedLetsNothingThrough(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	guard := must[*Guard](t)(acme.Guard(bg, GuardOptions{Audience: "files"}))
	guard.Close()
	server := httptest.NewServer(Middleware{Guard: guard}.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") })))
	defer server.Close()
	response, err := http.Get(server.URL)
	if status, refusal, _ := answer(t, response, err); status != 503 || refusal.Reason != "internal" {
		t.Fatal(status, refusal)
	}
}
