package squashfs_test

import (
	"bytes"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/squashfs"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// TestTruncated cuts images everywhere, with the superblock as it is, and with one that knows.
func TestTruncated(t *testing.T) {
	for _, name := range []string{"tiny-gzip.img", "tiny-lz4.img", "tiny-plain-lz4.img", "empty.img"} {
		data := fixture(t, name)
		otatest.TestTruncation(t, data, func(b blob.Blob) error {
			_, err := squashfs.Open(b, nil)
			return err
		})
		for n := 96; n < len(data); n++ {
			cut := bytes.Clone(data[:n])
			le.PutUint64(cut[40:], uint64(n))
			f, err := squashfs.Open(blob.Bytes(cut), nil)
			if err == nil {
				_, err = walk(f)
			}
			var pe *parse.Error
			if !errors.As(err, &pe) || pe.Off > int64(n) {
				t.Errorf("%s: %d bytes: %v", name, n, err)
			}
		}
	}
}

// contents is what can be read of each file.
func contents(f *squashfs.FS) map[string]string {
	all := map[string]string{}
	fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type() == 0 {
			if st, err := d.Info(); err == nil && st.Size() < 1<<20 {
				if p, err := f.ReadFile(name); err == nil {
					all[name] = string(p)
				}
			}
		}
		return nil
	})
	return all
}

// TestFlipped changes the bits of small images: each gives errors, or a tree that can be
// read. Of blocks that have a checksum, as those of gzip and xz, no byte is another than it was.
func TestFlipped(t *testing.T) {
	for _, name := range []string{"tiny-gzip.img", "tiny-lz4.img", "tiny-xz.img", "tiny-zstd.img", "tiny-lzma.img", "tiny-plain-lz4.img"} {
		data := bytes.Clone(fixture(t, name))
		want := contents(open(t, data))
		tables := int(le.Uint64(data[64:]))
		tried, opened := 0, 0
		for i := range data {
			for bit := range 8 {
				if (testing.Short() || name != "tiny-plain-lz4.img") && bit != i%8 {
					continue // elsewhere decompressors take their time
				}
				data[i] ^= 1 << bit
				names, _ := try(t, data)
				tried++
				if names > 0 {
					opened++
				}
				if i >= 96 && i < tables && strings.Contains("tiny-gzip.img tiny-xz.img", name) {
					if f, err := squashfs.Open(blob.Bytes(data), nil); err != nil {
						t.Errorf("%s: bit %d of byte %d: %v", name, bit, i, err)
					} else {
						if got, ok := contents(f)["blocks"]; ok && got != want["blocks"] {
							t.Errorf("%s: bit %d of byte %d: other bytes", name, bit, i)
						}
					}
				}
				data[i] ^= 1 << bit
			}
		}
		t.Logf("%s: %d of %d open", name, opened, tried)
	}
}

// A broken blob has a run of bytes that cannot be read.
type broken struct {
	blob.Blob
	from, to int64
}

var errBroken = errors.New("broken disk")

func (b *broken) ReadAt(p []byte, off int64) (int, error) {
	if off < b.to && off+int64(len(p)) > b.from {
		n, _ := b.Blob.ReadAt(p[:max(0, b.from-off)], off)
		return n, errBroken
	}
	return b.Blob.ReadAt(p, off)
}

// TestReadErrors: an error of the disk stays what it is, and does not last longer than
// the disk's.
func TestReadErrors(t *testing.T) {
	for _, name := range []string{"gzip.img", "lz4-4k.img", "xz.img", "zstd.img", "lzma.img", "plain-rest.img", "always-fragments.img"} {
		data := fixture(t, name)
		opened, healed := 0, 0
		for from := int64(0); from < int64(len(data)); from += 197 {
			b := &broken{blob.Bytes(data), from, from + 10}
			f, err := squashfs.Open(b, nil)
			if err == nil {
				opened++
				_, err = walk(f)
			}
			var pe *parse.Error
			if !errors.Is(err, errBroken) || errors.As(err, &pe) {
				t.Errorf("%s from %d: %v", name, from, err)
			}
			if b.to = 0; f != nil {
				if _, err := walk(f); err != nil {
					t.Errorf("%s from %d, and later: %v", name, from, err)
				}
				healed++
			}
		}
		if opened < 20 || healed != opened {
			t.Errorf("%s: %d opened, %d read later", name, opened, healed)
		}
	}
}
