//go:build cgo

package agentid

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Middleware lets through what its guard permits. Everything else is answered here, with a Refusal as JSON.
//
// A client whose chain is not known here (428, chain_unknown) may introduce it: the chain alone, as a body of the type
// IntroductionType, in a POST to any path. No proxy looks at the length of that, and no handler gets it.
type Middleware struct {
	Guard            *Guard
	Call             CallOf // nil: RequestCall
	MaxBody          int64  // bytes; 0: DefaultMaxBody
	ResourceMetadata string // URL of the RFC 9728 metadata that a 401 names in WWW-Authenticate; empty: none
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
	permit, _ := orBackground(ctx).Value(permitKey{}).(*Permit)
	return permit
}

// Wrap puts the guard before a handler. The call ends with the answer, and its outcome is recorded: it failed, and budgets come back
// as far as their rules say so, where the handler panics or answers 4xx or 5xx. A client that goes away before gets nothing back.
// CallFrom is the call within the handler.
//
// The answers are these. 401: send another chain or proof, with the nonce of its NonceHeader where it has one; 403: this authority is
// not enough; 400, 408 and 413: this is not a call; 428: send the whole chain once; 503: the guard cannot decide now.
func (m Middleware) Wrap(next http.Handler) http.Handler {
	call, most := m.Call, m.MaxBody
	if call == nil {
		call = RequestCall
	}
	if most == 0 {
		most = DefaultMaxBody
	}
	if next == nil {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { m.refuseFor(w, missing("a handler", "next")) })
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if types := r.Header.Values("Content-Type"); r.Method == http.MethodPost && len(types) == 1 && types[0] == IntroductionType {
			m.introduce(w, r)
			return
		}
		chain, proof := r.Header.Values(ChainHeader), r.Header.Values(ProofHeader)
		if len(chain) > 1 || len(proof) > 1 {
			refuse(w, http.StatusBadRequest, Refusal{Reason: "header", Message: "a chain and a proof are sent once"})
			return
		}
		if wantsHTTP2(r) {
			refuse(w, http.StatusBadRequest, Refusal{Reason: "header", Message: "each request of HTTP/2 is a call: this connection does not become one"})
			return
		}
		body, err := readBody(http.MaxBytesReader(w, r.Body, most))
		if err != nil {
			refuseBody(w, err)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		tool, arguments, err := call(r, body)
		if err != nil {
			refuse(w, http.StatusBadRequest, Refusal{Reason: "call", Message: err.Error()})
			return
		}
		permit, begun, err := m.begin(r.Context(), strings.Join(chain, ""), strings.Join(proof, ""), tool, arguments)
		if permit != nil {
			defer permit.Close()
		}
		if err != nil {
			m.refuseFor(w, err)
			return
		}
		ctx := context.WithValue(context.WithValue(begun.Context(), permitKey{}, permit), callKey{}, begun)
		r = r.WithContext(ctx)
		r.Body = io.NopCloser(bytes.NewReader(body)) // call may have read it
		serve(next, w, r, begun)
	})
}

// begin decides a request and begins its call, in a span of its own. The permit is the caller's to close.
func (m Middleware) begin(ctx context.Context, chain, proof, tool string, arguments []byte) (permit *Permit, call *Call, err error) {
	if m.Guard == nil {
		return nil, nil, missing("a guard", "Middleware.Guard")
	}
	call, err = traced(ctx, named(tool), func(ctx context.Context) (*Call, error) {
		found, err := permitted(m.Guard.ask(ctx, chain, proof, tool, arguments, held))
		if err != nil {
			return nil, err
		}
		permit = found
		return m.Guard.callPermitted(ctx, permit)
	})
	return permit, call, err
}

func (m Middleware) refuseFor(w http.ResponseWriter, err error) {
	var denied *Denied
	if !errors.As(err, &denied) { // whatever a client sends is decided: this is ours
		warn("a request could not be decided", "error", err)
		refuse(w, http.StatusServiceUnavailable, Refusal{Reason: "internal", Message: "the guard could not decide"})
		return
	}
	refusal := Refusal{Reason: string(denied.Reason), Message: denied.Error(), Argument: denied.Argument}
	if denied.Link >= 0 {
		refusal.Link = &denied.Link
	}
	refusal.Decision = denied.Decision.ID()
	if challenge := denied.Reason.Challenge(); challenge != "" {
		if m.ResourceMetadata != "" {
			challenge += ", resource_metadata=" + quoted(m.ResourceMetadata)
		}
		w.Header().Set("WWW-Authenticate", challenge)
	}
	if denied.Reason == ReasonNonceRequired || denied.Reason == ReasonNonceInvalid {
		if nonce, err := m.Guard.Nonce(); err == nil {
			w.Header().Set(NonceHeader, nonce)
		}
	}
	if wait := denied.RetryAfter(); wait > 0 {
		// In whole seconds, and never too early.
		w.Header().Set("Retry-After", strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10))
	}
	refuse(w, denied.Reason.HTTPStatus(), refusal)
}

// quoted is a text as a quoted-string (RFC 9110, section 5.6.4).
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// introduce verifies a chain that comes as a body, so that its reference is known afterwards.
func (m Middleware) introduce(w http.ResponseWriter, r *http.Request) {
	chain, err := readBody(http.MaxBytesReader(w, r.Body, longestChain))
	if err != nil {
		refuseBody(w, err)
		return
	}
	if m.Guard == nil {
		m.refuseFor(w, missing("a guard", "Middleware.Guard"))
		return
	}
	admission, err := m.Guard.Admit(r.Context(), string(chain), "")
	if err != nil {
		m.refuseFor(w, err)
		return
	}
	admission.Close() // the guard keeps the chain
	w.WriteHeader(http.StatusNoContent)
}

func refuseBody(w http.ResponseWriter, err error) {
	// The error itself names addresses of the server.
	status, message := http.StatusBadRequest, "the body cannot be read to its end"
	var late net.Error
	switch tooLong := new(http.MaxBytesError); {
	case errors.As(err, &tooLong):
		status, message = http.StatusRequestEntityTooLarge, fmt.Sprintf("a body has at most %d bytes", tooLong.Limit)
	case errors.As(err, &late) && late.Timeout():
		status, message = http.StatusRequestTimeout, "the body took too long"
	}
	refuse(w, status, Refusal{Reason: "body", Message: message})
}

func refuse(w http.ResponseWriter, status int, refusal Refusal) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(refusal) // a client that has gone needs no answer
}
