package agentidgrpc_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"agentid.example/agentid"
	"agentid.example/agentid/agentidgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
)

const scope = "read_file(path under '/data', more?: *); tail(path under '/data'); store(); echo()"

var tools = map[string]string{
	"/files.Files/Read": "read_file", "/files.Files/Tail": "tail", "/files.Files/Store": "store", "/files.Files/Echo": "echo",
}

// world is an authority with a guarded server of files.Files, and what its handlers ran.
type world struct {
	t         *testing.T
	directory string
	acme      *agentid.Authority
	agent     *agentid.Agent
	address   string
	do        func(ctx context.Context) error // what each handler does, before it answers

	lock sync.Mutex
	runs []string
}

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func methods(t *testing.T) *agentidgrpc.Methods {
	return must[*agentidgrpc.Methods](t)(agentidgrpc.NewMethods(tools, agentidgrpc.MethodOptions{
		Exempt: []string{"/files.Files/Ping"}, Streams: []string{"/files.Files/Store", "/files.Files/Echo"},
	}))
}

func newWorld(t *testing.T, policy string, options agentid.GuardOptions) *world {
	ctx := context.Background()
	w := &world{t: t, directory: t.TempDir(), do: func(context.Context) error { return nil }}
	w.acme = must[*agentid.Authority](t)(agentid.OpenAuthority(ctx, w.directory, agentid.AuthorityOptions{TrustDomain: "acme.example"}))
	t.Cleanup(func() { w.acme.Close() })
	if err := w.acme.PutProfile(ctx, "web", agentid.ProfileOptions{Owner: "team:web@acme.example", Ceiling: scope}); err != nil {
		t.Fatal(err)
	}
	if policy != "" {
		must[int64](t)(w.acme.ApplyPolicy(ctx, []byte(policy)))
	}
	w.agent = must[*agentid.Agent](t)(w.acme.StartAgent(ctx, "web", agentid.AgentOptions{Principal: "user:alice@acme.example", Task: "t", Scope: scope}))
	t.Cleanup(func() { w.agent.Close() })
	options.Audience = "files"
	guard := must[*agentid.Guard](t)(w.acme.Guard(ctx, options))
	t.Cleanup(func() { guard.Close() })
	w.address = w.serve(agentidgrpc.Server{Guard: guard, Methods: methods(t)})
	return w
}

func (w *world) serve(guarded agentidgrpc.Server) string {
	server := grpc.NewServer(append(guarded.Options(), grpc.MaxRecvMsgSize(8<<20))...)
	server.RegisterService(&service, w)
	listener := must[net.Listener](w.t)(net.Listen("tcp", "127.0.0.1:0"))
	go func() { _ = server.Serve(listener) }()
	w.t.Cleanup(server.Stop)
	return listener.Addr().String()
}

func (w *world) ran(ctx context.Context, method string) error {
	w.lock.Lock()
	w.runs = append(w.runs, method)
	do := w.do
	w.lock.Unlock()
	return do(ctx)
}

func (w *world) expectRuns(expected ...string) {
	w.t.Helper()
	w.lock.Lock()
	defer w.lock.Unlock()
	if !slices.Equal(w.runs, expected) {
		w.t.Errorf("%q ran, not %q", w.runs, expected)
	}
}

// service is what the compiler of .proto files would write.
var service = grpc.ServiceDesc{
	ServiceName: "files.Files", HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{unary("Read"), unary("Ping"), unary("Forgotten")},
	Streams: []grpc.StreamDesc{
		{StreamName: "Tail", ServerStreams: true, Handler: tail}, {StreamName: "Store", ClientStreams: true, Handler: echo},
		{StreamName: "Echo", ClientStreams: true, ServerStreams: true, Handler: echo},
		{StreamName: "Hasty", ServerStreams: true, Handler: func(any, grpc.ServerStream) error { return nil }},
	},
}

func unary(name string) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: name, Handler: func(server any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
		request := new(structpb.Struct)
		if err := decode(request); err != nil {
			return nil, err
		}
		handler := func(ctx context.Context, request any) (any, error) {
			return request, server.(*world).ran(ctx, name)
		}
		if intercept == nil {
			return handler(ctx, request)
		}
		return intercept(ctx, request, &grpc.UnaryServerInfo{Server: server, FullMethod: "/files.Files/" + name}, handler)
	}}
}

func tail(server any, stream grpc.ServerStream) error {
	request := new(structpb.Struct)
	if err := stream.RecvMsg(request); err != nil {
		return err
	}
	if err := stream.SendMsg(request); err != nil {
		return err
	}
	if err := server.(*world).ran(stream.Context(), "Tail"); err != nil {
		return err
	}
	return stream.SendMsg(request)
}

func echo(server any, stream grpc.ServerStream) error {
	last := new(structpb.Struct)
	for {
		request := new(structpb.Struct)
		if err := stream.RecvMsg(request); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		last = request
	}
	if err := server.(*world).ran(stream.Context(), "Echo"); err != nil {
		return err
	}
	return stream.SendMsg(last)
}

// dial connects, as an agent where the Client has one.
func (w *world) dial(address string, options ...grpc.DialOption) *grpc.ClientConn {
	w.t.Helper()
	connection := must[*grpc.ClientConn](w.t)(grpc.Dial(address, append(options, grpc.WithInsecure())...))
	w.t.Cleanup(func() { connection.Close() })
	return connection
}

func (w *world) client(agent *agentid.Agent) *grpc.ClientConn {
	return w.dial(w.address, agentidgrpc.Client{Agent: agent, Audience: "files", Methods: methods(w.t)}.Options()...)
}

func message(path string) *structpb.Struct {
	return &structpb.Struct{Fields: map[string]*structpb.Value{"path": structpb.NewStringValue(path)}}
}

// ask calls a method with a message, and answers with the code, and the reason of a refusal.
func ask(ctx context.Context, conn *grpc.ClientConn, method string, sent any) (code, reason string) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var trailer metadata.MD
	var err error
	switch method {
	case "Tail", "Store", "Echo", "Hasty":
		err = stream(ctx, conn, method, sent, &trailer)
	default:
		err = conn.Invoke(ctx, "/files.Files/"+method, sent, new(structpb.Struct), grpc.Trailer(&trailer))
	}
	said, _ := agentidgrpc.RefusalFrom(trailer)
	return status.Code(err).String(), said.Reason
}

func stream(ctx context.Context, conn *grpc.ClientConn, method string, sent any, trailer *metadata.MD) error {
	desc := &grpc.StreamDesc{ClientStreams: method == "Store" || method == "Echo", ServerStreams: method != "Store"}
	opened, err := conn.NewStream(ctx, desc, "/files.Files/"+method)
	if err != nil {
		return err
	}
	if err = opened.SendMsg(sent); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	_ = opened.CloseSend()
	for err = error(nil); err == nil; {
		err = opened.RecvMsg(new(structpb.Struct))
	}
	*trailer = opened.Trailer()
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (w *world) expect(conn *grpc.ClientConn, method string, sent any, code, reason string) {
	w.t.Helper()
	w.expectIn(context.Background(), conn, method, sent, code, reason)
}

func (w *world) expectIn(ctx context.Context, conn *grpc.ClientConn, method string, sent any, code, reason string) {
	w.t.Helper()
	if gotCode, gotReason := ask(ctx, conn, method, sent); gotCode != code || gotReason != reason {
		w.t.Errorf("%s was answered with %s %q, not with %s %q", method, gotCode, gotReason, code, reason)
	}
}

func (w *world) outcomes() (found []string) {
	w.t.Helper()
	ctx := context.Background()
	if err := w.acme.Integrate(ctx); err != nil {
		w.t.Fatal(err)
	}
	log := must[*agentid.Audit](w.t)(agentid.OpenAudit(ctx, w.directory, ""))
	defer log.Close()
	for line, err := range log.Entries(ctx, 0) {
		var entry struct{ Kind, Outcome string }
		if err = errors.Join(err, json.Unmarshal(line, &entry)); err != nil {
			w.t.Fatal(err)
		}
		if entry.Kind == "outcome" {
			found = append(found, entry.Outcome)
		}
	}
	return found
}

func (w *world) left() string {
	w.t.Helper()
	return must[agentid.Remaining](w.t)(w.agent.Remaining(context.Background(), "read_file")).Budgets[0].Left
}

// listen serves a description with options of its own.
func (w *world) listen(options []grpc.ServerOption, desc *grpc.ServiceDesc) string {
	server := grpc.NewServer(options...)
	server.RegisterService(desc, w)
	listener := must[net.Listener](w.t)(net.Listen("tcp", "127.0.0.1:0"))
	go func() { _ = server.Serve(listener) }()
	w.t.Cleanup(server.Stop)
	return listener.Addr().String()
}

// clientOf is client, of another server.
func (w *world) clientOf(address string) *grpc.ClientConn {
	return w.dial(address, agentidgrpc.Client{Agent: w.agent, Audience: "files", Methods: methods(w.t)}.Options()...)
}

// present is the chain and proof of one call of the agent.
func (w *world) present(tool string, arguments string, audience string) (chain, proof string) {
	w.t.Helper()
	chain, proof, err := w.agent.Present(tool, []byte(arguments), audience)
	if err != nil {
		w.t.Fatal(err)
	}
	return chain, proof
}

// sent is a context of a client that sends this metadata: keys and values in turn.
func sent(pairs ...string) context.Context {
	return metadata.NewOutgoingContext(context.Background(), metadata.Pairs(pairs...))
}

// kinds are the methods of files.Files that are in the table: one of each kind of call.
var kinds = []string{"Read", "Tail", "Store", "Echo"}

// expectAll calls each of kinds.
func (w *world) expectAll(conn *grpc.ClientConn, code, reason string) {
	w.t.Helper()
	for _, method := range kinds {
		w.expect(conn, method, inside, code, reason)
	}
}
