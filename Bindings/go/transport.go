//go:build cgo

package agentid

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/bits"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Transport is an http.RoundTripper that makes each request a call of an agent: it adds chain and proof. Without an Agent it
// is the one of the request's context (WithAgent), so that one http.Client serves all agents.
//
// A chain of more than LongChain bytes is sent by reference: proxies let through about 8 kB of headers. A server that does not know it
// answers 428, and gets it whole once: in the header where it is short enough for proxies, else by an introduction (Middleware).
// A Transport remembers which servers know which chain. Where a guard asks for a nonce (RequireNonce) the call is proved anew with the one
// that it gave, once. It may be used by several goroutines, and is not copied.
type Transport struct {
	Agent       *Agent            // nil: that of the request's context
	Audience    string            // the guard's name for itself
	Base        http.RoundTripper // nil: http.DefaultTransport
	Call        CallOf            // nil: RequestCall; must be what the server's Middleware has
	MaxBody     int64             // bytes; 0: DefaultMaxBody
	WholeChains bool              // no references: each request carries its whole chain

	lock  sync.Mutex
	known map[string]bool // "server reference", those that have it
}

// LongChain is from how many bytes on a chain is sent by reference.
const LongChain = 4096

const (
	longestHeader = 7 << 10  // bytes of a chain in a header that proxies with a limit of 8 kB let through
	smallBody     = 16 << 10 // bytes of a body that may be sent for nothing
	mostRounds    = 24       // of introductions and a call, that may each come to another worker
	mostKnown     = 4096     // servers' chains that a Transport remembers
)

// ErrNoAgent is a request without an agent: neither the Transport nor the request's context has one.
var ErrNoAgent = errors.New("agentid: no agent: set Transport.Agent, or make the request in a context of WithAgent")

// ErrRedirected answers a redirect: a server does not say where the agent goes.
var ErrRedirected = errors.New("agentid: a redirect is not followed: the agent has not asked for that call")

// RoundTrip proves the call and sends it; a second time, with a proof of its own, where the server asked for the whole chain.
func (t *Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if t == nil || request == nil || request.URL == nil {
		return nil, missing("a Transport and a request with a URL", "request")
	}
	body, err := readBody(limited(request.Body, orDefault(t.MaxBody, DefaultMaxBody)))
	if err != nil {
		return nil, err
	}
	if request.Response != nil {
		return nil, ErrRedirected
	}
	call, agent := t.Call, t.Agent
	if call == nil {
		call = RequestCall
	}
	if agent == nil {
		var ok bool
		if agent, ok = FromContext(request.Context()); !ok {
			return nil, ErrNoAgent
		}
	}
	sent := request.Clone(request.Context())
	if sent.Header == nil {
		sent.Header = http.Header{}
	}
	restore(sent, body)
	tool, arguments, err := call(sent, body)
	if err != nil {
		return nil, err
	}
	once := outgoing{t, sent, body, func() (chain, proof string, err error) {
		return agent.Present(tool, arguments, t.Audience)
	}}
	response, err := once.send()
	if err != nil {
		return nil, err
	}
	nonce := response.Header.Get(NonceHeader)
	if nonce == "" || !once.isRefused(response, http.StatusUnauthorized, ReasonNonceRequired, ReasonNonceInvalid) {
		return response, nil
	}
	once.present = func() (chain, proof string, err error) {
		return agent.presentWith(tool, arguments, ProofOptions{t.Audience, nonce})
	}
	return once.send()
}

// presentWith is Present, for a guard that asks for more than its name.
func (a *Agent) presentWith(tool string, arguments []byte, options ProofOptions) (chain, proof string, err error) {
	presentation, err := a.Presentation(tool, arguments, options)
	if err != nil {
		return "", "", err
	}
	var both struct {
		Chain []string `json:"aat_chain"`
		Proof string   `json:"aat_pop"`
	}
	err = json.Unmarshal([]byte(presentation), &both)
	return strings.Join(both.Chain, "~"), both.Proof, err
}

// outgoing is one request on its way.
type outgoing struct {
	*Transport
	request *http.Request
	body    []byte
	present func() (chain, proof string, err error)
}

func (o outgoing) send() (*http.Response, error) {
	chain, proof, err := o.present()
	if err != nil {
		return nil, err
	}
	if o.WholeChains || len(chain) <= LongChain {
		return o.with(chain, proof)
	}
	reference, err := ChainReference(chain)
	if err != nil {
		return nil, err
	}
	if len(o.body) > smallBody && !o.knows(reference) {
		return o.whole(chain)
	}
	response, err := o.with(reference, proof)
	if err != nil || !o.isUnknown(response) {
		if err == nil && response.StatusCode < http.StatusBadRequest {
			o.learned(reference, true)
		}
		return response, err
	}
	o.learned(reference, false)
	return o.whole(chain)
}

// whole sends the call with its whole chain: in the header, or after it where that would be too long for a proxy.
//
// Of several workers behind one address an introduction may come to another one than the call. Where they have turns, as many introductions
// each time could miss the same one for ever: they are 1, 2, 1, 3, 1, 2, 1, 4.
func (o outgoing) whole(chain string) (*http.Response, error) {
	for round := 1; round <= mostRounds; round++ {
		for range bits.TrailingZeros(uint(round)) + 1 {
			if len(chain) <= longestHeader || !o.introduce(chain) {
				return o.inHeader()
			}
		}
		// A proof is for one call, and for the chain that was taken with it: that may have been renewed meanwhile.
		latest, proof, err := o.present()
		if err != nil {
			return nil, err
		}
		if latest != chain {
			chain = latest
			continue
		}
		reference, err := ChainReference(chain)
		if err != nil {
			return nil, err
		}
		response, err := o.with(reference, proof)
		if err != nil || !o.isUnknown(response) {
			o.learned(reference, err == nil)
			return response, err
		}
		o.learned(reference, false)
	}
	return o.inHeader()
}

// inHeader sends the call with its whole chain in the header.
func (o outgoing) inHeader() (*http.Response, error) {
	chain, proof, err := o.present()
	if err != nil {
		return nil, err
	}
	response, err := o.with(chain, proof)
	if err != nil || response.StatusCode >= http.StatusBadRequest {
		return response, err
	}
	if reference, err := ChainReference(chain); err == nil {
		o.learned(reference, true)
	}
	return response, nil
}

func (o outgoing) with(chain, proof string) (*http.Response, error) {
	request := o.request.Clone(o.request.Context())
	request.Header.Set(ChainHeader, chain)
	request.Header.Set(ProofHeader, proof)
	restore(request, o.body)
	return o.base().RoundTrip(request)
}

// introduce sends a chain as a body; false where the server does not take it so.
func (o outgoing) introduce(chain string) bool {
	request, err := http.NewRequestWithContext(o.request.Context(), http.MethodPost, o.request.URL.String(), strings.NewReader(chain))
	if err != nil {
		return false
	}
	request.Host = o.request.Host
	request.Header.Set("Content-Type", IntroductionType)
	response, err := o.base().RoundTrip(request)
	if err != nil {
		return false
	}
	drain(response)
	return response.StatusCode == http.StatusNoContent
}

func (t *Transport) base() http.RoundTripper {
	if t.Base == nil {
		return http.DefaultTransport
	}
	return t.Base
}

func (o outgoing) key(reference string) string {
	return o.request.URL.Scheme + "://" + o.request.URL.Host + " " + reference
}

func (o outgoing) knows(reference string) bool {
	o.lock.Lock()
	defer o.lock.Unlock()
	return o.known[o.key(reference)]
}

func (o outgoing) learned(reference string, is bool) {
	o.lock.Lock()
	defer o.lock.Unlock()
	if !is {
		delete(o.known, o.key(reference))
		return
	}
	if o.known == nil || len(o.known) >= mostKnown { // chains are renewed: what is forgotten is sent once more
		o.known = map[string]bool{}
	}
	o.known[o.key(reference)] = true
}

// isUnknown says whether a guard asks for the whole chain.
func (o outgoing) isUnknown(response *http.Response) bool {
	return o.isRefused(response, http.StatusPreconditionRequired, ReasonChainUnknown)
}

// isRefused says whether a guard refused a call for one of these reasons, and is then done with the answer. A handler may answer with this
// status for reasons of its own: its answer is left as it was, for the call was made. An answer to HEAD says no more than its status.
func (o outgoing) isRefused(response *http.Response, status int, reasons ...Reason) bool {
	if response.StatusCode != status {
		return false
	}
	if o.request.Method == http.MethodHead {
		drain(response)
		return true
	}
	beginning, err := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	var refusal Refusal
	if err == nil && json.Unmarshal(beginning, &refusal) == nil && slices.Contains(reasons, Reason(refusal.Reason)) {
		drain(response)
		return true
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(beginning), response.Body), response.Body}
	return false
}

// drain reads what is left of an answer, so that its connection serves the next request.
func drain(response *http.Response) {
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10)
	response.Body.Close()
}

func limited(body io.ReadCloser, most int64) io.ReadCloser {
	if body == nil {
		return nil
	}
	return http.MaxBytesReader(nil, body, most)
}

func orDefault(value, other int64) int64 {
	if value == 0 {
		return other
	}
	return value
}
