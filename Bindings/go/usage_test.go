//go:build cgo

package agentid

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestUsageProposesWhatWasUsed(t *testing.T) {
	acme := authority(t, filepath.Join(t.TempDir(), "acme"), AuthorityOptions{})
	agent := start(t, acme)
	must[*Decision](t)(agent.Authorize(bg, "read_file", inside))
	if _, err := agent.Authorize(bg, "read_file", beyond); err == nil {
		t.Fatal("permitted")
	}
	usage := must[Usage](t)(acme.Usage(bg, "researcher"))
	if len(usage.Profiles) != 1 || usage.Entries == 0 {
		t.Fatalf("%+v", usage)
	}
	of := usage.Profiles[0]
	if of.Permitted != 1 || of.Denied != 1 || !slices.Equal(of.Unused, []string{"search"}) || of.Denials["argument_constraint_violated"] != 1 {
		t.Fatalf("%+v", of)
	}
	if len(of.Used) != 1 || of.Used[0].Tool != "read_file" || of.Used[0].Calls != 1 || !slices.Equal(of.Used[0].Arguments, []string{"path"}) {
		t.Fatalf("%+v", of.Used)
	}
	narrower := must[*Scope](t)(ParseScope(of.ProposalText))
	defer narrower.Close()
	wider := must[*Scope](t)(ParseScope(string(of.Ceiling)))
	defer wider.Close()
	ok(t, wider.Subsumes(narrower))
	ok(t, narrower.Permits("read_file", inside))
	_, err := acme.Usage(bg, "nobody")
	refused(t, err, ErrNotFound, "")
	_, err = authority(t, "", AuthorityOptions{}).Usage(bg, "")
	refused(t, err, ErrState, "")
}

// Everything that a program in C can reach is reachable from here.
func TestEveryFunctionOfTheHeaderIsBound(t *testing.T) {
	// For C's own texts; the status of an error; what the error says; what a decision's document says; and what waits without a context.
	apart := map[string]bool{
		"agentid_decision_policy": true, "agentid_decision_rule": true,
		"agentid_agent_authorize_z": true, "agentid_guard_authorize_z": true, "agentid_agent_authorize_waiting": true,
		"agentid_error_code": true, "agentid_decision_permitted": true, "agentid_decision_reason": true,
	}
	var bound strings.Builder
	for _, pattern := range []string{"*.go", "*.c", "*.h"} {
		for _, name := range must[[]string](t)(filepath.Glob(pattern)) {
			if !strings.HasSuffix(name, "_test.go") {
				bound.Write(must[[]byte](t)(os.ReadFile(name)))
			}
		}
	}
	include := must[[]byte](t)(exec.Command("pkg-config", "--variable=includedir", "agentid").Output())
	headers := must[[]string](t)(filepath.Glob(filepath.Join(strings.TrimSpace(string(include)), "agentid*.h")))
	count := 0
	for _, header := range headers {
		for _, match := range regexp.MustCompile(`\b(agentid_\w+)\(`).FindAllStringSubmatch(string(must[[]byte](t)(os.ReadFile(header))), -1) {
			count++
			// Go has zero values in place of initialisers.
			if !apart[match[1]] && !strings.HasSuffix(match[1], "_init") && !regexp.MustCompile(`\b`+match[1]+`\b`).MatchString(bound.String()) {
				t.Errorf("%s is not bound", match[1])
			}
		}
	}
	if count < 90 {
		t.Fatalf("only %d functions in %v", count, headers)
	}
}
