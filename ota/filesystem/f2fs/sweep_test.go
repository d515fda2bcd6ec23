package f2fs_test

import (
	"errors"
	"io/fs"
	"slices"
	"testing"

	"github.com/otavet/otavet/ota/filesystem/f2fs"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

// TestTruncated cuts an image off, and makes its blocks unreadable one by one.
func TestTruncated(t *testing.T) {
	e := edit(fixture(t, "tiny.img"))
	all := e.size
	var touched []int64
	e.reads = func(off, n int64) error {
		for at := off / block; at*block < off+n; at++ {
			touched = append(touched, at)
		}
		return nil
	}
	try(t, e)
	e.reads = nil
	var cuts []int64
	for n := range int64(3 * block) {
		cuts = append(cuts, n)
	}
	for n := int64(3 * block); n < all; n += 64 << 10 {
		cuts = append(cuts, n-1, n, n+1)
	}
	for _, e.size = range append(cuts, all-1) {
		if _, err := f2fs.Open(e, nil); !errors.Is(err, parse.ErrFormat) {
			t.Fatalf("%d bytes: %v", e.size, err)
		}
	}
	e.size = all
	slices.Sort(touched)
	touched = slices.Compact(touched)
	lost := errors.New("a block is lost")
	for _, at := range touched {
		met := false
		e.reads = func(off, n int64) error {
			if off/block <= at && at*block < off+n {
				met = true
				return lost
			}
			return nil
		}
		if !failsWith(e, lost) || !met {
			t.Errorf("block %d is not missed", at)
		}
	}
	t.Logf("%d beginnings; %d blocks are needed", len(cuts)+1, len(touched))
}

// failsWith tells whether reading a file system meets an error.
func failsWith(e *edited, want error) bool {
	f, err := f2fs.Open(e, nil)
	if err != nil {
		return errors.Is(err, want)
	}
	met := false
	fs.WalkDir(f, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			_, err = d.Info()
		}
		_, err2 := f.Xattrs(path)
		_, err3 := f.ReadLink(path)
		met = met || errors.Is(err, want) || errors.Is(err2, want) || errors.Is(err3, want)
		if b, _, err := f.Blob(path); err == nil {
			p := make([]byte, 32<<10)
			for _, off := range []int64{0, b.Size() / 2, b.Size() - 5000} {
				_, err := b.ReadAt(p, max(off, 0))
				met = met || errors.Is(err, want)
			}
		}
		return nil
	})
	return met
}

// TestFlips turns bits of all metadata that a walk reads: some byte in each 32,
// with the checksums as they were and made to hold. Where there is a checksum, no
// bit can be turned without being noticed.
func TestFlips(t *testing.T) {
	image := fixture(t, "tiny.img")
	e := edit(image)
	read := map[int64]bool{}
	e.reads = func(off, n int64) error {
		if n <= 2*block {
			read[off/block] = true
		}
		return nil
	}
	whole := try(t, e)
	if len(whole.errs) != 1 || len(whole.notes) > 0 { // the encrypted file
		t.Errorf("before anything is turned: %v", whole)
	}
	sums := map[int64]bool{0: true, 1: true} // blocks that have a checksum
	for at := range read {
		sums[at] = sums[at] || e.isCheckpoint(at)
	}
	fs.WalkDir(open(t, image), ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			t.Fatal(err)
		}
		info, err := d.Info()
		if err != nil {
			t.Fatal(err)
		}
		sums[e.node(t, uint32(info.Sys().(*vfs.Meta).Inode))/block] = true
		return nil
	})
	n, seen, summed := 0, 0, 0
	for at := range read {
		if testing.Short() && at%8 != 0 {
			continue
		}
		for i := range int64(block / 32) {
			off := i*32 + (i*7+at)%32
			for _, mend := range []bool{false, true} {
				e := edit(image)
				e.at(at*block + off)[0] ^= 1 << ((i + at) % 8)
				if mend {
					e.mend()
				}
				n++
				if try(t, e).String() != whole.String() {
					seen++
				} else if sums[at] && !mend && (at > 1 || off >= super) {
					t.Errorf("block %d: bit %d of byte %d is not missed", at, (i+at)%8, off)
				}
				if sums[at] && !mend {
					summed++
				}
			}
		}
	}
	t.Logf("%d bits in %d blocks, %d noticed; %d are below a checksum", n, len(read), seen, summed)
}
