package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

func open(text string) (*List, error) { return Open(blob.Bytes([]byte(text)), nil) }

func TestOpen(t *testing.T) {
	for _, tc := range []struct {
		name, text  string
		account     Account
		size        int64 // blocks
		incremental string
		notes       string
	}{
		{"version 1", "1\n3\nnew 2,0,2\nzero 2,2,3\n", Account{New: 2, Zero: 1}, 3, "", ""},
		{"version 4", "4\n3\n0\n0\nerase 2,0,8\nnew 4,0,1,4,5\nzero 2,2,3\n", Account{New: 2, Zero: 1, Unsaid: 5}, 8, "", ""},
		{"the later write counts", "4\n4\n0\n0\nnew 2,0,3\nzero 2,1,2\n", Account{New: 2, Zero: 1}, 3, "", ""},
		{"a gap", "1\n1\nnew 2,5,6\n", Account{New: 1, Untouched: 5}, 6, "", ""},
		{"carriage returns and empty lines", "1\r\n1\r\n\r\nnew 2,0,1\r\n", Account{New: 1}, 1, "", ""},
		{"move of version 1", "1\n1\nmove 2,3,4 2,0,1\n", Account{}, 1, "move", ""},
		{"move of version 2", "2\n1\n0\n0\nmove 2,0,1 1 2,3,4\n", Account{}, 1, "move", ""},
		{"move of version 3", "3\n1\n0\n0\nmove 0123456789012345678901234567890123456789 2,0,1 1 2,3,4\n", Account{}, 1, "move", ""},
		{"bsdiff of version 4", "4\n1\n0\n0\nbsdiff 0 9 aa bb 2,0,1 1 2,3,4\n", Account{}, 1, "bsdiff", ""},
		{"a hash tree", "4\n1\n0\n0\nnew 2,0,1\ncompute_hash_tree 2,1,2 2,0,1 sha1 00 11\n", Account{New: 1, Unsaid: 1}, 2, "", ""},
		{"a command of tomorrow", "4\n0\n0\n0\nfold 2,0,1\n", Account{}, 0, "fold", "not known: fold"},
		{"it counts wrongly", "1\n7\nnew 2,0,1\n", Account{New: 1}, 1, "", "says that it writes 7 blocks, and writes 1"},
	} {
		l, err := open(tc.text)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		inc := ""
		if c := l.Incremental(); c != nil {
			inc = c.Op
		}
		if inc == "" && l.Account() != tc.account || l.Size() != tc.size*BlockSize || inc != tc.incremental || !strings.Contains(strings.Join(l.Notes, "\n"), tc.notes) || tc.notes == "" && l.Notes != nil {
			t.Errorf("%s: %+v, %d bytes, incremental %q, notes %q", tc.name, l.Account(), l.Size(), inc, l.Notes)
		}
	}
}

func TestMalformed(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		kind error
		says string
	}{
		"empty":                {"", parse.ErrFormat, "before it says its version"},
		"version 5":            {"5\n0\n", parse.ErrUnsupported, "version"},
		"version 0":            {"0\n0\n", parse.ErrFormat, "version"},
		"no number":            {"x\n", parse.ErrFormat, "no number"},
		"no stash lines":       {"4\n0\n", parse.ErrFormat, "stashes"},
		"no blocks":            {"1\n0\nnew\n", parse.ErrFormat, "names no blocks"},
		"odd count":            {"1\n0\nnew 3,0,1,2\n", parse.ErrFormat, "count"},
		"count of nothing":     {"1\n0\nnew 0\n", parse.ErrFormat, "count"},
		"count bomb":           {"1\n0\nnew 9223372036854775806,0,1\n", parse.ErrFormat, "count"},
		"fewer than it says":   {"1\n0\nnew 4,0,1,22,\n", parse.ErrFormat, "a number that is none"},
		"more than it says":    {"1\n0\nnew 2,0,1,5,6\n", parse.ErrFormat, "more numbers"},
		"backwards":            {"1\n0\nnew 2,5,4\n", parse.ErrFormat, "ends before it begins"},
		"negative":             {"1\n0\nnew 2,-5,4\n", parse.ErrFormat, "a number that is none"},
		"beyond any partition": {"1\n0\nnew 2,0,4294967297\n", parse.ErrFormat, "a number that is none"},
		"a stash too early":    {"1\n0\nstash 0 2,0,1\n", parse.ErrFormat, "version 1"},
	} {
		_, err := open(tc.text)
		var e *parse.Error
		if !errors.As(err, &e) || !errors.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Ranges are charged, so that a list of very many is refused.
	bud := parse.NewBudget(parse.Limits{Entries: 10})
	if _, err := Open(blob.Bytes([]byte("1\n0\n"+strings.Repeat("new 2,0,1\n", 11))), bud); !errors.Is(err, parse.ErrLimit) {
		t.Errorf("%v", err)
	}
}

// The image is what carrying out the commands one by one leaves.
func TestImage(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		const blocks = 24
		want := make([]byte, blocks*BlockSize)
		var text strings.Builder
		var data []byte
		last := int64(0)
		for range 1 + r.IntN(12) {
			first := r.Int64N(blocks)
			end := first + 1 + r.Int64N(blocks-first)
			last = max(last, end)
			op := []string{"new", "zero", "erase"}[r.IntN(3)]
			fmt.Fprintf(&text, "%s 2,%d,%d\n", op, first, end)
			for b := first; b < end; b++ {
				block := want[b*BlockSize : (b+1)*BlockSize]
				fill := byte(0)
				if op == "new" {
					fill = byte(1 + r.IntN(255))
				}
				for i := range block {
					block[i] = fill
				}
				if op == "new" {
					data = append(data, block...)
				}
			}
		}
		l, err := open("1\n0\n" + text.String())
		if err != nil {
			t.Fatal(err)
		}
		img, err := l.Image(blob.Bytes(data))
		if err != nil {
			t.Fatal(err)
		}
		got, err := blob.ReadAll(img, blocks*BlockSize)
		if err != nil || !bytes.Equal(got, want[:last*BlockSize]) {
			t.Fatalf("seed %d: the image differs: %v\n%s", seed, err, text.String())
		}
		if _, err := l.Image(blob.Bytes(append(data, 0))); !errors.Is(err, parse.ErrFormat) {
			t.Errorf("new data that is too long: %v", err)
		}
	}
	l, _ := open("1\n1\nmove 2,3,4 2,0,1\n")
	if _, err := l.Image(blob.Bytes(nil)); !errors.Is(err, parse.ErrUnsupported) {
		t.Errorf("%v", err)
	}
}

// The lists of real updates account for every block.
func TestRealLists(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(otatest.Data(t, "transfer"), "*/*.transfer.list"))
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	n := 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		l, err := open(string(text))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		a := l.Account()
		if l.Incremental() != nil || len(l.Notes) > 0 {
			t.Errorf("%s: incremental %+v, notes %q", path, l.Incremental(), l.Notes)
		}
		if sum := a.New + a.Zero + a.Unsaid + a.Untouched; sum*BlockSize != l.Size() || a.New+a.Zero != l.Written {
			t.Errorf("%s: %+v of %d blocks, it writes %d", path, a, l.Size()/BlockSize, l.Written)
		}
		t.Logf("%s: version %d, %+v", filepath.Base(filepath.Dir(path)), l.Version, a)
		n++
	}
	t.Logf("%d of %d transfer lists account for every block", n, len(paths))
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte("4\n3\n0\n0\nerase 2,0,8\nnew 4,0,1,4,5\nzero 2,2,3\n"))
	f.Add([]byte("1\n1\nbsdiff 0 9 2,0,1 2,3,4\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := Open(blob.Bytes(text), parse.NewBudget(parse.Limits{Entries: 1000}))
		if err != nil {
			var e *parse.Error
			if !errors.As(err, &e) {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		if l.Incremental() != nil {
			return
		}
		a := l.Account()
		if a.New+a.Zero+a.Unsaid+a.Untouched != l.Size()/BlockSize {
			t.Fatalf("%+v of %d blocks", a, l.Size()/BlockSize)
		}
		if l.NewData() < 1<<20 {
			img, err := l.Image(blob.Bytes(make([]byte, l.NewData())))
			if err != nil || img.Size() != l.Size() {
				t.Fatal(err)
			}
		}
	})
}

// A list as long as a large system's, and one whose writes all overlap.
func BenchmarkOpen(b *testing.B) {
	var plain, deep strings.Builder
	plain.WriteString("1\n0\n")
	deep.WriteString("1\n0\n")
	for i := range 100_000 {
		fmt.Fprintf(&plain, "new 2,%d,%d\n", i, i+1)
		fmt.Fprintf(&deep, "new 2,%d,%d\n", i, 200_000-i)
	}
	for name, text := range map[string]string{"100000 runs": plain.String(), "100000 nested": deep.String()} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				l, err := open(text)
				if err != nil {
					b.Fatal(err)
				}
				l.Account()
			}
		})
	}
}
