//go:build cgo

package agentid

/*
#include "abi.h"

static go_texts go_authority_approvals(uintptr_t authority) {
    TAKE(agentid_authority_approvals(AS(authority, authority), &first, &error));
}
static go_texts go_authority_approval(uintptr_t authority, _GoString_ request) {
    TAKE(agentid_authority_approval(AS(authority, authority), TEXT(request), &first, &error));
}
static go_texts go_approval_sign(uintptr_t authority, _GoString_ request, _GoString_ approver, _GoString_ key) {
    TAKE(agentid_approval_sign(AS(authority, authority), TEXT(request), TEXT(approver), TEXT(key), &first, &error));
}
static go_answer go_approval_approve(uintptr_t authority, _GoString_ request, _GoString_ token) {
    int32_t approved = 0;
    agentid_error *error = NULL;
    agentid_status status = agentid_approval_approve(AS(authority, authority), TEXT(request), TEXT(token), &approved, &error);
    return (go_answer){status, (uintptr_t)error, 0, approved};
}
static go_answer go_approval_refuse(uintptr_t authority, _GoString_ request, _GoString_ approver) {
    DO(agentid_approval_refuse(AS(authority, authority), TEXT(request), TEXT(approver), &error));
}
static go_texts go_authority_ask_to_declassify(uintptr_t authority, _GoString_ agent, _GoString_ labels) {
    TAKE(agentid_authority_ask_to_declassify(AS(authority, authority), TEXT(agent), TEXT(labels), &first, &error));
}
static go_answer go_authority_declassify(uintptr_t authority, _GoString_ request) {
    DO(agentid_authority_declassify(AS(authority, authority), TEXT(request), &error));
}
static go_answer go_approval_wait(uintptr_t authority, _GoString_ request, int64_t milliseconds) {
    int32_t state = 0;
    agentid_error *error = NULL;
    agentid_status status = agentid_approval_wait(AS(authority, authority), TEXT(request), milliseconds, &state, &error);
    return (go_answer){status, (uintptr_t)error, 0, state};
}
static go_answer go_approval_callback(uintptr_t authority, _GoString_ approver, _GoString_ key, uintptr_t decide) {
    DO(agentid_approval_callback(AS(authority, authority), TEXT(approver), TEXT(key), agentid_go_approve, (void *)decide,
                                 agentid_go_release, &error));
}
*/
import "C"

import (
	"context"
	"encoding/json"
	"errors"
)

// ApprovalRequest is a call that waits for people's consent, or was decided and not made yet: docs/schemas/approval.json.
type ApprovalRequest struct {
	ID           string          `json:"id"`
	State        string          `json:"state"`     // "pending", "approved" or "refused"
	Call         ApprovalCall    `json:"call"`      // what an approver signs
	Arguments    json.RawMessage `json:"arguments"` // null once it is decided
	Because      string          `json:"because"`   // what the rule says against the call
	Principal    string          `json:"principal"`
	Owner        string          `json:"owner"`
	Task         string          `json:"task"`
	Labels       []string        `json:"labels"` // of the task when it was asked
	Of           []string        `json:"of"`     // who may approve
	Need         int             `json:"need"`   // how many of them must
	Keys         []string        `json:"keys"`   // thumbprints of the chain's holders: none of them may approve
	ApprovedBy   []string        `json:"approved_by"`
	RefusedBy    string          `json:"refused_by"`
	AskedMillis  int64           `json:"asked_ms"`
	ExpireMillis int64           `json:"expires_ms"`
}

// ApprovalCall is the call that an approval is over.
type ApprovalCall struct {
	Tool      string   `json:"tool"`
	Arguments string   `json:"arguments"` // the SHA-256 of the arguments in canonical form, base64url
	Agent     string   `json:"agent"`
	Chain     []string `json:"chain"`  // the agents, root first
	Issuer    string   `json:"issuer"` // empty: this authority
	Rule      string   `json:"rule"`
	Policy    int64    `json:"policy"`
	Request   string   `json:"request"`
	Expires   int64    `json:"expires"` // milliseconds since 1970
	// The labels that are to be taken away from the agent: then no call is meant.
	Declassifies []string `json:"declassifies,omitempty"`
}

// ApprovalStep is a step of a request, in an Event.
type ApprovalStep struct {
	ID     string `json:"id"`
	State  string `json:"state"` // "asked", "approved", "refused" or "used"
	Rule   string `json:"rule"`
	Policy int64  `json:"policy"`
	By     string `json:"by"` // the approver who decided
	// The labels that are, or were, to be taken away from the agent.
	Declassifies []string `json:"declassifies,omitempty"`
}

// ApprovalVerdict is the verdict of an approver's callback.
type ApprovalVerdict int

// The verdicts. The zero one leaves the request to others.
const (
	ApprovalLeave ApprovalVerdict = iota
	ApprovalApprove
	ApprovalRefuse
)

// Approvals are the requests that have not lapsed, oldest first.
func (a *Authority) Approvals(ctx context.Context) ([]ApprovalRequest, error) {
	return readDocument[[]ApprovalRequest](ctx, a.it(), func() C.go_texts { return C.go_authority_approvals(a.it().value) })
}

// Approval is one request, with its arguments until it is decided; the error is ErrNotFound where it is gone.
func (a *Authority) Approval(ctx context.Context, request string) (ApprovalRequest, error) {
	return readDocument[ApprovalRequest](ctx, a.it(), func() C.go_texts { return C.go_authority_approval(a.it().value, request) })
}

// SignApproval signs one person's consent to a request, for Approve; key is their private key, a JWK.
func (a *Authority) SignApproval(ctx context.Context, request, approver string, key []byte) (token string, err error) {
	return a.it().read(ctx, func() C.go_texts { return C.go_approval_sign(a.it().value, request, approver, view(key)) })
}

// Approve approves a request: the very same call is permitted once. It is false where the request waits for more people.
func (a *Authority) Approve(ctx context.Context, request, token string) (approved bool, err error) {
	count, err := a.it().tally(ctx, func() C.go_answer { return C.go_approval_approve(a.it().value, request, token) })
	return count == 1, err
}

// Refuse refuses a request, in the name of one of its approvers: its call is denied until it lapses.
func (a *Authority) Refuse(ctx context.Context, request, approver string) error {
	return a.it().do(ctx, func() C.go_answer { return C.go_approval_refuse(a.it().value, request, approver) })
}

// AskToDeclassify asks those whom the policy names to take labels away from an agent, by its ID; it returns the request's ID. A rule
// of the policy declassifies them. They decide as about a call, by Approve or Refuse; then Declassify takes them away.
func (a *Authority) AskToDeclassify(ctx context.Context, agent string, labels ...string) (request string, err error) {
	text, err := json.Marshal(append([]string{}, labels...))
	if err != nil {
		return "", err
	}
	return a.it().read(ctx, func() C.go_texts { return C.go_authority_ask_to_declassify(a.it().value, agent, view(text)) })
}

// Declassify takes labels away from an agent, where as many people approved that as the policy wants: once. The error is ErrState
// where it waits or was refused, and where agents above have a label; ErrNotFound where there is no such request, also the second time.
func (a *Authority) Declassify(ctx context.Context, request string) error {
	return a.it().do(ctx, func() C.go_answer { return C.go_authority_declassify(a.it().value, request) })
}

// WaitForApproval waits until a request is decided, or for the context; the error is ErrNotFound where it is gone.
func (a *Authority) WaitForApproval(ctx context.Context, request string) (approved bool, err error) {
	err = lookUntil(ctx, func() (bool, error) {
		state, err := a.it().tally(ctx, func() C.go_answer { return C.go_approval_wait(a.it().value, request, 0) })
		approved = state == 1
		return state != 0, err
	})
	return approved, err
}

// OnApproval decides requests by a callback as they come, one at a time, and signs for one approver with their private key, a
// JWK. A callback that fails is asked again later.
func (a *Authority) OnApproval(ctx context.Context, approver string, key []byte, decide func(ApprovalRequest) (ApprovalVerdict, error)) error {
	if decide == nil {
		return missing("a callback", "decide")
	}
	return finish(ctx, func() error {
		callback := keep(decide)
		// From here on it is the library's: it releases it where this fails too.
		return a.it().done(C.go_approval_callback(a.it().value, approver, view(key), callback))
	})
}

// Approval is the request for approval that the call waits for, or was refused; empty where there is none.
func (d *Denied) Approval() string {
	if d == nil {
		return ""
	}
	return d.approval
}

// AuthorizeWaiting is Authorize, for a call that waits for the approval that it needs, until the context ends: the error is then
// the context's and a *Denied, which names the request. An agent without its authority in this process does not wait.
func (a *Agent) AuthorizeWaiting(ctx context.Context, tool string, arguments []byte) (*Decision, error) {
	for {
		decision, err := a.Authorize(ctx, tool, arguments)
		var denied *Denied
		acme := a.authority()
		if acme == nil || !errors.As(err, &denied) || denied.Reason != ReasonApprovalRequired || denied.approval == "" {
			return decision, err
		}
		// The call is decided again only once the request is: what waits behind a context that has ended uses no approval up.
		if _, waited := acme.WaitForApproval(ctx, denied.approval); waited != nil && !errors.Is(waited, ErrNotFound) {
			return nil, errors.Join(waited, err)
		}
	}
}

// authority is what started its root in this process; nil where that is elsewhere.
func (a *Agent) authority() *Authority {
	for a != nil {
		switch needed := a.needs.(type) {
		case *Authority:
			return needed
		case *Agent:
			a = needed
		default:
			return nil
		}
	}
	return nil
}
