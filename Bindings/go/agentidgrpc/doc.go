// Package agentidgrpc guards servers of gRPC: a request is a call of a tool, decided before its handler runs. Clients prove their
// calls as their agent. What is sent is what Python's libagentid.grpc sends: each end may be the other's.
//
//	methods, err := agentidgrpc.NewMethods(map[string]string{"/files.Files/Read": "read_file"}, agentidgrpc.MethodOptions{})
//	server := grpc.NewServer(agentidgrpc.Server{Guard: guard, Methods: methods}.Options()...)
//	conn, err := grpc.Dial(address, agentidgrpc.Client{Agent: agent, Audience: "files", Methods: methods}.Options()...)
//
// docs/guides/grpc.md is the guide. It is a module of its own, so that the binding depends on no other module. It needs grpc-go 1.33 or
// later, and messages of google.golang.org/protobuf.
package agentidgrpc
