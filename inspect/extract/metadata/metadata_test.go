package metadata

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

func read(t testing.TB, text string) (fact.Facts, error) {
	t.Helper()
	return run(t.Context(), &inspect.File{At: fact.Location{Path: "META-INF/com/android/metadata"}, Blob: blob.Bytes([]byte(text))})
}

func TestRun(t *testing.T) {
	f, err := read(t, "a=1\r\n\nota-property-files=metadata:69:288         \nkey with = two = signs\nno sign\nesc=\x1b[2J\nlast=x")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range f.Metadata {
		got = append(got, m.Key+"|"+m.Value+"|"+m.At.String())
	}
	const at = "META-INF/com/android/metadata#@"
	want := []string{"a|1|" + at + "0x0@1", "ota-property-files|metadata:69:288|" + at + "0x6@3",
		"key with|two = signs|" + at + "0x32@4", "no sign||" + at + "0x49@5", "esc|%1B[2J|" + at + "0x51@6", "last|x|" + at + "0x5a@7"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if _, err := read(t, strings.Repeat("x", maxSize+1)); !errors.Is(err, parse.ErrLimit) {
		t.Errorf("too large: %v", err)
	}
}

func TestMatch(t *testing.T) {
	for path, want := range map[string]bool{"META-INF/com/android/metadata": true, "payload_properties.txt": true, "system/META-INF/com/android/metadata": false} {
		if match(fact.Location{Path: path}, nil, nil) != want {
			t.Errorf("match(%s) = %v", path, !want)
		}
	}
	if match(fact.Location{Partition: "system", Path: "payload_properties.txt"}, nil, nil) {
		t.Error("a file of a partition says nothing of the package")
	}
}

func FuzzRun(f *testing.F) {
	f.Add("ota-type=BLOCK\npost-build=a/b/c:4.4/d/e:user/release-keys\n")
	f.Fuzz(func(t *testing.T, text string) {
		facts, err := read(t, text)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range facts.Metadata {
			if off := *m.At.Offset; off >= int64(len(text)) || strings.Count(text[:off], "\n") != int(*m.At.Line)-1 {
				t.Fatalf("%q: offset %d is not in line %d", text, off, *m.At.Line)
			}
		}
	})
}
