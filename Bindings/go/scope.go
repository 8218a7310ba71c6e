package agentid

/*
#include "abi.h"

typedef struct go_given {
    go_answer answer;
    agentid_bytes explanation;
} go_given;
static go_answer go_scope_parse(_GoString_ text) { MAKE(scope, agentid_scope_parse(TEXT(text), &made, &error)); }
static void go_scope_free(uintptr_t scope) { agentid_scope_free(AS(scope, scope)); }
static go_texts go_scope_text(uintptr_t scope) { TAKE(agentid_scope_text(AS(scope, scope), &first, &error)); }
static go_texts go_scope_json(uintptr_t scope) { TAKE(agentid_scope_json(AS(scope, scope), &first, &error)); }
static go_texts go_scope_explain(uintptr_t scope) { TAKE(agentid_scope_explain(AS(scope, scope), &first, &error)); }
static go_answer go_scope_permits(uintptr_t scope, _GoString_ tool, _GoString_ arguments) {
    DO(agentid_scope_permits(AS(scope, scope), TEXT(tool), TEXT(arguments), &error));
}
static go_answer go_scope_subsumes(uintptr_t parent, uintptr_t child) {
    DO(agentid_scope_subsumes(AS(scope, parent), AS(scope, child), &error));
}
static go_answer go_scope_meet(uintptr_t a, uintptr_t b) {
    MAKE(scope, agentid_scope_meet(AS(scope, a), AS(scope, b), &made, &error));
}
static go_given go_scope_for_task(uintptr_t ceiling, _GoString_ prompt, _GoString_ pins, _GoString_ directory) {
    agentid_scope *made = NULL;
    agentid_bytes explanation = {NULL, 0, 0};
    agentid_error *error = NULL;
    agentid_status status = agentid_scope_for_task(AS(scope, ceiling), TEXT(prompt), TEXT(pins), TEXT(directory), &made,
                                                   &explanation, &error);
    return (go_given){{status, (uintptr_t)error, (uintptr_t)made, 0}, explanation};
}
*/
import "C"

import (
	"encoding/json"
	"runtime"
)

// Scope is a scope, parsed and compiled, immutable.
type Scope struct{ handle }

// ParseScope reads a scope in text form, e.g. `read_file(path under "/data"); search(query: *)`, or in JSON form.
func ParseScope(text string) (*Scope, error) { return newScope(C.go_scope_parse(text)) }

func newScope(answer C.go_answer) (*Scope, error) {
	if err := done(answer); err != nil {
		return nil, err
	}
	scope := new(Scope)
	scope.hold(answer.handle, func(value C.uintptr_t) { C.go_scope_free(value) })
	return scope, nil
}

// Text is the scope in text form; it reads back as the same scope.
func (s *Scope) Text() (string, error) { return s.it().text(C.go_scope_text(s.it().value)) }

// JSON is the scope in JSON form, an AAT `tools` object; it reads back as the same scope.
func (s *Scope) JSON() (json.RawMessage, error) { return s.it().data(C.go_scope_json(s.it().value)) }

// Explain is the scope in words, a line per tool and argument.
func (s *Scope) Explain() (string, error) { return s.it().text(C.go_scope_explain(s.it().value)) }

// Permits returns nil where the scope permits a call, else a Denied that names the first argument at fault.
func (s *Scope) Permits(tool string, arguments []byte) error {
	return s.it().done(C.go_scope_permits(s.it().value, tool, view(arguments)))
}

// Subsumes returns nil where child is provably below s, else a Denied that names tool and argument.
func (s *Scope) Subsumes(child *Scope) error {
	if child == nil {
		return missing("a scope", "child")
	}
	err := s.it().done(C.go_scope_subsumes(s.it().value, child.value))
	runtime.KeepAlive(child)
	return err
}

// Meet is the intersection; ErrScope where it is empty.
func (s *Scope) Meet(other *Scope) (*Scope, error) {
	if other == nil {
		return nil, missing("a scope", "other")
	}
	meet, err := newScope(C.go_scope_meet(s.it().value, other.value))
	runtime.KeepAlive(s)
	runtime.KeepAlive(other)
	return meet, err
}

// TaskPin is an argument that a task pinned to what its prompt names.
type TaskPin struct {
	Tool     string `json:"tool"`
	Argument string `json:"argument"`
	Pin      string `json:"pin"` // as declared, e.g. "address:people[]"
	Values   []any  `json:"values"`
	Named    []struct {
		Text string `json:"text"`
		Byte int    `json:"byte"` // where in the prompt
	} `json:"named"`
}

// TaskLeftOut is a tool of the ceiling that the prompt does not name.
type TaskLeftOut struct {
	Tool     string `json:"tool"`
	Argument string `json:"argument"` // empty where no argument is at fault
	Reason   string `json:"reason"`   // "not_asked_for", "not_named" or "named_outside_ceiling"
	Message  string `json:"message"`
}

// TaskExplanation tells to which values a scope was pinned for a task, and why.
type TaskExplanation struct {
	Pins     []TaskPin     `json:"pins"`
	LeftOut  []TaskLeftOut `json:"left_out"`
	Unpinned []string      `json:"unpinned"` // tools as the ceiling has them, as no pins are declared for them
}

// ForTask is the part of s that a person's own words name; it is always below s. Pins, JSON, say which arguments reach
// something; directory, JSON or nil, has lists of names and what they stand for. A callback that fills it is a function of
// yours, called before. See docs/scopes.md.
func (s *Scope) ForTask(prompt string, pins, directory []byte) (*Scope, TaskExplanation, error) {
	var explanation TaskExplanation
	given := C.go_scope_for_task(s.it().value, prompt, view(pins), view(directory))
	runtime.KeepAlive(s)
	scope, err := newScope(given.answer)
	if err != nil {
		return nil, explanation, err
	}
	text, err := data(C.go_texts{first: given.explanation})
	if err == nil {
		err = json.Unmarshal(text, &explanation)
	}
	return scope, explanation, err
}
