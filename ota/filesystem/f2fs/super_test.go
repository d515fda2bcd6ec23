package f2fs_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/filesystem/f2fs"
	"github.com/otavet/otavet/ota/parse"
)

// TestSuper breaks superblocks and checkpoints. Of each there are two.
func TestSuper(t *testing.T) {
	const second = super + block
	image := fixture(t, "tiny.img")
	k0 := edit(image).checkpoint()
	k1 := (2*int64(le.Uint32(image[super+76:]))+512)*block - k0 // the other one
	put := func(v uint32, at ...int64) func(*edited) {
		return func(e *edited) {
			for _, at := range at {
				le.PutUint32(e.at(at), v)
			}
		}
	}
	for _, tc := range []struct {
		name    string
		edit    func(*edited)
		unsound bool   // leave the checksums
		want    string // an error, or a note
		kind    error
	}{
		{name: "first", edit: put(0, super), want: "the first superblock cannot be read: f2fs: no superblock of F2FS"},
		{name: "second", edit: put(0, second), want: "the second superblock cannot be read: f2fs: no superblock of F2FS (0x0) at byte 0x1400"},
		{name: "other", edit: put(7, second+120), want: "the second superblock is another one"},
		{name: "sum of the first", edit: put(7, super+120), unsound: true, want: "the first superblock cannot be read: f2fs: the superblock does not have its checksum"},
		{name: "both", edit: put(0, super, second), want: "no superblock of F2FS (0x0) at byte 0x400", kind: parse.ErrFormat},
		{name: "place of the sum", edit: put(3064, super+32, second+32), want: "the checksum of the superblock is in another place", kind: parse.ErrFormat},
		{name: "size of blocks", edit: put(11, super+16, second+16), want: "blocks of a size that no machine has (0xb) at byte 0x410", kind: parse.ErrFormat},
		{name: "size of segments", edit: put(10, super+20, second+20), want: "segments that are not of 512 blocks", kind: parse.ErrFormat},
		{name: "sectors", edit: put(10, super+8, second+8), want: "sectors that do not make a block", kind: parse.ErrFormat},
		{name: "root", edit: put(4, super+96, second+96), want: "other inodes than Linux has", kind: parse.ErrFormat},
		{name: "NAT", edit: put(512, super+84, second+84), want: "(SIT) does not end where the next area begins", kind: parse.ErrFormat},
		{name: "payload", edit: put(600, super+1664, second+1664), want: "checkpoints larger than their segment", kind: parse.ErrFormat},
		{name: "longer", edit: put(1<<20, super+36, second+36), want: "the file system is longer than what holds it", kind: parse.ErrFormat},
		{name: "shorter", edit: put(2000, super+36, second+36), want: "the areas do not fit into the blocks there are", kind: parse.ErrFormat},
		{name: "devices", edit: put(0x41, super+2201, second+2201, super+2269, second+2269), want: "a file system on several devices (0x2)", kind: parse.ErrUnsupported},
		{name: "feature", edit: put(0x8a000, superFeature, superFeature+block), want: `the features ["device_alias" "0x80000"]`, kind: parse.ErrUnsupported},

		{name: "newer", edit: put(0, k0), unsound: true, want: "one of the two checkpoints cannot be read: f2fs: a checkpoint does not have its checksum"},
		{name: "older", edit: put(0, k1), unsound: true, want: "one of the two checkpoints cannot be read: f2fs: a checkpoint does not have its checksum"},
		{name: "neither", edit: put(0, k0, k1), unsound: true, want: "a checkpoint does not have its checksum", kind: parse.ErrFormat},
		{name: "versions", edit: put(0, k0, k1), want: "a checkpoint whose end is of another version", kind: parse.ErrFormat},
		{name: "place of the sum", edit: put(4093, k0+164, k1+164), want: "the checksum of a checkpoint is in no place for it", kind: parse.ErrFormat},
		{name: "blocks", edit: put(513, k0+136, k1+136), unsound: true, want: "does not have its checksum", kind: parse.ErrFormat},
		{name: "summaries", edit: put(0, k0+140, k1+140), want: "the summaries are not in their checkpoint", kind: parse.ErrFormat},
		{name: "bitmaps", edit: put(128, k0+160, k1+160), want: "its bitmaps are not as long as the tables", kind: parse.ErrFormat},
		{name: "large bitmap", edit: put(0x405, k0+132, k1+132), want: "the checksum is in the bitmap of nodes", kind: parse.ErrFormat},
		// Linux takes the newer one of two that have their checksums, and then refuses what is wrong in it.
		{name: "summaries of the newer", edit: put(0, k0+140), want: "the summaries are not in their checkpoint", kind: parse.ErrFormat},
		{name: "bitmaps of the newer", edit: put(128, k0+156), want: "its bitmaps are not as long as the tables", kind: parse.ErrFormat},
		{name: "blocks of the newer", edit: put(513, k0+136), want: "a checkpoint of that many blocks (0x201)"},
		{name: "few blocks of the newer", edit: put(2, k0+136), want: "a checkpoint of that many blocks (0x2)"},
		{name: "summaries in the payload", edit: put(1, super+1664, second+1664), want: "the summaries are not in their checkpoint (0x1)", kind: parse.ErrFormat},
		{name: "bitmaps of the older", edit: put(128, k1+156), want: ""},
		{name: "fsck", edit: put(0x5d, k0+132), want: "its checkpoint asks for fsck"},
		{name: "journal", edit: put(0xffff, k0+int64(le.Uint32(image[k0+140:]))*block), want: "more records than are read (0xffff)", kind: parse.ErrLimit},
	} {
		e := edit(image)
		tc.edit(e)
		if !tc.unsound {
			e.mend()
		}
		f, err := f2fs.Open(e, nil)
		if tc.kind == nil {
			if err != nil || !strings.Contains(strings.Join(f.Notes(), "\n"), tc.want) {
				t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
			} else {
				t.Log(f.Notes())
			}
			continue
		}
		var pe *parse.Error
		if !errors.As(err, &pe) || !errors.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
}
