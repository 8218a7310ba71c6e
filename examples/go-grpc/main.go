// A gRPC server behind a guard, called as an agent. The messages are google.protobuf.Struct, so that nothing has to be generated; with a
// .proto file of your own, the fields of a request are the arguments of its tool.
//
//	go mod tidy && go run .
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os"

	"agentid.example/agentid"
	"agentid.example/agentid/agentidgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
)

var tools = map[string]string{"/files.Files/Read": "read_file"}

// read is the handler: whatever comes to it was permitted.
func read(_ context.Context, request any) (any, error) {
	path := request.(*structpb.Struct).Fields["path"].GetStringValue()
	return structpb.NewStringValue("the text of " + path), nil
}

// method is what the compiler of .proto files writes for each method.
func method(name string) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: name, Handler: func(_ any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
		request := new(structpb.Struct)
		if err := decode(request); err != nil {
			return nil, err
		}
		return intercept(ctx, request, &grpc.UnaryServerInfo{FullMethod: "/files.Files/" + name}, read)
	}}
}

func serve(guard *agentid.Guard, methods *agentidgrpc.Methods) (*grpc.Server, string, error) {
	server := grpc.NewServer(agentidgrpc.Server{Guard: guard, Methods: methods}.Options()...)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "files.Files", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{method("Read"), method("Write")},
	}, nil)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	go func() { _ = server.Serve(listener) }()
	return server, listener.Addr().String(), nil
}

func run(directory string) (err error) {
	ctx := context.Background()
	acme, err := agentid.OpenAuthority(ctx, directory, agentid.AuthorityOptions{TrustDomain: "acme.example"})
	if err != nil {
		return err
	}
	defer acme.Close()
	ceiling := agentid.ProfileOptions{Owner: "team:files@acme.example", Ceiling: "read_file(path under '/data')"}
	if err = acme.PutProfile(ctx, "clerk", ceiling); err != nil {
		return err
	}
	guard, err := agentid.OpenGuardDirectory(ctx, directory, agentid.GuardOptions{Audience: "files"})
	if err != nil {
		return err
	}
	defer guard.Close()
	methods, err := agentidgrpc.NewMethods(tools, agentidgrpc.MethodOptions{})
	if err != nil {
		return err
	}
	server, address, err := serve(guard, methods)
	if err != nil {
		return err
	}
	defer server.Stop()
	agent, err := acme.StartAgent(ctx, "clerk", agentid.AgentOptions{
		Principal: "user:alice@acme.example", Task: "Q3", Scope: "read_file(path under '/data/q3')",
	})
	if err != nil {
		return err
	}
	defer func() {
		_, ended := agent.End(ctx, "done")
		err = errors.Join(err, ended, agent.Close())
	}()
	proving := agentidgrpc.Client{Audience: "files", Methods: methods}
	conn, err := grpc.Dial(address, append(proving.Options(), grpc.WithInsecure())...)
	if err != nil {
		return err
	}
	defer conn.Close()
	bare, err := grpc.Dial(address, grpc.WithInsecure())
	if err != nil {
		return err
	}
	defer bare.Close()
	ctx = agentid.WithAgent(ctx, agent)
	call(ctx, conn, "Read", "/data/q3/a.csv")
	call(ctx, conn, "Read", "/data/salaries.csv")
	call(ctx, bare, "Read", "/data/q3/a.csv")
	call(ctx, bare, "Write", "/data/q3/a.csv")
	return nil
}

func call(ctx context.Context, conn *grpc.ClientConn, name, path string) {
	request := &structpb.Struct{Fields: map[string]*structpb.Value{"path": structpb.NewStringValue(path)}}
	answer := new(structpb.Value)
	if err := conn.Invoke(ctx, "/files.Files/"+name, request, answer); err != nil {
		fmt.Println(status.Code(err), status.Convert(err).Message())
		return
	}
	fmt.Println("OK", answer.GetStringValue())
}

func main() {
	directory, err := os.MkdirTemp("", "acme")
	if err == nil {
		err = run(directory)
		err = errors.Join(err, os.RemoveAll(directory))
	}
	if err != nil {
		log.Fatal(err)
	}
}
