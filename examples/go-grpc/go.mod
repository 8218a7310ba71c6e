module agentid.example/examples/go-grpc

go 1.24

require (
	agentid.example/agentid v0.0.0
	agentid.example/agentid/agentidgrpc v0.0.0
	google.golang.org/grpc v1.33.3
	google.golang.org/protobuf v1.28.1
)

replace (
	agentid.example/agentid => ../../Bindings/go
	agentid.example/agentid/agentidgrpc => ../../Bindings/go/agentidgrpc
)
