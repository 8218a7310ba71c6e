package agentidgrpc_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"agentid.example/agentid"
	"agentid.example/agentid/agentidgrpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
)

func TestAMessageOfVeryManyValuesCostsLittleBeforeAnythingIsProved(t *testing.T) {
	w := newWorld(t, "", agentid.GuardOptions{})
	many := make([]*structpb.Value, 120_000)
	for i := range many {
		many[i] = structpb.NewNullValue()
	}
	huge := &structpb.Struct{Fields: map[string]*structpb.Value{"path": structpb.NewListValue(&structpb.ListValue{Values: many})}}
	deep := structpb.NewNullValue()
	for range 200 {
		deep = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{deep}})
	}
	deepest := &structpb.Struct{Fields: map[string]*structpb.Value{"path": deep}}
	for _, wide := range []*structpb.Struct{huge, deepest} {
		for _, method := range []string{"Read", "Tail"} {
			w.expect(w.dial(w.address), method, wide, "InvalidArgument", "call")
		}
	}
	if _, err := agentidgrpc.MessageArguments("", "a text"); err == nil {
		t.Error("a text was taken for a message")
	}
	w.expectRuns()
}

func TestAFieldThatTheGuardDoesNotKnowReachesNoHandler(t *testing.T) {
	w := newWorld(t, "", agentid.GuardOptions{})
	chain, proof := w.present("read_file", `{"path":"/data/a"}`, "files")
	more := message("/data/a")
	more.ProtoReflect().SetUnknown([]byte("\x7a\x01x"))
	more.Fields["path"].ProtoReflect().SetUnknown([]byte("\x7a\x01x"))
	answer := new(structpb.Struct) // the handler's request
	if err := w.dial(w.address).Invoke(sent("agent-chain", chain, "agent-proof", proof), "/files.Files/Read", more, answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.ProtoReflect().GetUnknown()) > 0 || len(answer.Fields["path"].ProtoReflect().GetUnknown()) > 0 {
		t.Error("the handler was given what the guard has not seen")
	}
}

func TestWhatIsInAnAnyIsBoundedAndKnown(t *testing.T) {
	within := func(message proto.Message) *anypb.Any { return must[*anypb.Any](t)(anypb.New(message)) }
	nested := within(structpb.NewStringValue(strings.Repeat("x", 3<<20)))
	for range 50 {
		nested = within(nested)
	}
	many := &structpb.ListValue{Values: make([]*structpb.Value, 120_000)}
	for i := range many.Values {
		many.Values[i] = structpb.NewNullValue()
	}
	more := message("/data/a")
	more.ProtoReflect().SetUnknown([]byte("\x7a\x01x"))
	for _, found := range []*anypb.Any{nested, within(many), within(more), within(within(more))} {
		if text, err := agentidgrpc.MessageArguments("", found); err == nil {
			t.Errorf("%.100s was written", text)
		}
	}
	if _, err := agentidgrpc.MessageArguments("", within(structpb.NewStringValue(strings.Repeat("x", 3<<20)))); err != nil {
		t.Error(err)
	}
}

func TestArgumentsOfOnesOwnAreAskedForNoHugeMessage(t *testing.T) {
	w := newWorld(t, "", agentid.GuardOptions{})
	own := must[*agentidgrpc.Methods](t)(agentidgrpc.NewMethods(tools, agentidgrpc.MethodOptions{
		Arguments: func(string, any) ([]byte, error) { t.Error("asked"); return []byte("{}"), nil },
	}))
	guard := must[*agentid.Guard](t)(w.acme.Guard(context.Background(), agentid.GuardOptions{Audience: "files"}))
	defer guard.Close()
	huge := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	for i := range 20_000 {
		huge.Fields[strconv.Itoa(i)] = structpb.NewNullValue()
	}
	w.expect(w.dial(w.serve(agentidgrpc.Server{Guard: guard, Methods: own})), "Read", huge, "InvalidArgument", "call")
}
