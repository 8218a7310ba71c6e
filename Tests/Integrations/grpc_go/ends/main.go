// Command ends is Go's end of gRPC, for messages that it learns from a file of descriptors:
//
//	ends DESCRIPTORS arguments            writes the arguments of each message of its input
//	ends DESCRIPTORS serve DIRECTORY      serves wide.W behind the guard "wide" until its input ends
//	ends DESCRIPTORS call DIRECTORY WHERE calls WHERE with each line's method and message, as an agent that may all
package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strings"

	"agentid.example/agentid"
	"agentid.example/agentid/agentidgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

const scope = "do_wide; tail_wide; store(); echo()"

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// learn registers the types of a file of descriptors, and answers with that of the requests.
func learn(path string) protoreflect.MessageDescriptor {
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(must(os.ReadFile(path)), &set); err != nil {
		log.Fatal(err)
	}
	files := must(protodesc.NewFiles(&set))
	files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Messages().Len() {
			kind := file.Messages().Get(i)
			if _, err := protoregistry.GlobalTypes.FindMessageByName(kind.FullName()); err != nil {
				_ = protoregistry.GlobalTypes.RegisterMessage(dynamicpb.NewMessageType(kind))
			}
		}
		return true
	})
	return must(files.FindDescriptorByName("wide.Wide")).(protoreflect.MessageDescriptor)
}

// read is a message from a line.
func read(kind protoreflect.MessageDescriptor, line string) proto.Message {
	message := dynamicpb.NewMessage(kind)
	if err := proto.Unmarshal(must(base64.StdEncoding.DecodeString(line)), message); err != nil {
		return nil
	}
	return message
}

func main() {
	kind, lines, out := learn(os.Args[1]), bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	next := func() (string, bool) {
		line, err := lines.ReadString('\n')
		return strings.TrimSuffix(line, "\n"), err == nil
	}
	switch os.Args[2] {
	case "arguments":
		for line, ok := next(); ok; line, ok = next() {
			message := read(kind, line)
			if message == nil {
				fmt.Fprintln(out, "unread")
			} else if found, err := agentidgrpc.MessageArguments("", message); err != nil {
				fmt.Fprintln(out, "refused", err)
			} else {
				fmt.Fprintf(out, "%s\n", found)
			}
		}
		out.Flush()
	case "serve":
		serve(kind, os.Args[3])
		next()
	case "call":
		call(kind, os.Args[3], os.Args[4], next)
	}
}

func methods() *agentidgrpc.Methods {
	tools := map[string]string{"/wide.W/Do": "do_wide", "/wide.W/Tail": "tail_wide", "/wide.W/Store": "store", "/wide.W/Echo": "echo"}
	return must(agentidgrpc.NewMethods(tools, agentidgrpc.MethodOptions{Streams: []string{"/wide.W/Store", "/wide.W/Echo"}}))
}

func serve(kind protoreflect.MessageDescriptor, directory string) {
	guard := must(agentid.OpenGuardDirectory(context.Background(), directory, agentid.GuardOptions{Audience: "wide"}))
	server := grpc.NewServer(agentidgrpc.Server{Guard: guard, Methods: methods()}.Options()...)
	do := func(_ any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
		request := dynamicpb.NewMessage(kind)
		if err := decode(request); err != nil {
			return nil, err
		}
		info := &grpc.UnaryServerInfo{FullMethod: "/wide.W/Do"}
		return intercept(ctx, request, info, func(_ context.Context, request any) (any, error) { return request, nil })
	}
	each := func(_ any, stream grpc.ServerStream) error {
		last := dynamicpb.NewMessage(kind)
		for {
			request := dynamicpb.NewMessage(kind)
			if err := stream.RecvMsg(request); errors.Is(err, io.EOF) {
				return stream.SendMsg(last)
			} else if err != nil {
				return err
			}
			last = request
		}
	}
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "wide.W", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{MethodName: "Do", Handler: do}},
		Streams: []grpc.StreamDesc{
			{StreamName: "Tail", ServerStreams: true, Handler: each}, {StreamName: "Store", ClientStreams: true, Handler: each},
			{StreamName: "Echo", ClientStreams: true, ServerStreams: true, Handler: each},
		}}, nil)
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	fmt.Println(listener.Addr())
	go func() { log.Fatal(server.Serve(listener)) }()
}

func call(kind protoreflect.MessageDescriptor, directory, address string, next func() (string, bool)) {
	ctx := context.Background()
	acme := must(agentid.OpenAuthority(ctx, directory, agentid.AuthorityOptions{}))
	defer acme.Close()
	agent := must(acme.StartAgent(ctx, "web", agentid.AgentOptions{Principal: "user:alice@acme.example", Task: "t", Scope: scope}))
	defer agent.Close()
	options := agentidgrpc.Client{Agent: agent, Audience: "wide", Methods: methods()}.Options()
	conn := must(grpc.Dial(address, append(options, grpc.WithInsecure())...))
	defer conn.Close()
	for line, ok := next(); ok; line, ok = next() {
		method, encoded, _ := strings.Cut(line, " ")
		request, answer := read(kind, encoded), dynamicpb.NewMessage(kind)
		var trailer metadata.MD
		var err error
		if method == "Do" {
			err = conn.Invoke(ctx, "/wide.W/Do", request, answer, grpc.Trailer(&trailer))
		} else {
			err = stream(ctx, conn, method, request, answer, &trailer)
		}
		said, _ := agentidgrpc.RefusalFrom(trailer)
		fmt.Println(status.Code(err), said.Reason, err == nil && proto.Equal(request, answer))
	}
}

func stream(ctx context.Context, conn *grpc.ClientConn, method string, request, answer proto.Message, trailer *metadata.MD) error {
	desc := &grpc.StreamDesc{ClientStreams: method != "Tail", ServerStreams: method != "Store"}
	opened, err := conn.NewStream(ctx, desc, "/wide.W/"+method)
	if err != nil {
		return err
	}
	defer func() { *trailer = opened.Trailer() }()
	_ = opened.SendMsg(request)
	_ = opened.CloseSend()
	if err := opened.RecvMsg(answer); err != nil {
		return err
	}
	if err := opened.RecvMsg(dynamicpb.NewMessage(answer.ProtoReflect().Descriptor())); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}
