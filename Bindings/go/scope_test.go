//go:build cgo

package agentid

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
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

var (
	taskPins = []byte(`{"send": {"arguments": {"to": "address:people[]", "cc": "address[]?"}, "words": ["send", "mail*"]},
		"pay": {"arguments": {"to": "account"}}}`)
	taskPeople = []byte(`{"people": {"Ann Lee": "ann@acme.example"}}`)
)

func TestATasksScopeHasWhatItsPromptNames(t *testing.T) {
	ceiling := must[*Scope](t)(ParseScope("send; pay; search"))
	defer ceiling.Close()
	scope, why, err := ceiling.ForTask("Mail Ann Lee the plan", taskPins, taskPeople)
	ok(t, err)
	defer scope.Close()
	ok(t, scope.Permits("send", []byte(`{"to":["ann@acme.example"],"body":"x"}`)))
	refused(t, scope.Permits("send", []byte(`{"to":["eve@evil.example"]}`)), ErrDenied, "")
	refused(t, scope.Permits("pay", []byte(`{"to":"DE89370400440532013000"}`)), ErrDenied, "")
	if len(why.Pins) != 2 || len(why.Pins[0].Named) != 1 || why.Pins[0].Named[0].Text != "Ann Lee" || why.Pins[0].Named[0].Byte != 5 {
		t.Fatalf("%+v", why)
	}
	if len(why.LeftOut) != 1 || why.LeftOut[0].Reason != "not_named" || len(why.Unpinned) != 1 || why.Unpinned[0] != "search" {
		t.Fatalf("%+v", why)
	}
	_, _, err = ceiling.ForTask("x", []byte(`{"pay": {"arguments": {"to": "acount"}}}`), nil)
	refused(t, err, ErrScope, "")
}

func TestATasksScopeIsBelowItsCeiling(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	source := rand.New(rand.NewPCG(seed, 0))
	words := []string{"send", "Ann Lee", "x@acme.example", "y@evil.example", "DE89 3704 0044 0532 0130 00", "'", "@", "é@x.example"}
	lists := []string{"*", "each(like '*@acme.example')", "subset of ['x@acme.example']", "all(each(like '*@acme.example'))"}
	for range 300 {
		text := "send(to " + lists[source.IntN(4)] + ", cc? " + lists[source.IntN(4)] + ", body?: *); pay; search"
		ceiling := must[*Scope](t)(ParseScope(text))
		var prompt []string
		for range source.IntN(8) {
			prompt = append(prompt, words[source.IntN(len(words))])
		}
		scope, _, err := ceiling.ForTask(strings.Join(prompt, " "), taskPins, taskPeople)
		ok(t, err)
		ok(t, ceiling.Subsumes(scope))
		scope.Close()
		ceiling.Close()
	}
}
