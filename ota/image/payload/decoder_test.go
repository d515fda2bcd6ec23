package payload_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/payload"
	"github.com/otavet/otavet/ota/parse"
)

// Decoders that do what they should not, and data that cannot be read.
func TestDecoders(t *testing.T) {
	f := new(file)
	f.manifest = []*node{part("p", make([]byte, 2*block), f.add(payload.ReplaceXZ, []byte{1, 2, 3, 4, 5}, dst(0, 2)))}
	b := f.bytes()
	give := func(r io.Reader) payload.Decoder {
		return func(string, io.Reader, int64) (io.ReadCloser, error) { return io.NopCloser(r), nil }
	}
	refuse := func(err error) payload.Decoder {
		return func(string, io.Reader, int64) (io.ReadCloser, error) { return nil, err }
	}
	gone := errors.New("gone")
	for _, tc := range []struct {
		name string
		d    payload.Decoder
		want any
	}{
		{"none", nil, parse.ErrUnsupported},
		{"refuses", refuse(errors.New("bad\nmagic")), parse.ErrFormat},
		{"does not support it", refuse(&parse.Error{Format: "xz", Kind: parse.ErrUnsupported}), parse.ErrUnsupported},
		{"finds it too large", refuse(fmt.Errorf("so: %w", &parse.Error{Format: "xz", Kind: parse.ErrLimit})), parse.ErrLimit},
		{"gives nothing", give(strings.NewReader("")), parse.ErrFormat},
		{"gives a block", give(bytes.NewReader(make([]byte, block))), parse.ErrFormat},
		{"gives a block and a byte", give(bytes.NewReader(make([]byte, block+1))), nil},
		{"gives all", give(bytes.NewReader(make([]byte, 2*block))), nil},
		{"gives all byte by byte", give(iotest.OneByteReader(bytes.NewReader(make([]byte, 2*block)))), nil},
		{"gives all with its end", give(iotest.DataErrReader(bytes.NewReader(make([]byte, 2*block)))), nil},
		{"gives too much", give(bytes.NewReader(make([]byte, 2*block+1))), parse.ErrFormat},
		{"gives for ever", give(forever(0)), parse.ErrFormat},
		{"fails", give(iotest.ErrReader(gone)), parse.ErrFormat},
		{"fails at the end", give(io.MultiReader(bytes.NewReader(make([]byte, 2*block)), iotest.ErrReader(gone))), parse.ErrFormat},
		{"does nothing", give(lazy{}), parse.ErrFormat},
		{"does nothing at the end", give(io.MultiReader(bytes.NewReader(make([]byte, 2*block)), lazy{})), parse.ErrFormat},
	} {
		p := open(t, b)
		im, err := p.Partition("p").Blob(payload.Options{Decode: tc.d})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // an error is not kept
			_, err = im.ReadAt(make([]byte, 2*block), 0)
			if tc.name == "gives all" || !errors.Is(err, parse.ErrFormat) {
				break
			}
		}
		if want, _ := tc.want.(error); !errors.Is(err, want) || (err != nil) != (want != nil) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
		var pe *parse.Error
		if err != nil && (!errors.As(err, &pe) || pe.Off <= 0 || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	// An error of the file is no fault of the format.
	im, err := payload.Open(failing{blob.Bytes(b), gone}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := im.Partition("p").Blob(payload.Options{Decode: toy})
	if _, err := r.ReadAt(make([]byte, 1), 0); err != gone {
		t.Errorf("got %v", err)
	}
	// A panic is not swallowed, and nobody waits for it for ever.
	r, _ = open(t, b).Partition("p").Blob(payload.Options{Decode: func(string, io.Reader, int64) (io.ReadCloser, error) { panic("boom") }})
	for range 2 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			r.ReadAt(make([]byte, 1), 0)
		}()
	}
}

type lazy struct{}

func (lazy) Read([]byte) (int, error) { return 0, nil }

// A failing blob has a header and a manifest, and then an error.
type failing struct {
	blob.Blob
	err error
}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) >= f.Size() {
		return 0, f.err
	}
	return f.Blob.ReadAt(p, off)
}
