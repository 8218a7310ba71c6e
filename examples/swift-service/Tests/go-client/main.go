// A Go agent that calls the Swift service: client AUTHORITY-DIRECTORY URL.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"

	"agentid.example/agentid"
)

func main() {
	log.SetFlags(0)
	ctx := context.Background()
	acme, err := agentid.OpenAuthority(ctx, os.Args[1], agentid.AuthorityOptions{MustExist: true})
	if err != nil {
		log.Fatal(err)
	}
	defer acme.Close()
	agent, err := acme.StartAgent(ctx, "scribe", agentid.AgentOptions{Principal: "user:bob@acme.example", Task: "from Go",
		Scope: `"GET /books"(); "POST /notes/list"(book == "q3"); "POST /notes/add"(book == "q3", text: *)`})
	if err != nil {
		log.Fatal(err)
	}
	web := &http.Client{Transport: &agentid.Transport{Agent: agent, Audience: "notes"}}
	send := func(method, path, body string, status int) string {
		request, err := http.NewRequest(method, os.Args[2]+path, strings.NewReader(body))
		if err != nil {
			log.Fatal(err)
		}
		response, err := web.Do(request)
		if err != nil {
			log.Fatal(err)
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != status {
			log.Fatalf("%s %s: %s %s %v, not %d", method, path, response.Status, answer, err, status)
		}
		return string(answer)
	}
	send("POST", "/notes/add", `{"book":"q3","text":"from Go"}`, http.StatusCreated)
	send("GET", "/books", "", http.StatusOK)
	var refusal agentid.Refusal
	if err := json.Unmarshal([]byte(send("POST", "/notes/add", `{"book":"hr","text":"x"}`, http.StatusForbidden)), &refusal); err != nil {
		log.Fatal(err)
	}
	if refusal.Reason != "argument_constraint_violated" || refusal.Argument != "book" || refusal.Link == nil || *refusal.Link != 0 || refusal.Decision == "" {
		log.Fatalf("%+v", refusal)
	}
	var notes []struct{ Agent, Principal string }
	if err := json.Unmarshal([]byte(send("POST", "/notes/list", `{"book":"q3"}`, http.StatusOK)), &notes); err != nil {
		log.Fatal(err)
	}
	if last := notes[len(notes)-1]; last.Agent != agent.ID() || last.Principal != "user:bob@acme.example" {
		log.Fatalf("%+v", notes)
	}
	if err := acme.Suspend(ctx, agent.ID(), "look into it"); err != nil {
		log.Fatal(err)
	}
	send("GET", "/books", "", http.StatusForbidden)
	if _, err := agent.End(ctx, "the review is done"); err != nil {
		log.Fatal(err)
	}
	fmt.Println("a Go agent: permitted, denied, suspended")
}
