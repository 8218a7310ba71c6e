//go:build cgo

package agentid

import "log/slog"

// LogValue says what was decided and why: the reason, the agent, the ID in the audit log. Never the value of an argument.
func (d *Decision) LogValue() slog.Value {
	if d == nil {
		return slog.StringValue("none")
	}
	said := []slog.Attr{slog.Bool("permitted", d.Permitted())}
	if id := d.ID(); id != "" {
		said = append(said, slog.String("id", id))
	}
	if reason := d.Reason(); reason != "" {
		said = append(said, slog.String("reason", string(reason)))
	}
	return slog.GroupValue(said...)
}

// LogValue says which rule refused the call, on account of which link and argument; never the argument's value.
func (d *Denied) LogValue() slog.Value {
	if d == nil {
		return slog.StringValue("denied")
	}
	said := []slog.Attr{slog.String("reason", string(d.Reason))}
	if d.Argument != "" {
		said = append(said, slog.String("argument", d.Argument))
	}
	if d.Link >= 0 {
		said = append(said, slog.Int("link", d.Link))
	}
	if id := d.Decision.ID(); id != "" {
		said = append(said, slog.String("id", id))
	}
	return slog.GroupValue(said...)
}

// LogValue is the error with its name and its place.
func (e *Error) LogValue() slog.Value {
	if e == nil {
		return slog.StringValue("none")
	}
	said := []slog.Attr{slog.String("name", e.Name), slog.String("message", e.Message)}
	if e.Where != "" {
		said = append(said, slog.String("where", e.Where))
	}
	return slog.GroupValue(said...)
}

// String is the agent's ID.
func (a *Agent) String() string { return a.LogValue().String() }

// LogValue is the agent's ID.
func (a *Agent) LogValue() slog.Value {
	if a == nil {
		return slog.StringValue("none")
	}
	return slog.StringValue(a.id)
}
