//go:build cgo

package agentid

// #include <stdint.h>
import "C"

import (
	"math"
	"strconv"
	"time"
)

// Time is a time in a document of the library, to the second; the zero Time where the document has none.
type Time struct{ time.Time }

// UnmarshalJSON reads seconds since 1970, or null.
func (t *Time) UnmarshalJSON(text []byte) error {
	if t == nil {
		return missing("a Time", "Time")
	}
	t.Time = time.Time{}
	if string(text) == "null" {
		return nil
	}
	seconds, err := strconv.ParseInt(string(text), 10, 64)
	if err == nil {
		t.Time = time.Unix(seconds, 0)
	}
	return err
}

// MarshalJSON writes what UnmarshalJSON reads.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return strconv.AppendInt(nil, t.Unix(), 10), nil
}

// seconds are whole ones, rounded down. What is less than one is one, and what is less than none is -1, which is refused: 0
// would ask for the default, which is longer. So is less than a millisecond, which is a number without its unit: 300, for
// 300*time.Second.
func seconds(duration time.Duration) int64 {
	switch {
	case duration >= time.Millisecond && duration < time.Second:
		return 1
	case duration != 0 && duration > -time.Second && duration < time.Millisecond:
		return -1
	}
	return int64(duration / time.Second)
}

// unix is seconds since 1970, 0 for the zero time alone: 0 would ask for no end where one was meant.
func unix(when time.Time) int64 {
	switch {
	case when.IsZero():
		return 0
	case when.Unix() == 0:
		return 1
	}
	return when.Unix()
}

// millis are milliseconds since 1970. UnixMilli wraps around for a time that 64 bits of them do not reach: it would be another one.
func millis(when time.Time) int64 {
	const most = math.MaxInt64 / 1000
	switch seconds := when.Unix(); {
	case seconds >= most:
		return math.MaxInt64
	case seconds <= -most:
		return -math.MaxInt64
	}
	return when.UnixMilli()
}

// depth is one in 32 bits; what is beyond them is the furthest of them, which is refused: cut to them it could be any other.
func depth(levels int) C.int32_t { return C.int32_t(max(math.MinInt32, min(levels, math.MaxInt32))) }

// NoDelegation is the MaxDepth of who may not delegate at all; 0 asks for the default.
const NoDelegation = -1 // AGENTID_NO_DELEGATION
