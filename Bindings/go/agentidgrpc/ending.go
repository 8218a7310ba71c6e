package agentidgrpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"agentid.example/agentid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// closedEarly is the outcome of a call whose client went away before. It succeeded: to hang up gives nothing back.
const closedEarly = "closed early"

// ending ends a call once, as its handler went, unless the handler has ended it.
type ending struct {
	call   *agentid.Call
	client context.Context
	done   bool
	err    error
}

// returned notes that the handler has returned, and with what.
func (e *ending) returned(err error) { e.done, e.err = true, err }

// end ends the call. An outcome that cannot be recorded does not take the answer away.
func (e *ending) end() {
	defer e.call.Close()
	ctx := context.WithoutCancel(e.client)
	var err error
	switch isGone := e.client.Err() != nil; { // what fails then may have been made to
	case e.done && e.err == nil:
		err = e.call.Done(ctx, nil)
	case isGone:
		err = e.call.Commit(ctx, closedEarly, "")
	case !e.done:
		err = e.call.Abort(ctx, "failed: panic", "")
	default:
		err = e.call.Abort(ctx, "failed: "+failure(e.err), "")
	}
	fault := (*agentid.Error)(nil)
	if errors.As(err, &fault) && (fault.Name == "call_ended" || fault.Code == agentid.ErrHandle) {
		return // by the handler
	}
	if err != nil {
		slog.Warn("agentidgrpc: the outcome of a permitted call could not be recorded", "decision", e.call.Decision.ID(), "error", err)
	}
}

// failure is the code of an error that has one, and else its type: of its message nothing is recorded.
func failure(err error) string {
	var coded interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &coded) {
		return fmt.Sprintf("%.200s", fmt.Sprintf("%T", err))
	}
	return "code " + codeName(coded.GRPCStatus().Code())
}

// codeName is a code as the specification of gRPC names it, which Python does as well: NOT_FOUND.
func codeName(code codes.Code) string {
	switch code {
	case codes.OK:
		return "OK"
	case codes.Canceled:
		return "CANCELLED"
	}
	var name strings.Builder
	for i, letter := range code.String() {
		if i > 0 && letter >= 'A' && letter <= 'Z' {
			name.WriteByte('_')
		}
		name.WriteRune(letter)
	}
	return strings.ToUpper(name.String())
}
