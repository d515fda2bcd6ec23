package known

import (
	"encoding/csv"
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/otatest"
)

func TestTable(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"kind", "sha256", "what", "private_key_public", "severity_hint", "source"}; !slices.Equal(rows[0], want) {
		t.Fatalf("header %q", rows[0])
	}
	if len(rows) < 60 {
		t.Fatalf("only %d rows", len(rows))
	}
	for _, r := range rows[1:] {
		if b, err := hex.DecodeString(r[1]); err != nil || len(b) != 32 || strings.ToLower(r[1]) != r[1] {
			t.Errorf("%q is no SHA-256", r[1])
		}
		if !slices.Contains([]string{KindCertificate, KindKey, KindAVB, KindVerity}, r[0]) {
			t.Errorf("kind %q", r[0])
		}
		if !slices.Contains([]string{"yes", "no", "leaked", "unknown"}, r[3]) && !strings.HasPrefix(r[3], "leaked") {
			t.Errorf("%s: private %q", r[2], r[3])
		}
		if r[2] == "" || r[5] == "" {
			t.Errorf("%q says not what or not whence", r)
		}
		k, ok := Lookup(r[0], r[1])
		if !ok || k != (Key{r[0], r[1], r[2], r[3], r[4], r[5]}) {
			t.Errorf("Lookup(%s, %s) = %v, %v", r[0], r[1], k, ok)
		}
		if _, ok := Lookup(r[0]+"x", r[1]); ok {
			t.Errorf("%s found under another kind", r[1])
		}
	}
	for _, bad := range []string{"", "a40d", strings.Repeat("0", 64), strings.Repeat("\n", 64)} {
		if k, ok := Lookup(KindCertificate, bad); ok {
			t.Errorf("Lookup(%q) = %v", bad, k)
		}
	}
}

func TestTableIsTheList(t *testing.T) {
	want, err := os.ReadFile(otatest.Data(t, "known-keys.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(table, string(want)) { // rows of our own stand behind it
		t.Error("keys.csv does not begin with the list it was copied from")
	}
}

func BenchmarkLookup(b *testing.B) {
	for b.Loop() {
		Lookup(KindKey, "ef57b690165cb561b5026922c00d2d6574e8b184fa7d161e076f06e06e6d35db")
	}
}
