package agentid

/*
#include "abi.h"

static go_answer go_set_log(int32_t least, uintptr_t receiver) {
    DO(agentid_set_log(least, receiver ? agentid_go_line : NULL, receiver ? agentid_go_release : NULL, (void *)receiver,
                       &error));
}
static go_texts go_authority_statistics(uintptr_t authority) {
    TAKE(agentid_authority_statistics(AS(authority, authority), &first, &error));
}
*/
import "C"

import (
	"context"
	"encoding/json"
	"log/slog"
)

// LogTo hands the lines that this process's operator should see to a logger; nil ends it: a decision that is not in the audit log, a
// directory that was replaced, a hook that failed, a clock that stepped, an audit log that is not integrated, a policy that cannot be read,
// a lease or grant that is not renewed. docs/monitoring.md lists their reasons; each line has its own as `reason`. Lines below level are
// left out. The logger is called on a thread of the library's own, and may call the library; of one subject at most once a second.
func LogTo(logger *slog.Logger, level slog.Level) error {
	least := C.int32_t(C.AGENTID_LOG_INFO)
	switch {
	case level > slog.LevelWarn:
		least = C.AGENTID_LOG_ERROR
	case level > slog.LevelInfo:
		least = C.AGENTID_LOG_WARNING
	}
	var receiver C.uintptr_t
	if logger != nil {
		receiver = keep(logger)
	}
	err := done(C.go_set_log(least, receiver))
	dropFailed(err, receiver)
	return err
}

// AuthorityStatistics is an authority in numbers: docs/schemas/statistics.json.
type AuthorityStatistics struct {
	TrustDomain   string `json:"trust_domain"`
	Milliseconds  int64  `json:"time_ms"`
	PolicyVersion int64  `json:"policy_version"`
	Revocations   int64  `json:"revocations"`
	Agents        struct {
		Active      int64 `json:"active"`
		LapsingSoon int64 `json:"lapsing_soon"` // of the active, those whose lease is over within a minute
		Lapsed      int64 `json:"lapsed"`
		Denied      int64 `json:"denied"` // with a lease that runs: expired, revoked, or one above is, or is suspended, parked or lapsed
		Suspended   int64 `json:"suspended"`
		Parked      int64 `json:"parked"`
		Ended       int64 `json:"ended"`
	} `json:"agents"`
	Hooks []struct {
		Name    string `json:"name"`
		Waiting int64  `json:"waiting"`
		Dead    int64  `json:"dead"`
	} `json:"hooks"`
	Secrets struct {
		Held      int64 `json:"held"`
		Releasing int64 `json:"releasing"`
	} `json:"secrets"`
	// Audit is nil without an audit log.
	Audit *struct {
		Entries      int64  `json:"entries"`
		Waiting      int64  `json:"waiting"` // lines that are not integrated yet
		WaitingSince *int64 `json:"waiting_since_ms"`
	} `json:"audit"`
	// Replay is the memory of used proofs that guards of the directory share, nil where there is none yet.
	Replay *struct {
		Remembered  int64 `json:"remembered"`
		Slots       int64 `json:"slots"`
		SlotsAtMost int64 `json:"slots_at_most"`
	} `json:"replay"`
	// Meters are the policy's rates and labels, nil where there are none yet.
	Meters *struct {
		Used  int64 `json:"used"`
		Slots int64 `json:"slots"`
	} `json:"meters"`
	// Guard is what the agents' own handles asked for in this process.
	Guard json.RawMessage `json:"guard"`
}

// Statistics reads the registry and the end of the audit log: for a look now and then. Each guard has its own Statistics.
func (a *Authority) Statistics(ctx context.Context) (AuthorityStatistics, error) {
	return readDocument[AuthorityStatistics](ctx, a.it(), func() C.go_texts { return C.go_authority_statistics(a.it().value) })
}
