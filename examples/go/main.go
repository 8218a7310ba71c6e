// An agent runtime with two sub-agents, each a goroutine, that call a tool server over HTTP. The server knows the public
// state only; its guard decides every request. In the end nothing is left that could be used.
//
//	make test-go runs it
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"agentid.example/agentid"
)

const owner, alice = "team:research@acme.example", "user:alice@acme.example"

// The tool server: anything that comes through the middleware was permitted.
func serve(ctx context.Context, directory string, listener net.Listener) error {
	guard, err := agentid.OpenGuardDirectory(ctx, directory, agentid.GuardOptions{Audience: "files"})
	if err != nil {
		return err
	}
	defer guard.Close()
	tools := http.NewServeMux()
	tools.HandleFunc("POST /read_file", func(w http.ResponseWriter, r *http.Request) {
		var arguments struct {
			Path string `json:"path"`
		}
		if err := json.NewDecoder(r.Body).Decode(&arguments); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, "the contents of %s\n", arguments.Path)
	})
	tools.HandleFunc("POST /search", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "three results")
	})
	err = http.Serve(listener, agentid.Middleware{Guard: guard}.Wrap(tools))
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// One sub-agent at work: it does as it is told, also by what it reads.
func work(agent *agentid.Agent, server, name string, calls [][2]string) ([]string, error) {
	client := &http.Client{Transport: &agentid.Transport{Agent: agent, Audience: "files"}}
	var log []string
	for _, call := range calls {
		response, err := client.Post(server+call[0], "application/json", bytes.NewReader([]byte(call[1])))
		if err != nil {
			return log, err
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			return log, err
		}
		var refusal agentid.Refusal
		if response.StatusCode == http.StatusOK {
			log = append(log, fmt.Sprintf("%s: %s %s: %s", name, call[0], call[1], bytes.TrimSpace(body)))
		} else if err := json.Unmarshal(body, &refusal); err != nil {
			return log, err
		} else {
			log = append(log, fmt.Sprintf("%s: %s %s: %d %s: %s", name, call[0], call[1], response.StatusCode, refusal.Reason, refusal.Message))
		}
	}
	return log, nil
}

func run(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "agentid-example")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	directory := filepath.Join(folder, "acme")

	// The root of trust, and what a researcher may at most be.
	acme, err := agentid.OpenAuthority(ctx, directory, agentid.AuthorityOptions{TrustDomain: "acme.example"})
	if err != nil {
		return err
	}
	defer acme.Close()
	err = acme.PutProfile(ctx, "researcher", agentid.ProfileOptions{
		Owner: owner, Ceiling: `"POST /read_file"(path under "/data"); "POST /search"(query: *)`})
	if err != nil {
		return err
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- serve(ctx, directory, listener) }()
	server := "http://" + listener.Addr().String()

	// One agent for one task of one human, and two below it with a part of its authority each.
	agent, err := acme.StartAgent(ctx, "researcher", agentid.AgentOptions{
		Principal: alice, Task: "Q3 review", Scope: `"POST /read_file"(path under "/data/q3"); "POST /search"(query: *)`})
	if err != nil {
		return err
	}
	defer agent.Close()
	var workers sync.WaitGroup
	logs, faults := make([][]string, 2), make([]error, 2)
	for i, task := range []struct {
		name, scope string
		calls       [][2]string
	}{
		{"reader", `"POST /read_file"(path under "/data/q3/public")`, [][2]string{
			{"/read_file", `{"path":"/data/q3/public/a.csv"}`}, {"/read_file", `{"path":"/data/q3/salaries.csv"}`}}},
		{"searcher", `"POST /search"(query: *)`, [][2]string{
			{"/search", `{"query":"Q3"}`}, {"/read_file", `{"path":"/data/q3/public/a.csv"}`}}},
	} {
		child, err := agent.Spawn(ctx, task.name, agentid.Delegation{Scope: task.scope})
		if err != nil {
			return err
		}
		defer child.End(ctx, "its task is done")
		workers.Add(1)
		go func() {
			defer workers.Done()
			logs[i], faults[i] = work(child, server, task.name, task.calls)
		}()
	}
	workers.Wait()
	for i := range logs {
		for _, line := range logs[i] {
			fmt.Println(line)
		}
		if faults[i] != nil {
			return faults[i]
		}
	}

	// The end: one call for all three, then proof that nothing of them is usable, and a receipt.
	tombstone, err := agent.End(ctx, "the task is done")
	if err != nil {
		return err
	}
	after, err := work(agent, server, "after the end", [][2]string{{"/search", `{"query":"Q4"}`}})
	if err == nil {
		return fmt.Errorf("an agent that has ended made a call: %v", after)
	}
	gone, err := acme.VerifyGone(ctx, agent.ID())
	if err != nil {
		return err
	}
	bundle, err := acme.Bundle(ctx)
	if err != nil {
		return err
	}
	receipt, err := agentid.VerifyTombstone("acme.example", bundle, tombstone)
	if err != nil {
		return err
	}
	fmt.Printf("gone: %d agents, %d chains presented, %d permitted, %d secrets held; tombstone: %q, for %s\n",
		gone.Agents, gone.Chains, len(gone.Permitted), len(gone.Leases), receipt.Reason, receipt.Principal)

	listener.Close()
	return <-served
}

func main() {
	log.SetFlags(0)
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
