//go:build cgo

package agentid

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
)

// Metric is one number with its labels, in the shape of the collectors of Prometheus and OpenTelemetry: a host hands it on to what it has.
// No label is the name of an agent, tool or principal: there is no end to those, and the audit log has them.
type Metric struct {
	Name    string            // e.g. "agentid_decisions"
	Counter bool              // it only grows; else it is a gauge
	Labels  map[string]string // the same names for each metric of this name
	Value   float64
}

type guardCounts struct {
	Permitted  int64            `json:"permitted"`
	Denied     map[string]int64 `json:"denied"`
	Unrecorded int64            `json:"unrecorded"`
	Chains     int64            `json:"cached_chains"`
}

func (c guardCounts) metrics(name string) []Metric {
	count := func(outcome, reason string, value int64) Metric {
		return Metric{"agentid_decisions", true, map[string]string{"guard": name, "outcome": outcome, "reason": reason}, float64(value)}
	}
	found := []Metric{count("permitted", "none", c.Permitted)}
	for _, reason := range slices.Sorted(maps.Keys(c.Denied)) {
		found = append(found, count("denied", reason, c.Denied[reason]))
	}
	of := map[string]string{"guard": name}
	return append(found, Metric{"agentid_unrecorded", true, of, float64(c.Unrecorded)},
		Metric{"agentid_cached_chains", false, of, float64(c.Chains)})
}

// Metrics are the guard's decisions by outcome and reason, under the label guard="name". There are no latencies: time calls where they are
// made.
func (g *Guard) Metrics(name string) ([]Metric, error) {
	read, err := g.Statistics()
	var counts guardCounts
	if err == nil {
		err = json.Unmarshal(read, &counts)
	}
	if err != nil {
		return nil, err
	}
	return counts.metrics(name), nil
}

// Metrics are the numbers of Statistics, under the label authority="name", with the decisions that its agents' own handles asked for in this
// process, under guard="name".
func (a *Authority) Metrics(ctx context.Context, name string) ([]Metric, error) {
	read, err := a.Statistics(ctx)
	var counts guardCounts
	if err == nil {
		err = json.Unmarshal(read.Guard, &counts)
	}
	if err != nil {
		return nil, err
	}
	found := counts.metrics(name)
	gauge := func(metric string, value int64, labels ...string) {
		of := map[string]string{"authority": name}
		for i := 0; i+1 < len(labels); i += 2 {
			of[labels[i]] = labels[i+1]
		}
		found = append(found, Metric{metric, false, of, float64(value)})
	}
	agents := read.Agents
	gauge("agentid_agents", agents.Active, "state", "active")
	gauge("agentid_agents", agents.Denied, "state", "denied")
	gauge("agentid_agents", agents.Lapsed, "state", "lapsed")
	gauge("agentid_agents", agents.Suspended, "state", "suspended")
	gauge("agentid_agents", agents.Parked, "state", "parked")
	gauge("agentid_agents", agents.Ended, "state", "ended")
	gauge("agentid_leases_lapsing_soon", agents.LapsingSoon)
	for _, hook := range read.Hooks {
		gauge("agentid_hook_deliveries_waiting", hook.Waiting, "hook", hook.Name)
		gauge("agentid_hook_deliveries_dead", hook.Dead, "hook", hook.Name)
	}
	gauge("agentid_secrets_held", read.Secrets.Held)
	gauge("agentid_secrets_releasing", read.Secrets.Releasing)
	if read.Audit != nil {
		found = append(found, Metric{"agentid_audit_entries", true, map[string]string{"authority": name}, float64(read.Audit.Entries)})
		gauge("agentid_audit_waiting", read.Audit.Waiting)
		var lag int64
		if since := read.Audit.WaitingSince; since != nil && read.Audit.Waiting > 0 {
			lag = max(read.Milliseconds-*since, 0) / 1000
		}
		gauge("agentid_audit_lag_seconds", lag)
	}
	if read.Replay != nil {
		gauge("agentid_replay_used", read.Replay.Remembered)
		gauge("agentid_replay_places", read.Replay.SlotsAtMost)
	}
	if read.Meters != nil {
		gauge("agentid_meters_used", read.Meters.Used)
		gauge("agentid_meters_places", read.Meters.Slots)
	}
	return found, nil
}
