package metadata

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

func readMessage(t testing.TB, b []byte) (fact.Facts, error) {
	t.Helper()
	return run(t.Context(), &inspect.File{At: fact.Location{Path: messageName}, Blob: blob.Bytes(b)})
}

// The message gives the same keys and values as the text that AOSP's tools write from it.
func TestMessageIsTheText(t *testing.T) {
	meta := &otatest.UpdateMetadata{Type: otatest.UpdateAB, Wipe: true, Downgrade: true, RequiredCache: 4096, SPLDowngrade: true, RetrofitDynamicPartitions: true,
		Pre: otatest.DeviceState{Device: []string{"one", "two"}, Build: []string{"a/b/c:13/x/1:user/release-keys"}, BuildIncremental: "1"},
		Post: otatest.DeviceState{Build: []string{"a/b/c:14/y/2:user/release-keys", "a/b/d:14/y/2:user/release-keys"}, BuildIncremental: "2",
			Timestamp: 1700000000, SDKLevel: "34", SecurityPatchLevel: "2023-11-05"},
		PropertyFiles: map[string]string{"ota-property-files": "payload.bin:1:2,metadata:3:4   "}}
	text, err := read(t, meta.Text())
	if err != nil {
		t.Fatal(err)
	}
	message, err := readMessage(t, meta.Message())
	if err != nil {
		t.Fatal(err)
	}
	pairs := func(f fact.Facts) map[string]string {
		m := map[string]string{}
		for _, r := range f.Metadata {
			m[r.Key] = r.Value
		}
		return m
	}
	want, got := pairs(text), pairs(message)
	for k, v := range want {
		// The devices of the post state are in the message alone, and so on: the text must be in it whole.
		if got[k] != v {
			t.Errorf("%s: the text says %q, the message %q", k, v, got[k])
		}
	}
	if len(want) < 12 {
		t.Errorf("only %d keys", len(want))
	}
}

func TestMessageHostile(t *testing.T) {
	for _, tc := range []struct {
		name string
		b    []byte
		want error
	}{
		{"cut off", otatest.Proto(nil).Bytes(fieldPostcondition, make([]byte, 20))[:10], parse.ErrFormat},
		{"a state that is none", otatest.Proto(nil).Bytes(fieldPostcondition, []byte{0x0a, 0xff}), parse.ErrFormat},
		{"an entry that is none", otatest.Proto(nil).Bytes(fieldPropertyFiles, []byte{0x0a, 0xff}), parse.ErrFormat},
		{"too many", []byte(strings.Repeat("\x08\x01", maxPairs+1)), parse.ErrLimit},
		{"unknown fields are kept", otatest.Proto(nil).Varint(77, 1), nil},
	} {
		f, err := readMessage(t, tc.b)
		if !errors.Is(err, tc.want) || tc.want == nil && (len(f.Metadata) != 1 || f.Metadata[0].Key != "field 77") {
			t.Errorf("%s: %v, %v", tc.name, f.Metadata, err)
		}
	}
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte((&otatest.UpdateMetadata{Type: otatest.UpdateAB, Post: otatest.DeviceState{Build: []string{"x"}}, PropertyFiles: map[string]string{"a": "b"}}).Message()))
	f.Fuzz(func(t *testing.T, b []byte) {
		facts, err := readMessage(t, b)
		var pe *parse.Error
		if err != nil && !errors.As(err, &pe) {
			t.Fatalf("%T: %v", err, err)
		}
		for _, m := range facts.Metadata {
			if _, err := parse.Unescape(m.Value); err != nil || strings.ContainsFunc(m.Value, unicode.IsControl) || *m.At.Offset >= int64(len(b)) {
				t.Fatalf("%q at %d: %v", m.Value, *m.At.Offset, err)
			}
		}
	})
}
