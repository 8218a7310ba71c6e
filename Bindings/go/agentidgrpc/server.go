package agentidgrpc

import (
	"context"
	"errors"
	"io"
	"sync"

	"agentid.example/agentid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
)

// Server lets through what its guard permits. What is not permitted ends with UNAUTHENTICATED, PERMISSION_DENIED, FAILED_PRECONDITION (send
// the whole chain), RESOURCE_EXHAUSTED, UNAVAILABLE or INVALID_ARGUMENT; the trailer has the refusal: RefusalFrom.
//
// A call ends when its handler has, and its outcome is recorded: it failed, and budgets come back as far as their rules say so, where
// the handler panics or returns an error. A client that goes away before gets nothing back. agentid.CallFrom is the call within a handler:
// it has the decision, and takes cost and labels.
//
// Put it last among interceptors: what it decides is then what runs. Safe for any number of goroutines.
type Server struct {
	Guard   *agentid.Guard
	Methods *Methods
}

// Options are both interceptors, for grpc.NewServer: a server with one of them alone guards half of its methods.
func (s Server) Options() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(s.UnaryServerInterceptor()), grpc.ChainStreamInterceptor(s.StreamServerInterceptor()),
	}
}

// UnaryServerInterceptor guards the methods whose request and answer are one message each.
func (s Server) UnaryServerInterceptor() grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		exempt, refused := s.Methods.isExempt(info.FullMethod)
		if exempt {
			return handler(ctx, request)
		}
		var begun *agentid.Call
		if refused == nil {
			begun, refused = s.begin(ctx, func() (call, *refusal) { return s.Methods.message(info.FullMethod, request) })
		}
		if refused != nil {
			_ = grpc.SetTrailer(ctx, refused.trailer()) // the code and the message say it as well
			return nil, refused.err()
		}
		ending := ending{call: begun, client: ctx}
		defer ending.end()
		answer, err := handler(agentid.WithCall(begun.Context(), begun), request)
		ending.returned(err)
		return answer, err
	}
}

// StreamServerInterceptor guards the methods that stream. One with a stream of answers is decided by its request, when its
// handler receives that, which generated code does before all else: until then nothing can be sent. One with a stream of requests is decided
// before its handler runs.
func (s Server) StreamServerInterceptor() grpc.StreamServerInterceptor {
	return func(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		exempt, refused := s.Methods.isExempt(info.FullMethod)
		if exempt {
			return handler(service, stream)
		}
		if refused == nil && info.IsClientStream {
			var begun *agentid.Call
			begun, refused = s.begin(stream.Context(), func() (call, *refusal) { return s.Methods.stream(info.FullMethod) })
			if refused == nil {
				ending := ending{call: begun, client: stream.Context()}
				defer ending.end()
				err := handler(service, decided{stream, agentid.WithCall(begun.Context(), begun)})
				ending.returned(err)
				return err
			}
		}
		if refused != nil {
			stream.SetTrailer(refused.trailer())
			return refused.err()
		}
		waiting := &undecided{ServerStream: stream, server: s, method: info.FullMethod, ctx: stream.Context()}
		defer waiting.end()
		err := handler(service, waiting)
		return waiting.returned(err)
	}
}

// begin decides a call and begins it.
func (s Server) begin(ctx context.Context, called func() (call, *refusal)) (*agentid.Call, *refusal) {
	if s.Guard == nil {
		return nil, refusalOf(errors.New("agentidgrpc: Server.Guard is nil"), nil)
	}
	sent, _ := metadata.FromIncomingContext(ctx)
	chain, proof := sent.Get(ChainKey), sent.Get(ProofKey)
	if len(chain) > 1 || len(proof) > 1 {
		return nil, refuse(codes.InvalidArgument, "header", agentid.ChainHeader+" and "+agentid.ProofHeader+" are sent once")
	}
	asked, refused := called()
	if refused != nil {
		return nil, refused
	}
	begun, err := s.Guard.Call(ctx, first(chain), first(proof), asked.tool, asked.arguments)
	if err != nil {
		return nil, refusalOf(err, s.Guard)
	}
	return begun, nil
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// decided is a stream whose call has begun.
type decided struct {
	grpc.ServerStream
	ctx context.Context
}

func (d decided) Context() context.Context { return d.ctx }

// undecided is a stream of answers, which is decided by the one request that it receives.
type undecided struct {
	grpc.ServerStream
	server Server
	method string

	lock    sync.Mutex // held by no call but those that read or write what follows
	ctx     context.Context
	asked   bool     // a request was received
	refused *refusal // what became of it
	ending  *ending  // of the call that has begun
}

// RecvMsg receives the request, and decides it.
func (u *undecided) RecvMsg(message any) error {
	u.lock.Lock()
	again, refused := u.asked, u.refused
	u.asked = true
	u.lock.Unlock()
	if refused != nil {
		return refused.err()
	}
	if err := u.ServerStream.RecvMsg(message); err != nil {
		return err
	}
	var begun *agentid.Call
	if again {
		refused = refuse(codes.InvalidArgument, "call", "this method takes one request: the guard has seen no other")
	} else {
		client := u.ServerStream.Context()
		begun, refused = u.server.begin(client, func() (call, *refusal) { return u.server.Methods.message(u.method, message) })
	}
	u.lock.Lock()
	defer u.lock.Unlock()
	if refused != nil {
		u.refused = refused
		u.SetTrailer(refused.trailer())
		reset(message)
		return refused.err()
	}
	u.ending = &ending{call: begun, client: u.ServerStream.Context()}
	u.ctx = agentid.WithCall(begun.Context(), begun)
	return nil
}

// Context is the call's from the request on.
func (u *undecided) Context() context.Context {
	u.lock.Lock()
	defer u.lock.Unlock()
	return u.ctx
}

// may says whether something may be sent.
func (u *undecided) may() error {
	u.lock.Lock()
	defer u.lock.Unlock()
	switch {
	case u.refused != nil:
		return u.refused.err()
	case u.ending == nil:
		return unasked.err()
	}
	return nil
}

var unasked = refuse(codes.PermissionDenied, "request_not_received", "the handler has not received the request, so nothing was decided")

func (u *undecided) SendMsg(message any) error {
	if err := u.may(); err != nil {
		return err
	}
	return u.ServerStream.SendMsg(message)
}

func (u *undecided) SetHeader(header metadata.MD) error {
	if err := u.may(); err != nil {
		return err
	}
	return u.ServerStream.SetHeader(header)
}

func (u *undecided) SendHeader(header metadata.MD) error {
	if err := u.may(); err != nil {
		return err
	}
	return u.ServerStream.SendHeader(header)
}

// returned is what a stream ends with: a refusal, whatever its handler made of it.
func (u *undecided) returned(err error) error {
	u.lock.Lock()
	defer u.lock.Unlock()
	switch {
	case u.refused != nil:
		if u.ending != nil {
			u.ending.returned(u.refused.err())
		}
		return u.refused.err()
	case u.ending != nil:
		u.ending.returned(err)
		return err
	case err == nil || errors.Is(err, io.EOF):
		u.SetTrailer(unasked.trailer())
		return unasked.err()
	}
	return err
}

func (u *undecided) end() {
	u.lock.Lock()
	defer u.lock.Unlock()
	if u.ending != nil {
		u.ending.end()
	}
}
