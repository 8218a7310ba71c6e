module agentid.example/tests/http

go 1.24

require agentid.example/agentid v0.0.0

replace agentid.example/agentid => ../../../Bindings/go
