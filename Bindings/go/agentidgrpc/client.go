package agentidgrpc

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"

	"agentid.example/agentid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Client proves each call of a connection as one of an agent. Without an Agent it is that of the call's context (agentid.WithAgent), so
// that one connection serves all agents. A call that Methods do not name fails here, and is not sent.
//
// A chain of more than agentid.LongChain bytes is sent by reference where request and answer are one message each, and once in whole
// where the server does not know it. A guard with RequireNonce is asked once more with its nonce, where request and answer are one message.
//
// Put it last among interceptors: what it proves is then what is sent. Do not have calls repeated by a retry policy of the connection: a
// proof is good once. Safe for any number of goroutines.
type Client struct {
	Agent       *agentid.Agent // nil: that of the call's context
	Audience    string         // the guard's name for itself
	Methods     *Methods       // what the server has
	WholeChains bool           // no references: each call carries its whole chain
}

// Options are both interceptors, for grpc.Dial and grpc.NewClient.
func (c Client) Options() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithChainUnaryInterceptor(c.UnaryClientInterceptor()), grpc.WithChainStreamInterceptor(c.StreamClientInterceptor()),
	}
}

// UnaryClientInterceptor proves calls whose request and answer are one message each.
func (c Client) UnaryClientInterceptor() grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		exempt, refused := c.Methods.isExempt(method)
		if exempt {
			return invoke(ctx, method, request, reply, conn, opts...)
		}
		if refused != nil {
			return refused.err()
		}
		called, refused := c.Methods.message(method, request)
		if refused != nil {
			return refused.err()
		}
		send := func(isWhole bool, nonce string) (isReference bool, trailer metadata.MD, err error) {
			proven, isReference, err := c.prove(ctx, called, isWhole, nonce)
			if err != nil {
				return false, nil, err
			}
			err = invoke(proven, method, request, reply, conn, append(opts[:len(opts):len(opts)], grpc.Trailer(&trailer))...)
			return isReference, trailer, err
		}
		isReference, trailer, err := send(c.WholeChains, "")
		if said, ok := RefusalFrom(trailer); isReference && ok && said.Reason == string(agentid.ReasonChainUnknown) &&
			status.Code(err) == codes.FailedPrecondition {
			_, trailer, err = send(true, "")
		}
		if nonce := nonceOf(trailer); nonce != "" && status.Code(err) == codes.Unauthenticated {
			_, _, err = send(true, nonce)
		}
		return err
	}
}

// nonceOf is the nonce that a server wants the proof to have; empty where it asks for none, or for what cannot be one.
func nonceOf(trailer metadata.MD) string {
	found := trailer.Get(NonceKey)
	if len(found) != 1 || len(found[0]) > 128 {
		return ""
	}
	for _, letter := range []byte(found[0]) {
		if letter < 0x20 || letter > 0x7E {
			return ""
		}
	}
	return found[0]
}

// prove is a context with chain and proof in its metadata, in place of any that were there.
func (c Client) prove(ctx context.Context, called call, isWhole bool, nonce string) (proven context.Context, isReference bool, err error) {
	agent := c.Agent
	if agent == nil {
		var ok bool
		if agent, ok = agentid.FromContext(ctx); !ok {
			return nil, false, ErrNoAgent
		}
	}
	if c.Audience == "" {
		return nil, false, errors.New("agentidgrpc: Client.Audience is the name of the guard that is called")
	}
	chain, proof, err := present(agent, called, c.Audience, nonce)
	if err != nil {
		return nil, false, err
	}
	if isReference = !isWhole && len(chain) > agentid.LongChain; isReference {
		if chain, err = agentid.ChainReference(chain); err != nil {
			return nil, false, err
		}
	}
	sent, ok := metadata.FromOutgoingContext(ctx) // a copy
	if !ok {
		sent = metadata.MD{}
	}
	sent.Set(ChainKey, chain)
	sent.Set(ProofKey, proof)
	return metadata.NewOutgoingContext(ctx, sent), isReference, nil
}

// ErrNoAgent is a call without an agent: neither the Client nor the call's context has one.
var ErrNoAgent = errors.New("agentidgrpc: no agent: set Client.Agent, or call in a context of agentid.WithAgent")

// StreamClientInterceptor proves calls that stream. Their chain is sent in whole, and nothing is asked twice.
func (c Client) StreamClientInterceptor() grpc.StreamClientInterceptor {
	return func(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		exempt, refused := c.Methods.isExempt(method)
		if exempt {
			return streamer(ctx, desc, conn, method, opts...)
		}
		if refused != nil {
			return nil, refused.err()
		}
		if !desc.ClientStreams {
			begin := func(request any) (grpc.ClientStream, error) {
				called, refused := c.Methods.message(method, request)
				if refused != nil {
					return nil, refused.err()
				}
				proven, _, err := c.prove(ctx, called, true, "")
				if err != nil {
					return nil, err
				}
				return streamer(proven, desc, conn, method, opts...)
			}
			return &unsent{ctx: ctx, begin: begin}, nil
		}
		called, refused := c.Methods.stream(method)
		if refused != nil {
			return nil, refused.err()
		}
		proven, _, err := c.prove(ctx, called, true, "")
		if err != nil {
			return nil, err
		}
		return streamer(proven, desc, conn, method, opts...)
	}
}

// unsent is a stream of answers, which begins with its request: the proof is made of that, and goes ahead of it.
type unsent struct {
	ctx   context.Context
	begin func(request any) (grpc.ClientStream, error)

	lock   sync.Mutex
	stream grpc.ClientStream
	err    error
}

// SendMsg begins the stream, and sends the request.
func (u *unsent) SendMsg(request any) error {
	u.lock.Lock()
	isFirst := u.stream == nil && u.err == nil
	if isFirst {
		u.err = errBeginning // for any other goroutine: a stream is not written to by two
	}
	u.lock.Unlock()
	if !isFirst {
		return errSecond
	}
	stream, err := u.begin(request)
	u.lock.Lock()
	u.stream, u.err = stream, err
	u.lock.Unlock()
	if err != nil {
		return err
	}
	return stream.SendMsg(request)
}

var (
	errBeginning = status.Error(codes.Internal, "agentidgrpc: the stream begins with its request: send that first")
	errSecond    = status.Error(codes.Internal, "agentidgrpc: this method takes one request, which was sent")
)

func (u *unsent) begun() (grpc.ClientStream, error) {
	u.lock.Lock()
	defer u.lock.Unlock()
	if u.stream == nil && u.err == nil {
		return nil, errBeginning
	}
	return u.stream, u.err
}

func (u *unsent) Header() (metadata.MD, error) {
	stream, err := u.begun()
	if err != nil {
		return nil, err
	}
	return stream.Header()
}

func (u *unsent) Trailer() metadata.MD {
	stream, err := u.begun()
	if err != nil {
		return nil
	}
	return stream.Trailer()
}

func (u *unsent) CloseSend() error {
	stream, err := u.begun()
	if err != nil {
		return err
	}
	return stream.CloseSend()
}

func (u *unsent) Context() context.Context {
	stream, err := u.begun()
	if err != nil {
		return u.ctx
	}
	return stream.Context()
}

func (u *unsent) RecvMsg(answer any) error {
	stream, err := u.begun()
	if err != nil {
		return err
	}
	return stream.RecvMsg(answer)
}

// present is the agent's chain and the proof of one call under it, taken together.
func present(agent *agentid.Agent, called call, audience, nonce string) (chain, proof string, err error) {
	if nonce == "" {
		return agent.Present(called.tool, called.arguments, audience)
	}
	both, err := agent.Presentation(called.tool, called.arguments, agentid.ProofOptions{Audience: audience, Nonce: nonce})
	if err != nil {
		return "", "", err
	}
	var said struct {
		Chain []string `json:"aat_chain"`
		Proof string   `json:"aat_pop"`
	}
	err = json.Unmarshal([]byte(both), &said)
	return strings.Join(said.Chain, "~"), said.Proof, err
}
