package agentid

/*
#cgo nocallback go_decision_document
#cgo nocallback go_decision_explain
#include "abi.h"

// A decision may be the last to hold its guard, whose provider is let go with it: that calls back.
static void go_decision_free(uintptr_t decision) { agentid_decision_free(AS(decision, decision)); }
static go_texts go_decision_document(uintptr_t decision) {
    TAKE(agentid_decision_document(AS(decision, decision), &first, &error));
}
static go_texts go_decision_explain(uintptr_t decision) {
    TAKE(agentid_decision_explain(AS(decision, decision), &first, &error));
}
*/
import "C"

import (
	"encoding/json"
	"errors"
	"time"
	"unsafe"
)

// Decision is the answer to one call: a value of Go's, immutable, with nothing to close.
type Decision struct {
	permits bool    // of the zero value it is false: nobody has decided
	denied  *Denied // nil for a permit
	id      [64]byte
	idLen   uint8
}

// Permitted says whether the call may go on; false for no decision at all.
func (d *Decision) Permitted() bool { return d != nil && d.permits }

// String is it in a line, as programs print it: "permitted", the denial, or "no decision", which is also the zero value.
func (d *Decision) String() string {
	switch denied := d.Denied(); {
	case denied != nil:
		return "denied: " + denied.Error()
	case d.Permitted():
		return "permitted"
	}
	return "no decision"
}

// ID is its ID in the audit log; empty where it was not written down, and for a nil decision.
func (d *Decision) ID() string {
	if d == nil {
		return ""
	}
	return string(d.id[:d.idLen])
}

// Reason is why not; empty for a permit, and for no decision at all.
func (d *Decision) Reason() Reason {
	if d == nil || d.denied == nil {
		return ""
	}
	return d.denied.Reason
}

// Denied is the denial, as Authorize returns it; nil for a permit, and for no decision at all.
func (d *Decision) Denied() *Denied {
	if d == nil {
		return nil
	}
	return d.denied
}

// Permit is a decision that permits, kept in the library until it is closed: for Authority.Acquire, and for those who want to
// know who asked.
type Permit struct {
	Decision
	handle
}

// DecisionLink is one grant of the chain that a decision was made under.
type DecisionLink struct {
	JTI       string `json:"jti"`
	Key       string `json:"key"`
	Expires   Time   `json:"expires"`
	Agent     string `json:"agent"`
	Owner     string `json:"owner"`
	Principal string `json:"principal"`
	Task      string `json:"task"`
}

// Issuer is the authority whose key signed a chain's root: whose word its agents, principal, owner and profile are.
type Issuer struct {
	Key     string `json:"key"`     // its RFC 7638 thumbprint
	Domain  string `json:"domain"`  // the trust domain it speaks for
	Iss     string `json:"iss"`     // what the root says of its issuer, where that is not a trust domain
	Foreign bool   `json:"foreign"` // it is not the domain whose registry the guard follows
}

// Stop is the fate of an agent, with all below it, before its call was answered.
type Stop struct {
	Rule     string   `json:"rule"`     // the rule whose line was crossed
	Then     string   `json:"then"`     // "suspend", "revoke" or "deprovision"
	Stopped  []string `json:"stopped"`  // IDs of agents; a key's thumbprint, where the registry knows no agent of it
	Pending  bool     `json:"pending"`  // not written down yet: denied in this process, not yet in others
	Observed bool     `json:"observed"` // the rule is only observed: nothing was stopped
}

// DecisionDocument is a decision in full: docs/schemas/decision.json.
type DecisionDocument struct {
	Decision string         `json:"decision"` // "permit" or "deny"
	Tool     string         `json:"tool"`
	Reason   string         `json:"reason"`
	Message  string         `json:"message"`
	Argument string         `json:"argument"`
	Place    string         `json:"place"`
	Link     *int           `json:"link"`
	Issuer   *Issuer        `json:"issuer"` // nil where no chain verified
	Chain    []DecisionLink `json:"chain"`

	Policy     int64  `json:"policy"`      // the version of the policy that it was decided by; 0: none
	Rule       string `json:"rule"`        // the rule of the policy that denied it
	Approval   string `json:"approval"`    // the request for approval that it waits for, or was refused
	RetryAfter int64  `json:"retry_after"` // milliseconds until time alone no longer stands against it; 0: it does not
	Stop       *Stop  `json:"stop"`        // nil where no rule stopped the agent

	Left *BudgetRest `json:"left"` // what is left of the budget that denied it; nil where none did
}

// Document is the decision with its chain; names of arguments, never their values. The error is ErrHandle after Close.
func (p *Permit) Document() (DecisionDocument, error) {
	return document[DecisionDocument](p.it(), C.go_decision_document(p.it().value))
}

// Explain is the decision as people read it: who, for whom, what. The error is ErrHandle after Close.
func (p *Permit) Explain() (string, error) { return p.it().text(C.go_decision_explain(p.it().value)) }

// Document is the decision with its chain; names of arguments, never their values. It comes with the denials of Check and
// Permit; the error is ErrNotFound for those of Authorize, which are made for less, and where nothing was decided.
func (d *Denied) Document() (document DecisionDocument, err error) {
	if d == nil || d.document == nil {
		return document, &Error{ErrNotFound, "document", "this denial has no document: ask by Check or Permit", "", -1}
	}
	err = json.Unmarshal(d.document, &document)
	return document, err
}

// Explain is the decision as people read it: who, for whom, what, and which constraint of which link said no. Where there is
// no document it is the message.
func (d *Denied) Explain() string {
	if d == nil || d.explanation == "" {
		return d.Error()
	}
	return d.explanation
}

// verdict is the answer of a call that decides.
type verdict = C.go_decision

// decided is a decision where the call is permitted, an error where it is not.
func decided(answer verdict, err error) (*Decision, error) {
	if err != nil {
		return nil, err
	}
	if answer.status == C.AGENTID_OK {
		return remember(&Decision{permits: true}, &answer), nil
	}
	return nil, refusal(&answer)
}

// checked makes a denial an answer like any other.
func checked(answer verdict, err error) (*Decision, error) {
	decision, err := decided(answer, err)
	var denied *Denied
	if errors.As(err, &denied) && denied.Decision != nil {
		return denied.Decision, nil
	}
	return decision, err
}

// permitted is decided, for an answer that is held.
func permitted(answer verdict, err error) (*Permit, error) {
	if err != nil {
		return nil, err
	}
	if answer.status != C.AGENTID_OK {
		return nil, refusal(&answer)
	}
	permit := new(Permit)
	remember(&permit.Decision, &answer).permits = true
	permit.hold(answer.held, func(value C.uintptr_t) { C.go_decision_free(value) })
	return permit, nil
}

func remember(decision *Decision, answer *verdict) *Decision {
	decision.idLen = uint8(copy(decision.id[:], unsafe.Slice((*byte)(unsafe.Pointer(&answer.id[0])), int(answer.id_len))))
	return decision
}

func refusal(answer *verdict) error {
	document, explanation := take(&answer.document), string(take(&answer.explanation))
	err := failure(answer.status, answer.error)
	if denied, ok := err.(*Denied); ok {
		denied.approval = string(unsafe.Slice((*byte)(unsafe.Pointer(&answer.approval[0])), int(answer.approval_len)))
		denied.retryAfter = time.Duration(answer.retry_after) * time.Millisecond
		denied.document, denied.explanation = document, explanation
		denied.Decision = remember(&Decision{denied: denied}, answer)
	}
	return err
}

// discard lets go of what was answered to a caller who has gone.
func discard(answer verdict) {
	if permit, err := permitted(answer, nil); err == nil {
		permit.Close()
	}
}

// How much comes along with a decision: abi.h. The documents of a denial cost twice what the denial does.
const (
	bare C.int = C.GO_BARE
	told C.int = C.GO_TOLD
	held C.int = C.GO_HELD
)
