//go:build cgo

package agentid_test

import (
	"errors"
	"fmt"
	"log"

	"agentid.example/agentid"
)

// An agent, its sub-agent, one call permitted and one denied.
func Example() {
	acme, err := agentid.OpenAuthority("", agentid.AuthorityOptions{TrustDomain: "acme.example"})
	if err != nil {
		log.Fatal(err)
	}
	defer acme.Close()
	err = acme.PutProfile("researcher", agentid.ProfileOptions{
		Owner: "team:research@acme.example", Ceiling: "read_file(path under '/data'); search(query: *)"})
	if err != nil {
		log.Fatal(err)
	}
	agent, err := acme.StartAgent("researcher", agentid.AgentOptions{
		Principal: "user:alice@acme.example", Task: "Q3 review", Scope: "read_file(path under '/data/q3')"})
	if err != nil {
		log.Fatal(err)
	}
	defer agent.End("the task is done")
	reader, err := agent.Spawn("reader", agentid.Delegation{Scope: "read_file(path under '/data/q3/public')"})
	if err != nil {
		log.Fatal(err)
	}
	defer reader.End("read")

	decision, err := reader.Authorize("read_file", []byte(`{"path":"/data/q3/public/a.csv"}`))
	fmt.Println(decision.Permitted(), err)
	_, err = reader.Authorize("read_file", []byte(`{"path":"/data/q3/secret.csv"}`))
	var denied *agentid.Denied
	if errors.As(err, &denied) {
		fmt.Println(denied.Reason, denied.Argument, denied.Link)
	}
	// Output:
	// true <nil>
	// argument_constraint_violated path 1
}

// The ten lines of the README: from an agent to a decision.
func ExampleAgent_Spawn() {
	acme, agent := started()
	defer acme.Close()
	defer agent.End("the task is done")

	reader, err := agent.Spawn("reader", agentid.Delegation{Scope: "read_file(path under '/data/q3/public')"})
	if err != nil {
		log.Fatal(err)
	}
	defer reader.End("read")
	_, err = reader.Authorize("read_file", []byte(`{"path":"/data/q3/secret.csv"}`))
	fmt.Println(errors.Is(err, agentid.ErrDenied), err)
	// Output: true path of read_file must be under "/data/q3/public" (arguments.path)
}

// A tool server in another process has the public state only; the caller sends a chain and a proof.
func ExampleGuard_Authorize() {
	acme, agent := started()
	defer acme.Close()
	defer agent.End("the task is done")
	bundle, err := acme.Bundle()
	if err != nil {
		log.Fatal(err)
	}
	arguments := []byte(`{"path":"/data/q3/a.csv"}`)
	chain, _ := agent.Chain()
	proof, _ := agent.Prove("read_file", arguments, "files")

	files, err := agentid.OpenGuard(agentid.GuardOptions{Audience: "files"})
	if err != nil {
		log.Fatal(err)
	}
	defer files.Close()
	if err := files.AddBundle("acme.example", bundle); err != nil {
		log.Fatal(err)
	}
	_, err = files.Authorize(chain, proof, "read_file", arguments)
	fmt.Println(err)
	_, err = files.Authorize(chain, proof, "read_file", arguments)
	fmt.Println(err)
	// Output:
	// <nil>
	// this proof was used before (proof.jti)
}

// Deprovisioning leaves nothing usable, and a receipt that anyone can verify.
func ExampleAuthority_VerifyGone() {
	acme, agent := started()
	defer acme.Close()
	defer agent.End("the task is done")

	tombstone, err := agent.End("the task is done")
	if err != nil {
		log.Fatal(err)
	}
	gone, err := acme.VerifyGone(agent.ID())
	fmt.Println(gone.Gone, gone.Permitted, err)
	bundle, _ := acme.Bundle()
	receipt, err := agentid.VerifyTombstone("acme.example", bundle, tombstone)
	fmt.Println(receipt.Agent == agent.ID(), receipt.Reason, err)
	// Output:
	// true [] <nil>
	// true the task is done <nil>
}

func started() (*agentid.Authority, *agentid.Agent) {
	acme, err := agentid.OpenAuthority("", agentid.AuthorityOptions{TrustDomain: "acme.example"})
	if err != nil {
		log.Fatal(err)
	}
	err = acme.PutProfile("researcher", agentid.ProfileOptions{Owner: "team:research@acme.example", Ceiling: "read_file(path under '/data')"})
	if err != nil {
		log.Fatal(err)
	}
	agent, err := acme.StartAgent("researcher", agentid.AgentOptions{
		Principal: "user:alice@acme.example", Task: "Q3 review", Scope: "read_file(path under '/data/q3')"})
	if err != nil {
		log.Fatal(err)
	}
	return acme, agent
}
