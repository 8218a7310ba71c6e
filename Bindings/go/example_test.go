//go:build cgo

package agentid_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"agentid.example/agentid"
)

// An agent, its sub-agent, one call permitted and one denied.
func Example() {
	ctx := context.Background()
	acme, err := agentid.OpenAuthority(ctx, "", agentid.AuthorityOptions{TrustDomain: "acme.example"})
	if err != nil {
		log.Fatal(err)
	}
	defer acme.Close()
	err = acme.PutProfile(ctx, "researcher", agentid.ProfileOptions{
		Owner: "team:research@acme.example", Ceiling: "read_file(path under '/data'); search(query: *)"})
	if err != nil {
		log.Fatal(err)
	}
	agent, err := acme.StartAgent(ctx, "researcher", agentid.AgentOptions{
		Principal: "user:alice@acme.example", Task: "Q3 review", Scope: "read_file(path under '/data/q3')"})
	if err != nil {
		log.Fatal(err)
	}
	defer agent.End(ctx, "the task is done")
	reader, err := agent.Spawn(ctx, "reader", agentid.Delegation{Scope: "read_file(path under '/data/q3/public')"})
	if err != nil {
		log.Fatal(err)
	}
	defer reader.End(ctx, "read")

	decision, err := reader.Authorize(ctx, "read_file", []byte(`{"path":"/data/q3/public/a.csv"}`))
	fmt.Println(decision.Permitted(), err)
	_, err = reader.Authorize(ctx, "read_file", []byte(`{"path":"/data/q3/secret.csv"}`))
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
	ctx := context.Background()
	acme, agent := started()
	defer acme.Close()
	defer agent.End(ctx, "the task is done")

	reader, err := agent.Spawn(ctx, "reader", agentid.Delegation{Scope: "read_file(path under '/data/q3/public')"})
	if err != nil {
		log.Fatal(err)
	}
	defer reader.End(ctx, "read")
	_, err = reader.Authorize(ctx, "read_file", []byte(`{"path":"/data/q3/secret.csv"}`))
	fmt.Println(errors.Is(err, agentid.ErrDenied), err)
	// Output: true path of read_file must be under "/data/q3/public" (arguments.path)
}

// A tool server in another process has the public state only; the caller sends a chain and a proof.
func ExampleGuard_Authorize() {
	ctx := context.Background()
	acme, agent := started()
	defer acme.Close()
	defer agent.End(ctx, "the task is done")
	bundle, err := acme.Bundle(ctx)
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
	_, err = files.Authorize(ctx, chain, proof, "read_file", arguments)
	fmt.Println(err)
	_, err = files.Authorize(ctx, chain, proof, "read_file", arguments)
	fmt.Println(err)
	// Output:
	// <nil>
	// this proof was used before (proof.jti)
}

// Deprovisioning leaves nothing usable, and a receipt that anyone can verify.
func ExampleAuthority_VerifyGone() {
	ctx := context.Background()
	acme, agent := started()
	defer acme.Close()
	defer agent.End(ctx, "the task is done")

	tombstone, err := agent.End(ctx, "the task is done")
	if err != nil {
		log.Fatal(err)
	}
	gone, err := acme.VerifyGone(ctx, agent.ID())
	fmt.Println(gone.Gone, gone.Permitted, err)
	bundle, _ := acme.Bundle(ctx)
	receipt, err := agentid.VerifyTombstone("acme.example", bundle, tombstone)
	fmt.Println(receipt.Agent == agent.ID(), receipt.Reason, err)
	// Output:
	// true [] <nil>
	// true the task is done <nil>
}

func started() (*agentid.Authority, *agentid.Agent) {
	ctx := context.Background()
	acme, err := agentid.OpenAuthority(ctx, "", agentid.AuthorityOptions{TrustDomain: "acme.example"})
	if err != nil {
		log.Fatal(err)
	}
	err = acme.PutProfile(ctx, "researcher", agentid.ProfileOptions{Owner: "team:research@acme.example", Ceiling: "read_file(path under '/data')"})
	if err != nil {
		log.Fatal(err)
	}
	agent, err := acme.StartAgent(ctx, "researcher", agentid.AgentOptions{
		Principal: "user:alice@acme.example", Task: "Q3 review", Scope: "read_file(path under '/data/q3')"})
	if err != nil {
		log.Fatal(err)
	}
	return acme, agent
}
