package payload_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/payload"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// A hostile payload is refused with an error of that kind that says so.
type hostile struct {
	name string
	data []byte
	kind error // nil: it is read
	says string
}

// one is a full payload of one partition of some blocks.
func one(blocks int, ops ...*node) []byte {
	return (&file{manifest: []*node{part("p", make([]byte, blocks*block), ops...)}}).bytes()
}

// with is a full payload with data, whose one partition has 4 blocks.
func with(data string, ops ...*node) []byte {
	return (&file{manifest: []*node{part("p", make([]byte, 4*block), ops...)}, data: []byte(data)}).bytes()
}

// delta is one that reads an older image of 4 blocks.
func delta(ops ...*node) []byte {
	fields := append([]*node{msg(6, n(1, 4*block))}, ops...)
	return (&file{manifest: []*node{n(12, 8), part("p", make([]byte, 4*block), fields...)}}).bytes()
}

func zero(fields ...*node) *node { return op(payload.Zero, fields...) }

// raw is a manifest of those bytes.
func raw(b ...[]byte) []byte {
	m := bytes.Join(b, nil)
	h := binary.BigEndian.AppendUint64([]byte("CrAU\x00\x00\x00\x00\x00\x00\x00\x02"), uint64(len(m)))
	return append(append(h, 0, 0, 0, 0), m...)
}

// many is a partition of one block with a field again and again.
func many(number, count int, value ...byte) []byte {
	p := encode(nil, []*node{n(1, "p"), msg(7, n(1, block)), n(number, value)})
	last := len(p) - len(encode(nil, []*node{n(number, value)}))
	p = append(p[:last:last], bytes.Repeat(p[last:], count)...)
	return encode(nil, []*node{n(13, p)})
}

func hostiles() []hostile {
	data := func(off, size int, more ...*node) *node {
		return op(payload.Replace, append(more, n(2, off), n(3, size))...)
	}
	header := func(version, manifest uint64, signature uint32, rest ...byte) []byte {
		b := binary.BigEndian.AppendUint64([]byte("CrAU"), version)
		return append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(b, manifest), signature), rest...)
	}
	deep := func(n int) []byte {
		return append(bytes.Repeat([]byte{0x9b, 0x06}, n), bytes.Repeat([]byte{0x9c, 0x06}, n)...)
	}
	huge := 1<<63 - 1
	return []hostile{
		{"empty", nil, parse.ErrFormat, "runs past its end"},
		{"zip", []byte("PK\x03\x04 and so on"), parse.ErrFormat, "does not begin with CrAU"},
		{"version 1", header(1, 0, 0), parse.ErrUnsupported, "major version 1, of Chrome OS"},
		{"version 3", header(3, 0, 0), parse.ErrUnsupported, "the major version is not 2 (0x3) at byte 0x4"},
		{"version 2^63", header(1<<63, 0, 0), parse.ErrUnsupported, "the major version is not 2"},
		{"no manifest", header(2, 0, 0), nil, ""},
		{"manifest of 2^64-1", header(2, 1<<64-1, 0), parse.ErrFormat, "the manifest is larger than the file (0xffffffffffffffff) at byte 0xc"},
		{"manifest of 2^64-24", header(2, 1<<64-24, 0), parse.ErrFormat, "larger than the file"},
		{"manifest of 2^63-1", header(2, 1<<63-1, 0), parse.ErrFormat, "larger than the file"},
		{"manifest of a byte too many", header(2, 3, 0, 1, 2), parse.ErrFormat, "the manifest is larger than the file (0x3)"},
		{"manifest of 16 MiB and a byte", header(2, 16<<20+1, 0, make([]byte, 16<<20+1)...), parse.ErrLimit, "larger than 16 MiB"},
		{"metadata signature of 2^32-1", header(2, 0, 1<<32-1), parse.ErrFormat, "the metadata signature is larger than the file (0xffffffff) at byte 0x14"},
		{"metadata signature of a byte too many", header(2, 2, 1, 0x70, 0), parse.ErrFormat, "the metadata signature is larger"},
		{"bytes behind", header(2, 2, 0, 0x70, 0, 'x'), parse.ErrFormat, "bytes follow that belong to nothing (0x1) at byte 0x1a"},

		{"100 groups", raw(deep(100)), nil, ""},
		{"101 groups", raw(deep(101)), parse.ErrLimit, "nested more than 100 deep"},
		{"2^20 groups", raw(deep(1 << 20)), parse.ErrLimit, "nested more than 100 deep"},
		{"groups in a partition's operation", one(1, zero(dst(0, 1), &node{9, group{&node{9, group{}}}})), nil, ""},
		{"group that does not end", raw([]byte{0x9b, 0x06}), parse.ErrFormat, "a group does not end"},
		{"2^22 unknown fields", raw(bytes.Repeat([]byte{0x08, 0}, 1<<22)), nil, ""},
		{"2000 numbers of unknown fields", raw(numbers(2000)), parse.ErrLimit, "more than 1024 kinds of unknown fields"},
		{"an extent of packed numbers", one(1, zero(n(6, bytes.Repeat([]byte{1}, 1<<20)))), parse.ErrFormat, "a field has no number"},
		{"extents as one packed field of 8 MiB", raw(encode(nil, []*node{msg(13, n(1, "p"), msg(7, n(1, block)), msg(8, n(1, 6), n(6, bytes.Repeat([]byte{8, 1}, 4<<20))))})), parse.ErrFormat, "an extent has no start, or no blocks"},
		{"extents beyond 2^20", raw(encode(nil, []*node{msg(13, n(1, "p"), msg(7, n(1, block)), msg(8, append(repeat(dst(0, 1), 1<<20), n(1, 6), dst(0, 1))...))})), parse.ErrLimit, "more than 2^20 extents"},
		{"extents beyond 2^20 in two operations", raw(encode(nil, []*node{msg(13, n(1, "p"), msg(7, n(1, block)), op(payload.Zero, repeat(dst(0, 1), 1<<19)...), op(payload.Zero, repeat(dst(0, 1), 1<<19+1)...))})), parse.ErrLimit, "more than 2^20 extents"},
		{"2^20 extents of one block", raw(encode(nil, []*node{msg(13, n(1, "p"), msg(7, n(1, block)), msg(8, append(repeat(dst(0, 1), 1<<20-1), n(1, 6))...))})), parse.ErrFormat, "writes blocks that something else writes too"},

		{"5 million empty operations", raw(many(8, 5<<20)), parse.ErrLimit, "more than 262144 operations"},
		{"2^18 operations", raw(many(8, 1<<18, 8, 6, 0x32, 4, 8, 0, 16, 1)), parse.ErrFormat, "writes blocks that something else writes too"},
		{"2^18 operations and one", raw(many(8, 1<<18+1, 8, 6, 0x32, 4, 8, 0, 16, 1)), parse.ErrLimit, "more than 262144 operations"},
		{"2^18 unknown operations", raw(many(8, 1<<18, 8, 100)), nil, ""},
		{"operations, extents and merge operations at their limits", limits(), nil, ""},
		{"4 million merge operations", raw(many(18, 4<<20)), parse.ErrLimit, "more than 524288 merge operations"},
		{"8 million partitions", raw(bytes.Repeat([]byte{0x6a, 0}, 8<<20)), parse.ErrLimit, "more than 1024 partitions"},
		{"5 million APEXes", raw(bytes.Repeat([]byte{0x8a, 1, 0}, 5<<20)), parse.ErrLimit, "more than 4096 compressed APEXes"},
		{"8 million groups", raw(encode(nil, []*node{n(15, bytes.Repeat([]byte{0x0a, 0}, 7<<20))})), parse.ErrLimit, "more than 4096 groups"},
		{"many metadata with groups", raw(bytes.Repeat(encode(nil, []*node{n(15, bytes.Repeat([]byte{0x0a, 2, 0x0a, 0}, 2000))}), 3)), parse.ErrLimit, "more than 4096 groups"},
		{"names of partitions in a group", raw(encode(nil, []*node{msg(15, msg(1, append(repeat(n(3, "x"), 5000), n(1, "g"))...))})), parse.ErrLimit, "more than 4096 groups"},
		{"2000 signatures of a partition", raw(many(5, 2000)), parse.ErrLimit, "more than 1024 signatures"},

		{"blocks of 0", raw(encode(nil, []*node{n(3, 0)})), parse.ErrFormat, "the size of a block"},
		{"blocks of 4097", raw(encode(nil, []*node{n(3, 4097)})), parse.ErrFormat, "the size of a block"},
		{"blocks of 2^31", raw(encode(nil, []*node{n(3, 1<<31)})), parse.ErrFormat, "the size of a block"},
		{"blocks of 2^32+4096", raw(encode(nil, []*node{n(3, 1<<32+4096)})), nil, ""},
		{"partition of 2^64-1", raw(encode(nil, []*node{msg(13, n(1, "p"), msg(7, &node{1, uint64(1<<64 - 1)}))})), parse.ErrLimit, "larger than 16 TiB"},
		{"partition of 16 TiB", raw(encode(nil, []*node{msg(13, n(1, "p"), msg(7, n(1, 1<<44)), zero(dst(0, 1<<32)))})), parse.ErrLimit, "decoded bytes"},
		{"partition that ends within a block", (&file{manifest: []*node{part("p", make([]byte, 5), zero(dst(0, 1)))}}).bytes(), parse.ErrFormat, "ends within a block"},
		{"partition without size", raw(encode(nil, []*node{msg(13, n(1, "p"), msg(7, n(2, sha(nil))))})), parse.ErrFormat, "how large"},
		{"partition without name", raw(encode(nil, []*node{msg(13, msg(7, n(1, 0)))})), parse.ErrFormat, "has no name"},
		{"two partitions of one name", (&file{manifest: []*node{part("p", nil), part("p", nil)}}).bytes(), parse.ErrFormat, "two partitions have one name"},
		{"hash of 31 bytes", raw(encode(nil, []*node{msg(13, n(1, "p"), msg(7, n(1, 0), n(2, make([]byte, 31))))})), parse.ErrFormat, "has not 32 bytes"},

		{"extent that wraps", one(4, zero(dst(0, 4)), zero(dst(1<<52, 1<<52))), parse.ErrFormat, "operation 1 of p, ZERO: an extent lies outside the partition"},
		{"start that wraps with blocks", one(4, zero(msg(6, &node{1, uint64(1<<64 - 2)}, n(2, 6)))), parse.ErrFormat, "an extent lies outside"},
		{"blocks that wrap with the start", one(4, zero(msg(6, n(1, 1), &node{2, uint64(1<<64 - 1)}))), parse.ErrFormat, "an extent lies outside the partition (0x1)"},
		{"2^63-1 blocks", one(4, zero(dst(0, huge))), parse.ErrFormat, "an extent lies outside"},
		{"extent past the end", one(4, zero(dst(1, 4))), parse.ErrFormat, "an extent lies outside the partition (0x1)"},
		{"extent behind the end", one(4, zero(dst(0, 4)), zero(dst(4, 1))), parse.ErrFormat, "an extent lies outside"},
		{"sparse hole", one(4, zero(dst(0, 4), msg(6, &node{1, uint64(payload.SparseHole)}, n(2, 1)))), parse.ErrFormat, "an extent lies outside"},
		{"extent of no blocks", one(4, zero(dst(0, 4), dst(1, 0))), parse.ErrFormat, "has no start, or no blocks"},
		{"extent without start", one(4, zero(msg(6, n(2, 4)))), parse.ErrFormat, "has no start, or no blocks"},
		{"extents that overlap", one(4, zero(dst(0, 3)), zero(dst(2, 2))), parse.ErrFormat, "operation 1 of p, ZERO: it writes blocks that something else writes too (0x2)"},
		{"extents of one operation that overlap", one(4, zero(dst(0, 3), dst(2, 2))), parse.ErrFormat, "writes blocks that something else"},
		{"extent in an extent", one(4, zero(dst(1, 1)), zero(dst(0, 4))), parse.ErrFormat, "writes blocks that something else"},
		{"block that is not written", one(4, zero(dst(0, 1)), zero(dst(2, 2))), parse.ErrFormat, "the first that is left out (0x1)"},
		{"last block that is not written", one(4, zero(dst(0, 3))), parse.ErrFormat, "the first that is left out (0x3)"},
		{"no operations", one(4), parse.ErrFormat, "no operation writes all blocks of p"},
		{"hash tree outside", one(4, zero(dst(0, 3)), extent(11, 3, 2)), parse.ErrFormat, "lies outside the partition p (0x3)"},
		{"data of a hash tree outside", one(4, zero(dst(0, 3)), extent(10, 0, 5), extent(11, 3, 1)), parse.ErrFormat, "lies outside the partition p (0x0)"},
		{"data of error correction that wrap", one(4, zero(dst(0, 3)), msg(14, n(1, 1), &node{2, uint64(1<<64 - 1)}), extent(15, 3, 1)), parse.ErrFormat, "lies outside the partition p (0x1)"},
		{"hash tree before its data", one(4, zero(dst(1, 3)), extent(10, 1, 3), extent(11, 0, 1)), parse.ErrFormat, "does not lie behind what it is of in p (0x0)"},
		{"hash tree within its data", one(4, zero(dst(0, 3)), extent(10, 0, 4), extent(11, 3, 1)), parse.ErrFormat, "does not lie behind what it is of in p (0x3)"},
		{"error correction before its data", one(4, zero(dst(1, 3)), extent(14, 0, 2), extent(15, 0, 1)), parse.ErrFormat, "does not lie behind what it is of"},
		{"error correction over the hash tree", one(4, zero(dst(0, 2)), extent(11, 2, 2), extent(15, 3, 1)), parse.ErrFormat, "is written over other blocks of p (0x3)"},
		{"hash tree and error correction", one(4, zero(dst(0, 2)), extent(10, 0, 2), extent(11, 2, 1), extent(14, 0, 3), extent(15, 3, 1)), nil, ""},
		{"hash tree, error correction and a gap", one(5, zero(dst(0, 2)), extent(11, 2, 1), extent(15, 4, 1)), parse.ErrFormat, "the first that is left out (0x3)"},
		{"hash tree over data", one(4, zero(dst(0, 4)), extent(11, 3, 1)), parse.ErrFormat, "is written over other blocks of p (0x3)"},
		{"data over error correction", one(4, extent(15, 0, 4), zero(dst(3, 1))), parse.ErrFormat, "writes blocks that something else"},

		{"operation without type", one(4, msg(8, dst(0, 4))), parse.ErrFormat, "an operation has no type"},
		{"operation without extents", one(4, zero()), parse.ErrFormat, "it writes no blocks"},
		{"zeros with data", with("abcd", zero(dst(0, 4), n(2, 0), n(3, 4))), parse.ErrFormat, "it has data and needs none"},
		{"zeros with a source", one(4, zero(dst(0, 4), extent(4, 0, 1))), parse.ErrFormat, "it has no use for the older image"},
		{"replacement without data", one(4, op(payload.ReplaceXZ, dst(0, 4))), parse.ErrFormat, "it has data and needs none"},
		{"replacement with too few data", with("x", data(0, 1, dst(0, 4))), parse.ErrFormat, "its data do not fill its blocks"},
		{"replacement with a block too few", with(strings.Repeat("x", 3*block), data(0, 3*block, dst(0, 4))), parse.ErrFormat, "its data do not fill its blocks"},
		{"replacement with a byte in the last block", with(strings.Repeat("x", 3*block+1), data(0, 3*block+1, dst(0, 4))), nil, ""},
		{"replacement with too many data", with(strings.Repeat("x", 4*block+1), data(0, 4*block+1, dst(0, 4))), parse.ErrFormat, "its data do not fill"},
		{"compressed to more than before", with(strings.Repeat("x", 4*block), op(payload.ReplaceXZ, dst(0, 4), n(2, 0), n(3, 4*block))), nil, ""},
		{"source in a full payload", (&file{manifest: []*node{part("p", make([]byte, block), op(payload.SourceCopy, extent(4, 0, 1), dst(0, 1)))}}).bytes(), parse.ErrFormat, "it reads the older image in a full payload"},
		{"offset without length", with("", op(payload.Replace, n(2, 0), dst(0, 4))), parse.ErrFormat, "of data_offset and data_length it has one"},
		{"hash without data", one(4, zero(dst(0, 4), n(8, sha(nil)))), parse.ErrFormat, "it has a hash and no data"},
		{"data of 2^64-1", with("", op(payload.Replace, n(2, 0), &node{3, uint64(1<<64 - 1)}, dst(0, 4))), parse.ErrFormat, "data lie outside the file"},
		{"data of 2^63-1", with("x", data(0, huge, dst(0, 4))), parse.ErrFormat, "its data run past the end of the file"},
		{"data that wrap", with("x", op(payload.ReplaceXZ, n(2, 0), n(3, 1), dst(0, 1)), op(payload.ReplaceXZ, n(2, 1), n(3, huge), dst(1, 3))), parse.ErrFormat, "its data run past the end"},
		{"data offset of 2^63-1", with("x", data(huge, 1, dst(0, 4))), parse.ErrFormat, "its data do not begin where"},
		{"data out of order", with("ab", op(payload.ReplaceXZ, n(2, 1), n(3, 1), dst(0, 1)), op(payload.ReplaceXZ, n(2, 0), n(3, 1), dst(1, 3))), parse.ErrFormat, "operation 0 of p, REPLACE_XZ: its data do not begin where"},
		{"data used twice", with("a", op(payload.ReplaceXZ, n(2, 0), n(3, 1), dst(0, 1)), op(payload.ReplaceXZ, n(2, 0), n(3, 1), dst(1, 3))), parse.ErrFormat, "operation 1 of p, REPLACE_XZ: its data do not begin where"},
		{"data with a gap", with("abc", op(payload.ReplaceXZ, n(2, 0), n(3, 1), dst(0, 1)), op(payload.ReplaceXZ, n(2, 2), n(3, 1), dst(1, 3))), parse.ErrFormat, "its data do not begin where"},
		{"data behind all", with("ab", op(payload.ReplaceXZ, n(2, 0), n(3, 1), dst(0, 4))), parse.ErrFormat, "bytes follow that belong to nothing"},

		{"signature", sign(4, 2, "dataSS"), nil, ""},
		{"signature offset without size", raw(encode(nil, []*node{n(4, 0)})), parse.ErrFormat, "of signatures_offset and signatures_size there is one"},
		{"signature size without offset", raw(encode(nil, []*node{n(5, 0)})), parse.ErrFormat, "of signatures_offset and signatures_size there is one"},
		{"signature before data", sign(0, 5, "dataS"), parse.ErrFormat, "the payload signature does not begin where"},
		{"signature with a gap", sign(5, 1, "data S"), parse.ErrFormat, "the payload signature does not begin where"},
		{"signature of a byte too many", sign(4, 2, "dataS"), parse.ErrFormat, "the payload signature runs past the end"},
		{"signature of 2^64-1", sign(4, -1, "dataS"), parse.ErrFormat, "the payload signature runs past the end"},
		{"signature offset of 2^64-1", sign(-1, 1, "dataS"), parse.ErrFormat, "the payload signature does not begin where"},
		{"signature and more", sign(4, 1, "dataSx"), parse.ErrFormat, "bytes follow that belong to nothing (0x1)"},
		{"signature as an operation too", sign(4, 1, "dataS", op(payload.ReplaceXZ, n(2, 4), n(3, 1), dst(1, 3))), parse.ErrFormat, "the payload signature does not begin where"},
		{"two signatures in two operations", sign(4, 1, "dataSS", op(payload.ReplaceXZ, n(2, 4), n(3, 1), dst(1, 2)), op(payload.ReplaceXZ, n(2, 5), n(3, 1), dst(3, 1))), parse.ErrFormat, "the payload signature does not begin where"},
		{"signature offsets twice", (&file{manifest: []*node{n(4, 7), n(5, 7), n(4, 0), n(5, 1)}, data: []byte("S")}).bytes(), nil, ""},

		{"full payload of minor version 8", raw(encode(nil, []*node{n(12, 8), n(13, encode(nil, []*node{n(1, "p"), msg(7, n(1, 0))}))})), parse.ErrFormat, "a minor version other than 0"},
		{"delta payload of minor version 0", (&file{manifest: []*node{part("p", nil, msg(6, n(1, 0)))}}).bytes(), parse.ErrFormat, "a delta payload is of minor version 0"},
		{"copy", delta(op(payload.SourceCopy, extent(4, 0, 4), dst(0, 4))), nil, ""},
		{"copy from outside", delta(op(payload.SourceCopy, extent(4, 1, 4), dst(0, 4))), parse.ErrFormat, "an extent lies outside"},
		{"copy that grows", delta(op(payload.SourceCopy, extent(4, 0, 1), dst(0, 4))), parse.ErrFormat, "it reads more blocks than it writes, or fewer (0x1)"},
		{"copy of nothing", delta(op(payload.SourceCopy, dst(0, 4))), parse.ErrFormat, "it reads no blocks"},
		{"difference to nothing", delta(op(payload.SourceBsdiff, extent(4, 0, 4), dst(0, 4))), parse.ErrFormat, "it has data and needs none"},
		{"copies that overlap", delta(op(payload.SourceCopy, extent(4, 0, 2), dst(0, 2)), op(payload.SourceCopy, extent(4, 0, 2), dst(1, 2))), parse.ErrFormat, "writes blocks that something else"},
		{"difference from 2^20 large holes", delta(op(payload.SourceBsdiff, append(repeat(msg(4, &node{1, uint64(payload.SparseHole)}, n(2, 1<<32)), 1000), dst(0, 4))...)), parse.ErrFormat, "larger than a partition can be"},
	}
}

// sign is a payload of one operation with the data "data", and a signature. Minus one is 2^64-1.
func sign(offset, size int, data string, ops ...*node) []byte {
	blocks := 1
	if len(ops) > 0 {
		blocks = 4
	}
	ops = append([]*node{op(payload.ReplaceXZ, n(2, 0), n(3, 4), dst(0, 1))}, ops...)
	return (&file{manifest: []*node{n(4, offset), n(5, size), part("p", make([]byte, blocks*block), ops...)}, data: []byte(data)}).bytes()
}

func repeat(f *node, count int) []*node {
	all := make([]*node, count)
	for i := range all {
		all[i] = f
	}
	return all
}

// limits is a payload with as many operations, extents and merge operations as
// there may be: of minor version 1, whose operations may write blocks twice.
func limits() []byte {
	p := encode(nil, []*node{n(1, "p"), msg(6, n(1, block)), msg(7, n(1, block)), op(payload.Zero, repeat(dst(0, 1), 1<<20)...)})
	p = append(p, bytes.Repeat([]byte{0x42, 2, 8, 100}, 1<<18-1)...)
	p = append(p, bytes.Repeat([]byte{0x92, 1, 0}, 1<<19)...)
	return raw(encode(nil, []*node{n(12, 1), n(13, p)}))
}

func numbers(count int) (b []byte) {
	for i := range count {
		b = encode(b, []*node{n(1000+i, 0)})
	}
	return b
}

// Each is refused, or read, as said; with a place; in time and memory that the
// manifest's size bounds.
func TestHostile(t *testing.T) {
	good, worst, slowest := 0, 0.0, time.Duration(0)
	all := hostiles()
	for _, h := range all {
		var a otatest.Allocations
		before, start := a.Read(), time.Now()
		_, err := payload.Open(blob.Bytes(h.data), parse.NewBudget(parse.Limits{Entries: 1 << 22}))
		took, used := time.Since(start), a.Read()-before
		var pe *parse.Error
		if h.kind == nil {
			if err != nil {
				t.Errorf("%s: %v", h.name, err)
				continue
			}
		} else if !errors.Is(err, h.kind) || !errors.As(err, &pe) || pe.Off < 0 || pe.Off > int64(len(h.data)) || !strings.Contains(err.Error(), h.says) {
			t.Errorf("%s: %v, want %v: %s", h.name, err, h.kind, h.says)
			continue
		}
		allowed := min(uint64(memory*len(h.data)+1<<20), 160<<20) + otatest.AllocationNoise
		worst = max(worst, float64(used)/float64(allowed))
		if used > allowed {
			t.Errorf("%s: %d bytes of memory for %d", h.name, used, len(h.data))
			continue
		}
		slowest = max(slowest, took)
		if took > time.Minute { // 16 MiB take under a second where nothing else runs
			t.Errorf("%s took %v", h.name, took)
			continue
		}
		good++
	}
	t.Logf("%d of %d hostile payloads get their answer, with at most %.0f%% of the memory that is allowed, in at most %v", good, len(all), 100*worst, slowest.Round(time.Millisecond))
}

// memory is the number of bytes that a byte of the manifest may take.
const memory = 40

// The budget is charged in the order of the file.
func TestBudget(t *testing.T) {
	f, _, _ := full()
	b := f.bytes()
	for limits, want := range map[parse.Limits]string{
		{Entries: 3}:         "more than 3 entries",
		{Entries: 10}:        "more than 10 entries",
		{Produced: 9 * 4096}: "decoded bytes",
	} {
		var pe *parse.Error
		_, err := payload.Open(blob.Bytes(b), parse.NewBudget(limits))
		if !errors.Is(err, parse.ErrLimit) || !errors.As(err, &pe) || pe.Off < 24 || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", limits, err)
		}
	}
	if _, err := payload.Open(blob.Bytes(b), parse.NewBudget(parse.Limits{Entries: 20, Produced: 10 * 4096})); err != nil {
		t.Error(err)
	}
}

func TestHostileSignatures(t *testing.T) {
	good := 0
	cases := []hostile{
		{"none", nil, nil, ""},
		{"two", append(signatures("a", 1), signatures("bb", 0)...), nil, ""},
		{"larger without padding", signatures("abc", 4), parse.ErrFormat, "a signature without padding is larger than with it (0x4)"},
		{"2^32-1 without padding", append(signatures("a", 1), signatures("abc", 1<<32-1)...), parse.ErrFormat, "is larger than with it"},
		{"no protobuf", []byte("\xff\xff\xff"), parse.ErrFormat, "runs past the end"},
		{"2000", bytes.Repeat([]byte{0x0a, 0}, 2000), parse.ErrLimit, "more than 1024 signatures"},
		{"64 KiB and a byte", make([]byte, 64<<10+1), parse.ErrLimit, "larger than 64 KiB"},
		{"unknown fields", numbers(100), nil, ""},
	}
	for _, h := range cases {
		p := open(t, (&file{manifest: []*node{n(4, 0), n(5, len(h.data))}, signature: h.data, data: h.data}).bytes())
		for _, read := range []func() ([]payload.Signature, error){p.MetadataSignatures, p.PayloadSignatures} {
			_, err := read()
			var pe *parse.Error
			if h.kind == nil && err == nil || h.kind != nil && errors.Is(err, h.kind) && errors.As(err, &pe) && pe.Off >= 24 && strings.Contains(err.Error(), h.says) {
				good++
			} else {
				t.Errorf("%s: %v, want %v: %s", h.name, err, h.kind, h.says)
			}
		}
	}
	t.Logf("%d of %d blobs of signatures get their answer", good, 2*len(cases))
}
