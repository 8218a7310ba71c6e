package agentid

/*
#cgo nocallback go_decision_text
#cgo nocallback go_decision_free
#include "abi.h"

static const char *go_decision_text(uintptr_t decision, int which) {
    return which ? agentid_decision_id(AS(decision, decision)) : agentid_decision_reason(AS(decision, decision));
}
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
	"runtime"
	"sync"
)

// Decision is the answer to one call, immutable. It is made at every call: Close it where calls are many, or leave it to
// the collector.
type Decision struct {
	permitted bool
	lock      sync.Mutex // a text of the library lives only as long as the decision
	value     C.uintptr_t
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
}

// Permitted says whether the call may go on; false for no decision at all.
func (d *Decision) Permitted() bool { return d != nil && d.permitted }

// ID is what the audit log knows it by; empty where it was not written down.
func (d *Decision) ID() string { return d.text(1) }

// Reason is why not; empty for a permit.
func (d *Decision) Reason() Reason { return Reason(d.text(0)) }

// id is ID of a decision that may not be.
func (d *Decision) id() string {
	if d == nil {
		return ""
	}
	return d.ID()
}

// Document is the decision with its chain; names of arguments, never their values.
func (d *Decision) Document() (document DecisionDocument, err error) {
	bytes, err := d.data(func(value C.uintptr_t) C.go_texts { return C.go_decision_document(value) })
	if err == nil {
		err = json.Unmarshal(bytes, &document)
	}
	return document, err
}

// Explain is the decision as people read it: who, for whom, what, and on a denial which constraint of which link said no.
func (d *Decision) Explain() (string, error) {
	bytes, err := d.data(func(value C.uintptr_t) C.go_texts { return C.go_decision_explain(value) })
	return string(bytes), err
}

// Close frees it; further calls are harmless. It returns nil, and an error only to be an io.Closer.
func (d *Decision) Close() error {
	d.lock.Lock()
	defer d.lock.Unlock()
	if d.value != 0 {
		runtime.SetFinalizer(d, nil)
		C.go_decision_free(d.value)
		d.value = 0
	}
	return nil
}

func (d *Decision) text(which C.int) string {
	d.lock.Lock()
	defer d.lock.Unlock()
	return C.GoString(C.go_decision_text(d.value, which))
}

func (d *Decision) data(ask func(C.uintptr_t) C.go_texts) ([]byte, error) {
	d.lock.Lock()
	defer d.lock.Unlock()
	return data(ask(d.value))
}

// decided is what every call that decides answers: a decision where it is permitted, a Denied with one where it is not.
func (h *handle) decided(answer C.go_answer) (*Decision, error) {
	runtime.KeepAlive(h)
	var decision *Decision
	if answer.handle != 0 {
		decision = &Decision{permitted: answer.status == C.AGENTID_OK, value: answer.handle}
		// A finalizer, not a cleanup: that would be two more allocations at every call.
		runtime.SetFinalizer(decision, (*Decision).Close)
	}
	err := failure(answer.status, answer.error)
	if err == nil {
		return decision, nil
	}
	if denied, ok := err.(*Denied); ok {
		denied.Decision = decision
	}
	return nil, err
}

// checked makes a denial an answer like any other.
func checked(decision *Decision, err error) (*Decision, error) {
	var denied *Denied
	if errors.As(err, &denied) && denied.Decision != nil {
		return denied.Decision, nil
	}
	return decision, err
}
