//go:build cgo

package agentid

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
)

type callKey struct{}

// CallFrom is the call that a request is, to tell its cost and labels; nil where no Middleware let it through, and no WithCall. It has ended when the
// handler has returned, or has written an answer that says how it went.
func CallFrom(ctx context.Context) *Call {
	call, _ := orBackground(ctx).Value(callKey{}).(*Call)
	return call
}

// WithCall returns a context whose CallFrom is this call, for servers that speak something else than HTTP. It owns nothing: whoever began
// the call ends it.
func WithCall(ctx context.Context, call *Call) context.Context {
	return context.WithValue(orBackground(ctx), callKey{}, call)
}

// closedEarly is the outcome of a call whose client went away before. It succeeded: to hang up gives nothing back.
const closedEarly = "closed early"

// ending is what a handler writes, which ends its call: before the first part of an error, before the last part of anything
// else where its length is known, and else when the handler returns.
type ending struct {
	http.ResponseWriter
	call     *Call
	client   context.Context
	status   int   // 0: none yet
	rest     int64 // bytes to come; -1: not known
	hijacked bool
	ended    bool
}

// serve runs a handler within a call, and ends that as it went.
func serve(next http.Handler, w http.ResponseWriter, r *http.Request, call *Call) {
	e := &ending{ResponseWriter: w, call: call, client: r.Context(), rest: -1}
	returned := false
	defer func() {
		switch {
		case returned && (e.status != 0 || e.hijacked || !e.gone()):
			e.end("")
		case e.gone():
			e.end(closedEarly)
		default:
			e.end("failed: panic")
		}
		e.call.handle.Close()
	}()
	next.ServeHTTP(e, r)
	returned = true
}

// gone says whether the client has gone, or reads no further: what fails then may have been made to.
func (e *ending) gone() bool { return errors.Is(e.client.Err(), context.Canceled) }

// end ends the call once, where the handler has not. An outcome that cannot be recorded does not take the answer away.
func (e *ending) end(outcome string) {
	if e.ended {
		return
	}
	e.ended = true
	ctx := context.WithoutCancel(e.client)
	var err error
	switch outcome {
	case "":
		err = e.call.Done(ctx, nil)
	case closedEarly:
		err = e.call.Commit(ctx, outcome, "")
	default:
		err = e.call.leave(ctx, outcome)
	}
	fault := (*Error)(nil)
	if errors.As(err, &fault) && (fault.Name == "call_ended" || fault.Code == ErrHandle) {
		return // by the handler
	}
	if err != nil {
		slog.Warn("agentid: the outcome of a permitted request could not be recorded", "decision", e.call.Decision.ID(), "error", err)
	}
}

func (e *ending) WriteHeader(status int) {
	if e.status == 0 && status >= 200 || status == http.StatusSwitchingProtocols {
		e.status = status
		if length, err := strconv.ParseInt(e.Header().Get("Content-Length"), 10, 64); err == nil {
			e.rest = length
		}
		switch {
		case status >= 400 && e.gone():
			e.end(closedEarly)
		case status >= 400:
			e.end(fmt.Sprintf("failed: status %d", status))
		case e.rest == 0:
			e.end("")
		}
	}
	e.ResponseWriter.WriteHeader(status)
}

func (e *ending) Write(part []byte) (int, error) {
	e.begin()
	if e.rest >= 0 {
		if e.rest -= int64(len(part)); e.rest <= 0 {
			e.end("")
		}
	}
	return e.ResponseWriter.Write(part)
}

// ReadFrom lets the server send a file by its own means. How much of it there is is not known before.
func (e *ending) ReadFrom(source io.Reader) (int64, error) {
	e.begin()
	return io.Copy(e.ResponseWriter, source)
}

func (e *ending) begin() {
	if e.status == 0 {
		e.WriteHeader(http.StatusOK)
	}
}

// Flush is for handlers that ask for an http.Flusher.
func (e *ending) Flush() { _ = e.FlushError() } // a server that cannot has nothing to say

// FlushError is for http.ResponseController.
func (e *ending) FlushError() error {
	e.begin()
	return http.NewResponseController(e.ResponseWriter).Flush()
}

// Hijack is for handlers that ask for an http.Hijacker. The call ends when the handler returns.
func (e *ending) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	connection, buffered, err := http.NewResponseController(e.ResponseWriter).Hijack()
	e.hijacked = e.hijacked || err == nil
	return connection, buffered, err
}

// Unwrap is for http.ResponseController.
func (e *ending) Unwrap() http.ResponseWriter { return e.ResponseWriter }
