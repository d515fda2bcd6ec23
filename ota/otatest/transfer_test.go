package otatest_test

import (
	"bytes"
	"cmp"
	"io"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/image/transfer"
	"github.com/otavet/otavet/ota/otatest"
)

// What the builder writes is read back as the image.
func TestTransfer(t *testing.T) {
	image := bytes.Join([][]byte{make([]byte, block), noise(2 * block), make([]byte, 300*block), bytes.Repeat(text(block), 1500), make([]byte, 255*block), text(block), make([]byte, 256*block)}, nil)
	for _, version := range []int{0, 1, 2, 3, 4} {
		for _, method := range []string{"", "brotli", "xz", "lzma"} {
			if version > 0 && method != "" {
				continue // the list alone depends on the version
			}
			if method != "" {
				otatest.Tool(t, strings.Replace(method, "lzma", "xz", 1))
			}
			text, data, err := (&otatest.Transfer{Image: blob.Bytes(image), Version: version, Method: method, Fast: true}).Write()
			if err != nil {
				t.Fatal(err)
			}
			list, err := transfer.Open(blob.Bytes([]byte(text)), nil)
			if err != nil {
				t.Fatal(err)
			}
			if method != "" {
				r, err := codec.NewReader(codec.Method(method), bytes.NewReader(data), list.NewData())
				if err != nil {
					t.Fatal(err)
				}
				if data, err = io.ReadAll(r); err != nil {
					t.Fatal(err)
				}
			}
			got, err := list.Image(blob.Bytes(data))
			if err != nil {
				t.Fatal(err)
			}
			if p, err := blob.ReadAll(got, 1<<30); err != nil || !bytes.Equal(p, image) {
				t.Errorf("version %d, %s: not the image: %v", version, method, err)
			}
			if want := (transfer.Account{New: 1503, Zero: 256, Unsaid: 556}); list.Account() != want || list.Version != cmp.Or(version, 4) || len(list.Notes) > 0 {
				t.Errorf("version %d, %s: %+v, notes %q", version, method, list.Account(), list.Notes)
			}
		}
	}
	list, _, err := (&otatest.Transfer{Image: blob.Bytes(image)}).Write()
	if want := "4\n1759\n0\n0\nerase 4,3,303,2059,2315\nzero 2,0,1\nnew 2,1,3\nnew 2,303,1327\nnew 2,1327,1803\nzero 2,1803,2058\nnew 2,2058,2059\n"; list != want || err != nil {
		t.Errorf("%q, %v; want %q", list, err, want)
	}
	bent, _, _ := (&otatest.Transfer{Image: blob.Bytes(image[:2*block]), Line: func(i int, line string) string {
		return map[int]string{0: line, 1: line, 4: "fold 2,0,1"}[i]
	}}).Write()
	if want := "4\n2\nfold 2,0,1\n"; bent != want {
		t.Errorf("%q, want %q", bent, want)
	}
	if _, _, err := (&otatest.Transfer{Image: blob.Bytes(image[:100])}).Write(); err == nil {
		t.Error("half a block is an image")
	}
}
