package payload_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/payload"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// A disk is what operations are applied to. It counts how often each byte is written.
type disk struct {
	mu     sync.Mutex
	b      []byte
	writes []uint8
}

func newDisk(size int64) *disk { return &disk{b: make([]byte, size), writes: make([]uint8, size)} }

func (d *disk) WriteAt(p []byte, off int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range p {
		d.writes[off+int64(i)]++
	}
	return copy(d.b[off:], p), nil
}

// A counting blob counts how often each byte is read.
type counting struct {
	blob.Blob
	mu    sync.Mutex
	reads []uint8
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.Blob.ReadAt(p, off)
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range n {
		c.reads[off+int64(i)]++
	}
	return n, err
}

// The ways to apply all operations of a partition: the order, or all at once.
var orders = map[string]func(n int, apply func(i int)){
	"in order": func(n int, apply func(int)) {
		for i := range n {
			apply(i)
		}
	},
	"reversed": func(n int, apply func(int)) {
		for i := range n {
			apply(n - 1 - i)
		}
	},
	"at once": func(n int, apply func(int)) {
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { apply(i) })
		}
		wg.Wait()
	},
}

// Applied in any order, operations make what a Reader gives, and each byte is
// read, decoded and written once.
func TestApply(t *testing.T) {
	f, _, _ := full()
	cases := map[string]struct {
		data   []byte
		decode payload.Decoder
	}{
		"full":              {f.bytes(), std},
		"full_payload.bin":  {nil, std},
		"delta_payload.bin": {nil, std},
	}
	for _, base := range []uint8{0, 1, 3} { // the data of 2 are not what they should be
		cases[fmt.Sprint("base ", base)] = struct {
			data   []byte
			decode payload.Decoder
		}{bent(base, nil).bytes(), toy}
	}
	parts, ops := 0, 0
	for name, tc := range cases {
		b := tc.data
		if b == nil {
			b = read(t, name)
		}
		for order, run := range orders {
			c := &counting{Blob: blob.Bytes(b), reads: make([]uint8, len(b))}
			p, err := payload.Open(c, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range p.Partitions {
				if part.Complete() != nil {
					continue
				}
				clear(c.reads)
				d, done := newDisk(part.New.Size), make([]payload.Applied, len(part.Operations))
				run(len(done), func(i int) {
					var err error
					if done[i], err = part.Apply(i, payload.Options{Decode: tc.decode}, d); err != nil {
						t.Errorf("%s, %s: operation %d: %v", name, order, i, err)
					}
				})
				for i, a := range done {
					op := part.Operations[i]
					check := part.CheckData(i)
					if (a.Hash == payload.HashHolds) != (check == nil && len(op.DataHash) > 0) || a.Hash == payload.HashDiffers || a.Hash == payload.HashUnknown {
						t.Errorf("%s, %s: the hash of operation %d: %v, CheckData says %v", name, order, i, a.Hash, check)
					}
					size := part.OpSize(i)
					zero := op.Type == payload.Zero || op.Type == payload.Discard
					if a.Stored != op.DataLength || zero != (a.Decoded == 0) || a.Decoded > size || !zero && a.Decoded <= size-int64(p.BlockSize) {
						t.Errorf("%s, %s: operation %d: %+v of %d bytes", name, order, i, a, size)
					}
					for _, x := range op.Dst {
						for at := x.Start * uint64(p.BlockSize); at < (x.Start+x.Blocks)*uint64(p.BlockSize); at++ {
							if zero != (d.writes[at] == 0) || d.writes[at] > 1 {
								t.Fatalf("%s, %s: byte %d is written %d times", name, order, at, d.writes[at])
							}
						}
					}
					ops++
				}
				if want := image(t, part, tc.decode); !bytes.Equal(d.b, want) {
					t.Errorf("%s, %s: %s differs from what a Reader gives", name, order, part.Name)
				}
				parts++
			}
		}
	}
	t.Logf("%d partitions of %d operations, in order, reversed and at once", parts, ops)
}

// Each stored byte is read once, whatever the decoder asks for.
func TestApplyReadsOnce(t *testing.T) {
	f, _, _ := full()
	extra := new(file)
	long := append([]byte{4, 7}, pattern(200_000, 3)...) // the toy decoder asks for two
	extra.manifest = []*node{part("p", make([]byte, block), extra.add(payload.ReplaceXZ, long, dst(0, 1)))}
	for name, tc := range map[string]struct {
		data   []byte
		decode payload.Decoder
	}{
		"full": {f.bytes(), std}, "full_payload.bin": {read(t, "full_payload.bin"), std}, "data that nobody asks for": {extra.bytes(), toy},
		"a decoder that refuses": {f.bytes(), func(string, io.Reader, int64) (io.ReadCloser, error) { return nil, errors.New("no") }},
		"no decoder":             {f.bytes(), nil},
		"a decoder that fails": {f.bytes(), func(string, io.Reader, int64) (io.ReadCloser, error) {
			return io.NopCloser(iotest.ErrReader(errors.New("no"))), nil
		}},
	} {
		c := &counting{Blob: blob.Bytes(tc.data), reads: make([]uint8, len(tc.data))}
		p, err := payload.Open(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		clear(c.reads)
		for _, part := range p.Partitions {
			d := newDisk(part.New.Size)
			for i := range part.Operations {
				a, _ := part.Apply(i, payload.Options{Decode: tc.decode}, d)
				if want := len(part.Operations[i].DataHash) > 0; (a.Hash == payload.HashHolds) != want {
					t.Errorf("%s: operation %d: %v", name, i, a.Hash)
				}
			}
		}
		for at, n := range c.reads {
			in := int64(at) >= p.Data.Off && int64(at) < p.Data.Off+p.Data.Len
			if in && n != 1 || !in && n != 0 {
				t.Fatalf("%s: byte %d is read %d times", name, at, n)
			}
		}
	}
}

// What Apply says where something is wrong.
func TestApplyErrors(t *testing.T) {
	f, data := new(file), pattern(block-9, 5)
	f.manifest = []*node{part("p", nil,
		n(7, encode(nil, []*node{n(1, 12*block)})),
		f.add(payload.Replace, data, dst(0, 1)),                                                       // 0
		op(payload.Replace, n(2, block-9), n(3, 5), dst(1, 1)),                                        // 1: without a hash
		op(payload.ReplaceXZ, n(2, block-4), n(3, 2), n(8, sha([]byte{8, 6})), dst(4, 1), dst(2, 1)),  // 2
		op(payload.ReplaceXZ, n(2, block-2), n(3, 2), n(8, sha([]byte{12, 6})), dst(3, 1), dst(5, 1)), // 3: too much
		op(payload.ReplaceXZ, n(2, block), n(3, 2), n(8, sha([]byte{4, 6})), dst(6, 2)),               // 4: too little
		op(payload.ReplaceXZ, n(2, block+2), n(3, 1), n(8, sha([]byte{1})), dst(8, 1)),                // 5: no header
		op(payload.Discard, dst(9, 3)),                                                                // 6
	)}
	f.data = append(f.data, "five!\x08\x06\x0c\x06\x04\x06\x01"...)
	good := f.bytes()
	start := len(good) - len(f.data)
	gone := errors.New("gone")
	type result struct {
		applied payload.Applied
		kind    error
		says    string
	}
	const holds, differs, none = payload.HashHolds, payload.HashDiffers, payload.HashNone
	right := []result{
		{payload.Applied{Stored: block - 9, Decoded: block - 9, Hash: holds}, nil, ""},
		{payload.Applied{Stored: 5, Decoded: 5, Hash: none}, nil, ""},
		{payload.Applied{Stored: 2, Decoded: 2 * block, Hash: holds}, nil, ""},
		{payload.Applied{Stored: 2, Decoded: 2 * block, Hash: holds}, parse.ErrFormat, "operation 3 of p, REPLACE_XZ: its data become more bytes than its blocks have (0x2000)"},
		{payload.Applied{Stored: 2, Decoded: block, Hash: holds}, parse.ErrFormat, "operation 4 of p, REPLACE_XZ: its data become too few bytes for its blocks (0x1000)"},
		{payload.Applied{Stored: 1, Hash: holds}, parse.ErrFormat, "operation 5 of p, REPLACE_XZ: its data cannot be decoded (too short for xz)"},
		{payload.Applied{Hash: none}, nil, ""},
	}
	for i, want := range right {
		part, d := open(t, good).Partition("p"), newDisk(12*block)
		a, err := part.Apply(i, payload.Options{Decode: toy}, d)
		if a != want.applied || !errors.Is(err, want.kind) || (err == nil) != (want.kind == nil) || err != nil && !strings.Contains(err.Error(), want.says) {
			t.Errorf("operation %d: %+v, %v; want %+v", i, a, err, want)
		}
		if i == 0 && !bytes.Equal(d.b[:block], pad(data, 1)) {
			t.Error("short data are not followed by zeros")
		}
		if i == 0 && d.writes[block-1] != 1 {
			t.Error("the zeros behind short data are left to chance")
		}
		if i == 2 && (bytes.Count(d.b[2*block:3*block], []byte{6}) != block || bytes.Count(d.b[4*block:5*block], []byte{6}) != block || d.writes[3*block] != 0) {
			t.Error("operation 2 is not where its extents are")
		}
		// A byte of the data differs: the bytes are there, and the hash does not hold.
		bad := bytes.Clone(good)
		at := start + int(part.Operations[i].DataOffset+part.Operations[i].DataLength) - 1
		if bad[at] ^= 1; i == 6 {
			bad[at] ^= 1
		}
		if want.applied.Hash == holds {
			want.applied.Hash = differs
		}
		wrong := newDisk(12 * block)
		a, err2 := open(t, bad).Partition("p").Apply(i, payload.Options{Decode: toy}, wrong)
		if a != want.applied || fmt.Sprint(err2) != fmt.Sprint(err) || !bytes.Equal(wrong.writes, d.writes) {
			t.Errorf("operation %d with other data: %+v, %v; want %+v", i, a, err2, want.applied)
		}
		if i == 6 {
			continue
		}
		// What is wrong with w, or with the file, is nobody's format.
		if i < 3 {
			a, err = part.Apply(i, payload.Options{Decode: toy}, refusing{gone})
			if err != gone || a.Hash != payload.HashUnknown {
				t.Errorf("operation %d to a disk that refuses: %+v, %v", i, a, err)
			}
		}
		for _, end := range []error{gone, io.EOF} {
			from := int64(start) + part.Operations[i].DataOffset + part.Operations[i].DataLength - 1
			p, err := payload.Open(&lost{blob.Bytes(good), from, end}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if a, err = p.Partition("p").Apply(i, payload.Options{Decode: toy}, newDisk(12*block)); err != gone && (end == gone || err != io.ErrUnexpectedEOF) || a.Hash != payload.HashUnknown || a.Stored != part.Operations[i].DataLength-1 {
				t.Errorf("operation %d of a file that ends with %v: %+v, %v", i, end, a, err)
			}
		}
	}
}

type refusing struct{ err error }

func (r refusing) WriteAt([]byte, int64) (int, error) { return 0, r.err }

// A lost blob has lost what lies behind some byte.
type lost struct {
	blob.Blob
	from int64
	err  error
}

func (l *lost) ReadAt(p []byte, off int64) (int, error) {
	most := max(0, min(int64(len(p)), l.from-off))
	if n, err := l.Blob.ReadAt(p[:most], off); n < int(most) || int(most) == len(p) {
		return n, err
	}
	return int(most), l.err
}

// Operations that are too large to be read at random, and written out of order,
// take no more memory than small ones.
func TestApplyLarge(t *testing.T) {
	const mib = 256 // blocks
	f := new(file)
	f.manifest = []*node{msg(13, n(1, "p"), msg(7, n(1, 66<<20)), f.add(payload.ReplaceBZ, []byte{7}, dst(33*mib, 33*mib), dst(0, 33*mib)))}
	part := open(t, f.bytes()).Partition("p")
	decode := func(_ string, r io.Reader, size int64) (io.ReadCloser, error) {
		return io.NopCloser(io.LimitReader(forever(7), size)), nil
	}
	var w summing
	var al otatest.Allocations
	before := al.Read()
	a, err := part.Apply(0, payload.Options{Decode: decode}, &w)
	if used := al.Read() - before; used > 256<<10+otatest.AllocationNoise {
		t.Errorf("%d bytes of memory", used)
	}
	if want := (payload.Applied{Stored: 1, Decoded: 66 << 20, Hash: payload.HashHolds}); err != nil || a != want || w.n != 66<<20 || w.sum != 7*66<<20 || part.OpSize(0) != 66<<20 {
		t.Errorf("%+v, %v, %d bytes, sum %d", a, err, w.n, w.sum)
	}
}

type summing struct{ n, sum int }

func (s *summing) WriteAt(p []byte, off int64) (int, error) {
	s.n += len(p)
	for _, c := range p {
		s.sum += int(c)
	}
	return len(p), nil
}

// What the installer computes is left out, and no obstacle.
func TestApplyTree(t *testing.T) {
	data := pattern(4*block, 1)
	tree := []*node{extent(10, 0, 3), extent(11, 3, 1), extent(14, 0, 4), extent(15, 5, 2)}
	f := new(file)
	f.manifest = []*node{msg(13, append(tree, n(1, "p"), msg(7, n(1, 7*block)), f.add(payload.Replace, data, dst(4, 1), dst(0, 3)))...)}
	p := open(t, f.bytes())
	part := p.Partition("p")
	if !p.Full() || len(p.Notes()) != 1 { // no hash of the partition
		t.Errorf("%q", p.Notes())
	}
	if err := part.Complete(); err != nil {
		t.Error(err)
	}
	if _, err := part.Blob(payload.Options{}); !errors.Is(err, parse.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
	d := newDisk(7 * block)
	if a, err := part.Apply(0, payload.Options{}, d); err != nil || a.Hash != payload.HashHolds {
		t.Errorf("%+v, %v", a, err)
	}
	want := concat(data[block:], make([]byte, block), data[:block], make([]byte, 2*block))
	if !bytes.Equal(d.b, want) || d.writes[3*block] != 0 || d.writes[6*block] != 0 {
		t.Error("wrong bytes")
	}
}

func TestComplete(t *testing.T) {
	old := msg(6, n(1, 5*block), n(2, sha(nil)))
	hole := msg(6, &node{1, uint64(payload.SparseHole)}, n(2, 1))
	f := new(file)
	f.manifest = []*node{
		n(12, 8),
		part("copied", make([]byte, 2*block), old, op(payload.Zero, dst(1, 1)), op(payload.SourceCopy, extent(4, 0, 1), dst(0, 1))),
		part("strange", make([]byte, block), op(77, dst(0, 1))),
		part("tree", make([]byte, 2*block), op(payload.Zero, dst(0, 1)), extent(10, 0, 1), extent(11, 1, 1)),
		part("gap", make([]byte, 3*block), op(payload.Zero, dst(1, 1)), extent(11, 2, 1)),
		part("hole", pad([]byte("x"), 1), f.add(payload.ReplaceXZ, []byte{12, 'x'}, hole, dst(0, 1), hole)),
	}
	p := open(t, f.bytes())
	for name, want := range map[string]string{
		"copied": "operation 1 of copied, SOURCE_COPY: it needs the older image", "strange": "operation 0 of strange, type 77: it is not known",
		"tree": "<nil>", "gap": "the payload does not write all of gap", "hole": "<nil>",
	} {
		if err := p.Partition(name).Complete(); !strings.Contains(fmt.Sprint(err), want) || err != nil && !errors.Is(err, parse.ErrUnsupported) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	for name, i := range map[string]int{"copied": 1, "strange": 0} {
		part := p.Partition(name)
		a, err := part.Apply(i, payload.Options{Decode: toy}, newDisk(0))
		if want := part.Complete(); fmt.Sprint(err) != fmt.Sprint(want) || a != (payload.Applied{}) {
			t.Errorf("%s: %+v, %v; want %v", name, a, err, want)
		}
	}
	// What goes into a hole is lost.
	d := newDisk(block)
	if a, err := p.Partition("hole").Apply(0, payload.Options{Decode: toy}, d); err != nil || a.Decoded != 3*block || bytes.Count(d.b, []byte("x")) != block || d.writes[0] != 1 {
		t.Errorf("%+v, %v", a, err)
	}
	in := new(file)
	in.manifest = []*node{n(12, 1), part("p", make([]byte, block), old, op(payload.Zero, dst(0, 1)), op(payload.Zero, dst(0, 1)))}
	if err := open(t, in.bytes()).Partition("p").Complete(); !errors.Is(err, parse.ErrUnsupported) {
		t.Errorf("blocks that are written twice: %v", err)
	}
}
