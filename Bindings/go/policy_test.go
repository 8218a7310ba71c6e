//go:build cgo

package agentid

import (
	"errors"
	"testing"
	"time"
)

func TestAPolicyIsAppliedEnforcedAndTold(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	agent := start(t, acme)
	_, err := acme.Policy(bg)
	refused(t, err, ErrNotFound, "")
	slow := []byte(`{"version":1,"rules":[{"id":"slow","match":"read_*","rate":{"calls":1,"per":"1h"}}]}`)
	if version := must[int64](t)(acme.ApplyPolicy(bg, slow)); version != 1 {
		t.Fatal(version)
	}
	if kept, err := acme.Policy(bg); err != nil || len(kept) != len(slow) {
		t.Fatal(string(kept), err)
	}
	must[*Decision](t)(agent.Authorize(bg, "read_file", inside))
	_, err = agent.Authorize(bg, "read_file", inside)
	var denied *Denied
	if !errors.As(err, &denied) || denied.Reason != ReasonRateLimited || denied.Rule() != "slow" || denied.Reason.HTTPStatus() != 429 {
		t.Fatalf("%v", err)
	}
	if wait := denied.RetryAfter(); wait <= 59*time.Minute || wait > time.Hour {
		t.Fatal(wait)
	}
	_, err = acme.ApplyPolicy(bg, []byte(`{"version":2,"rules":[{"id":"a","match":"t","approval":{"of":["user:a"]}}]}`))
	var fault *Error
	if !errors.As(err, &fault) || fault.Name != "unknown_approver" || fault.Where != "rules[0].approval.of[0]" {
		t.Fatalf("%v", err)
	}
	report := must[PolicyReport](t)(CheckPolicy([]byte(`{"version":2,"rules":[{"id":"a","match":"t","thn":"deny"}]}`)))
	if len(report.Errors) != 1 || report.Errors[0].Path != "rules[0].thn" || report.Errors[0].Rule != "a" {
		t.Fatalf("%+v", report)
	}
	report = must[PolicyReport](t)(acme.CheckPolicy(bg, []byte(`{"version":2,"rules":[{"id":"a","match":"fax","then":"deny"}]}`)))
	if len(report.Findings) != 1 || report.Findings[0].Name != "unreachable_rule" {
		t.Fatalf("%+v", report)
	}
	found := must[[]PolicyMatch](t)(ExplainPolicy(slow, "read_file", inside))
	if len(found) != 1 || found[0].Rule != "slow" || !found[0].Certain {
		t.Fatalf("%+v", found)
	}
}
