//go:build cgo

package agentid

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// other is another process: this test's program, that does what otherProcess is told, a line of answer for each line.
type other struct {
	*exec.Cmd
	in  io.Writer
	out *bufio.Scanner
}

func process(t *testing.T, directory string, resumeWithin time.Duration) *other {
	command := exec.Command(must[string](t)(os.Executable()), "-test.run=^TestAsAnotherProcess$")
	command.Env = append(os.Environ(), "AGENTID_OTHER="+directory, "AGENTID_RESUME="+resumeWithin.String())
	command.Stderr = os.Stderr
	in := must[io.WriteCloser](t)(command.StdinPipe())
	out := must[io.ReadCloser](t)(command.StdoutPipe())
	ok(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGCONT)
		in.Close()
		_ = command.Wait()
	})
	return &other{command, in, bufio.NewScanner(out)}
}

// do has the other process do something, and gives what it answers.
func (o *other) do(t *testing.T, words ...string) string {
	t.Helper()
	must[int](t)(fmt.Fprintln(o.in, strings.Join(words, " ")))
	if !o.out.Scan() {
		t.Fatal("the other process is gone")
	}
	return o.out.Text()
}

// TestAsAnotherProcess is not a test but the other process.
func TestAsAnotherProcess(t *testing.T) {
	directory := os.Getenv("AGENTID_OTHER")
	if directory == "" {
		t.Skip("this is the process that others are compared with")
	}
	resume := must[time.Duration](t)(time.ParseDuration(os.Getenv("AGENTID_RESUME")))
	acme := must[*Authority](t)(OpenAuthority(bg, directory, AuthorityOptions{LeaseDuration: time.Second, ResumeWithin: resume}))
	var agent *Agent
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		words := strings.Fields(lines.Text())
		var err error
		var said string
		switch words[0] {
		case "start":
			if agent, err = acme.StartAgent(bg, "researcher", task); err == nil {
				said = agent.ID()
			}
		case "park":
			err = agent.Park(bg, time.Hour)
		case "unpark":
			if agent, err = acme.Unpark(bg, words[1]); err == nil {
				said = agent.ID()
			}
		case "chain":
			said, err = agent.Chain()
		case "present":
			chain, proof, fault := agent.Present("read_file", inside, "files")
			said, err = chain+" "+proof, fault
		case "call":
			_, err = agent.Authorize(bg, "read_file", inside)
		}
		if fault := new(Error); errors.As(err, &fault) {
			said = fault.Name
		} else if err != nil {
			said = err.Error()
		}
		fmt.Println(said)
	}
	os.Exit(0) // as a process ends that closes nothing
}

// listed is the state of an agent, as the command line shows it.
func listed(t *testing.T, directory, id string) string {
	t.Helper()
	prefix := strings.TrimSpace(string(must[[]byte](t)(exec.Command("pkg-config", "--variable=prefix", "agentid").Output())))
	program := filepath.Join(prefix, "bin/agentidctl")
	if _, err := os.Stat(program); err != nil {
		t.Skip("agentidctl is not installed with the library")
	}
	text := must[[]byte](t)(exec.Command(program, "agents", "--authority", directory, "--json").Output())
	for line := range strings.Lines(string(text)) {
		var record struct{ ID, State string }
		if json.Unmarshal([]byte(line), &record) == nil && record.ID == id {
			return record.State
		}
	}
	var records []struct{ ID, State string }
	ok(t, json.Unmarshal(text, &records))
	for _, record := range records {
		if record.ID == id {
			return record.State
		}
	}
	return ""
}

func TestAnAgentIsParkedInOneProcessAndTakenUpInAnother(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "acme")
	acme := authority(t, directory, AuthorityOptions{})
	first := process(t, directory, 0)
	id := first.do(t, "start")
	presented := strings.Fields(first.do(t, "present"))
	if said := first.do(t, "park"); said != "" {
		t.Fatal(said)
	}
	if said := first.do(t, "call"); said != "agent_closed" && said != "parked" && said != "handle" {
		t.Log("the handle that parked: ", said)
	}
	guard := must[*Guard](t)(OpenGuardDirectory(bg, directory, GuardOptions{Audience: "files"}))
	defer guard.Close()
	_, err := guard.Authorize(bg, presented[0], presented[1], "read_file", inside)
	refused(t, err, ErrDenied, "parked")
	if state := listed(t, directory, id); state != "parked" {
		t.Fatal(state)
	}
	if records := must[[]AgentRecord](t)(acme.Agents(bg, AgentFilter{State: "parked"})); len(records) != 1 || records[0].ID != id {
		t.Fatalf("%+v", records)
	}
	ok(t, first.Process.Kill())

	second := process(t, directory, 0)
	if said := second.do(t, "unpark", id); said != id {
		t.Fatal(said)
	}
	presented = strings.Fields(second.do(t, "present"))
	must[*Decision](t)(guard.Authorize(bg, presented[0], presented[1], "read_file", inside))
	if state := listed(t, directory, id); state != "active" {
		t.Fatal(state)
	}
	_, err = acme.Unpark(bg, id)
	refused(t, err, ErrState, "not_parked")
}

func TestThoseBelowAreParkedAndTakenUpWithIt(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	agent := must[*Agent](t)(acme.StartAgent(bg, "researcher", task))
	child := must[*Agent](t)(agent.Spawn(bg, "child", Delegation{SameScope: true}))
	below := must[*Agent](t)(child.Spawn(bg, "below", Delegation{SameScope: true}))
	ok(t, agent.Park(bg, time.Hour))
	for _, one := range []*Agent{agent, child, below} {
		_, err := one.Authorize(bg, "read_file", inside)
		refused(t, err, ErrDenied, "parked")
		one.Close()
	}
	_, err := acme.Unpark(bg, child.ID())
	refused(t, err, ErrState, "sub_agent")
	again := must[*Agent](t)(acme.Unpark(bg, agent.ID()))
	defer again.Close()
	children := must[[]*Agent](t)(again.Unparked())
	if len(children) != 1 || children[0].ID() != child.ID() {
		t.Fatalf("%v", children)
	}
	deeper := must[[]*Agent](t)(children[0].Unparked())
	if len(deeper) != 1 || deeper[0].ID() != below.ID() {
		t.Fatalf("%v", deeper)
	}
	if left := must[[]*Agent](t)(again.Unparked()); len(left) != 0 {
		t.Fatalf("%v", left)
	}
	for _, one := range append(children, deeper...) {
		must[*Decision](t)(one.Authorize(bg, "read_file", inside))
		one.Close()
	}
}

// A process that was stopped finds its agents' leases lapsed: they go on where policy allows, and not where it does not.
func TestAnAgentOfAStoppedProcessGoesOnWithinTheTimeThatPolicyAllows(t *testing.T) {
	for name, within := range map[string]time.Duration{"call": time.Hour, "lease_lapsed": 0} {
		directory := filepath.Join(t.TempDir(), "acme")
		authority(t, directory, AuthorityOptions{})
		guard := must[*Guard](t)(OpenGuardDirectory(bg, directory, GuardOptions{Audience: "files"}))
		defer guard.Close()
		stopped := process(t, directory, within)
		stopped.do(t, "start")
		presented := strings.Fields(stopped.do(t, "present"))
		ok(t, stopped.Process.Signal(syscall.SIGSTOP))
		until(t, "the lease lapses", func() bool {
			return must[*Decision](t)(guard.Check(bg, presented[0], presented[1], "read_file", inside)).Reason() == ReasonLeaseLapsed
		})
		ok(t, stopped.Process.Signal(syscall.SIGCONT))
		if within == 0 {
			if said := stopped.do(t, "call"); said != "lease_lapsed" {
				t.Fatal(name, said)
			}
			continue
		}
		until(t, "it goes on", func() bool { return stopped.do(t, "call") == "" })
	}
}
