//go:build cgo

package agentid

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
)

// The headers that carry a chain and the proof of one call.
const (
	ChainHeader = "Agent-Chain"
	ProofHeader = "Agent-Proof"
)

// NonceHeader carries, in a 401 of a guard with RequireNonce, the nonce for the next proof.
const NonceHeader = "Agent-Nonce"

// IntroductionType is the type of a body that is a chain, and nothing else: see Middleware.
const IntroductionType = "application/agent-chain"

const longestChain = 256 << 10 // bytes, for every guard

// DefaultMaxBody is the limit of a body in bytes, where no other is set.
const DefaultMaxBody = 1 << 20

// CallOf says which call a request is: the tool, and the arguments as a JSON object. The body has been read already and
// can be read again afterwards. Whatever a handler acts on must be among what is answered here: the guard sees no more.
type CallOf func(request *http.Request, body []byte) (tool string, arguments []byte, err error)

// RequestCall is the call of a request whose tool is its method and path as sent, e.g. "POST /read_file", and whose
// arguments are its body; an empty body is an empty object. A query would be outside both, and is refused; so is a body that is not
// JSON by its Content-Type, or has names in one object that differ in case alone: a handler would read another call.
func RequestCall(request *http.Request, body []byte) (tool string, arguments []byte, err error) {
	if err = isForHere(request); err != nil {
		return "", nil, err
	}
	if request.URL.RawQuery != "" || request.URL.ForceQuery {
		return "", nil, errors.New("a query is not part of the call: send arguments in the body")
	}
	if len(body) == 0 {
		body = []byte("{}")
	} else if err = isJSON(request.Header.Values("Content-Type")); err != nil {
		return "", nil, err
	}
	if err = readOneWay(body); err != nil {
		return "", nil, err
	}
	path := request.URL.EscapedPath()
	if path == "" {
		path = "/" // as it is sent
	}
	return request.Method + " " + path, body, nil
}

// isForHere refuses a request that was sent to more than a path: to a server elsewhere, which a handler could call in turn.
func isForHere(request *http.Request) error {
	if request == nil || request.URL == nil {
		return missing("a request with a URL", "request")
	}
	if sent := request.RequestURI; request.Method == http.MethodConnect || sent != "" && sent[0] != '/' {
		return errors.New("a call is sent to a path, and to no server by name")
	}
	return nil
}

// wantsHTTP2 says whether a request would have its connection speak HTTP/2: nobody would decide what follows on it.
func wantsHTTP2(request *http.Request) bool {
	return slices.ContainsFunc(request.Header.Values("Upgrade"), func(protocols string) bool {
		return strings.Contains(strings.ToLower(protocols), "h2c")
	})
}

func readBody(body io.ReadCloser) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	defer body.Close()
	return io.ReadAll(body)
}

// restore puts a body that was read back, as often as it is read.
func restore(request *http.Request, body []byte) {
	request.ContentLength, request.TransferEncoding = int64(len(body)), nil
	if len(body) == 0 {
		request.Body, request.GetBody = http.NoBody, func() (io.ReadCloser, error) { return http.NoBody, nil }
		return
	}
	request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	request.Body, _ = request.GetBody()
}
