//go:build cgo

package agentid

import (
	"testing"
	"time"
)

func TestAnAgentThatIsOpenOutlivesItsGrantAndSoDoThoseBelowIt(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	agent := must[*Agent](t)(acme.StartAgent(bg, "researcher", AgentOptions{Principal: alice, Task: "all night", Scope: scope, Lifetime: 2 * time.Second}))
	defer agent.Close()
	child := must[*Agent](t)(agent.Spawn(bg, "reader", Delegation{SameScope: true}))
	defer child.Close()
	first := must[time.Time](t)(agent.Expires())
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if must[time.Time](t)(child.Expires()).After(first.Add(time.Second)) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody renewed it")
		}
	}
	must[*Decision](t)(child.Authorize(bg, "read_file", inside))
	guard := must[*Guard](t)(acme.Guard(bg, GuardOptions{Audience: "files"}))
	defer guard.Close()
	chain, proof, err := child.Present("read_file", inside, "files")
	ok(t, err)
	must[*Decision](t)(guard.Authorize(bg, chain, proof, "read_file", inside))
}

func TestAHardEndIsRefusedInThePast(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	for _, until := range []time.Time{time.Unix(0, 0), time.Unix(-1, 0), time.Now().Add(-time.Second)} {
		_, err := acme.StartAgent(bg, "researcher", AgentOptions{Principal: alice, Task: "t", Scope: scope, Until: until})
		refused(t, err, ErrArgument, "until")
	}
	until := time.Now().Add(time.Minute)
	agent := must[*Agent](t)(acme.StartAgent(bg, "researcher", AgentOptions{Principal: alice, Task: "t", Scope: scope, Until: until}))
	defer agent.Close()
	if end := must[time.Time](t)(agent.Expires()); end.Unix() != until.Unix() {
		t.Fatal(end)
	}
}
