//go:build cgo

package agentid

import "context"

type agentKey struct{}

// WithAgent returns a context in which calls are made as this agent. It owns nothing: whoever started the agent ends it.
func WithAgent(ctx context.Context, agent *Agent) context.Context {
	return context.WithValue(orBackground(ctx), agentKey{}, agent)
}

// FromContext is the agent that calls are made as in this context: the innermost of WithAgent; false where there is none.
func FromContext(ctx context.Context) (*Agent, bool) {
	agent, ok := orBackground(ctx).Value(agentKey{}).(*Agent)
	return agent, ok && agent != nil
}

// orBackground is a context for those that are handed none.
func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}
