//go:build cgo

package agentid

import "context"

type agentKey struct{}

// WithAgent returns a context in which calls are made as this agent. It owns nothing: whoever started the agent ends it.
func WithAgent(ctx context.Context, agent *Agent) context.Context {
	return context.WithValue(ctx, agentKey{}, agent)
}

// FromContext is the agent that calls are made as in this context: the innermost of WithAgent; false where there is none.
func FromContext(ctx context.Context) (*Agent, bool) {
	agent, ok := ctx.Value(agentKey{}).(*Agent)
	return agent, ok && agent != nil
}
