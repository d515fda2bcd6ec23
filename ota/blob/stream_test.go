package blob_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// counted gives data in odd pieces and counts how much was asked for.
type counted struct {
	data  []byte
	at    int
	given *int64
	end   error
}

func (c *counted) Read(p []byte) (int, error) {
	n := copy(p[:min(len(p), 7001)], c.data[c.at:])
	c.at += n
	*c.given += int64(n)
	if c.at == len(c.data) {
		return n, c.end
	}
	return n, nil
}
func (c *counted) Close() error { return nil }

func stream(t *testing.T, data []byte, size int64, end error) (s *blob.Stream, given *int64, opened *int) {
	given, opened = new(int64), new(int)
	s = blob.NewStream(func() (io.ReadCloser, error) {
		*opened++
		return &counted{data: data, given: given, end: end}, nil
	}, size, t.TempDir())
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, given, opened
}

func noise(n int) []byte {
	p := make([]byte, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range p {
		if i>>16&1 == 0 { // every other 64 KiB stays zero
			p[i] = byte(r.Uint32())
		}
	}
	return p
}

// Only what is read is decoded, and once; sizes on both sides of what stays in memory.
func TestStream(t *testing.T) {
	for _, size := range []int{0, 1, 4096, 300_000, 4 << 20, 4<<20 + 1, 9_000_001} {
		data := noise(size)
		for _, stated := range []int64{int64(size), -1} {
			s, given, _ := stream(t, data, stated, io.EOF)
			head := make([]byte, min(size, 4096))
			if n, err := s.ReadAt(head, 0); n != len(head) || size > 0 && n > 0 && err != nil || !bytes.Equal(head, data[:n]) {
				t.Fatalf("%d bytes: head %d, %v", size, n, err)
			}
			if size > 1<<20 && *given > 128<<10 {
				t.Errorf("%d bytes: the head cost %d", size, *given)
			}
			var wg sync.WaitGroup
			for i := range 4 {
				wg.Go(func() {
					r := rand.New(rand.NewPCG(uint64(i), 3))
					p := make([]byte, 100_000)
					for range 50 {
						off := r.IntN(size + 10)
						n, err := s.ReadAt(p, int64(off))
						want := data[min(off, size):min(off+len(p), size)]
						if !bytes.Equal(p[:n], want) || n < len(p) && err != io.EOF {
							t.Errorf("%d bytes at %d: %d, %v", size, off, n, err)
						}
					}
				})
			}
			wg.Wait()
			if s.Size() != int64(size) {
				t.Errorf("size %d, want %d", s.Size(), size)
			}
			all, err := blob.ReadAll(s, int64(size))
			if err != nil || !bytes.Equal(all, data) {
				t.Errorf("%d bytes: %v", size, err)
			}
			if *given != int64(size) {
				t.Errorf("%d bytes: %d were decoded", size, *given)
			}
		}
	}
}

func TestStreamPaused(t *testing.T) {
	data := noise(6 << 20)
	s, given, opened := stream(t, data, -1, io.EOF)
	p := make([]byte, 5<<20)
	if _, err := s.ReadAt(p[:100], 0); err != nil {
		t.Fatal(err)
	}
	s.Pause()
	head := *given
	if _, err := s.ReadAt(p, 0); err != nil {
		t.Fatal(err)
	}
	s.Pause()
	if _, known := s.Known(); known {
		t.Error("the size is known too early")
	}
	all, err := blob.ReadAll(s, int64(len(data)))
	if err != nil || !bytes.Equal(all, data) || *opened != 3 || head > 128<<10 {
		t.Errorf("%v, opened %d times, the head cost %d", err, *opened, head)
	}
}

// What does not keep its promise of a size, and what ends in an error, says so to
// who reads the end, and gives what came before.
func TestStreamErrors(t *testing.T) {
	data := noise(5 << 20)
	broken := errors.New("checksum")
	for _, tc := range []struct {
		what  string
		size  int64
		end   error
		want  error
		avail int
	}{
		{"short", int64(len(data)) + 1, io.EOF, parse.ErrFormat, len(data)},
		{"long", int64(len(data)) - 1, io.EOF, parse.ErrFormat, len(data) - 1},
		{"broken at its end", int64(len(data)), broken, broken, len(data)},
		{"broken, of unknown size", -1, broken, broken, len(data)},
	} {
		s, _, _ := stream(t, data, tc.size, tc.end)
		p := make([]byte, tc.avail)
		if n, err := s.ReadAt(p[:tc.avail-10], 0); err != nil && n < tc.avail-10 {
			t.Errorf("%s: %d, %v before the end", tc.what, n, err)
		}
		if _, err := s.ReadAt(make([]byte, 100), int64(tc.avail)-50); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.what, err, tc.want)
		}
		if _, err := io.Copy(io.Discard, blob.Reader(s)); !errors.Is(err, tc.want) && tc.what != "broken, of unknown size" {
			t.Errorf("%s, read as a whole: %v, want %v", tc.what, err, tc.want)
		}
	}
	s := blob.NewStream(func() (io.ReadCloser, error) { return nil, broken }, 10, "")
	if _, err := s.ReadAt(make([]byte, 1), 0); err != broken {
		t.Errorf("a stream that does not open: %v", err)
	}
	full := blob.NewStream(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }, -1, "/nowhere/at/all")
	if _, err := full.ReadAt(make([]byte, 1), 5<<20-1); err == nil {
		t.Error("there was room where there is none")
	}
}

// A scratch keeps no blocks of zeros and leaves no file behind.
func TestScratch(t *testing.T) {
	dir := t.TempDir()
	s, err := blob.NewScratch(dir, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	data := noise(1 << 20)
	for off := 0; off < len(data); {
		n := min(len(data)-off, 3000+off%5000)
		if _, err := s.WriteAt(data[off:off+n], int64(off)); err != nil {
			t.Fatal(err)
		}
		off += n
	}
	all, err := blob.ReadAll(s, 1<<20)
	if err != nil || !bytes.Equal(all, data) {
		t.Error("read back: ", err)
	}
	if _, err := s.WriteAt([]byte{1}, 1<<20); err == nil {
		t.Error("written behind the end")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
