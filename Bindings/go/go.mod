module agentid.example/agentid

go 1.24
