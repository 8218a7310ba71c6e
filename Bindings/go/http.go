//go:build cgo

package agentid

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
)

// The headers that carry a chain and the proof of one call.
const (
	ChainHeader = "Agent-Chain"
	ProofHeader = "Agent-Proof"
)

// DefaultMaxBody is how long a body may be where nothing else is said.
const DefaultMaxBody = 1 << 20

// CallOf says which call a request is: the tool, and the arguments as a JSON object. The body has been read already and
// can be read again afterwards. Whatever a handler acts on must be among what is answered here: the guard sees no more.
type CallOf func(request *http.Request, body []byte) (tool string, arguments []byte, err error)

// RequestCall is the call of a request whose tool is its method and path as sent, e.g. "POST /read_file", and whose
// arguments are its body; an empty body is an empty object. A query would be outside both, and is refused.
func RequestCall(request *http.Request, body []byte) (tool string, arguments []byte, err error) {
	if request.URL.RawQuery != "" || request.URL.ForceQuery {
		return "", nil, errors.New("a query is not part of the call: send arguments in the body")
	}
	if len(body) == 0 {
		body = []byte("{}")
	}
	path := request.URL.EscapedPath()
	if path == "" {
		path = "/" // as it is sent
	}
	return request.Method + " " + path, body, nil
}

// Middleware lets through what its guard permits. Everything else is answered here, with a Refusal as JSON.
type Middleware struct {
	Guard   *Guard
	Call    CallOf // nil: RequestCall
	MaxBody int64  // bytes; 0: DefaultMaxBody
}

// Refusal is the body of an answer to a request that was not let through.
type Refusal struct {
	Reason   string `json:"reason"`             // the reason code of the denial, or the name of the error
	Message  string `json:"message"`            // for people
	Argument string `json:"argument,omitempty"` // the argument at fault
	Link     *int   `json:"link,omitempty"`     // the link of the chain at fault
	Decision string `json:"decision,omitempty"` // what the audit log knows the denial by
}

type permitKey struct{}

// PermitFrom is the permit under which a request came to its handler, closed when that has answered; nil where none did.
func PermitFrom(ctx context.Context) *Permit {
	permit, _ := ctx.Value(permitKey{}).(*Permit)
	return permit
}

// Wrap puts the guard before a handler. 401: send another chain or proof; 403: this authority is not enough; 400 and
// 413: this is not a call; 503: the guard cannot decide now.
func (m Middleware) Wrap(next http.Handler) http.Handler {
	call, most := m.Call, m.MaxBody
	if call == nil {
		call = RequestCall
	}
	if most == 0 {
		most = DefaultMaxBody
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		chain, proof := r.Header.Values(ChainHeader), r.Header.Values(ProofHeader)
		if len(chain) > 1 || len(proof) > 1 {
			refuse(w, http.StatusBadRequest, Refusal{Reason: "header", Message: "a chain and a proof are sent once"})
			return
		}
		body, err := readBody(http.MaxBytesReader(w, r.Body, most))
		if err != nil {
			status := http.StatusBadRequest
			if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
				status = http.StatusRequestEntityTooLarge
			}
			refuse(w, status, Refusal{Reason: "body", Message: err.Error()})
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		tool, arguments, err := call(r, body)
		if err != nil {
			refuse(w, http.StatusBadRequest, Refusal{Reason: "call", Message: err.Error()})
			return
		}
		permit, err := permitted(m.Guard.ask(r.Context(), strings.Join(chain, ""), strings.Join(proof, ""), tool, arguments, quiet))
		if err != nil {
			refuseFor(w, err)
			return
		}
		defer permit.Close()
		r = r.WithContext(context.WithValue(r.Context(), permitKey{}, permit))
		r.Body = io.NopCloser(bytes.NewReader(body)) // call may have read it
		next.ServeHTTP(w, r)
	})
}

func readBody(body io.ReadCloser) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	defer body.Close()
	return io.ReadAll(body)
}

func refuseFor(w http.ResponseWriter, err error) {
	var denied *Denied
	if !errors.As(err, &denied) {
		refusal := Refusal{Reason: "internal", Message: "the guard could not decide"}
		status := http.StatusServiceUnavailable
		if told := new(Error); errors.As(err, &told) && (errors.Is(err, ErrArgument) || errors.Is(err, ErrMalformed) || errors.Is(err, ErrLimit)) {
			status, refusal = http.StatusBadRequest, Refusal{Reason: told.Name, Message: told.Message}
		}
		refuse(w, status, refusal)
		return
	}
	refusal := Refusal{Reason: string(denied.Reason), Message: denied.Error(), Argument: denied.Argument}
	if denied.Link >= 0 {
		refusal.Link = &denied.Link
	}
	refusal.Decision = denied.Decision.ID()
	status := denied.Reason.HTTPStatus()
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", ProofHeader+` error="`+string(denied.Reason)+`"`)
	}
	refuse(w, status, refusal)
}

func refuse(w http.ResponseWriter, status int, refusal Refusal) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(refusal) // a client that has gone needs no answer
}

// Transport is an http.RoundTripper that makes each request a call of an agent: it adds chain and proof. Without an Agent it
// is the one of the request's context (WithAgent), so that one http.Client serves all agents.
type Transport struct {
	Agent    *Agent            // nil: that of the request's context
	Audience string            // the guard's name for itself
	Base     http.RoundTripper // nil: http.DefaultTransport
	Call     CallOf            // nil: RequestCall; must be what the server's Middleware has
	MaxBody  int64             // bytes; 0: DefaultMaxBody
}

// ErrNoAgent is a request without an agent: neither the Transport nor the request's context has one.
var ErrNoAgent = errors.New("agentid: no agent: set Transport.Agent, or make the request in a context of WithAgent")

// ErrRedirected is what a redirect is answered with: where the agent goes is not for a server to say.
var ErrRedirected = errors.New("agentid: a redirect is not followed: the agent has not asked for that call")

// RoundTrip proves the call and sends it.
func (t *Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	most := t.MaxBody
	if most == 0 {
		most = DefaultMaxBody
	}
	body, err := readBody(limited(request.Body, most))
	if err != nil {
		return nil, err
	}
	if request.Response != nil {
		return nil, ErrRedirected
	}
	call, base := t.Call, t.Base
	if call == nil {
		call = RequestCall
	}
	if base == nil {
		base = http.DefaultTransport
	}
	sent := request.Clone(request.Context())
	restore(sent, body)
	tool, arguments, err := call(sent, body)
	if err != nil {
		return nil, err
	}
	agent := t.Agent
	if agent == nil {
		var ok bool
		if agent, ok = FromContext(request.Context()); !ok {
			return nil, ErrNoAgent
		}
	}
	chain, proof, err := agent.Present(tool, arguments, t.Audience)
	if err != nil {
		return nil, err
	}
	sent.Header.Set(ChainHeader, chain)
	sent.Header.Set(ProofHeader, proof)
	restore(sent, body)
	return base.RoundTrip(sent)
}

func limited(body io.ReadCloser, most int64) io.ReadCloser {
	if body == nil {
		return nil
	}
	return http.MaxBytesReader(nil, body, most)
}

func restore(request *http.Request, body []byte) {
	request.ContentLength, request.TransferEncoding = int64(len(body)), nil
	if len(body) == 0 {
		request.Body, request.GetBody = http.NoBody, func() (io.ReadCloser, error) { return http.NoBody, nil }
		return
	}
	request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	request.Body, _ = request.GetBody()
}
