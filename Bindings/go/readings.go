//go:build cgo

package agentid

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"strings"
	"unicode"
)

// isJSON refuses a body that a handler would read as a form, or in another charset: the guard has not seen that. One without a type
// is JSON.
func isJSON(contentTypes []string) error {
	if len(contentTypes) > 1 {
		return errors.New("a body has one Content-Type")
	}
	contentType := strings.Join(contentTypes, "")
	if contentType == "" {
		return nil
	}
	kind, parameters, err := mime.ParseMediaType(contentType)
	charset := strings.ToLower(parameters["charset"])
	is := kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")
	if err != nil || !is || charset != "" && charset != "utf-8" {
		return fmt.Errorf("arguments are sent as application/json, in UTF-8, not as %.100q", contentType)
	}
	return nil
}

const (
	deepest   = 96      // levels of arguments, for every guard
	mostNames = 1 << 16 // for every guard
	// The bytes of all names beyond ASCII or with escapes, which take longer to compare: nobody has shown a proof yet.
	mostOddBytes = 1 << 16
	fewNames     = 8 // are compared each with each
)

// readOneWay refuses an object with two names that differ in case alone: encoding/json takes them for the same field, and the guard
// does not. What is not JSON is left to the guard.
func readOneWay(text []byte) error {
	type level struct {
		isObject, isLower bool // isLower: no two of its names can differ in case alone
		from              int  // its first name among names
	}
	open, names := make([]level, 0, 16), make([][]byte, 0, 16)
	found, odd := 0, 0
	for i := 0; i < len(text) && len(open) <= deepest && found <= mostNames; i++ {
		switch text[i] {
		case '{', '[':
			open = append(open, level{text[i] == '{', true, len(names)})
		case '}', ']':
			if len(open) == 0 {
				return nil
			}
			ended := open[len(open)-1]
			if err := differ(names[ended.from:], ended.isLower); err != nil {
				return err
			}
			open, names = open[:len(open)-1], names[:ended.from]
		case '"':
			start := i
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if i >= len(text) || len(open) == 0 || !open[len(open)-1].isObject || !isName(text[i+1:]) {
				continue
			}
			name, in := text[start:i+1], &open[len(open)-1]
			names, in.isLower = append(names, name), in.isLower && isLower(name)
			found++
			if !isPlain(name) {
				odd += len(name)
			}
			if odd > mostOddBytes {
				return fmt.Errorf("names beyond ASCII or with escapes have at most %d bytes together", mostOddBytes)
			}
		}
	}
	return nil
}

// eachMember calls found with the names of an object's own members, in quotes, until it fails; members is what is between the
// braces. What is not JSON is left to the guard.
func eachMember(members []byte, found func(quoted []byte) error) error {
	depth := 0
	for i := 0; i < len(members); i++ {
		switch members[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			start := i
			for i++; i < len(members) && members[i] != '"'; i++ {
				if members[i] == '\\' {
					i++
				}
			}
			if i >= len(members) || depth != 0 || !isName(members[i+1:]) {
				continue
			}
			if err := found(members[start : i+1]); err != nil {
				return err
			}
		}
	}
	return nil
}

// differ refuses names of one object, in quotes, of which two differ in case alone.
func differ(names [][]byte, isLower bool) error {
	if isLower || len(names) < 2 {
		return nil
	}
	alike := func(one, other string) error {
		return fmt.Errorf("%.100q and %.100q differ in case alone: a handler could take one for the other", one, other)
	}
	if len(names) <= fewNames {
		for i, quoted := range names {
			for _, before := range names[:i] {
				if one, other := unquoted(before), unquoted(quoted); one != other && strings.EqualFold(one, other) {
					return alike(one, other)
				}
			}
		}
		return nil
	}
	found := make(map[string]string, len(names))
	for _, quoted := range names {
		name := unquoted(quoted)
		folded := folded(name, isPlain(quoted))
		if other, is := found[folded]; is && other != name {
			return alike(other, name)
		}
		found[folded] = name
	}
	return nil
}

// folded is a name of all that differ from one in case alone.
func folded(name string, isPlain bool) string {
	if isPlain {
		return strings.ToUpper(name)
	}
	return strings.Map(smallest, name)
}

// isPlain says whether a name in quotes is of ASCII without escapes.
func isPlain(quoted []byte) bool {
	for _, c := range quoted {
		if c >= 0x80 || c == '\\' {
			return false
		}
	}
	return true
}

// isLower says whether a name in quotes is of ASCII without capitals and escapes.
func isLower(quoted []byte) bool {
	for _, c := range quoted {
		if c >= 0x80 || c == '\\' || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}

// isName says whether what follows a text makes it the name of a member.
func isName(rest []byte) bool {
	for _, c := range rest {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c == ':'
		}
	}
	return false
}

func unquoted(quoted []byte) (name string) {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	if json.Unmarshal(quoted, &name) != nil {
		return string(quoted)
	}
	return name
}

// smallest is the first letter of all that differ from one in case alone.
func smallest(letter rune) rune {
	for {
		next := unicode.SimpleFold(letter)
		if next <= letter {
			return next
		}
		letter = next
	}
}
