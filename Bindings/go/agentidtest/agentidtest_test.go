package agentidtest_test

import (
	"errors"
	"testing"

	"agentid.example/agentid"
	"agentid.example/agentid/agentidtest"
)

func TestAWorldIsTheLibraryItself(t *testing.T) {
	world := agentidtest.New(t, "read_file(path under '/data')")
	agent := world.Agent("read_file(path under '/data/q3')")
	inside, outside := []byte(`{"path":"/data/q3/a"}`), []byte(`{"path":"/etc/shadow"}`)
	chain, proof := world.Call(agent, "read_file", inside)
	if _, err := world.Guard.Authorize(t.Context(), chain, proof, "read_file", inside); err != nil {
		t.Fatal(err)
	}
	var denied *agentid.Denied
	if _, err := agent.Authorize(t.Context(), "read_file", outside); !errors.As(err, &denied) || denied.Reason != agentid.ReasonArgumentConstraintViolated {
		t.Fatal(err)
	}
}
