//go:build cgo

package agentid

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The constants are the reasons of docs/reasons.md, which its own tests compare with the library's sources.
func TestReasonsAreThoseOfTheDocumentation(t *testing.T) {
	page, err := os.ReadFile("../../docs/reasons.md")
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the documentation is not here")
	}
	ok(t, err)
	var documented []string
	for _, table := range strings.Split(string(page), "| reason |")[1:] {
		table, _, _ = strings.Cut(table, "\n\n")
		for _, row := range strings.Split(strings.TrimSpace(table), "\n")[2:] {
			for _, name := range regexp.MustCompile("`([a-z_0-9]+)`").FindAllStringSubmatch(strings.SplitN(row, "|", 3)[1], -1) {
				documented = append(documented, name[1])
			}
		}
	}
	var constants []string
	for _, match := range regexp.MustCompile(`Reason += "([a-z_0-9]+)"`).FindAllSubmatch(must[[]byte](t)(os.ReadFile("reason.go")), -1) {
		constants = append(constants, string(match[1]))
	}
	slices.Sort(documented)
	slices.Sort(constants)
	if !slices.Equal(slices.Compact(documented), constants) || len(constants) < 50 {
		t.Fatalf("documented: %v\nconstants: %v", documented, constants)
	}
}

func TestTheConstantsAreTheReasonsOfTheLibrary(t *testing.T) {
	var constants []Reason
	for _, match := range regexp.MustCompile(`Reason += "([a-z_0-9]+)"`).FindAllSubmatch(must[[]byte](t)(os.ReadFile("reason.go")), -1) {
		constants = append(constants, Reason(match[1]))
	}
	slices.Sort(constants)
	if reasons := must[[]Reason](t)(Reasons()); !slices.Equal(reasons, constants) {
		t.Fatalf("the library's: %v\nconstants: %v", reasons, constants)
	}
}

func TestAServerAnswersToEachReasonAsInEveryLanguage(t *testing.T) {
	table, err := os.ReadFile("../../Tests/Verdicts/reasons.tsv")
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the list of reasons is not here")
	}
	ok(t, err)
	count := 0
	for line := range strings.Lines(string(table)) {
		want := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		reason := Reason(want[0])
		got := []string{want[0], reason.Category().String(), strconv.Itoa(reason.HTTPStatus()), reason.Challenge()}
		if !slices.Equal(got, want) {
			t.Errorf("want %q, got %q", want, got)
		}
		count++
	}
	if newer := Reason("of_a_newer_library"); count != len(must[[]Reason](t)(Reasons())) || newer.HTTPStatus() != 403 || newer.Category() != Forbidden {
		t.Fatal(count)
	}
}

func TestWhatIsLoggedHasNoValueOfAnArgument(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	agent := start(t, acme)
	defer agent.Close()
	var written bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&written, nil))
	_, err := agent.Authorize(bg, "read_file", beyond)
	var denied *Denied
	if !errors.As(err, &denied) {
		t.Fatal(err)
	}
	permit := must[*Decision](t)(agent.Authorize(bg, "read_file", inside))
	_, fault := OpenGuard(GuardOptions{})
	var said *Error
	if !errors.As(fault, &said) {
		t.Fatal(fault)
	}
	logger.Info("x", "denied", denied, "decision", denied.Decision, "permit", permit, "agent", agent, "error", said, "none", (*Decision)(nil))
	text := written.String()
	for _, want := range []string{`"reason":"argument_constraint_violated"`, `"argument":"path"`, agent.ID(), `"name":"audience_missing"`, `"permitted":true`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing: %s", want, text)
		}
	}
	if strings.Contains(text, "shadow") {
		t.Error(text)
	}
}

func TestOneClientServesAllAgents(t *testing.T) {
	acme := authority(t, "", AuthorityOptions{})
	guard := must[*Guard](t)(acme.Guard(bg, GuardOptions{Audience: "files"}))
	defer guard.Close()
	call := func(_ *http.Request, body []byte) (string, []byte, error) { return "read_file", body, nil }
	server := httptest.NewServer(Middleware{Guard: guard, Call: call}.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		document := must[DecisionDocument](t)(PermitFrom(r.Context()).Document())
		_, _ = io.WriteString(w, document.Chain[0].Agent)
	})))
	defer server.Close()
	client := http.Client{Transport: &Transport{Audience: "files", Call: call}}
	post := func(ctx context.Context) (string, error) {
		request := must[*http.Request](t)(http.NewRequestWithContext(ctx, "POST", server.URL+"/read_file", bytes.NewReader(inside)))
		response, err := client.Do(request)
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		return string(must[[]byte](t)(io.ReadAll(response.Body))), nil
	}
	if _, err := post(context.Background()); !errors.Is(err, ErrNoAgent) {
		t.Fatal(err)
	}
	for range 2 {
		agent := start(t, acme)
		ctx := WithAgent(WithAgent(context.Background(), nil), agent)
		if found, is := FromContext(ctx); !is || found != agent {
			t.Fatal(found)
		}
		if who := must[string](t)(post(ctx)); who != agent.ID() {
			t.Fatalf("want %s, got %s", agent.ID(), who)
		}
		agent.Close()
	}
}
