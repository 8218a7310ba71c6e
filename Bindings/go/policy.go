//go:build cgo

package agentid

/*
#include "abi.h"

static go_answer go_authority_apply_policy(uintptr_t authority, _GoString_ policy) {
    COUNT(agentid_authority_apply_policy(AS(authority, authority), TEXT(policy), &count, &error));
}
static go_texts go_authority_policy(uintptr_t authority) {
    TAKE(agentid_authority_policy(AS(authority, authority), &first, &error));
}
static go_texts go_agent_remaining(uintptr_t agent, _GoString_ tool) {
    TAKE(agentid_agent_remaining(AS(agent, agent), TEXT(tool), &first, &error));
}
static go_texts go_agent_labels(uintptr_t agent) { TAKE(agentid_agent_labels(AS(agent, agent), &first, &error)); }
static go_answer go_agent_add_labels(uintptr_t agent, _GoString_ labels) {
    DO(agentid_agent_add_labels(AS(agent, agent), TEXT(labels), &error));
}
static go_texts go_agent_join_labels(uintptr_t agent, uintptr_t child, _GoString_ result, _GoString_ type) {
    TAKE(agentid_agent_join_labels(AS(agent, agent), AS(agent, child), TEXT(result), TEXT(type), &first, &error));
}
static go_texts go_authority_limits(uintptr_t authority, int64_t offset, int64_t limit) {
    TAKE(agentid_authority_limits(AS(authority, authority), offset, limit, &first, &error));
}
static go_texts go_authority_budgets(uintptr_t authority, int64_t offset, int64_t limit) {
    TAKE(agentid_authority_budgets(AS(authority, authority), offset, limit, &first, &error));
}
static go_texts go_policy_check(_GoString_ policy, uintptr_t authority) {
    TAKE(agentid_policy_check(TEXT(policy), AS(authority, authority), &first, &error));
}
static go_texts go_policy_explain(_GoString_ policy, _GoString_ tool, _GoString_ arguments) {
    TAKE(agentid_policy_explain(TEXT(policy), TEXT(tool), TEXT(arguments), &first, &error));
}
*/
import "C"

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"time"
)

// PolicyError is a fault of a policy.
type PolicyError struct {
	Name    string `json:"name"`
	Path    string `json:"path"` // e.g. "rules[3].rate.per"; empty for the document
	Rule    string `json:"rule"` // the rule's ID
	Message string `json:"message"`
	Remedy  string `json:"remedy"` // what to do
}

// PolicyFinding is a rule that never decides anything, or calls that no rule decides.
type PolicyFinding struct {
	Name    string `json:"name"` // "shadowed_rule", "unreachable_rule", "budget_above_parent", "unknown_cost" or "unlabelled_tools"
	Path    string `json:"path"` // e.g. "rules[3].budget.cost.argument"
	Rule    string `json:"rule"` // empty where it is of no single rule
	Message string `json:"message"`
}

// PolicyReport is the result of checking a policy that nobody enforces yet: docs/schemas/policy-report.json.
type PolicyReport struct {
	Version  int64           `json:"version"` // 0 where it has errors
	Errors   []PolicyError   `json:"errors"`  // the first of each rule
	Findings []PolicyFinding `json:"findings"`
}

// PolicyMatch is a rule that a call is about.
type PolicyMatch struct {
	Rule    string `json:"rule"`
	Match   string `json:"match"`
	Effect  string `json:"effect"` // the member of the rule that says what it does
	Says    string `json:"says"`   // for people
	Then    string `json:"then"`
	Mode    string `json:"mode"`    // "enforce" or "observe"
	Certain bool   `json:"certain"` // false where the arguments leave open whether the rule is about the call
}

// CheckPolicy reads a policy, JSON as docs/policies.md has it, without applying it.
func CheckPolicy(policy []byte) (PolicyReport, error) {
	return unlessNo(report[PolicyReport](nil, C.go_policy_check(view(policy), 0)))
}

// CheckPolicy reads a policy without applying it, and looks for rules that match no tool of a profile too, and for what its
// policy in force does not let come after it.
func (a *Authority) CheckPolicy(ctx context.Context, policy []byte) (PolicyReport, error) {
	if a.it().value == 0 { // which stands for no authority: the tools would not be looked for
		return PolicyReport{}, &Error{ErrHandle, "handle", "the authority was not opened", "authority", -1}
	}
	return unlessNo(readReport[PolicyReport](ctx, a.it(), func() C.go_texts {
		return C.go_policy_check(view(policy), a.it().value)
	}))
}

// unlessNo is a report, which says itself what is wrong with a policy.
func unlessNo(report PolicyReport, err error) (PolicyReport, error) {
	if errors.Is(err, ErrNo) {
		err = nil
	}
	return report, err
}

// ExplainPolicy says which rules of a policy a call is about. Nothing is decided.
func ExplainPolicy(policy []byte, tool string, arguments []byte) ([]PolicyMatch, error) {
	bytes, err := data(C.go_policy_explain(view(policy), tool, view(arguments)))
	var found struct{ Rules []PolicyMatch }
	if err == nil {
		err = json.Unmarshal(bytes, &found)
	}
	return found.Rules, err
}

// ApplyPolicy puts a policy in force, in place of the one before, and returns its version, which is above that one's. Every
// guard of the directory decides its next call by it, in whatever process. The error says which rule and place is at fault;
// nothing is changed then.
func (a *Authority) ApplyPolicy(ctx context.Context, policy []byte) (version int64, err error) {
	count, err := a.it().tally(ctx, func() C.go_answer { return C.go_authority_apply_policy(a.it().value, view(policy)) })
	return int64(count), err
}

// Policy is the policy in force, JSON; the error is ErrNotFound where there is none.
func (a *Authority) Policy(ctx context.Context) (json.RawMessage, error) {
	return readDocument[json.RawMessage](ctx, a.it(), func() C.go_texts { return C.go_authority_policy(a.it().value) })
}

// BudgetRest is the rest of a budget.
type BudgetRest struct {
	Amount string `json:"amount"` // decimal digits, e.g. "0.20"
	Unit   string `json:"unit"`
}

// RetryAfter is the time from the decision after which the call could be permitted; 0 where time changes nothing.
func (d *Denied) RetryAfter() time.Duration {
	if d == nil {
		return 0
	}
	return d.retryAfter
}

// Rule is the rule of the policy that said no; empty where none did.
func (d *Denied) Rule() string {
	rule, ok := strings.CutPrefix(d.fault().Where, "policy.")
	if !ok {
		return ""
	}
	return rule
}

// Meter is a rate or a budget of a policy, as far as it is used up. Milliseconds that are nil: all can be used now; a budget
// without a period.
type Meter struct {
	Rule    string `json:"rule"`
	Match   string `json:"match"`
	For     string `json:"for"`     // "agent", "subtree", "task", "principal", "profile" or "domain"
	Subject string `json:"subject"` // in a list: whose it is
	Mode    string `json:"mode"`
}

// RateMeter is a rate: calls that could be made at once, of at most Burst, and when more can.
type RateMeter struct {
	Meter
	Left   int64  `json:"left"`
	Burst  int64  `json:"burst"`
	Calls  int64  `json:"calls"`
	Per    int64  `json:"per_ms"`
	MoreIn *int64 `json:"more_in_ms"`
	FullIn *int64 `json:"full_in_ms"`
}

// BudgetMeter is a budget: decimal digits of a unit.
type BudgetMeter struct {
	Meter
	Unit     string `json:"unit"`
	Limit    string `json:"limit"`
	Left     string `json:"left"`
	Spent    string `json:"spent"`
	ResetsIn *int64 `json:"resets_in_ms"`
}

// Remaining is the rest of rates and budgets for an agent, and its task's labels: docs/schemas/remaining.json.
type Remaining struct {
	Policy  int64         `json:"policy"` // 0: none is in force
	Rates   []RateMeter   `json:"rates"`
	Budgets []BudgetMeter `json:"budgets"`
	Labels  []string      `json:"labels"`
}

// Meters is a page of meters that are in use, and how many there are: docs/schemas/limits.json.
type Meters[M RateMeter | BudgetMeter] struct {
	Policy int64 `json:"policy"`
	Total  int   `json:"total"`
	Meters []M   `json:"meters"`
	Cut    bool  `json:"cut"` // there are more agents than were looked at
}

// Remaining tells the rest of the rates and budgets of the rules about a tool, or about any where it is empty. Nothing is taken.
func (a *Agent) Remaining(ctx context.Context, tool string) (Remaining, error) {
	return readDocument[Remaining](ctx, a.it(), func() C.go_texts { return C.go_agent_remaining(a.it().value, tool) })
}

// Labels tells the information-flow labels that the agent's task has: those of its grant, those that it was told, and those
// that the directory of its authority keeps, where that is in this process.
func (a *Agent) Labels(ctx context.Context) ([]string, error) {
	return readDocument[[]string](ctx, a.it(), func() C.go_texts { return C.go_agent_labels(a.it().value) })
}

// AddLabels adds labels to the agent's task: what it has read where no guard of its directory saw it. They stay, and go into each
// grant that it signs and into its proofs.
func (a *Agent) AddLabels(ctx context.Context, labels ...string) error {
	text, err := json.Marshal(append([]string{}, labels...))
	if err != nil {
		return err
	}
	return a.it().do(ctx, func() C.go_answer { return C.go_agent_add_labels(a.it().value, view(text)) })
}

// TypedResult is a result that an agent below this one hands up as a type in the policy's results.
type TypedResult struct {
	Result string // exactly what is used from then on
	Type   string // its type's name
}

// JoinLabels takes the labels of an agent below this one, whose result this one is about to use; it returns them. With a typed
// result it takes the labels that stand at its type, in place of the child's; where there is an error, do not use the result.
func (a *Agent) JoinLabels(ctx context.Context, child *Agent, typed *TypedResult) ([]string, error) {
	if child == nil {
		return nil, missing("the agent below", "child")
	}
	if typed != nil && typed.Type == "" {
		return nil, missing("the name of the result's type", "typed.Type")
	}
	var result TypedResult
	if typed != nil {
		result = *typed
	}
	return readDocument[[]string](ctx, a.it(), func() C.go_texts {
		defer runtime.KeepAlive(child)
		return C.go_agent_join_labels(a.it().value, child.value, result.Result, result.Type)
	})
}

// Limits lists the policy's rates in use, and who used how much; limit 0: 1000.
func (a *Authority) Limits(ctx context.Context, offset, limit int) (Meters[RateMeter], error) {
	return readDocument[Meters[RateMeter]](ctx, a.it(), func() C.go_texts {
		return C.go_authority_limits(a.it().value, C.int64_t(offset), C.int64_t(limit))
	})
}

// Budgets lists the policy's budgets of which something was spent, and by whom; limit 0: 1000.
func (a *Authority) Budgets(ctx context.Context, offset, limit int) (Meters[BudgetMeter], error) {
	return readDocument[Meters[BudgetMeter]](ctx, a.it(), func() C.go_texts {
		return C.go_authority_budgets(a.it().value, C.int64_t(offset), C.int64_t(limit))
	})
}
