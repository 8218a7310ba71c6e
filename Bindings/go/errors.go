package agentid

/*
#cgo nocallback go_error_read
#cgo nocallback go_error_free
#include "abi.h"

typedef struct go_error {
    const char *name, *message, *where;
    int32_t link;
} go_error;

static go_error go_error_read(uintptr_t error) {
    const agentid_error *e = AS(error, error);
    return (go_error){agentid_error_name(e), agentid_error_message(e), agentid_error_where(e), agentid_error_link(e)};
}
static void go_error_free(uintptr_t error) { agentid_error_free(AS(error, error)); }
*/
import "C"

import (
	"strings"
	"time"
)

// Code says of what kind an error is. A Code is an error itself, the one that errors.Is compares with.
type Code int32

// The kinds of errors.
const (
	ErrDenied     Code = C.AGENTID_DENIED       // refused by a rule: see Denied
	ErrArgument   Code = C.AGENTID_E_ARGUMENT   // an argument is missing or out of range
	ErrHandle     Code = C.AGENTID_E_HANDLE     // closed
	ErrForked     Code = C.AGENTID_E_FORKED     // in a child of fork()
	ErrMalformed  Code = C.AGENTID_E_MALFORMED  // a token, document, key or identifier is not well-formed
	ErrScope      Code = C.AGENTID_E_SCOPE      // a scope is malformed, or an intersection is empty
	ErrNotFound   Code = C.AGENTID_E_NOT_FOUND  // there is no such thing
	ErrExists     Code = C.AGENTID_E_EXISTS     // it exists already
	ErrState      Code = C.AGENTID_E_STATE      // not possible now: closed, expired, revoked, too deep
	ErrLimit      Code = C.AGENTID_E_LIMIT      // beyond a documented limit
	ErrIO         Code = C.AGENTID_E_IO         // a file could not be read, written or locked
	ErrPassphrase Code = C.AGENTID_E_PASSPHRASE // a passphrase is missing or wrong
	ErrSigner     Code = C.AGENTID_E_SIGNER     // the caller's signer failed
	ErrVersion    Code = C.AGENTID_E_VERSION    // written by a newer version of the library
	ErrInternal   Code = C.AGENTID_E_INTERNAL   // a fault of the library or of the machine
	ErrNo         Code = C.AGENTID_NO           // a question was answered with no: the answer says why
)

// Error is the kind in words.
func (c Code) Error() string { return C.GoString(C.agentid_status_name(C.agentid_status(c))) }

// Error is a call that failed. Nothing was changed.
type Error struct {
	Code    Code
	Name    string // stable; a reason code for a denial
	Message string // what went wrong and what to do, for people; never the value of an argument
	Where   string // the parameter, option, JSON path or claim at fault; may be empty
	Link    int    // the link of the chain at fault, 0 for the root; -1 for none
}

func (e *Error) Error() string {
	if e == nil {
		return "no error"
	}
	// A path that the message names is said once.
	if e.Where == "" || strings.Contains(e.Where, "/") && strings.Contains(e.Message, e.Where) {
		return e.Message
	}
	return e.Message + " (" + e.Where + ")"
}

// Is says whether target is the Code of this error.
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && e != nil && code == e.Code
}

// Denied is a call that a rule refused. It unwraps to its Error.
type Denied struct {
	Reason   Reason    // which rule
	Argument string    // the argument at fault; empty where none is
	Link     int       // the link of the chain at fault, 0 for the root; -1 for none
	Decision *Decision // nil where nothing was decided, as by Guard.Admit

	said        *Error
	retryAfter  time.Duration
	approval    string
	document    []byte
	explanation string
}

func (d *Denied) Error() string { return d.fault().Error() }

// fault is the Error that was answered; of a Denied that the library did not make, what its members say.
func (d *Denied) fault() *Error {
	switch {
	case d == nil:
		return &Error{ErrDenied, "denied", "denied", "", -1}
	case d.said != nil:
		return d.said
	}
	said := &Error{ErrDenied, string(d.Reason), "denied: " + string(d.Reason), "", d.Link}
	if d.Reason == "" {
		said.Name, said.Message = "denied", "denied"
	}
	if d.Argument != "" {
		said.Where = "arguments." + d.Argument
	}
	return said
}

// argument is the error for an argument that cannot be used.
func argument(message, name string) error { return &Error{ErrArgument, "argument", message, name, -1} }

// missing is the error for an argument that is nil.
func missing(what, name string) error { return argument(what+" is needed here", name) }

// Unwrap is the Error that was answered.
func (d *Denied) Unwrap() error { return d.fault() }

// failure is the error for what a call answered, nil for success.
func failure(status C.agentid_status, handle C.uintptr_t) error {
	if status == C.AGENTID_OK {
		return nil
	}
	read := C.go_error_read(handle)
	said := &Error{Code(status), C.GoString(read.name), C.GoString(read.message), C.GoString(read.where), int(read.link)}
	C.go_error_free(handle)
	if said.Code != ErrDenied {
		return said
	}
	argument, ok := strings.CutPrefix(said.Where, "arguments.")
	if !ok {
		argument = ""
	}
	return &Denied{Reason: Reason(said.Name), Argument: argument, Link: said.Link, said: said}
}
