//go:build cgo

package agentid

import "log/slog"

// What is nil, since an error was overlooked, has the handle of nothing: the library refuses it by its name, as it does what was closed.
// Each type has a Close of its own, as one that it shared could not be called for nil.
var nothing handle

func (a *Authority) it() *handle {
	if a == nil {
		return &nothing
	}
	return &a.handle
}

func (a *Agent) it() *handle {
	if a == nil {
		return &nothing
	}
	return &a.handle
}

func (g *Guard) it() *handle {
	if g == nil {
		return &nothing
	}
	return &g.handle
}

func (a *Admission) it() *handle {
	if a == nil {
		return &nothing
	}
	return &a.handle
}

func (a *Audit) it() *handle {
	if a == nil {
		return &nothing
	}
	return &a.handle
}

func (s *Scope) it() *handle {
	if s == nil {
		return &nothing
	}
	return &s.handle
}

func (p *Permit) it() *handle {
	if p == nil {
		return &nothing
	}
	return &p.handle
}

func (c *Call) it() *handle {
	if c == nil {
		return &nothing
	}
	return &c.handle
}

// Close closes the authority and wipes its keys; its agents go on until their leases lapse. Further calls are harmless, and calls that are
// under way in other goroutines end first. It waits up to 5 seconds for a signer that does not answer. It returns nil, and an error only to be an io.Closer; so do the others.
func (a *Authority) Close() error { return a.it().Close() }

// Close lets go of the agent, and ends nothing: see Agent.End. It is as Authority.Close otherwise.
func (a *Agent) Close() error { return a.it().Close() }

// Close closes the guard, as Authority.Close does.
func (g *Guard) Close() error { return g.it().Close() }

// Close lets go of the chain, as Authority.Close does; the guard keeps it.
func (a *Admission) Close() error { return a.it().Close() }

// Close closes the log, as Authority.Close does.
func (a *Audit) Close() error { return a.it().Close() }

// Close lets go of the scope, as Authority.Close does.
func (s *Scope) Close() error { return s.it().Close() }

// Close lets go of the permit, as Authority.Close does. What it says as a Decision stays.
func (p *Permit) Close() error { return p.it().Close() }

// made is the decision; nil of a nil permit.
func (p *Permit) made() *Decision {
	if p == nil {
		return nil
	}
	return &p.Decision
}

// Permitted says whether the call may go on; false for no permit at all.
func (p *Permit) Permitted() bool { return p.made().Permitted() }

// String is the permit as a Decision prints.
func (p *Permit) String() string { return p.made().String() }

// ID is the decision's ID in the audit log; empty where it was not written down.
func (p *Permit) ID() string { return p.made().ID() }

// Reason is empty: nothing was refused.
func (p *Permit) Reason() Reason { return p.made().Reason() }

// Denied is nil: nothing was refused.
func (p *Permit) Denied() *Denied { return p.made().Denied() }

// LogValue is that of a Decision.
func (p *Permit) LogValue() slog.Value { return p.made().LogValue() }
