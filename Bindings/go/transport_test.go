//go:build cgo

package agentid

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// deep is an agent whose chain has five links, of 8 tools with 3 arguments each: about 20 kB.
func deep(t *testing.T, acme *Authority) *Agent {
	var ceiling []string
	for i := range 8 {
		ceiling = append(ceiling, fmt.Sprintf(`"POST /tool%d"(path under "/data/q3/public", query == "a text of some length", limit <= 100)`, i))
	}
	scope := strings.Join(ceiling, "; ")
	ok(t, acme.PutProfile(bg, "deep", ProfileOptions{Owner: "team:web@acme.example", Ceiling: scope, MaxDepth: 8}))
	agent := must[*Agent](t)(acme.StartAgent(bg, "deep", AgentOptions{Principal: alice, Task: "t", Scope: scope}))
	t.Cleanup(func() { agent.Close() })
	for range 4 {
		agent = must[*Agent](t)(agent.Spawn(bg, "below", Delegation{SameScope: true}))
		t.Cleanup(func() { agent.Close() })
	}
	return agent
}

var deepCall = []byte(`{"path":"/data/q3/public/a","query":"a text of some length","limit":3}`)

// behind is a guarded server that takes, as a proxy before it would, no header line of more than most bytes, and what came to it:
// the length of each chain that it got, negative for an introduction.
func behind(t *testing.T, most int, guards ...*Guard) (address string, seen func() []int) {
	var lock sync.Mutex
	var lengths []int
	next := 0
	var handlers []http.Handler
	for _, guard := range guards {
		handlers = append(handlers, Middleware{Guard: guard}.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(w, r.Body)
		})))
	}
	// No ReverseProxy: it now and then cuts an answer that comes before it has seen the end of a request's body.
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, values := range r.Header {
			if len(name)+len(values[0])+4 > most {
				http.Error(w, "Request Header Or Cookie Too Large", http.StatusBadRequest)
				return
			}
		}
		lock.Lock()
		if length := len(r.Header.Get(ChainHeader)); r.Header.Get("Content-Type") == IntroductionType {
			lengths = append(lengths, -int(r.ContentLength))
		} else {
			lengths = append(lengths, length)
		}
		handler := handlers[next%len(handlers)]
		next++
		lock.Unlock()
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL, func() []int {
		lock.Lock()
		defer lock.Unlock()
		return slices.Clone(lengths)
	}
}

func guards(t *testing.T, acme *Authority, count int) (made []*Guard) {
	for range count {
		guard := must[*Guard](t)(acme.Guard(bg, GuardOptions{Audience: "files"}))
		t.Cleanup(func() { guard.Close() })
		made = append(made, guard)
	}
	return made
}

func call(t *testing.T, web *http.Client, address string, body []byte) (int, string) {
	t.Helper()
	response := must[*http.Response](t)(web.Post(address+"/tool3", "application/json", bytes.NewReader(body)))
	defer response.Body.Close()
	return response.StatusCode, string(must[[]byte](t)(io.ReadAll(response.Body)))
}

const reference = len("sha-256=") + 43

func TestALongChainComesThroughAProxyThatTakesEightKilobytes(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	agent := deep(t, acme)
	length := len(must[string](t)(agent.Chain()))
	if length < 16<<10 {
		t.Fatal(length)
	}
	address, seen := behind(t, 8<<10, guards(t, acme, 1)...)
	web := &http.Client{Transport: &Transport{Agent: agent, Audience: "files"}}
	for range 3 {
		if status, body := call(t, web, address, deepCall); status != 200 || body != string(deepCall) {
			t.Fatal(status, body)
		}
	}
	if want := []int{reference, -length, reference, reference, reference}; !slices.Equal(seen(), want) {
		t.Fatalf("want %v, got %v", want, seen())
	}
	// It is the guard that knows the chain: another client need not introduce it, but one that sends it whole does not get through.
	other := &http.Client{Transport: &Transport{Agent: agent, Audience: "files"}}
	if status, _ := call(t, other, address, deepCall); status != 200 || len(seen()) != 6 {
		t.Fatal(status, seen())
	}
	whole := &http.Client{Transport: &Transport{Agent: agent, Audience: "files", WholeChains: true}}
	if status, _ := call(t, whole, address, deepCall); status != 400 {
		t.Fatal(status)
	}
}

func TestAChainThatFitsAHeaderIsSentThereOnce(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	agent := deep(t, acme)
	for len(must[string](t)(agent.Chain())) > longestHeader {
		agent = agent.needs.(*Agent)
	}
	length := len(must[string](t)(agent.Chain()))
	if length <= LongChain {
		t.Fatal(length)
	}
	address, seen := behind(t, 8<<10, guards(t, acme, 1)...)
	web := &http.Client{Transport: &Transport{Agent: agent, Audience: "files"}}
	for range 2 {
		if status, body := call(t, web, address, deepCall); status != 200 {
			t.Fatal(status, body)
		}
	}
	if want := []int{reference, length, reference}; !slices.Equal(seen(), want) {
		t.Fatalf("want %v, got %v", want, seen())
	}
}

// A body is sent twice where it is small; a large one follows its chain.
func TestALargeBodyIsNotSentForNothing(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	agent := deep(t, acme)
	length := len(must[string](t)(agent.Chain()))
	address, seen := behind(t, 8<<10, guards(t, acme, 1)...)
	web := &http.Client{Transport: &Transport{Agent: agent, Audience: "files"}}
	large := append(bytes.Repeat([]byte(" "), smallBody), deepCall...)
	for range 2 {
		if status, body := call(t, web, address, large); status != 200 || body != string(large) {
			t.Fatal(status, body)
		}
	}
	if want := []int{-length, reference, reference}; !slices.Equal(seen(), want) {
		t.Fatalf("want %v, got %v", want, seen())
	}
}

// Workers that share no memory of chains, and have turns: whichever gets the call, and whichever the introduction, the call comes through.
func TestEachWorkerIsToldBehindAProxyThatTakesEightKilobytes(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	agent := deep(t, acme)
	all := guards(t, acme, 9)
	for count := range len(all) {
		agent := must[*Agent](t)(agent.Spawn(bg, "anew", Delegation{SameScope: true})) // no guard knows its chain
		t.Cleanup(func() { agent.Close() })
		address, seen := behind(t, 8<<10, all[:count+1]...)
		for _, body := range [][]byte{deepCall, append(bytes.Repeat([]byte(" "), smallBody), deepCall...)} {
			web := &http.Client{Transport: &Transport{Agent: agent, Audience: "files"}}
			for range 12 {
				if status, said := call(t, web, address, body); status != 200 {
					t.Fatal(count+1, status, said)
				}
			}
		}
		t.Log(count+1, "workers:", len(seen()), "requests of 24 calls")
	}
}

// An answer to HEAD has no body that names a reason.
func TestALongChainGoesWithHEADToo(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	agent := deep(t, acme)
	address, seen := behind(t, 8<<10, guards(t, acme, 1)...)
	web := &http.Client{Transport: &Transport{Agent: agent, Audience: "files"}}
	response := must[*http.Response](t)(web.Head(address + "/tool3"))
	response.Body.Close()
	if response.StatusCode != http.StatusForbidden || len(seen()) != 3 { // what was decided is another tool
		t.Fatal(response.Status, seen())
	}
}

func TestAnIntroductionIsJudgedAndReachesNoHandler(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	stranger := deep(t, authority(t, "", AuthorityOptions{}))
	guard := guards(t, acme, 1)[0]
	server := httptest.NewServer(Middleware{Guard: guard}.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") })))
	defer server.Close()
	for _, x := range []struct {
		chain  string
		status int
		reason string
	}{
		{must[string](t)(stranger.Chain()), 401, "untrusted_root"},
		{"nonsense", 401, "token_malformed"},
		{"", 401, "chain_empty"},
		{strings.Repeat("x", longestChain+1), 413, "body"},
	} {
		response, err := http.Post(server.URL+"/anything", IntroductionType, strings.NewReader(x.chain))
		if status, refusal, _ := answer(t, response, err); status != x.status || refusal.Reason != x.reason {
			t.Errorf("%d %+v", status, refusal)
		}
	}
	response := must[*http.Response](t)(http.Post(server.URL, IntroductionType, strings.NewReader(must[string](t)(deep(t, acme).Chain()))))
	response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		t.Fatal(response.Status)
	}
}

func TestWhatATransportRemembersIsBounded(t *testing.T) {
	request := must[*http.Request](t)(http.NewRequest("POST", "http://files.example", nil))
	o := outgoing{Transport: new(Transport), request: request}
	for i := range 3 * mostKnown {
		o.learned(fmt.Sprint(i), true)
	}
	if len(o.known) > mostKnown || !o.knows(fmt.Sprint(3*mostKnown-1)) {
		t.Fatal(len(o.known))
	}
	o.learned(fmt.Sprint(3*mostKnown-1), false)
	if o.knows(fmt.Sprint(3*mostKnown - 1)) {
		t.Fatal("it was forgotten")
	}
}

func TestAChainThatIsRenewedIsIntroducedAnew(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	agent := deep(t, acme)
	address, seen := behind(t, 8<<10, guards(t, acme, 1)...)
	web := &http.Client{Transport: &Transport{Agent: agent, Audience: "files"}, Timeout: time.Minute}
	for range 2 {
		if status, body := call(t, web, address, deepCall); status != 200 {
			t.Fatal(status, body)
		}
		ok(t, agent.RotateKey(bg))
	}
	introduced := 0
	for _, length := range seen() {
		if length < 0 {
			introduced++
		}
	}
	if introduced != 2 {
		t.Fatal(seen())
	}
}

// As other ends do, that know references and no introductions.
func TestAServerThatTakesNoIntroductionGetsTheChainInTheHeader(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	agent := deep(t, acme)
	length := len(must[string](t)(agent.Chain()))
	guarded := Middleware{Guard: guards(t, acme, 1)[0]}.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
	var seen []int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Type") == IntroductionType {
			http.Error(w, "arguments are sent as application/json", http.StatusUnsupportedMediaType)
			return
		}
		seen = append(seen, len(r.Header.Get(ChainHeader)))
		guarded.ServeHTTP(w, r)
	}))
	defer server.Close()
	web := &http.Client{Transport: &Transport{Agent: agent, Audience: "files"}}
	for range 2 {
		if status, body := call(t, web, server.URL, deepCall); status != 200 {
			t.Fatal(status, body)
		}
	}
	if want := []int{reference, length, reference}; !slices.Equal(seen, want) {
		t.Fatalf("want %v, got %v", want, seen)
	}
}

// A call that was made is not made again.
func TestWhatAHandlerAnswersWith428IsItsOwn(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	agent := deep(t, acme)
	calls := 0
	said := strings.Repeat("an If-Match is needed here. ", 1000)
	server := httptest.NewServer(Middleware{Guard: guards(t, acme, 1)[0]}.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		w.WriteHeader(http.StatusPreconditionRequired)
		io.WriteString(w, said)
	})))
	defer server.Close()
	web := &http.Client{Transport: &Transport{Agent: agent, Audience: "files"}}
	if status, body := call(t, web, server.URL, deepCall); status != 428 || body != said || calls != 1 {
		t.Fatal(status, calls, len(body))
	}
}
