package agentidgrpc_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"agentid.example/agentid"
	"agentid.example/agentid/agentidgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const spend = `{"version": 1, "labels": ["private"], "rules": [{"id": "spend", "match": "read_file; tail; store; echo", "budget": {
	"unit": "usd", "limit": "10", "cost": {"fixed": "6"}, "per": "day", "for": "agent"}}]}`

func TestACallEndsWithItsHandlerAndGivesBackWhereItFailed(t *testing.T) {
	for outcome, do := range map[string]func(context.Context) error{
		"failed: code NOT_FOUND":      func(context.Context) error { return status.Error(codes.NotFound, "hunter2") },
		"failed: *errors.errorString": func(context.Context) error { return errors.New("hunter2") },
	} {
		w := newWorld(t, spend, agentid.GuardOptions{})
		w.do = do
		conn := w.client(w.agent)
		var expected []string
		for _, method := range kinds {
			if code, reason := ask(context.Background(), conn, method, inside); reason != "" || code == "OK" {
				t.Error(outcome, method, code, reason)
			}
			expected = append(expected, outcome)
		}
		if got := w.outcomes(); strings.Join(got, "|") != strings.Join(expected, "|") || w.left() != "10" {
			t.Errorf("%q, %s left", got, w.left())
		}
	}
}

func TestACallThatSucceededHasSpentAndItsHandlerTellsCost(t *testing.T) {
	w := newWorld(t, spend, agentid.GuardOptions{})
	w.do = func(ctx context.Context) error {
		call := agentid.CallFrom(ctx)
		if !call.Decision.Permitted() || call.Decision.ID() == "" {
			t.Error("the handler has no decision")
		}
		return errors.Join(call.Cost("usd", "1"), call.Labels(ctx, "private"))
	}
	conn := w.client(w.agent)
	w.expect(conn, "Read", inside, "OK", "")
	w.expect(conn, "Tail", inside, "OK", "")
	if w.left() != "8" || strings.Join(w.outcomes(), "|") != "succeeded|succeeded" {
		t.Error(w.left(), w.outcomes())
	}
	w.do = func(context.Context) error { return nil }
	w.expect(conn, "Read", inside, "OK", "")
	w.expect(conn, "Read", inside, "PermissionDenied", "budget_exhausted")
}

func TestAClientThatCancelsGetsNothingBack(t *testing.T) {
	for _, method := range []string{"Read", "Echo"} {
		w := newWorld(t, spend, agentid.GuardOptions{})
		ctx, cancel := context.WithCancel(context.Background())
		w.do = func(server context.Context) error {
			cancel()
			<-server.Done()
			return server.Err()
		}
		w.expectIn(ctx, w.client(w.agent), method, inside, "Canceled", "")
		for begin := time.Now(); len(w.outcomes()) == 0 && time.Since(begin) < time.Minute; {
			time.Sleep(10 * time.Millisecond)
		}
		if w.left() != "4" || strings.Join(w.outcomes(), "|") != "closed early" {
			t.Error(method, w.left(), w.outcomes())
		}
	}
}

func TestAPanicEndsTheCallAsFailed(t *testing.T) {
	w := newWorld(t, spend, agentid.GuardOptions{})
	guard := must[*agentid.Guard](t)(w.acme.Guard(context.Background(), agentid.GuardOptions{Audience: "files"}))
	defer guard.Close()
	recovering := func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (answer any, err error) {
		defer func() {
			if recover() != nil {
				err = status.Error(codes.Internal, "panic")
			}
		}()
		return handler(ctx, request)
	}
	address := w.listen(append([]grpc.ServerOption{grpc.ChainUnaryInterceptor(recovering)}, agentidgrpc.Server{Guard: guard, Methods: methods(t)}.Options()...), &service)
	w.do = func(context.Context) error { panic("hunter2") }
	w.expect(w.clientOf(address), "Read", inside, "Internal", "")
	if w.left() != "10" || strings.Join(w.outcomes(), "|") != "failed: panic" {
		t.Error(w.left(), w.outcomes())
	}
}

func TestTooManyCallsAreExhaustedResources(t *testing.T) {
	rate := `{"version": 1, "rules": [{"id": "slow", "match": "read_file", "rate": {"calls": 1, "per": "day", "for": "agent"}}]}`
	w := newWorld(t, rate, agentid.GuardOptions{})
	conn := w.client(w.agent)
	w.expect(conn, "Read", inside, "OK", "")
	w.expect(conn, "Read", inside, "ResourceExhausted", "rate_limited")
}
