// The Go ends of HTTP, for Tests/HTTP/run: `serve DIRECTORY` prints its URL and serves until its input ends; `call DIRECTORY URL`
// prints the status and the reason of each request.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"agentid.example/agentid"
)

func main() {
	log.SetFlags(0)
	if os.Args[1] == "serve" {
		serve(os.Args[2])
	} else {
		call(os.Args[2], os.Args[3])
	}
}

func serve(directory string) {
	guard, err := agentid.OpenGuardDirectory(context.Background(), directory, agentid.GuardOptions{Audience: "files"})
	if err != nil {
		log.Fatal(err)
	}
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	server := httptest.NewServer(agentid.Middleware{Guard: guard}.Wrap(echo))
	fmt.Println(server.URL)
	io.Copy(io.Discard, os.Stdin)
	server.Close()
	guard.Close()
}

func call(directory, url string) {
	ctx := context.Background()
	acme, err := agentid.OpenAuthority(ctx, directory, agentid.AuthorityOptions{MustExist: true})
	if err != nil {
		log.Fatal(err)
	}
	defer acme.Close()
	agent, err := acme.StartAgent(ctx, "web", agentid.AgentOptions{Principal: "user:bob@acme.example", Task: "from Go", Scope: os.Args[4]})
	if err != nil {
		log.Fatal(err)
	}
	// The last call has a chain that goes by reference, and that no header has room for where it is not known.
	deep := agent
	for range 4 {
		if deep, err = deep.Spawn(ctx, "below", agentid.Delegation{SameScope: true}); err != nil {
			log.Fatal(err)
		}
	}
	long, err := deep.Chain()
	if err != nil || len(long) < 7<<10 {
		log.Fatal(len(long), err)
	}
	for i, each := range [][2]string{
		{"/read_file", `{"path":"/data/a.csv"}`}, {"/read_file", `{"path":"/etc/shadow"}`}, {"/a%20b!c", `{"x":1.5}`}, {"/other", "{}"}, {"/empty", ""}, {"/empty", ""},
	} {
		as := agent
		if i == 5 {
			as = deep
		}
		web := &http.Client{Transport: &agentid.Transport{Agent: as, Audience: "files"}}
		response, err := web.Post(url+each[0], "application/json", strings.NewReader(each[1]))
		if err != nil {
			log.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			log.Fatal(err)
		}
		response.Body.Close()
		var refusal agentid.Refusal
		if response.StatusCode == http.StatusOK {
			if string(body) != each[1] {
				log.Fatalf("%s is not %s", body, each[1])
			}
		} else if err := json.Unmarshal(body, &refusal); err != nil {
			log.Fatal(err)
		}
		fmt.Println(response.StatusCode, refusal.Reason)
	}
	if _, err := agent.End(ctx, "done"); err != nil {
		log.Fatal(err)
	}
}
