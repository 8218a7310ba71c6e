//go:build cgo

package agentid

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Routes make the routes of a service tools. The arguments of a call are the values in its path and its query, as texts, and the
// members of its body, a JSON object: all that a handler is given. A GET, HEAD, DELETE, OPTIONS or TRACE has no body with members, and
// any other method only the fields of a query that its route names. An argument that is elsewhere is refused: the handler would not look
// for it there. They are the same for Middleware and Transport: Call is the CallOf of both.
type Routes struct{ mux *http.ServeMux }

// registered is where a ServeMux got a pattern from, which is always this file.
var registered = regexp.MustCompile(` \(registered at [^()]*\)`)

// NewRoutes reads routes as http.ServeMux writes them, with a method, and the tool of each; an empty tool is called as its route is
// written: NewRoutes(map[string]string{"GET /users/{id}": "get_user", "POST /read?path&limit": "read"}), where what follows a question
// mark are the fields of the query. A route that is not there is refused: mount what needs no guard beside the Middleware.
func NewRoutes(tools map[string]string) (routes *Routes, err error) {
	defer func() {
		if wrong := recover(); wrong != nil { // how a ServeMux says that two routes are one, or that one is not well-formed
			routes, err = nil, fmt.Errorf("agentid: %s", registered.ReplaceAllString(fmt.Sprint(wrong), ""))
		}
	}()
	mux := http.NewServeMux()
	for route, tool := range tools {
		where, asked, asks := strings.Cut(route, "?")
		method, rest, _ := strings.Cut(where, " ")
		if rest == "" || strings.HasSuffix(where, "/") {
			return nil, fmt.Errorf("agentid: a route is a method and a path, such as GET /users/{id}, not %q; write /{$} where it ends with '/'", route)
		}
		if method != strings.ToUpper(method) {
			return nil, fmt.Errorf("agentid: the method of %q is written in capitals, as requests have it", route)
		}
		if tool == "" {
			tool = where
		}
		found := matched{method, tool, valueNames(where), nil, !slices.Contains(bodiless, method)}
		if asks || found.hasBody {
			found.fields = map[string]bool{}
		}
		if asks {
			for _, field := range strings.Split(asked, "&") {
				if field == "" || found.fields[field] || slices.Contains(found.values, field) {
					return nil, fmt.Errorf("agentid: %q: each field of a query is named once, and no value of the path is, as in POST /a?x&y", route)
				}
				found.fields[field] = true
			}
		}
		mux.Handle(where, found)
	}
	return &Routes{mux}, nil
}

var pathValue = regexp.MustCompile(`\{([^{}]+)\}`)

// valueNames are the names of the values in a route that a ServeMux has taken: letters of any script, as it takes them.
func valueNames(route string) (names []string) {
	for _, found := range pathValue.FindAllStringSubmatch(route, -1) {
		if name := strings.TrimSuffix(found[1], "..."); name != "$" {
			names = append(names, name)
		}
	}
	return names
}

// bodiless are the methods whose arguments are in path and query alone.
var bodiless = []string{http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions, http.MethodTrace}

// matched is a route that a request was found to be.
type matched struct {
	method, tool string
	values       []string
	fields       map[string]bool // those of the query that there may be; nil: any
	hasBody      bool
}

// ServeHTTP notes which route it was.
func (m matched) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	note, ok := w.(*noted)
	if !ok {
		return
	}
	note.route = &m
	for _, name := range m.values {
		note.values = append(note.values, [2]string{name, r.PathValue(name)})
	}
}

// noted is a ResponseWriter to which nothing is written: it learns which route a request is.
type noted struct {
	route  *matched
	values [][2]string
}

func (*noted) Header() http.Header            { return http.Header{} }
func (*noted) Write(text []byte) (int, error) { return len(text), nil }
func (*noted) WriteHeader(int)                {}

// Call is the call that a request is: a CallOf.
func (r *Routes) Call(request *http.Request, body []byte) (tool string, arguments []byte, err error) {
	if err = isForHere(request); err != nil {
		return "", nil, err
	}
	if r == nil || r.mux == nil {
		return "", nil, missing("what NewRoutes returns", "Routes")
	}
	var found noted
	r.mux.ServeHTTP(&found, asServed(request))
	if found.route == nil || found.route.method != request.Method { // a ServeMux serves HEAD as GET
		return "", nil, fmt.Errorf("no tool is named for this route: %s %.200s", request.Method, request.URL.EscapedPath())
	}
	query, err := url.ParseQuery(request.URL.RawQuery)
	if err != nil {
		return "", nil, fmt.Errorf("the query is not well-formed: %w", err)
	}
	values, route := found.values, found.route
	for name, given := range query {
		if len(given) != 1 {
			return "", nil, fmt.Errorf("the query has %q %d times: a handler would take one of them", name, len(given))
		}
		if route.fields != nil && !route.fields[name] {
			return "", nil, fmt.Errorf("the query of this route has no field %.100q: is it in the body?", name)
		}
		values = append(values, [2]string{name, given[0]})
	}
	members, err := membersOf(request.Header.Values("Content-Type"), body)
	if err == nil {
		err = route.bears(members, query)
	}
	if err != nil {
		return "", nil, err
	}
	arguments, err = object(values, members)
	return route.tool, arguments, err
}

// bears refuses a body with arguments that a handler would not look for there: it would take them for not given.
func (m matched) bears(members []byte, query url.Values) error {
	if len(members) == 0 {
		return nil
	}
	if !m.hasBody {
		return fmt.Errorf("arguments of a %s are in the path or the query, not in a body", m.method)
	}
	if m.fields == nil {
		return nil
	}
	odd := 0
	return eachMember(members, func(quoted []byte) error {
		if !isPlain(quoted) {
			odd += len(quoted)
		}
		if odd > mostOddBytes {
			return fmt.Errorf("names beyond ASCII or with escapes have at most %d bytes together", mostOddBytes)
		}
		if name := unquoted(quoted); m.fields[name] && !query.Has(name) {
			return fmt.Errorf("%q is a field of the query, and is in the body", name)
		}
		return nil
	})
}

// asServed is a request as a server gets it, of which no more is looked at than where it goes.
func asServed(request *http.Request) *http.Request {
	where, host := *request.URL, request.Host
	if where.Path == "" {
		where.Path = "/"
	}
	if host == "" {
		host = where.Host
	}
	return &http.Request{Method: request.Method, URL: &where, Host: host}
}

// object is a JSON object of values, and of the members of a body as they stand there: the guard reads it, and refuses a name that
// is there twice.
func object(values [][2]string, members []byte) ([]byte, error) {
	var text bytes.Buffer
	text.WriteByte('{')
	for i, value := range values {
		if i > 0 {
			text.WriteByte(',')
		}
		for j, part := range value {
			if !utf8.ValidString(part) {
				return nil, fmt.Errorf("%q is not UTF-8", value[0])
			}
			encoded, err := json.Marshal(part)
			if err != nil {
				return nil, err
			}
			text.Write(encoded)
			if j == 0 {
				text.WriteByte(':')
			}
		}
	}
	if len(members) > 0 && len(values) > 0 {
		text.WriteByte(',')
	}
	text.Write(members)
	text.WriteByte('}')
	return text.Bytes(), readOneWay(text.Bytes())
}

// membersOf is what stands between the braces of a body.
func membersOf(contentTypes []string, body []byte) ([]byte, error) {
	const space = " \t\r\n"
	body = bytes.Trim(body, space)
	if len(body) == 0 {
		return nil, nil
	}
	if err := isJSON(contentTypes); err != nil {
		return nil, err
	}
	if len(body) < 2 || body[0] != '{' || body[len(body)-1] != '}' {
		return nil, fmt.Errorf("the body is not a JSON object: its members are arguments")
	}
	return bytes.Trim(body[1:len(body)-1], space), nil
}
