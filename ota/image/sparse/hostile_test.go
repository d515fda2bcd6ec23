package sparse_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/sparse"
	"github.com/otavet/otavet/ota/parse"
)

// A builder makes images that no tool would.
type builder struct {
	major, header, chunk uint16
	block, blocks        uint32
	chunks               int32 // added to how many there are
	sum                  uint32
	list                 []chunk
	tail                 string
}

type chunk struct {
	kind   uint16
	blocks uint32
	data   []byte
	lie    uint32 // added to total_sz
}

func (b builder) bytes() []byte {
	le := binary.LittleEndian
	major, header, size, block := max(b.major, 1), max(b.header, 28), max(b.chunk, 12), b.block
	if block == 0 {
		block = 4096
	}
	out := le.AppendUint32(nil, 0xed26ff3a)
	for _, v := range []uint16{major, 0, header, size} {
		out = le.AppendUint16(out, v)
	}
	for _, v := range []uint32{block, b.blocks, uint32(int32(len(b.list)) + b.chunks), b.sum} {
		out = le.AppendUint32(out, v)
	}
	out = append(out, bytes.Repeat([]byte{0xee}, int(header)-28)...)
	for _, c := range b.list {
		out = le.AppendUint16(out, c.kind)
		out = le.AppendUint16(out, 0)
		out = le.AppendUint32(out, c.blocks)
		out = le.AppendUint32(out, uint32(size)+uint32(len(c.data))+c.lie)
		out = append(out, bytes.Repeat([]byte{0xee}, int(size)-12)...)
		out = append(out, c.data...)
	}
	return append(out, b.tail...)
}

func raw(n uint32, fill byte) chunk {
	return chunk{kind: 0xcac1, blocks: n, data: bytes.Repeat([]byte{fill}, int(n)*4096)}
}
func fill(n, word uint32) chunk {
	return chunk{kind: 0xcac2, blocks: n, data: binary.LittleEndian.AppendUint32(nil, word)}
}
func none(n uint32) chunk { return chunk{kind: 0xcac3, blocks: n} }
func crc(sum uint32) chunk {
	return chunk{kind: 0xcac4, data: binary.LittleEndian.AppendUint32(nil, sum)}
}

type hostile struct {
	name string
	data []byte
	kind error // nil: it opens
	off  int64
	msg  string
}

func hostiles() []hostile {
	longer := func(c chunk, n uint32) chunk { c.lie = n; return c }
	one := func(c ...chunk) builder { return builder{blocks: 1, list: c} }
	magic := one(raw(1, 7)).bytes()
	magic[0]++
	zeroBlock := one(none(1)).bytes()
	clear(zeroBlock[12:16])
	short := func(off int, v uint16) []byte {
		b := one(none(1)).bytes()
		binary.LittleEndian.PutUint16(b[off:], v)
		return b
	}
	F, U, L := parse.ErrFormat, parse.ErrUnsupported, parse.ErrLimit
	return []hostile{
		{"empty", nil, F, 0, "ends within a header"},
		{"magic", magic, F, 0, "no magic"},
		{"major 2", builder{major: 2, blocks: 1, list: []chunk{none(1)}}.bytes(), U, 4, "major version"},
		{"header of 27", short(8, 27), F, 8, "shorter than a header"},
		{"chunk headers of 11", short(10, 11), F, 10, "shorter than such a header"},
		{"chunk headers of 0", short(10, 0), F, 10, "shorter than such a header"},
		{"longer headers", builder{header: 60, chunk: 40, blocks: 3, list: []chunk{raw(1, 7), fill(1, 5), none(1)}}.bytes(), nil, 0, ""},
		{"header longer than the file", short(8, 60000), F, 20, "more chunks than"},
		{"block size 0", zeroBlock, F, 12, "no multiple of 4"},
		{"block size 4097", builder{block: 4097, blocks: 1, list: []chunk{none(1)}}.bytes(), F, 12, "no multiple of 4"},
		{"block size 2^31", builder{block: 1 << 31, blocks: 1, list: []chunk{none(1)}}.bytes(), L, 12, "64 MiB"},
		{"2^32-1 chunks", builder{blocks: 1, chunks: -2, list: []chunk{none(1)}}.bytes(), L, 20, "2^22 chunks"},
		{"chunks that are not there", builder{blocks: 1, chunks: 5, list: []chunk{none(1)}}.bytes(), F, 20, "more chunks than"},
		{"all that 32 bits can count, not cared about", builder{blocks: 1<<32 - 1, list: []chunk{none(1<<32 - 1)}}.bytes(), nil, 0, ""},
		{"fill of terabytes", builder{blocks: 1<<32 - 1, list: []chunk{fill(1<<32-1, 0x01020304)}}.bytes(), nil, 0, ""},
		{"wraps around 2^32 blocks", builder{blocks: 1, list: []chunk{none(1<<32 - 1), none(2)}}.bytes(), F, 32, "more blocks than"},
		{"too few blocks", builder{blocks: 9, list: []chunk{none(8)}}.bytes(), F, 16, "fewer blocks than"},
		{"too many blocks", builder{blocks: 7, list: []chunk{none(8)}}.bytes(), F, 32, "more blocks than"},
		{"too many blocks in the second chunk", builder{blocks: 3, list: []chunk{none(2), none(2)}}.bytes(), F, 44, "more blocks than"},
		{"raw, 1 too long", one(longer(raw(1, 7), 1)).bytes(), F, 36, "not that of its blocks"},
		{"raw of no blocks with data", one(chunk{kind: 0xcac1, data: []byte("abcd")}, none(1)).bytes(), F, 36, "not that of its blocks"},
		{"raw past the end", one(raw(1, 7)).bytes()[:4000], F, 36, "past the end"},
		{"total_sz below the header", one(longer(none(1), 1<<32-1)).bytes(), F, 36, "has some"},
		{"total_sz 0", one(longer(raw(1, 7), 1<<32-4108)).bytes(), F, 36, "not that of its blocks"},
		{"don't care with data", one(chunk{kind: 0xcac3, blocks: 1, data: []byte("abcd")}).bytes(), F, 36, "has some"},
		{"fill without a word", one(longer(fill(1, 1), 1<<32-4)).bytes(), F, 36, "one word"},
		{"fill with two", one(longer(fill(1, 1), 4)).bytes(), F, 36, "one word"},
		{"crc of two words", one(none(1), longer(crc(0), 4)).bytes(), F, 48, "one word"},
		{"0xcac5", one(chunk{kind: 0xcac5, blocks: 1}).bytes(), U, 28, "only Sony"},
		{"0xcac0", one(chunk{kind: 0xcac0, blocks: 1}).bytes(), U, 28, "unknown type"},
		{"tail", builder{blocks: 1, list: []chunk{none(1)}, tail: "SEANDROIDENFORCE"}.bytes(), nil, 0, ""},
		{"nothing", builder{}.bytes(), nil, 0, ""},
	}
}

func TestHostile(t *testing.T) {
	for _, h := range hostiles() {
		t.Run(h.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			m, err := sparse.Open(blob.Bytes(h.data), parse.NewBudget(parse.Limits{}))
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
				t.Errorf("%d bytes of memory", n)
			}
			if h.kind == nil {
				if err != nil {
					t.Fatal(err)
				}
				if _, err := m.Verify(); err != nil {
					t.Error(err)
				}
				return
			}
			var pe *parse.Error
			if !errors.As(err, &pe) || !errors.Is(err, h.kind) || pe.Off != h.off || !strings.Contains(pe.Msg, h.msg) {
				t.Errorf("%v", err)
			}
			if m != nil {
				t.Error("an image beside the error")
			}
		})
	}
}

// TestHuge reads from terabytes that take a few bytes of the file, and has
// their checksum verified, which must not take longer than a test may.
func TestHuge(t *testing.T) {
	b := builder{blocks: 1<<32 - 1, list: []chunk{fill(1<<32-2, 0x04030201), raw(1, 9)}}
	m := open(t, b.bytes())
	if m.Size() != (1<<32-1)*4096 {
		t.Errorf("size %d", m.Size())
	}
	p := make([]byte, 6)
	if _, err := m.ReadAt(p, 1<<40+3); err != nil || !bytes.Equal(p, []byte{4, 1, 2, 3, 4, 1}) {
		t.Errorf("% x, %v", p, err)
	}
	if _, err := m.ReadAt(p, m.Size()-4099); err != nil || !bytes.Equal(p, []byte{2, 3, 4, 9, 9, 9}) {
		t.Errorf("% x, %v", p, err)
	}
	b.sum = 0x12345678
	m = open(t, b.bytes())
	if _, err := m.Verify(); !errors.Is(err, parse.ErrFormat) {
		t.Error(err)
	}
	b.sum = 0
	b.list = append(b.list, crc(1))
	if _, err := open(t, b.bytes()).Verify(); !errors.Is(err, parse.ErrFormat) {
		t.Error(err)
	}
}

// TestChecksums holds sums over fills and holes against those of the bytes.
func TestChecksums(t *testing.T) {
	b := builder{blocks: 2000, list: []chunk{none(3), raw(2, 7), fill(1000, 0xdeadbeef), none(5), fill(1, 1), raw(1, 8), none(988)}}
	m := open(t, b.bytes())
	sum := crc32Of(t, m)
	b.sum = sum
	b.list = append(b.list, crc(sum))
	if n, err := open(t, b.bytes()).Verify(); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	// One in the middle covers what comes before.
	half := builder{blocks: 1003, list: b.list[:2]}
	half.blocks = 5
	mid := crc32Of(t, open(t, half.bytes()))
	b.list = slices.Insert(b.list, 2, crc(mid))
	if n, err := open(t, b.bytes()).Verify(); n != 3 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	b.list[2] = crc(mid + 1)
	if n, err := open(t, b.bytes()).Verify(); n != 0 || !errors.Is(err, parse.ErrFormat) {
		t.Errorf("%d, %v", n, err)
	}
}

func TestNotes(t *testing.T) {
	m := open(t, builder{blocks: 1, list: []chunk{none(1)}, tail: "SEANDROIDENFORCE"}.bytes())
	if len(m.Notes) != 1 || !strings.Contains(m.Notes[0], "16 bytes follow") {
		t.Errorf("%q", m.Notes)
	}
}

// TestTruncated cuts an image at each byte. What remains is refused where the
// header and the chunks end, or one of them runs past the end.
func TestTruncated(t *testing.T) {
	b := fixture(t, "crc-hole.simg")
	for n := range len(b) {
		_, err := sparse.Open(blob.Bytes(b[:n]), nil)
		var pe *parse.Error
		if !errors.As(err, &pe) || pe.Off < 0 || pe.Off > int64(n)+4108 || pe.Kind != parse.ErrFormat {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
}

// A file that shrank after it was opened.
func TestShrunk(t *testing.T) {
	b := fixture(t, "basic.simg")
	s := &shrinking{blob.Bytes(b), false}
	m, err := sparse.Open(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.gone = true
	if _, err := m.ReadAt(make([]byte, 10), 0); err != io.ErrUnexpectedEOF {
		t.Error(err)
	}
}

type shrinking struct {
	blob.Blob
	gone bool
}

func (s *shrinking) ReadAt(p []byte, off int64) (int, error) {
	if s.gone {
		return 0, io.EOF
	}
	return s.Blob.ReadAt(p, off)
}

func TestBudget(t *testing.T) {
	b := blob.Bytes(builder{blocks: 3, list: []chunk{none(1), none(1), none(1)}}.bytes())
	if _, err := sparse.Open(b, parse.NewBudget(parse.Limits{Entries: 3})); err != nil {
		t.Error(err)
	}
	if _, err := sparse.Open(b, parse.NewBudget(parse.Limits{Entries: 2})); !errors.Is(err, parse.ErrLimit) {
		t.Error(err)
	}
}
