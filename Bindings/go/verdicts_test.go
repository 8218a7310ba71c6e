//go:build cgo

package agentid

import (
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"
)

// One list of cases for every language: Tests/Verdicts/cases.json.
const verdicts = "../../Tests/Verdicts/cases.json"

type verdictRunner struct {
	acme       *Authority
	agents     map[string]*Agent
	chains     map[string]string
	guards     map[string]*Guard
	proofs     map[string]string
	admissions map[string]*Admission
}

func (r *verdictRunner) keep(name string, agent *Agent, err error) error {
	if err != nil {
		return err
	}
	r.agents[name] = agent
	r.chains[name], err = agent.Chain()
	return err
}

// asPermit says what came of a verb that permits or fails.
func asPermit(_ *Decision, err error) (string, error) { return "permit", err }

func (r *verdictRunner) run(step map[string]string) string {
	answer, err := r.act(step)
	var said *Error
	switch {
	case errors.As(err, &said):
		return said.Name
	case err != nil:
		return err.Error()
	case answer == "":
		return "ok"
	}
	return answer
}

func (r *verdictRunner) act(step map[string]string) (string, error) {
	agent, guard, tool, arguments := r.agents[step["agent"]], r.guards[step["guard"]], step["tool"], []byte(step["args"])
	chain, proof := r.chains[step["agent"]], r.proofs[step["proof"]]
	id := step["id"]
	if agent != nil {
		id = agent.ID()
	}
	var err error
	switch step["op"] {
	case "start":
		profile := step["profile"]
		if profile == "" {
			profile = "researcher"
		}
		agent, err = r.acme.StartAgent(bg, profile, AgentOptions{Principal: alice, Task: "review", Scope: step["scope"]})
		return "", r.keep(step["agent"], agent, err)
	case "spawn":
		agent, err = r.agents[step["parent"]].Spawn(bg, "reader", Delegation{Scope: step["scope"], SameScope: step["same_scope"] != ""})
		return "", r.keep(step["agent"], agent, err)
	case "guard":
		guard, err = r.acme.Guard(bg, GuardOptions{Audience: step["audience"], AnyAudience: step["any_audience"] != ""})
		r.guards[step["guard"]] = guard
		return "", err
	case "authorize":
		return asPermit(agent.Authorize(bg, tool, arguments))
	case "check":
		return answered(agent.Check(bg, tool, arguments))
	case "keep":
		r.proofs[step["proof"]] = step["text"]
		return "", nil
	case "prove":
		if r.proofs[step["proof"]], err = agent.Prove(tool, arguments, step["audience"]); err != nil {
			return "", err
		}
		r.chains[step["agent"]], err = agent.Chain()
		return "", err
	case "refer":
		reference, err := agent.ChainReference()
		if err != nil {
			return "", err
		}
		whole, err := agent.Chain()
		if err != nil {
			return "", err
		}
		if same, err := ChainReference(whole); same != reference {
			return same + " is not " + reference, err
		}
		if step["text"] != "" {
			reference = step["text"]
		}
		r.chains[step["agent"]] = reference
		return "", nil
	case "guard_authorize":
		return asPermit(guard.Authorize(bg, chain, proof, tool, arguments))
	case "guard_check":
		return answered(guard.Check(bg, chain, proof, tool, arguments))
	case "guard_agent":
		return asPermit(guard.AuthorizeAgent(bg, agent, tool, arguments))
	case "admit":
		r.admissions[step["admission"]], err = guard.Admit(bg, chain, "")
		return "", err
	case "admission":
		return asPermit(r.admissions[step["admission"]].Authorize(bg, proof, tool, arguments))
	case "end":
		_, err = agent.End(bg, "done")
		return "", err
	case "close":
		return "", agent.Close()
	case "park":
		return "", agent.Park(bg, time.Minute)
	case "unpark":
		agent, err = r.acme.Unpark(bg, id)
		if err != nil {
			return "", err
		}
		return "", r.keep(step["agent"], agent, err)
	case "rotate":
		return "", agent.RotateKey(bg)
	case "deprovision":
		_, err = r.acme.Deprovision(bg, id, "done")
		return "", err
	case "suspend":
		return "", r.acme.Suspend(bg, id, "look into it")
	case "resume":
		return "", r.acme.Resume(bg, id)
	case "revoke":
		_, err = r.acme.Revoke(bg, RevokeAgent, id)
		return "", err
	case "guard_revoke":
		return "", guard.Revoke(RevokeAgent, id)
	case "verify_gone":
		_, err = r.acme.VerifyGone(bg, id)
		return "gone", err
	case "permits":
		scope, err := ParseScope(step["scope"])
		if err != nil {
			return "", err
		}
		defer scope.Close()
		if err = scope.Permits(tool, arguments); errors.Is(err, ErrDenied) {
			return "deny", nil
		}
		return "permit", err
	}
	return "", errors.New("there is no such verb: " + step["op"])
}

// answered says what came of a verb that answers.
func answered(decision *Decision, err error) (string, error) {
	if err != nil || decision.Permitted() {
		return "permit", err
	}
	return string(decision.Reason()), nil
}

func TestVerdicts(t *testing.T) {
	text, err := os.ReadFile(verdicts)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the list of cases is not here")
	}
	ok(t, err)
	var cases []struct {
		Name  string
		Steps []map[string]string
	}
	ok(t, json.Unmarshal(text, &cases))
	for _, one := range cases {
		t.Run(one.Name, func(t *testing.T) {
			acme := must[*Authority](t)(OpenAuthority(bg, "", AuthorityOptions{TrustDomain: "acme.example"}))
			t.Cleanup(func() { acme.Close() })
			ceiling := "read_file(path under '/data'); search(query: *, limit?: *)"
			ok(t, acme.PutProfile(bg, "researcher", ProfileOptions{Owner: "team:research@acme.example", Ceiling: ceiling}))
			r := verdictRunner{acme, map[string]*Agent{}, map[string]string{}, map[string]*Guard{}, map[string]string{}, map[string]*Admission{}}
			for number, step := range one.Steps {
				want := step["expect"]
				if want == "" {
					want = "ok"
				}
				if got := r.run(step); got != want {
					t.Fatalf("step %d: want %s, got %s: %v", number, want, got, step)
				}
			}
		})
	}
}
