package agentidgrpc

import (
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
)

// Arguments says what the arguments of a request are, as a JSON object. It is the same function at both ends.
type Arguments func(method string, message any) ([]byte, error)

// MethodOptions are given to NewMethods beside the table.
type MethodOptions struct {
	Exempt    []string  // methods without a guard, e.g. "/grpc.health.v1.Health/Check"
	Streams   []string  // methods with a stream of requests, whose messages the guard does not see: see NewMethods
	Arguments Arguments // nil: MessageArguments
}

// Methods are the table of a server or a client: which tool a method is. They do not change, and serve any number of goroutines. Those of
// nil name no method: all are refused.
type Methods struct {
	tools     map[string]string
	exempt    map[string]bool
	streams   map[string]bool
	arguments Arguments
}

// NewMethods makes a table of methods such as "/files.Files/Read", and the tool of each. A method that is neither in it nor exempt is
// refused. The messages of a stream of requests come after the decision: such a method is refused as well, unless Streams
// names it, because its tool bears that. It is then a call without arguments.
func NewMethods(tools map[string]string, options MethodOptions) (*Methods, error) {
	m := &Methods{map[string]string{}, map[string]bool{}, map[string]bool{}, options.Arguments}
	if m.arguments == nil {
		m.arguments = MessageArguments
	}
	for method, tool := range tools {
		if !isMethod(method) {
			return nil, fmt.Errorf("agentidgrpc: a method is such as /files.Files/Read, not %q", method)
		}
		if tool == "" {
			return nil, fmt.Errorf("agentidgrpc: %s has no tool: name one, or name the method in Exempt", method)
		}
		m.tools[method] = tool
	}
	for _, method := range options.Exempt {
		if !isMethod(method) {
			return nil, fmt.Errorf("agentidgrpc: a method is such as /files.Files/Read, not %q", method)
		}
		if m.tools[method] != "" {
			return nil, fmt.Errorf("agentidgrpc: %s has a tool, and is exempt: leave one of them out", method)
		}
		m.exempt[method] = true
	}
	for _, method := range options.Streams {
		if m.tools[method] == "" {
			return nil, fmt.Errorf("agentidgrpc: Streams has %s, which has no tool", method)
		}
		m.streams[method] = true
	}
	return m, nil
}

func isMethod(name string) bool {
	service, method, ok := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	return ok && strings.HasPrefix(name, "/") && service != "" && method != "" && !strings.Contains(method, "/")
}

// call is a call of a tool: its arguments are a JSON object.
type call struct {
	tool      string
	arguments []byte
}

// isExempt says whether a method needs no guard; a refusal for one that is not named.
func (m *Methods) isExempt(method string) (bool, *refusal) {
	if m != nil && m.exempt[method] {
		return true, nil
	}
	if m == nil || m.tools[method] == "" {
		return false, refuse(codes.PermissionDenied, "route_without_tool", "no tool is named for this method: "+firstBytes(method, 200))
	}
	return false, nil
}

// message is the call that a request is.
func (m *Methods) message(method string, message any) (call, *refusal) {
	if err := bounded(message); err != nil { // a handler is given no more than the guard has seen
		return call{}, refuse(codes.InvalidArgument, "call", err.Error())
	}
	arguments, err := m.arguments(method, message)
	if err != nil {
		return call{}, refuse(codes.InvalidArgument, "call", err.Error())
	}
	return call{m.tools[method], arguments}, nil
}

// stream is the call that a stream of requests is.
func (m *Methods) stream(method string) (call, *refusal) {
	if !m.streams[method] {
		said := "the messages of a stream are not seen by the guard: name " + firstBytes(method, 200) + " in Streams if its tool bears that"
		return call{}, refuse(codes.PermissionDenied, "stream_not_named", said)
	}
	return call{m.tools[method], []byte("{}")}, nil
}

// firstBytes cuts a text between two characters.
func firstBytes(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && text[most]&0xC0 == 0x80 {
		most--
	}
	return text[:most]
}
