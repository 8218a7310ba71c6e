package agentidgrpc

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// known is how a message is written that the JSON mapping has a form of its own for; nil for any other.
func known(kind protoreflect.MessageDescriptor) func(*writer, protoreflect.Message, int) error {
	if kind.ParentFile() != nil && kind.ParentFile().Path() == "google/protobuf/wrappers.proto" {
		return (*writer).wrapped
	}
	switch kind.FullName() {
	case "google.protobuf.Any":
		return (*writer).any
	case "google.protobuf.Timestamp":
		return (*writer).timestamp
	case "google.protobuf.Duration":
		return (*writer).duration
	case "google.protobuf.FieldMask":
		return (*writer).mask
	case "google.protobuf.Struct":
		return (*writer).structure
	case "google.protobuf.Value":
		return (*writer).anyValue
	case "google.protobuf.ListValue":
		return (*writer).list
	}
	return nil
}

// own is a field of a message that is known, by its name there.
func own(message protoreflect.Message, name protoreflect.Name) (protoreflect.FieldDescriptor, protoreflect.Value) {
	field := message.Descriptor().Fields().ByName(name)
	return field, message.Get(field)
}

func (w *writer) wrapped(message protoreflect.Message, depth int) error {
	field, value := own(message, "value")
	return w.value(field, value, depth)
}

// any writes what is in an Any, of a type that this program knows.
func (w *writer) any(message protoreflect.Message, depth int) error {
	_, url := own(message, "type_url")
	_, value := own(message, "value")
	w.text = append(w.text, '{')
	if url.String() == "" && len(value.Bytes()) == 0 {
		w.text = append(w.text, '}')
		return nil
	}
	if err := w.name("@type"); err != nil {
		return err
	}
	if err := w.string(url.String()); err != nil {
		return err
	}
	name := protoreflect.FullName(url.String()[strings.LastIndexByte(url.String(), '/')+1:])
	kind, err := protoregistry.GlobalTypes.FindMessageByName(name)
	if err != nil {
		return errors.New("the message has an Any of a type that is not known here")
	}
	if err := w.count(len(value.Bytes()) / perWithin); err != nil {
		return err
	}
	inner := kind.New()
	if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(value.Bytes(), inner.Interface()); err != nil {
		return errors.New("the message has an Any that is not of its type")
	}
	size := proto.Size(inner.Interface())
	if err := bounded(inner.Interface()); err != nil {
		return err
	}
	if proto.Size(inner.Interface()) != size { // they stay in its bytes, which a handler may hand on to who knows them
		return errors.New("the message has an Any with fields that are not known here")
	}
	if known(inner.Descriptor()) == nil {
		if err := w.count(perMessage); err != nil {
			return err
		}
		if depth >= deepest {
			return errDepth
		}
		err = w.fields(inner, depth+1)
	} else if err = w.name("value"); err == nil {
		err = w.message(inner, depth+1)
	}
	w.text = append(w.text, '}')
	return err
}

func (w *writer) timestamp(message protoreflect.Message, _ int) error {
	seconds, nanos := parts(message)
	if seconds < -62135596800 || seconds > 253402300799 || nanos < 0 || nanos >= 1e9 {
		return errors.New("the message has a Timestamp that is out of range")
	}
	return w.string(time.Unix(seconds, 0).UTC().Format("2006-01-02T15:04:05") + fraction(nanos) + "Z")
}

func (w *writer) duration(message protoreflect.Message, _ int) error {
	seconds, nanos := parts(message)
	const most = 315576000000
	if seconds < -most || seconds > most || nanos <= -1e9 || nanos >= 1e9 || seconds > 0 && nanos < 0 || seconds < 0 && nanos > 0 {
		return errors.New("the message has a Duration that is out of range")
	}
	sign := ""
	if seconds < 0 || nanos < 0 {
		sign, seconds, nanos = "-", -seconds, -nanos
	}
	return w.string(fmt.Sprintf("%s%d%ss", sign, seconds, fraction(nanos)))
}

func parts(message protoreflect.Message) (seconds, nanos int64) {
	_, whole := own(message, "seconds")
	_, part := own(message, "nanos")
	return whole.Int(), part.Int()
}

// fraction is a part of a second, in as many digits as it takes of 0, 3, 6 and 9.
func fraction(nanos int64) string {
	switch {
	case nanos == 0:
		return ""
	case nanos%1e6 == 0:
		return fmt.Sprintf(".%03d", nanos/1e6)
	case nanos%1e3 == 0:
		return fmt.Sprintf(".%06d", nanos/1e3)
	}
	return fmt.Sprintf(".%09d", nanos)
}

func (w *writer) mask(message protoreflect.Message, _ int) error {
	_, value := own(message, "paths")
	paths := value.List()
	if err := w.count(paths.Len()); err != nil {
		return err
	}
	var text strings.Builder
	for i := range paths.Len() {
		if i > 0 {
			text.WriteByte(',')
		}
		isAfter := false
		path := paths.Get(i).String()
		for at := 0; at < len(path); at++ {
			letter := path[at]
			isLower := letter >= 'a' && letter <= 'z'
			if letter >= 'A' && letter <= 'Z' || letter >= 0x80 || isAfter && !isLower {
				return errors.New("the message has a FieldMask with a path that JSON does not have")
			}
			switch {
			case isAfter:
				letter -= 'a' - 'A'
				isAfter = false
			case letter == '_':
				isAfter = true
				continue
			}
			text.WriteByte(letter)
		}
		if isAfter {
			return errors.New("the message has a FieldMask with a path that JSON does not have")
		}
	}
	return w.string(text.String())
}

func (w *writer) structure(message protoreflect.Message, depth int) error {
	field, value := own(message, "fields")
	return w.mapping(field, value.Map(), depth)
}

func (w *writer) list(message protoreflect.Message, depth int) error {
	field, value := own(message, "values")
	return w.field(field, value, depth)
}

func (w *writer) anyValue(message protoreflect.Message, depth int) error {
	field := message.WhichOneof(message.Descriptor().Oneofs().ByName("kind"))
	if field == nil || field.Name() == "null_value" {
		w.text = append(w.text, "null"...)
		return nil
	}
	value := message.Get(field)
	if field.Name() == "number_value" && (math.IsInf(value.Float(), 0) || math.IsNaN(value.Float())) {
		return errors.New("the message has a number in a Value that JSON does not have")
	}
	return w.value(field, value, depth)
}
