package archive_test

import (
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// FuzzOpenZip opens any bytes and reads all that is shown. Whatever they are:
// nothing panics; OpenZip's error is a *parse.Error; members lie in the file
// and do not overlap; no read gives more than is declared, and one that ends
// well gives exactly that, with the right checksum; the tree holds what the
// entries say it does.
func FuzzOpenZip(f *testing.F) {
	for _, h := range hostiles() {
		if len(h.data) < 4096 {
			f.Add(h.data)
		}
	}
	f.Add(sample(f)[:4000])
	f.Add(links.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		// Larger inputs show nothing that smaller ones do not, and take longer.
		if len(data) > 1<<15 {
			return
		}
		z, err := archive.OpenZip(blob.Bytes(data), parse.NewBudget(parse.Limits{Produced: 1 << 20, Entries: 1000}))
		if err != nil {
			var pe *parse.Error
			if !errors.As(err, &pe) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		size := int64(len(data))
		var shown, stored, declared int64
		for i, e := range z.Entries() {
			if raw, err := parse.Unescape(e.Name); err != nil || parse.Escape(raw) != e.Name {
				t.Fatalf("name %q", e.Name)
			}
			if e.Index != i || e.Data > size || e.Refused == "" && (e.Data < 0 || e.Stored < 0 || e.Stored > size-e.Data) {
				t.Fatalf("%+v", e)
			}
			if e.Refused == "" {
				stored += e.Stored
				declared += e.Size
				if !strings.HasSuffix(e.Name, "/") {
					shown++
				}
			}
		}
		if stored > size || declared > 1<<20 {
			t.Fatalf("%d bytes hold members of %d bytes, %d uncompressed", size, stored, declared)
		}
		err = fs.WalkDir(z, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			if shown--; declared > 1<<17 {
				return nil
			}
			if d.Type() == fs.ModeSymlink {
				archive.Resolve(z, name)
			}
			return readMember(z, name)
		})
		if err != nil {
			t.Fatal(err)
		}
		if shown != 0 {
			t.Fatalf("%d entries are not in the tree", shown)
		}
	})
}

func readMember(z *archive.Zip, name string) error {
	f, err := z.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	e := st.Sys().(*archive.Entry)
	sum := crc32.NewIEEE()
	n, err := io.Copy(sum, f)
	switch {
	case n > e.Size:
		return errors.New("more than declared")
	case err == nil && (n != e.Size || sum.Sum32() != e.CRC32):
		return errors.New("other bytes than declared")
	case err != nil && !errors.Is(err, parse.ErrFormat):
		return err
	}
	return nil
}

// FuzzResolve resolves names in a tree of files and links, one line each. What
// it answers exists and has no link on its way; what leads outside says where.
func FuzzResolve(f *testing.F) {
	f.Add("a/b\na/l ../c\nc d/e\nd/e/f\n", "a/l/f")
	f.Add("l /vendor/x\nm l\nn m/../..\n", "n/y")
	f.Add("x y\ny x\n", "x")
	f.Fuzz(func(t *testing.T, tree, name string) {
		if len(tree) > 4096 || len(name) > 1024 {
			return
		}
		fsys := fstest.MapFS{}
		for line := range strings.Lines(tree) {
			at, target, isLink := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			if !fs.ValidPath(at) || at == "." {
				continue
			}
			file := &fstest.MapFile{}
			if isLink {
				file.Mode, file.Data = fs.ModeSymlink, []byte(target)
			}
			fsys[at] = file
		}
		got, err := archive.Resolve(fsys, name)
		var le *archive.LinkError
		if errors.As(err, &le) {
			if le.Outside && !strings.HasPrefix(le.Target, "/") && le.Target != ".." && !strings.HasPrefix(le.Target, "../") || le.Target != "" && path.Clean(le.Target) != le.Target {
				t.Fatalf("outside to %q", le.Target)
			}
			return
		}
		if err != nil {
			return
		}
		if !fs.ValidPath(got) {
			t.Fatalf("%q", got)
		}
		for up := got; up != "."; up = path.Dir(up) {
			if st, err := fs.Lstat(fsys, up); err != nil || st.Mode().Type() == fs.ModeSymlink {
				t.Fatalf("%q: %v, %v", up, st, err)
			}
		}
	})
}
