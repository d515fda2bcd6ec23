package archive_test

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// FuzzOpenTar opens any bytes and reads all that is shown. Whatever they are:
// nothing panics; OpenTar's error is a *parse.Error; members lie in the file, in
// their order, and do not overlap; no read gives more or less than is declared;
// the tree holds what the entries say it does; what is declared keeps to the
// budget.
func FuzzOpenTar(f *testing.F) {
	for _, h := range hostileTars() {
		if len(h.data) < 8192 {
			f.Add(h.data, true)
		}
	}
	for name, data := range fixtures(f) {
		if len(data) < 1<<14 || name == "gnu.tar" || name == "posix.tar" {
			f.Add(data, true)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, sum bool) {
		// Larger inputs show nothing that smaller ones do not, and take longer.
		if len(data) > 1<<15 {
			return
		}
		if sum {
			data = summed(data)
		}
		const produced = 1 << 17
		z, err := archive.OpenTar(blob.Bytes(data), parse.NewBudget(parse.Limits{Produced: produced, Entries: 1000}))
		if err != nil {
			var pe *parse.Error
			if !errors.As(err, &pe) || pe.Off > int64(len(data)) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		var end int64
		shown := 0
		for i, e := range z.Entries() {
			for _, s := range []string{e.Name, e.Link} {
				if raw, err := parse.Unescape(s); err != nil || parse.Escape(raw) != s {
					t.Fatalf("name %q", s)
				}
			}
			if e.Index != i || e.Header < end || e.Header%512 != 0 || e.Size < 0 || e.Data < 0 && e.Size > 0 {
				t.Fatalf("%+v behind %d", e, end)
			}
			if end = e.Header + 512; e.Data >= 0 {
				if e.Data < end {
					t.Fatalf("%+v", e)
				}
				end = e.Data + e.Size
			}
			if end > int64(len(data)) {
				t.Fatalf("%+v in a file of %d bytes", e, len(data))
			}
			if e.Refused == "" {
				shown++
			}
		}
		if _, _, off, ok := z.MD5(); ok && (off < end || off > int64(len(data))) {
			t.Fatalf("an MD5 line at %d", off)
		}
		z.CheckMD5()
		read := 0
		err = fs.WalkDir(z, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			st, err := fs.Lstat(z, name)
			if err != nil {
				return err
			}
			if st.Sys() != nil {
				shown--
				if e := st.Sys().(*archive.TarEntry); e.Refused != "" || e.Mode != st.Mode() {
					t.Fatalf("%s is %+v, %v", name, e, st)
				}
			}
			switch d.Type() {
			case fs.ModeSymlink:
				archive.Resolve(z, name)
			case 0:
				p, err := fs.ReadFile(z, name)
				if read += len(p); err != nil || int64(len(p)) != st.Size() {
					t.Fatalf("%s: %d bytes of %d, %v", name, len(p), st.Size(), err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if shown != 0 || read > produced {
			t.Fatalf("%d entries are not in the tree, %d bytes were read", shown, read)
		}
	})
}

// summed is data with the checksum of each block made right that has digits or
// zeros in its place, since hardly a change of a header comes through otherwise.
func summed(data []byte) []byte {
	out := append([]byte(nil), data...)
	for off := 0; off+512 <= len(out); off += 512 {
		h := out[off : off+512]
		total := 8 * int(' ')
		octal := true
		for i, c := range h {
			if i < 148 || i >= 156 {
				total += int(c)
			} else if i < 154 && (c < '0' || c > '7') {
				octal = false
			}
		}
		if !octal {
			continue
		}
		for i := 153; i >= 148; i-- {
			h[i] = '0' + byte(total&7)
			total >>= 3
		}
		h[154], h[155] = 0, ' '
	}
	return out
}
