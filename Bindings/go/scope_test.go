//go:build cgo

package agentid

import (
	"encoding/json"
	"errors"
	"testing"
)

func TestScopesAreCompared(t *testing.T) {
	data := must[*Scope](t)(ParseScope("r(p under '/data')"))
	defer data.Close()
	q3 := must[*Scope](t)(ParseScope("r(p under '/data/q3')"))
	defer q3.Close()
	meet := must[*Scope](t)(data.Meet(q3))
	defer meet.Close()
	if text := must[string](t)(meet.Text()); text != `r(p all(under "/data/q3"))` {
		t.Fatal(text)
	}
	ok(t, data.Subsumes(q3))
	refused(t, q3.Subsumes(data), ErrDenied, "")
	ok(t, q3.Permits("r", []byte(`{"p":"/data/q3/x"}`)))
	var denied *Denied
	if err := q3.Permits("r", []byte(`{"p":"/data/q3/../x"}`)); !errors.As(err, &denied) || denied.Decision != nil {
		t.Fatal(err)
	}
	if must[string](t)(q3.Explain()) == "" || must[json.RawMessage](t)(q3.JSON()) == nil {
		t.Fatal("a scope says nothing")
	}
	_, err := ParseScope("read_file(path below '/x')")
	refused(t, err, ErrScope, "")
}
