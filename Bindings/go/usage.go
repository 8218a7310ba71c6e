package agentid

/*
#include "abi.h"

static go_texts go_audit_usage(uintptr_t authority, _GoString_ profile) {
    TAKE(agentid_audit_usage(AS(authority, authority), TEXT(profile), &first, &error));
}
*/
import "C"

import (
	"context"
	"encoding/json"
)

// Usage compares what was granted with what was used, as the audit log has it: docs/schemas/usage.json. It holds names of
// arguments, never their values.
type Usage struct {
	Entries      uint64         `json:"entries"`      // entries of the log that were read
	Archived     uint64         `json:"archived"`     // entries before these, which were archived: what was used then is not in this
	Unattributed int            `json:"unattributed"` // decisions under no profile of this authority
	Foreign      int            `json:"foreign"`      // decisions under chains of other trust domains
	Caveat       string         `json:"caveat"`       // what the log cannot know, for people
	Profiles     []ProfileUsage `json:"profiles"`
}

// ProfileUsage is the Usage of one profile.
type ProfileUsage struct {
	Profile      string          `json:"profile"`
	Ceiling      json.RawMessage `json:"ceiling"` // the present one: docs/schemas/scope.json
	Permitted    int             `json:"permitted"`
	Denied       int             `json:"denied"`
	Used         []ToolUsage     `json:"used"`
	Unused       []string        `json:"unused"`        // tools of the ceiling that no call was permitted of
	Denials      map[string]int  `json:"denials"`       // by reason
	Proposal     json.RawMessage `json:"proposal"`      // the smallest ceiling that would have done; null without a permitted call
	ProposalText string          `json:"proposal_text"` // the same in text form
	Unknown      int             `json:"unknown"`       // permitted calls under grants that the registry does not know
	Beyond       int             `json:"beyond"`        // permitted calls that the present ceiling does not cover
}

// ToolUsage is how a tool was called.
type ToolUsage struct {
	Tool      string   `json:"tool"`
	Calls     int      `json:"calls"`
	Latest    int64    `json:"latest_ms"` // milliseconds since 1970
	Arguments []string `json:"arguments"` // the names that were given
}

// Usage compares what was granted with what was used, and proposes for each profile, or for one, the smallest ceiling
// that would have permitted it all. It reads the whole log. The error is ErrNotFound where there is no such profile and
// ErrState for an authority without an audit log.
func (a *Authority) Usage(ctx context.Context, profile string) (Usage, error) {
	return readDocument[Usage](ctx, a.it(), func() C.go_texts { return C.go_audit_usage(a.it().value, profile) })
}
