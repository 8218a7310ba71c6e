package agentidgrpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"agentid.example/agentid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// The metadata of a call, and of the answer to one that is refused.
const (
	ChainKey   = "agent-chain"
	ProofKey   = "agent-proof"
	NonceKey   = "agent-nonce"   // in the trailer: the nonce for the next proof, of a guard with RequireNonce
	RefusalKey = "agent-refusal" // in the trailer: an agentid.Refusal as JSON
)

// refusal is a call that is not let through, with the answer to it.
type refusal struct {
	code  codes.Code
	said  agentid.Refusal
	nonce string
}

func refuse(code codes.Code, reason, message string) *refusal {
	return &refusal{code: code, said: agentid.Refusal{Reason: reason, Message: message}}
}

// refusalOf is the answer to what a decision failed with. A client is told nothing about a fault of the guard itself.
func refusalOf(err error, guard *agentid.Guard) *refusal {
	var denied *agentid.Denied
	var fault *agentid.Error
	switch {
	case errors.As(err, &denied):
		found := refuse(codeOf(denied.Reason.HTTPStatus()), string(denied.Reason), denied.Error())
		found.said.Argument, found.said.Decision = denied.Argument, denied.Decision.ID()
		if denied.Link >= 0 {
			found.said.Link = &denied.Link
		}
		if denied.Reason == agentid.ReasonNonceRequired || denied.Reason == agentid.ReasonNonceInvalid {
			found.nonce, _ = guard.Nonce() // none: the guard can issue none now
		}
		return found
	case errors.As(err, &fault) && (fault.Code == agentid.ErrArgument || fault.Code == agentid.ErrMalformed || fault.Code == agentid.ErrLimit):
		return refuse(codes.InvalidArgument, fault.Name, fault.Message)
	case errors.Is(err, context.Canceled):
		return refuse(codes.Canceled, "call", "the call was cancelled before it was decided")
	case errors.Is(err, context.DeadlineExceeded):
		return refuse(codes.DeadlineExceeded, "call", "the call's time was over before it was decided")
	default:
		slog.Error("agentidgrpc: a call was refused because the guard could not decide", "error", err)
		return refuse(codes.Unavailable, "internal", "the guard could not decide")
	}
}

// codeOf is the code for a status of HTTP.
func codeOf(status int) codes.Code {
	switch status {
	case 401:
		return codes.Unauthenticated
	case 403:
		return codes.PermissionDenied
	case 428:
		return codes.FailedPrecondition
	case 429:
		return codes.ResourceExhausted
	case 503:
		return codes.Unavailable
	default:
		return codes.InvalidArgument
	}
}

// err is the refusal as a call ends with it.
func (r *refusal) err() error { return status.Error(r.code, r.said.Message) }

// trailer is the refusal as metadata: as HTTP answers it, JSON, of which metadata bears ASCII only.
func (r *refusal) trailer() metadata.MD {
	var text, ascii strings.Builder
	writer := json.NewEncoder(&text)
	writer.SetEscapeHTML(false)
	_ = writer.Encode(r.said) // it has nothing in it that JSON does not have
	for _, letter := range strings.TrimSuffix(text.String(), "\n") {
		switch {
		case letter < 0x7F:
			ascii.WriteRune(letter)
		case letter > 0xFFFF:
			letter -= 0x10000
			fmt.Fprintf(&ascii, `\u%04x\u%04x`, 0xD800+letter>>10, 0xDC00+letter&0x3FF)
		default:
			fmt.Fprintf(&ascii, `\u%04x`, letter)
		}
	}
	found := metadata.Pairs(RefusalKey, ascii.String())
	if r.nonce != "" {
		found.Set(NonceKey, r.nonce)
	}
	return found
}

// RefusalFrom reads the refusal of a guard from a call's trailer; false where there is none.
func RefusalFrom(trailer metadata.MD) (agentid.Refusal, bool) {
	var said agentid.Refusal
	found := trailer.Get(RefusalKey)
	if len(found) != 1 || json.Unmarshal([]byte(found[0]), &said) != nil {
		return agentid.Refusal{}, false
	}
	return said, true
}
