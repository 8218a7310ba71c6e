package agentidgrpc_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"agentid.example/agentid"
	"agentid.example/agentid/agentidgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
)

var inside, outside = message("/data/a"), message("/etc/shadow")

func TestEveryKindOfCallIsPermittedAndRunsOnce(t *testing.T) {
	w := newWorld(t, "", agentid.GuardOptions{})
	conn := w.client(w.agent)
	for _, method := range []string{"Read", "Tail", "Store", "Echo", "Ping"} {
		w.expect(conn, method, inside, "OK", "")
	}
	w.expectRuns("Read", "Tail", "Echo", "Echo", "Ping")
}

func TestWhatIsNotPermittedSaysWhyAndDoesNotRun(t *testing.T) {
	w := newWorld(t, "", agentid.GuardOptions{})
	conn, bare := w.client(w.agent), w.dial(w.address)
	for _, method := range []string{"Read", "Tail"} {
		w.expect(conn, method, outside, "PermissionDenied", "argument_constraint_violated")
	}
	w.expectAll(bare, "Unauthenticated", "chain_empty")
	for _, method := range []string{"Forgotten", "Hasty"} {
		w.expect(bare, method, inside, "PermissionDenied", "route_without_tool")
	}
	w.expect(bare, "None", inside, "Unimplemented", "")
	w.expectRuns()
}

func TestMetadataThatIsNotOfThisCallIsRefused(t *testing.T) {
	w := newWorld(t, "", agentid.GuardOptions{})
	bare := w.dial(w.address)
	chain, proof := w.present("read_file", `{"path":"/data/a"}`, "files")
	_, elsewhere := w.present("read_file", `{"path":"/data/a"}`, "mail")
	_, other := w.present("read_file", `{"path":"/data/b"}`, "files")
	_, tool := w.present("store", `{"path":"/data/a"}`, "files")
	for name, attack := range map[string]struct {
		ctx          context.Context
		code, reason string
	}{
		"no proof":             {sent("agent-chain", chain), "Unauthenticated", "pop_missing"},
		"no chain":             {sent("agent-proof", proof), "Unauthenticated", "chain_empty"},
		"two chains":           {sent("agent-chain", chain, "agent-chain", chain, "agent-proof", proof), "InvalidArgument", "header"},
		"two proofs":           {sent("agent-chain", chain, "agent-proof", proof, "agent-proof", other), "InvalidArgument", "header"},
		"a list":               {sent("agent-chain", chain+","+chain, "agent-proof", proof), "Unauthenticated", "token_malformed"},
		"-bin keys":            {sent("agent-chain-bin", chain, "agent-proof-bin", proof), "Unauthenticated", "chain_empty"},
		"for another guard":    {sent("agent-chain", chain, "agent-proof", elsewhere), "Unauthenticated", "pop_recipient_mismatch"},
		"of other arguments":   {sent("agent-chain", chain, "agent-proof", other), "Unauthenticated", "pop_binding_mismatch"},
		"of another tool":      {sent("agent-chain", chain, "agent-proof", tool), "Unauthenticated", "pop_tool_mismatch"},
		"a chain that is huge": {sent("agent-chain", strings.Repeat("a", 300<<10), "agent-proof", proof), "", ""},
	} {
		for _, method := range []string{"Read", "Tail"} {
			code, reason := ask(attack.ctx, bare, method, inside)
			if method == "Tail" && attack.code == "Unauthenticated" && reason != attack.reason && strings.HasPrefix(reason, "pop_") {
				continue // proofs of these are another method's
			}
			if code == "OK" || attack.code != "" && (code != attack.code || reason != attack.reason) {
				t.Errorf("%s, %s: %s %s", name, method, code, reason)
			}
		}
	}
	w.expectRuns()
	good := sent("agent-chain", chain, "agent-proof", proof, "agent-proof-bin", "x")
	w.expectIn(good, bare, "Read", inside, "OK", "")
	w.expectIn(good, bare, "Read", inside, "Unauthenticated", "replayed")
	w.expectRuns("Read")
}

func TestAnAgentThatHasEndedCallsNothing(t *testing.T) {
	w := newWorld(t, "", agentid.GuardOptions{})
	conn, bare := w.client(w.agent), w.dial(w.address)
	chain, proof := w.present("tail", `{"path":"/data/a"}`, "files")
	storeChain, storeProof := w.present("store", `{}`, "files")
	w.expect(conn, "Tail", inside, "OK", "")
	if _, err := w.agent.End(context.Background(), "over"); err != nil {
		t.Fatal(err)
	}
	w.expectIn(sent("agent-chain", chain, "agent-proof", proof), bare, "Tail", inside, "PermissionDenied", "authority_revoked")
	w.expectIn(sent("agent-chain", storeChain, "agent-proof", storeProof), bare, "Store", inside, "PermissionDenied", "authority_revoked")
	if code, _ := ask(context.Background(), conn, "Tail", inside); code == "OK" {
		t.Error("an agent that has ended proved a call")
	}
	w.expectRuns("Tail")
}

func TestAMethodOfOneRequestTakesNoSecond(t *testing.T) {
	w := newWorld(t, "", agentid.GuardOptions{})
	chain, proof := w.present("tail", `{"path":"/data/a"}`, "files")
	// To the server's grpc a stream of answers; the handler would read on.
	greedy := grpc.ServiceDesc{ServiceName: "files.Files", HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{{
		StreamName: "Tail", ServerStreams: true, Handler: func(server any, stream grpc.ServerStream) error {
			if err := stream.SendMsg(inside); status.Code(err) != codes.PermissionDenied {
				t.Errorf("something was sent before the decision: %v", err)
			}
			if stream.SetHeader(metadata.Pairs("a", "b")) == nil || stream.SendHeader(nil) == nil {
				t.Error("a header was sent before the decision")
			}
			request := new(structpb.Struct)
			if err := stream.RecvMsg(request); err != nil {
				return err
			}
			if agentid.CallFrom(stream.Context()) == nil {
				t.Error("the handler has no call")
			}
			second := new(structpb.Struct)
			if err := stream.RecvMsg(second); err == nil || len(second.Fields) > 0 {
				t.Errorf("a second request was received: %v", second)
			}
			return nil
		},
	}}}
	guard := must[*agentid.Guard](t)(w.acme.Guard(context.Background(), agentid.GuardOptions{Audience: "files"}))
	defer guard.Close()
	options := agentidgrpc.Server{Guard: guard, Methods: methods(t)}.Options()
	address := w.listen(options, &greedy)
	ctx, cancel := context.WithTimeout(sent("agent-chain", chain, "agent-proof", proof), time.Minute)
	defer cancel()
	opened := must[grpc.ClientStream](t)(w.dial(address).NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/files.Files/Tail"))
	for _, each := range []*structpb.Struct{inside, outside} {
		if err := opened.SendMsg(each); err != nil {
			t.Fatal(err)
		}
	}
	_ = opened.CloseSend()
	// Internal: later ones of grpc refuse it by themselves.
	if err := opened.RecvMsg(new(structpb.Struct)); status.Code(err) != codes.InvalidArgument && status.Code(err) != codes.Internal {
		t.Fatal(err)
	}
	// One that never asks for its request is refused, whatever it has done.
	hasty := grpc.ServiceDesc{ServiceName: "files.Files", HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{{
		StreamName: "Tail", ServerStreams: true, Handler: func(any, grpc.ServerStream) error { return nil },
	}}}
	w.expect(w.clientOf(w.listen(options, &hasty)), "Tail", inside, "PermissionDenied", "request_not_received")
}

func TestAGuardThatCannotDecideLetsNothingThrough(t *testing.T) {
	w := newWorld(t, "", agentid.GuardOptions{})
	closed := must[*agentid.Guard](t)(w.acme.Guard(context.Background(), agentid.GuardOptions{Audience: "files"}))
	closed.Close()
	for _, guarded := range []agentidgrpc.Server{{Methods: methods(t)}, {Guard: closed, Methods: methods(t)}} {
		conn := w.clientOf(w.serve(guarded))
		w.expectAll(conn, "Unavailable", "internal")
	}
	conn := w.clientOf(w.serve(agentidgrpc.Server{}))
	for _, method := range []string{"Read", "Tail", "Store", "Echo", "Ping"} {
		w.expect(conn, method, inside, "PermissionDenied", "route_without_tool")
	}
	w.expectRuns()
}

func TestAClientAsksForNothingThatIsNotInItsTable(t *testing.T) {
	w := newWorld(t, "", agentid.GuardOptions{})
	ctx := context.Background()
	for _, method := range []string{"Forgotten", "Hasty"} {
		w.expect(w.client(w.agent), method, inside, "PermissionDenied", "")
	}
	narrow := must[*agentidgrpc.Methods](t)(agentidgrpc.NewMethods(tools, agentidgrpc.MethodOptions{}))
	conn := w.dial(w.address, agentidgrpc.Client{Agent: w.agent, Audience: "files", Methods: narrow}.Options()...)
	w.expect(conn, "Store", inside, "PermissionDenied", "")
	if err := w.client(nil).Invoke(ctx, "/files.Files/Read", inside, new(structpb.Struct)); !errors.Is(err, agentidgrpc.ErrNoAgent) {
		t.Error(err)
	}
	child := must[*agentid.Agent](t)(w.agent.Spawn(ctx, "reader", agentid.Delegation{Scope: "read_file(path under '/data/q3')"}))
	defer child.Close()
	w.expectIn(agentid.WithAgent(ctx, child), w.client(nil), "Read", inside, "PermissionDenied", "argument_constraint_violated")
	w.expectRuns()
	for _, wrong := range []map[string]string{{"files/Read": "x"}, {"/files.Files/Read": ""}, {"/files.Files": "x"}, {"/a/b/c": "x"}} {
		if _, err := agentidgrpc.NewMethods(wrong, agentidgrpc.MethodOptions{}); err == nil {
			t.Error(wrong)
		}
	}
	for _, wrong := range []agentidgrpc.MethodOptions{{Streams: []string{"/a/b"}}, {Exempt: []string{"/files.Files/Read"}}, {Exempt: []string{"x"}}} {
		if _, err := agentidgrpc.NewMethods(tools, wrong); err == nil {
			t.Error(wrong)
		}
	}
}

func TestALongChainGoesByReference(t *testing.T) {
	w := newWorld(t, "", agentid.GuardOptions{})
	deep := w.agent
	for range 3 {
		deep = must[*agentid.Agent](t)(deep.Spawn(context.Background(), "x", agentid.Delegation{SameScope: true}))
		defer deep.Close()
	}
	if chain := must[string](t)(deep.Chain()); len(chain) <= agentid.LongChain {
		t.Fatal(len(chain))
	}
	var seen []string
	spy := func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		given, _ := metadata.FromOutgoingContext(ctx)
		seen = append(seen, given.Get("agent-chain")[0][:8])
		return invoke(ctx, method, request, reply, conn, opts...)
	}
	options := agentidgrpc.Client{Agent: deep, Audience: "files", Methods: methods(t)}.Options()
	conn := w.dial(w.address, append(options, grpc.WithChainUnaryInterceptor(spy))...)
	for range 2 {
		w.expect(conn, "Read", inside, "OK", "")
	}
	w.expect(conn, "Tail", inside, "OK", "")
	if len(seen) != 3 || seen[0] != "sha-256=" || seen[1] == "sha-256=" || seen[2] != "sha-256=" {
		t.Error(seen)
	}
}

func TestWhereTheGuardAsksForANonceTheClientCallsOnceMore(t *testing.T) {
	w := newWorld(t, "", agentid.GuardOptions{RequireNonce: true})
	conn := w.client(w.agent)
	w.expect(conn, "Read", inside, "OK", "")
	w.expect(conn, "Read", outside, "PermissionDenied", "argument_constraint_violated")
	w.expect(conn, "Tail", inside, "Unauthenticated", "nonce_required") // a stream is not begun twice
	w.expectRuns("Read")
}

func TestManyAtOnceByOneConnection(t *testing.T) {
	w := newWorld(t, "", agentid.GuardOptions{})
	conn := w.client(w.agent)
	var group sync.WaitGroup
	for i := range 64 {
		group.Add(1)
		go func() {
			defer group.Done()
			w.expect(conn, kinds[i%4], inside, "OK", "")
		}()
	}
	group.Wait()
}

func TestADeadlineEndsWhatIsNotDecided(t *testing.T) {
	w := newWorld(t, "", agentid.GuardOptions{})
	ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	w.expectIn(ctx, w.client(w.agent), "Read", inside, "DeadlineExceeded", "")
	w.expectRuns()
}
