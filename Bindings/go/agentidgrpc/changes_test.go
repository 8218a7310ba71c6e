package agentidgrpc_test

import (
	"context"
	"os"
	"strings"
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

// noted is a test's step that has no result.
func noted(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAChangeIsInForceForTheNextCallOfAnOpenConnection(t *testing.T) {
	ctx := context.Background()
	for name, change := range map[string]struct {
		make         func(w *world) error
		code, reason string
	}{
		"a policy": {func(w *world) error {
			_, err := w.acme.ApplyPolicy(ctx, []byte(`{"version": 2, "rules": [{"id": "no", "match": "read_file; tail; store; echo", "then": "deny"}]}`))
			return err
		}, "PermissionDenied", "policy_denied"},
		"a suspension": {func(w *world) error { return w.acme.Suspend(ctx, w.agent.ID(), "") }, "PermissionDenied", "suspended"},
		"a revocation": {func(w *world) error {
			_, err := w.acme.Revoke(ctx, agentid.RevokeAgent, w.agent.ID())
			return err
		}, "PermissionDenied", "authority_revoked"},
		"a principal that has left": {func(w *world) error {
			_, err := w.acme.Revoke(ctx, agentid.RevokePrincipal, "user:alice@acme.example")
			return err
		}, "PermissionDenied", "authority_revoked"},
		"a new key": {func(w *world) error {
			if err := w.acme.PublishKey(ctx); err != nil {
				return err
			}
			return w.acme.ActivateKey(ctx)
		}, "OK", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, `{"version": 1, "rules": []}`, agentid.GuardOptions{})
			conn := w.client(w.agent)
			w.expectAll(conn, "OK", "")
			noted(t, change.make(w))
			time.Sleep(100 * time.Millisecond)
			w.expectAll(conn, change.code, change.reason)
		})
	}
}

func TestADirectoryThatIsLostUnderAServerPermitsNothing(t *testing.T) {
	w := newWorld(t, "", agentid.GuardOptions{})
	conn := w.client(w.agent)
	w.expectAll(conn, "OK", "")
	away := w.directory + "-away"
	noted(t, os.Rename(w.directory, away))
	time.Sleep(100 * time.Millisecond)
	w.expectAll(conn, "Unavailable", "directory_replaced")
	noted(t, os.Mkdir(w.directory, 0o700))
	w.expectAll(conn, "Unavailable", "directory_replaced")
	noted(t, os.RemoveAll(w.directory))
	noted(t, os.Rename(away, w.directory))
	for range 100 {
		time.Sleep(100 * time.Millisecond)
		if code, _ := ask(context.Background(), conn, "Read", inside); code == "OK" {
			break
		}
	}
	w.expectAll(conn, "OK", "")
	for _, name := range []string{"registry.db", "registry.db-wal", "registry.db-shm"} {
		_ = os.Remove(w.directory + "/" + name)
	}
	time.Sleep(100 * time.Millisecond)
	w.expectAll(conn, "Unavailable", "registry_replaced")
	w.expectRuns("Read", "Tail", "Echo", "Echo", "Read", "Read", "Tail", "Echo", "Echo")
}

// Another spelling of a method is refused, also where the transport would lead it to the handler.
func TestAMethodThatIsSpeltOtherwiseIsNotThatMethod(t *testing.T) {
	w := newWorld(t, "", agentid.GuardOptions{})
	bare := w.dial(w.address)
	chain, proof := w.present("read_file", `{"path":"/data/a"}`, "files")
	for _, name := range []string{
		"files.Files/Tail", "files.Files/Echo", "//files.Files/Tail", "/files.Files//Tail", "/files.Files/Tail/", "/files.Files/tail",
		"/FILES.Files/Tail", "/files.Files/%54ail", "/files.Files/Tail?x", "/files.Files/Ping/", "/files.Files/Hasty", "/x/files.Files/Tail",
		"/files.Files/../files.Files/Tail", "/files.Files/Tail#", "/", "/Tail", "files.Files/Store",
	} {
		ctx, cancel := context.WithTimeout(sent("agent-chain", chain, "agent-proof", proof), 5*time.Second)
		stream, err := bare.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, name)
		if err == nil {
			_ = stream.SendMsg(inside)
			_ = stream.CloseSend()
			err = stream.RecvMsg(new(structpb.Struct))
		}
		cancel()
		if err == nil {
			t.Errorf("%q was answered", name)
		}
	}
	w.expectRuns()
}

// Neither an upper-case name nor a binary value is another way to say chain and proof.
func TestMetadataInOtherSpellingsIsOneChainAndOneProof(t *testing.T) {
	w := newWorld(t, "", agentid.GuardOptions{})
	bare := w.dial(w.address)
	chain, proof := w.present("read_file", `{"path":"/data/a"}`, "files")
	twice := metadata.NewOutgoingContext(context.Background(), metadata.MD{
		"Agent-Chain": {chain}, "agent-chain": {chain}, "AGENT-PROOF": {proof}, "agent-proof": {proof},
	})
	if code, _ := ask(twice, bare, "Read", inside); code == "OK" {
		t.Error("two chains were taken for one")
	}
	for _, value := range []string{"", " ", "~", "~~~~", chain + "~", "~" + chain, chain + "\x00", "sha-256=", "sha-256=" + chain, "\xff\xfe"} {
		if code, _ := ask(sent("agent-chain", value, "agent-proof", proof), bare, "Read", inside); code == "OK" {
			t.Errorf("the chain %.20q was taken", value)
		}
	}
	w.expectRuns()
	ctx := sent("agent-chain", chain, "agent-proof", proof)
	w.expectIn(ctx, bare, "Read", inside, "OK", "")
	w.expectIn(ctx, bare, "Read", inside, "Unauthenticated", "replayed")
	w.expectRuns("Read")
}

// A stream's client that goes away in the middle leaves no call open and takes no server down.
func TestClientsThatGoAwayInTheMiddleLeaveNoCallOpen(t *testing.T) {
	w := newWorld(t, "", agentid.GuardOptions{})
	conn := w.client(w.agent)
	begun := make(chan struct{})
	w.do = func(ctx context.Context) error {
		begun <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}
	for _, method := range []string{"Tail", "Store", "Echo"} {
		ctx, cancel := context.WithCancel(context.Background())
		desc := &grpc.StreamDesc{ServerStreams: method != "Store", ClientStreams: method != "Tail"}
		stream, err := conn.NewStream(ctx, desc, "/files.Files/"+method)
		noted(t, err)
		noted(t, stream.SendMsg(inside))
		noted(t, stream.CloseSend())
		<-begun
		cancel()
	}
	found := w.outcomes()
	for range 100 {
		if len(found) == 3 {
			break
		}
		time.Sleep(50 * time.Millisecond)
		found = w.outcomes()
	}
	if strings.Join(found, "|") != "closed early|closed early|closed early" {
		t.Error(found)
	}
	w.lock.Lock()
	w.do = func(context.Context) error { return nil }
	w.lock.Unlock()
	w.expect(conn, "Read", inside, "OK", "")
}

func TestAPanicInAStreamEndsTheCallAsFailed(t *testing.T) {
	w := newWorld(t, spend, agentid.GuardOptions{})
	guard := must[*agentid.Guard](t)(w.acme.Guard(context.Background(), agentid.GuardOptions{Audience: "files"}))
	defer guard.Close()
	recovering := func(service any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
		defer func() {
			if recover() != nil {
				err = status.Error(codes.Internal, "panic")
			}
		}()
		return handler(service, stream)
	}
	options := agentidgrpc.Server{Guard: guard, Methods: methods(t)}.Options()
	address := w.listen(append([]grpc.ServerOption{grpc.ChainStreamInterceptor(recovering)}, options...), &service)
	w.do = func(context.Context) error { panic("hunter2") }
	conn := w.clientOf(address)
	for _, method := range []string{"Tail", "Store", "Echo"} {
		w.expect(conn, method, inside, "Internal", "")
	}
	if found := strings.Join(w.outcomes(), "|"); found != "failed: panic|failed: panic|failed: panic" {
		t.Error(found)
	}
}

// A handler that was permitted before goes on; it is told that it may not by extending its call.
func TestAStreamThatGoesOnLearnsThatItsAgentMayNotAct(t *testing.T) {
	w := newWorld(t, spend, agentid.GuardOptions{})
	begun, suspended := make(chan struct{}), make(chan struct{})
	var said error
	w.do = func(ctx context.Context) error {
		close(begun)
		<-suspended
		said = agentid.CallFrom(ctx).Extend(ctx, "usd", "0", 0, "")
		return said
	}
	answered := make(chan string)
	go func() {
		code, _ := ask(context.Background(), w.client(w.agent), "Tail", inside)
		answered <- code
	}()
	<-begun
	noted(t, w.acme.Suspend(context.Background(), w.agent.ID(), ""))
	time.Sleep(100 * time.Millisecond)
	close(suspended)
	if code := <-answered; code == "OK" || said == nil || !strings.Contains(said.Error(), "suspended") {
		t.Error(code, said)
	}
}
