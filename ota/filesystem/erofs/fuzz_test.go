package erofs_test

import (
	"encoding/binary"
	"slices"
	"testing"
)

// FuzzOpen opens an image of testdata after changes, under a checksum that holds,
// or any bytes: base says which image, or none. Each change takes four bytes: an
// offset of 16 bits behind the superblock's beginning, what to do, a value.
// Nothing panics; errors are *parse.Error; a walk ends; files read the same from
// anywhere.
func FuzzOpen(f *testing.F) {
	var bases [][]byte
	for i, name := range tiny {
		image, _ := fixture(f, name)
		bases = append(bases, image)
		f.Add(uint8(i), []byte{})
		f.Add(uint8(i), []byte{0x80, 0, 0, 1, 0x84, 0, 1, 3, 0x50, 0, 2, 0x41})
		if len(image) < 16<<10 {
			f.Add(uint8(255), image)
		}
	}
	f.Fuzz(func(t *testing.T, base uint8, edits []byte) {
		if len(edits) > 1<<16 {
			return
		}
		image := edits
		if int(base) < len(bases) {
			image = changed(bases[base], edits)
		} else {
			image = slices.Clone(image)
		}
		mend(image)
		if _, _, err := look(image); err != nil {
			t.Fatal(err)
		}
	})
}

func changed(image, edits []byte) []byte {
	b := slices.Clone(image)
	for ; len(edits) >= 4; edits = edits[4:] {
		at := 1024 + int(binary.LittleEndian.Uint16(edits))
		if at >= len(b) {
			continue
		}
		switch v := edits[3]; edits[2] % 5 {
		case 0:
			b[at] = v
		case 1:
			b[at] ^= v
		case 2:
			b[at] += v
		case 3:
			for i := at; i < min(at+4, len(b)); i++ {
				b[i] = v
			}
		case 4: // an inode, or half of one
			copy(b[at:min(at+32, len(b))], b[1024+int(v)*32%(len(b)-1024):])
		}
	}
	return b
}
