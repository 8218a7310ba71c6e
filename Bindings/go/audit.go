package agentid

/*
#include "abi.h"

static void go_audit_close(uintptr_t audit) { agentid_audit_close(AS(audit, audit)); }
static go_answer go_audit_open(_GoString_ directory, _GoString_ key) {
    MAKE(audit, agentid_audit_open(TEXT(directory), TEXT(key), &made, &error));
}
static go_texts go_audit_head(uintptr_t audit) { TAKE(agentid_audit_head(AS(audit, audit), &first, &error)); }
static go_texts go_audit_entries(uintptr_t audit, uint64_t from, int64_t most) {
    TAKE(agentid_audit_entries(AS(audit, audit), from, most, &first, &error));
}
static go_texts go_audit_find(uintptr_t audit, _GoString_ decision) {
    TAKE(agentid_audit_find(AS(audit, audit), TEXT(decision), &first, &error));
}
static go_texts go_audit_prove(uintptr_t audit, uint64_t index) {
    TAKE(agentid_audit_prove(AS(audit, audit), index, &first, &error));
}
static go_texts go_audit_consistency(uintptr_t audit, uint64_t from, uint64_t to) {
    TAKE(agentid_audit_consistency(AS(audit, audit), from, to, &first, &error));
}
static go_texts go_audit_verify(uintptr_t audit, uintptr_t progress) {
    TAKE(agentid_audit_verify(AS(audit, audit), progress ? agentid_go_progress : NULL, (void *)progress, &first, &error));
}
static go_answer go_audit_integrate(uintptr_t authority) {
    DO(agentid_audit_integrate(AS(authority, authority), &error));
}
static go_answer go_audit_report(uintptr_t guard, _GoString_ decision, _GoString_ outcome) {
    DO(agentid_audit_report(AS(guard, guard), TEXT(decision), TEXT(outcome), &error));
}
*/
import "C"

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
)

// AuditSync says when decisions and events are durable. Against the end of the process they always are at once.
type AuditSync int32

// When what was written down is durable.
const (
	AuditBatch  AuditSync = C.AGENTID_AUDIT_BATCH  // against the loss of power within 100 ms
	AuditAlways AuditSync = C.AGENTID_AUDIT_ALWAYS // before the answer is given
)

// Audit is the audit log of one directory, as it was when it was opened.
type Audit struct{ handle }

// AuditHead is the signed state of a log.
type AuditHead struct {
	Size       uint64 `json:"size"`
	First      uint64 `json:"first"` // the index of the first entry that is here: earlier ones were archived
	End        uint64 `json:"end"`   // the index after the last that is here: in an archive less than Size
	Root       []byte `json:"root"`
	Key        string `json:"key"`
	Checkpoint string `json:"checkpoint"` // the signed note that other tools verify
}

// AuditRecord is an entry with its index, and what was reported of it.
type AuditRecord struct {
	Index   uint64          `json:"index"`
	Entry   json.RawMessage `json:"entry"` // docs/schemas/audit.json
	Outcome *string         `json:"outcome"`
}

// InclusionProof proves that an entry is in the log (RFC 6962 section 2.1.1).
type InclusionProof struct {
	Index      uint64   `json:"index"`
	Size       uint64   `json:"size"`
	Leaf       []byte   `json:"leaf"`
	Path       [][]byte `json:"path"`
	Checkpoint string   `json:"checkpoint"`
}

// ConsistencyProof proves that one log is the beginning of another (RFC 6962 section 2.1.2).
type ConsistencyProof struct {
	From       uint64   `json:"from"`
	To         uint64   `json:"to"`
	OldRoot    []byte   `json:"old_root"`
	NewRoot    []byte   `json:"new_root"`
	Path       [][]byte `json:"path"`
	Checkpoint string   `json:"checkpoint"`
}

// AuditReport says what is wrong with a log, and where.
type AuditReport struct {
	Sound    bool   `json:"sound"`
	Size     uint64 `json:"size"`
	Archived uint64 `json:"archived"` // entries that are said to be in an archive: their hashes were verified, and they were not read
	Pending  int    `json:"pending"`
	Findings []struct {
		Place   string `json:"place"`
		Message string `json:"message"`
	} `json:"findings"`
}

// OpenAudit opens the audit log of an authority's directory. Its checkpoint must be signed with the key,
// `name+hash+key`; an empty one stands for what the directory itself says, which shows damage and not a forged log.
func OpenAudit(ctx context.Context, directory, key string) (*Audit, error) {
	return waiting(ctx, func() (*Audit, error) {
		answer := C.go_audit_open(directory, key)
		if err := done(answer); err != nil {
			return nil, err
		}
		audit := new(Audit)
		audit.holdWaiting(answer.handle, func(value C.uintptr_t) { C.go_audit_close(value) })
		return audit, nil
	}, func(audit *Audit) { audit.Close() })
}

// Head reads the signed state of the log.
func (a *Audit) Head(ctx context.Context) (AuditHead, error) {
	return readDocument[AuditHead](ctx, a.it(), func() C.go_texts { return C.go_audit_head(a.it().value) })
}

// Entries are all entries from an index on (Head's First, where some may be archived), each compared with the signed tree: docs/schemas/audit.json. They end with
// the first error.
func (a *Audit) Entries(ctx context.Context, from uint64) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		for {
			next := C.uint64_t(from)
			lines, err := waiting(ctx, func() ([]byte, error) { return a.it().data(C.go_audit_entries(a.it().value, next, 256)) }, nil)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(lines) == 0 {
				return
			}
			for line := range bytes.Lines(lines) {
				if !yield(bytes.TrimSuffix(line, []byte("\n")), nil) {
					return
				}
				from++
			}
		}
	}
}

// Find is everything about one decision, by its ID.
func (a *Audit) Find(ctx context.Context, decision string) (AuditRecord, error) {
	return readDocument[AuditRecord](ctx, a.it(), func() C.go_texts { return C.go_audit_find(a.it().value, decision) })
}

// Prove proves that an entry is in the log.
func (a *Audit) Prove(ctx context.Context, index uint64) (InclusionProof, error) {
	return readDocument[InclusionProof](ctx, a.it(), func() C.go_texts { return C.go_audit_prove(a.it().value, C.uint64_t(index)) })
}

// Consistency proves that the log of `from` entries is the beginning of the one of `to`; 0: of the present one.
func (a *Audit) Consistency(ctx context.Context, from, to uint64) (ConsistencyProof, error) {
	return readDocument[ConsistencyProof](ctx, a.it(), func() C.go_texts { return C.go_audit_consistency(a.it().value, C.uint64_t(from), C.uint64_t(to)) })
}

// Verify reads everything again. Where something is not as it was signed, the error is ErrNo and the report says
// what. The progress, which may be nil, is told how many entries were read, also for a while after the context has ended.
func (a *Audit) Verify(ctx context.Context, progress func(entries uint64)) (AuditReport, error) {
	return readReport[AuditReport](ctx, a.it(), func() C.go_texts {
		if progress == nil {
			return C.go_audit_verify(a.it().value, 0)
		}
		told := keep(progress)
		defer drop(told)
		return C.go_audit_verify(a.it().value, told)
	})
}

// Integrate makes entries of everything that was written down until now, and signs the checkpoint. It happens by itself
// about every second.
func (a *Authority) Integrate(ctx context.Context) error {
	return a.it().do(ctx, func() C.go_answer { return C.go_audit_integrate(a.it().value) })
}

// Report writes down how a permitted call went, by the whole ID of its decision, in a few words, e.g. "failed: not found".
// An ID that cannot be, and a decision that this guard has not made, are errors.
func (g *Guard) Report(ctx context.Context, decision, outcome string) error {
	return g.it().do(ctx, func() C.go_answer { return C.go_audit_report(g.it().value, decision, outcome) })
}
