//go:build cgo

package agentid

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"
)

// lines keeps what a logger is told.
type lines struct{ told chan slog.Record }

func (lines) Enabled(context.Context, slog.Level) bool { return true }
func (l lines) Handle(_ context.Context, line slog.Record) error {
	l.told <- line
	return nil
}
func (l lines) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l lines) WithGroup(string) slog.Handler      { return l }

func reasonOf(line slog.Record) (reason string) {
	line.Attrs(func(attribute slog.Attr) bool {
		reason = attribute.Value.String()
		return attribute.Key != "reason"
	})
	return reason
}

func TestAHookThatFailsIsToldToTheLogger(t *testing.T) {
	kept0 := kept.Load()
	told := lines{make(chan slog.Record, 100)}
	ok(t, LogTo(slog.New(told), slog.LevelInfo))
	defer func() { ok(t, LogTo(nil, slog.LevelInfo)) }()
	acme := authority(t, filepath.Join(t.TempDir(), "acme"), AuthorityOptions{})
	ok(t, acme.AddHook(bg, "siem", Hook{
		Events: []string{"suspended"}, MaxAttempts: 1, Run: func(context.Context, Event) error { return errors.New("down") },
	}))
	agent := start(t, acme)
	ok(t, acme.Suspend(bg, agent.ID(), "odd calls"))
	for {
		select {
		case line := <-told.told:
			if reasonOf(line) != "hook_dead" {
				continue
			}
			if line.Level != slog.LevelError {
				t.Fatal(line.Level)
			}
		case <-time.After(time.Minute):
			t.Fatal("no line")
		}
		break
	}
	ok(t, LogTo(nil, slog.LevelInfo))
	for begun := time.Now(); kept.Load() > kept0+1 && time.Since(begun) < time.Minute; {
		time.Sleep(time.Millisecond) // the hook's own is kept until the authority is closed
	}
	if kept.Load() > kept0+1 {
		t.Fatal("the logger is kept after it was let go of")
	}
}

func TestAnAuthorityInNumbers(t *testing.T) {
	acme := authority(t, filepath.Join(t.TempDir(), "acme"), AuthorityOptions{})
	agent := start(t, acme)
	must[*Decision](t)(agent.Authorize(bg, "read_file", inside))
	found := must[AuthorityStatistics](t)(acme.Statistics(bg))
	if found.TrustDomain != "acme.example" || found.Agents.Active != 1 || found.Audit == nil || found.Replay != nil {
		t.Fatalf("%+v", found)
	}
	value := func(name, label, of string) (sum float64) {
		for _, metric := range must[[]Metric](t)(acme.Metrics(bg, "acme")) {
			if metric.Name == name && metric.Labels[label] == of {
				sum += metric.Value
			}
		}
		return sum
	}
	if value("agentid_decisions", "outcome", "permitted") != 1 || value("agentid_agents", "state", "active") != 1 {
		t.Fatal(must[[]Metric](t)(acme.Metrics(bg, "acme")))
	}
}
