// Package agentidtest makes what tests of programs with agents need: an authority in memory, a guard, agents. All of it is
// the library itself, nothing is simulated; all of it is closed when the test ends.
package agentidtest

import (
	"context"
	"testing"

	"agentid.example/agentid"
)

// World is an authority of the trust domain test.example, with the profile "agent", and a guard named "test" that follows it.
type World struct {
	Authority *agentid.Authority
	Guard     *agentid.Guard
	t         testing.TB
}

// New makes a world whose agents may at most do what the ceiling says, in text or JSON form. What goes wrong ends the test.
func New(t testing.TB, ceiling string) *World {
	t.Helper()
	ctx := t.Context()
	authority, err := agentid.OpenAuthority(ctx, "", agentid.AuthorityOptions{TrustDomain: "test.example"})
	end(t, err)
	t.Cleanup(func() { authority.Close() })
	end(t, authority.PutProfile(ctx, "agent", agentid.ProfileOptions{Owner: "team:test@test.example", Ceiling: ceiling}))
	guard, err := authority.Guard(ctx, agentid.GuardOptions{Audience: "test"})
	end(t, err)
	t.Cleanup(func() { guard.Close() })
	return &World{authority, guard, t}
}

// Agent starts an agent with a scope, for user:test@test.example. It is ended with the test.
func (w *World) Agent(scope string) *agentid.Agent {
	w.t.Helper()
	agent, err := w.Authority.StartAgent(w.t.Context(), "agent", agentid.AgentOptions{
		Principal: "user:test@test.example", Task: w.t.Name(), Scope: scope,
	})
	end(w.t, err)
	w.t.Cleanup(func() {
		// The test's context has ended by now; the test may have ended or closed the agent.
		_, _ = agent.End(context.WithoutCancel(w.t.Context()), "the test is over")
		agent.Close()
	})
	return agent
}

// Call is one call of an agent as it comes to a guard elsewhere: its chain, and a proof for the world's guard.
func (w *World) Call(agent *agentid.Agent, tool string, arguments []byte) (chain, proof string) {
	w.t.Helper()
	chain, proof, err := agent.Present(tool, arguments, "test")
	end(w.t, err)
	return chain, proof
}

func end(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
