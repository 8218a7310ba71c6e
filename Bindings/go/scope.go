package agentid

/*
#include "abi.h"

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
func (s *Scope) Text() (string, error) { return s.text(C.go_scope_text(s.value)) }

// JSON is the scope in JSON form, an AAT `tools` object; it reads back as the same scope.
func (s *Scope) JSON() (json.RawMessage, error) { return s.data(C.go_scope_json(s.value)) }

// Explain is the scope in words, a line per tool and argument.
func (s *Scope) Explain() (string, error) { return s.text(C.go_scope_explain(s.value)) }

// Permits returns nil where the scope permits a call, else a Denied that names the first argument at fault.
func (s *Scope) Permits(tool string, arguments []byte) error {
	return s.done(C.go_scope_permits(s.value, tool, view(arguments)))
}

// Subsumes returns nil where child is provably below s, else a Denied that names tool and argument.
func (s *Scope) Subsumes(child *Scope) error {
	err := s.done(C.go_scope_subsumes(s.value, child.value))
	runtime.KeepAlive(child)
	return err
}

// Meet is the intersection; ErrScope where it is empty.
func (s *Scope) Meet(other *Scope) (*Scope, error) {
	meet, err := newScope(C.go_scope_meet(s.value, other.value))
	runtime.KeepAlive(s)
	runtime.KeepAlive(other)
	return meet, err
}
