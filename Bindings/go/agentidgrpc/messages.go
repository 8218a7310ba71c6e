package agentidgrpc

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// mostValues are the values of a message that is written: a value counts one, a message within it four. It is refused before anything is
// proved: who sends it may be anybody.
const (
	mostValues = 100_000
	perMessage = 4
	perWithin  = 256 // bytes of an Any that count one: they are read once for each Any that is around them
	deepest    = 100 // messages within each other, as many as Python's parser takes
)

var (
	errValues = fmt.Errorf("the message has more than %d values", mostValues)
	errDepth  = fmt.Errorf("the message has more than %d messages within each other", deepest)
)

// MessageArguments are a request's fields by their names in the .proto file, as the JSON mapping of Protocol Buffers has them. A field that
// is not set, or has its default value and no presence, is left out; 64-bit numbers are texts, bytes are Base64. It fails for a message with
// a value that JSON does not have, and for one that google.golang.org/protobuf does not know. The method is not looked at.
func MessageArguments(_ string, message any) ([]byte, error) {
	found, ok := message.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("the request is %.100s, not a message of google.golang.org/protobuf: set MethodOptions.Arguments", fmt.Sprintf("%T", message))
	}
	w := writer{left: mostValues, text: make([]byte, 0, 256)}
	if err := w.message(found.ProtoReflect(), 0); err != nil {
		return nil, err
	}
	return w.text, nil
}

func reset(message any) {
	if found, ok := message.(proto.Message); ok {
		proto.Reset(found)
	}
}

// bounded takes unknown fields out of a message. It fails for one of so many values that to write them costs much.
func bounded(message any) error {
	found, ok := message.(proto.Message)
	if !ok {
		return nil
	}
	waiting, left := []protoreflect.Message{found.ProtoReflect()}, mostValues
	for len(waiting) > 0 {
		last := len(waiting) - 1
		one := waiting[last]
		waiting = waiting[:last]
		left -= perMessage
		if len(one.GetUnknown()) > 0 {
			one.SetUnknown(nil)
		}
		one.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
			switch {
			case field.IsMap():
				entries := value.Map()
				left -= entries.Len()
				if field.MapValue().Message() != nil && left >= perMessage*(len(waiting)+entries.Len()) {
					entries.Range(func(_ protoreflect.MapKey, value protoreflect.Value) bool {
						waiting = append(waiting, value.Message())
						return true
					})
				} else if field.MapValue().Message() != nil {
					left = -1
				}
			case field.IsList():
				items := value.List()
				left -= items.Len()
				if field.Message() != nil && left >= perMessage*(len(waiting)+items.Len()) {
					for i := range items.Len() {
						waiting = append(waiting, items.Get(i).Message())
					}
				} else if field.Message() != nil {
					left = -1
				}
			default:
				left--
				if field.Message() != nil {
					waiting = append(waiting, value.Message())
				}
			}
			return left >= perMessage*len(waiting)
		})
		if left < perMessage*len(waiting) {
			return errValues
		}
	}
	return nil
}

// writer writes a message as Python's binding does: the same names, the same text for each value.
type writer struct {
	text []byte
	left int // values that may still be written: those in an Any are counted here alone
}

func (w *writer) count(values int) error {
	if w.left -= values; w.left < 0 {
		return errValues
	}
	return nil
}

func (w *writer) message(message protoreflect.Message, depth int) error {
	if depth > deepest {
		return errDepth
	}
	if err := w.count(perMessage); err != nil {
		return err
	}
	if write := known(message.Descriptor()); write != nil {
		return write(w, message, depth)
	}
	w.text = append(w.text, '{')
	if err := w.fields(message, depth); err != nil {
		return err
	}
	w.text = append(w.text, '}')
	return nil
}

type set struct {
	field protoreflect.FieldDescriptor
	value protoreflect.Value
}

// fields writes the members of a message, in the order of their numbers.
func (w *writer) fields(message protoreflect.Message, depth int) error {
	var found []set
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		found = append(found, set{field, value})
		return true
	})
	slices.SortFunc(found, func(a, b set) int { return int(a.field.Number()) - int(b.field.Number()) })
	for _, one := range found {
		name := string(one.field.Name())
		if one.field.IsExtension() {
			name = "[" + string(one.field.FullName()) + "]"
		}
		if err := w.name(name); err != nil {
			return err
		}
		if err := w.field(one.field, one.value, depth); err != nil {
			return err
		}
	}
	return nil
}

// name begins a member of an object.
func (w *writer) name(name string) error {
	if last := w.text[len(w.text)-1]; last != '{' {
		w.text = append(w.text, ',')
	}
	if err := w.string(name); err != nil {
		return err
	}
	w.text = append(w.text, ':')
	return nil
}

func (w *writer) field(field protoreflect.FieldDescriptor, value protoreflect.Value, depth int) error {
	switch {
	case field.IsMap():
		return w.mapping(field, value.Map(), depth)
	case field.IsList():
		items := value.List()
		w.text = append(w.text, '[')
		for i := range items.Len() {
			if i > 0 {
				w.text = append(w.text, ',')
			}
			if err := w.value(field, items.Get(i), depth); err != nil {
				return err
			}
		}
		w.text = append(w.text, ']')
		return nil
	}
	return w.value(field, value, depth)
}

func (w *writer) mapping(field protoreflect.FieldDescriptor, entries protoreflect.Map, depth int) error {
	keys := make([]protoreflect.MapKey, 0, entries.Len())
	entries.Range(func(key protoreflect.MapKey, _ protoreflect.Value) bool {
		keys = append(keys, key)
		return true
	})
	slices.SortFunc(keys, func(a, b protoreflect.MapKey) int { return strings.Compare(a.String(), b.String()) })
	w.text = append(w.text, '{')
	for _, key := range keys {
		if err := w.name(key.String()); err != nil {
			return err
		}
		if err := w.value(field.MapValue(), entries.Get(key), depth); err != nil {
			return err
		}
	}
	w.text = append(w.text, '}')
	return nil
}

// value writes one value of a field, which may be one of many.
func (w *writer) value(field protoreflect.FieldDescriptor, value protoreflect.Value, depth int) error {
	if field.Message() != nil {
		return w.message(value.Message(), depth+1)
	}
	if err := w.count(1); err != nil {
		return err
	}
	switch field.Kind() {
	case protoreflect.BoolKind:
		w.text = strconv.AppendBool(w.text, value.Bool())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		w.text = strconv.AppendInt(w.text, value.Int(), 10)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		w.text = strconv.AppendUint(w.text, value.Uint(), 10)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return w.string(strconv.FormatInt(value.Int(), 10))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return w.string(strconv.FormatUint(value.Uint(), 10))
	case protoreflect.FloatKind:
		w.number(shortest(float32(value.Float())))
	case protoreflect.DoubleKind:
		w.number(value.Float())
	case protoreflect.StringKind:
		return w.string(value.String())
	case protoreflect.BytesKind:
		return w.string(base64.StdEncoding.EncodeToString(value.Bytes()))
	case protoreflect.EnumKind:
		return w.enum(field, value.Enum())
	default:
		return fmt.Errorf("a field of the message is of a kind that is not known: %v", field.Kind())
	}
	return nil
}

func (w *writer) enum(field protoreflect.FieldDescriptor, number protoreflect.EnumNumber) error {
	kind := field.Enum()
	if kind.FullName() == "google.protobuf.NullValue" {
		w.text = append(w.text, "null"...)
		return nil
	}
	if named := kind.Values().ByNumber(number); named != nil {
		return w.string(string(named.Name()))
	}
	if kind.ParentFile().Syntax() == protoreflect.Proto2 { // Python knows no such value, and leaves it out
		return errors.New("the message has a number that its enum does not name")
	}
	w.text = strconv.AppendInt(w.text, int64(number), 10)
	return nil
}

// number writes a number as Python's json does.
func (w *writer) number(number float64) {
	switch {
	case math.IsInf(number, 0), math.IsNaN(number):
		name := "NaN"
		if math.IsInf(number, 1) {
			name = "Infinity"
		} else if math.IsInf(number, -1) {
			name = "-Infinity"
		}
		w.text = append(append(append(w.text, '"'), name...), '"')
	case number != 0 && (math.Abs(number) < 1e-4 || math.Abs(number) >= 1e16):
		w.text = strconv.AppendFloat(w.text, number, 'e', -1, 64)
	default:
		begin := len(w.text)
		w.text = strconv.AppendFloat(w.text, number, 'f', -1, 64)
		if !slices.Contains(w.text[begin:], '.') {
			w.text = append(w.text, ".0"...)
		}
	}
}

// shortest is the number of the fewest digits, of six or more, that is this one in four bytes.
func shortest(number float32) float64 {
	for precision := 6; precision < 9; precision++ {
		text := strconv.FormatFloat(float64(number), 'g', precision, 64)
		if found, err := strconv.ParseFloat(text, 64); err == nil && float32(found) == number {
			return found
		}
	}
	found, err := strconv.ParseFloat(strconv.FormatFloat(float64(number), 'g', 9, 64), 64)
	if err != nil || math.IsNaN(float64(number)) {
		return float64(number)
	}
	return found
}

// string writes a text as Python's json does, without escapes for what is not ASCII.
func (w *writer) string(text string) error {
	if !utf8.ValidString(text) {
		return errors.New("the message has a text that is not UTF-8")
	}
	w.text = append(w.text, '"')
	for i := 0; i < len(text); i++ {
		switch letter := text[i]; {
		case letter == '"', letter == '\\':
			w.text = append(w.text, '\\', letter)
		case letter >= 0x20:
			w.text = append(w.text, letter)
		default:
			w.text = append(w.text, escapes[letter]...)
		}
	}
	w.text = append(w.text, '"')
	return nil
}

var escapes = func() (made [0x20]string) {
	for letter := range made {
		made[letter] = fmt.Sprintf(`\u%04x`, letter)
	}
	made['\b'], made['\f'], made['\n'], made['\r'], made['\t'] = `\b`, `\f`, `\n`, `\r`, `\t`
	return made
}()
