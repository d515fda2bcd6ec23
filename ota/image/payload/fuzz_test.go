package payload_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/payload"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// FuzzOpen takes one of some payloads that are right, changes what the bytes of
// edits say, and writes it with all sizes around the changes right, and the
// offsets of data too if edits say so.
func FuzzOpen(f *testing.F) {
	for base := range uint8(4) {
		f.Add(base, []byte{})
		for kind := range byte(12) {
			f.Add(base, []byte{kind, 9, 0, 2, kind | 0x80, 30, 1, 1})
		}
	}
	f.Fuzz(func(t *testing.T, base uint8, edits []byte) {
		if len(edits) <= 12*lenEdit {
			try(t, bent(base, edits).bytes())
		}
	})
}

// FuzzBytes opens any bytes, and any bytes as a manifest.
func FuzzBytes(f *testing.F) {
	for base := range uint8(4) {
		f.Add(false, bent(base, nil).bytes())
	}
	f.Add(true, encode(nil, bent(0, nil).manifest))
	f.Fuzz(func(t *testing.T, manifest bool, data []byte) {
		if len(data) > 1<<12 {
			return
		}
		if manifest {
			data = raw(data)
		}
		try(t, data)
	})
}

// bases are small payloads for the toy decoder.
func bases(i uint8) *file {
	f := new(file)
	old := msg(6, n(1, 4*block), n(2, sha(nil)))
	switch i % 4 {
	case 0:
		f.manifest = []*node{n(3, block), n(12, 0), part("a", make([]byte, 6*block),
			f.add(payload.Replace, []byte("replaced"), dst(0, 1)), f.add(payload.ReplaceXZ, []byte{12, 7}, dst(4, 2), dst(1, 1)), op(payload.Zero, dst(2, 1)), op(payload.Discard, dst(3, 1))),
			part("b", make([]byte, block), f.add(payload.ReplaceBZ, []byte{3, 9}, dst(0, 1)))}
		f.manifest = append(f.manifest, n(4, len(f.data)), n(5, len(signatures("s", 1))))
		f.data = append(f.data, signatures("s", 1)...)
		f.signature = signatures("metadata", 4)
	case 1:
		f.manifest = []*node{n(12, 8), part("a", make([]byte, 4*block), old, op(payload.SourceCopy, extent(4, 0, 2), dst(1, 2)), f.add(payload.Puffdiff, []byte("p"), extent(4, 3, 1), dst(0, 1)),
			extent(11, 3, 1), msg(18, n(1, 1), extent(2, 1, 2), extent(3, 3, 4), n(4, 5)))}
	case 2:
		f, _, _ = full()
		f.data = bytes.ReplaceAll(f.data, []byte("\xfd7zXZ"), []byte("\x0c7zXZ")) // 12 KiB to the toy decoder
	default:
		f.manifest = []*node{n(3, 512), n(16, 1), n(12, 7), part("a", make([]byte, 4096), f.add(payload.ReplaceZstd, []byte{4, 1}, dst(7, 1), dst(0, 7))),
			msg(15, msg(1, n(1, "g"), n(3, "a"))), msg(17, n(1, "apex")), n(18, "2020-01-01")}
	}
	return f
}

const lenEdit = 4 // what, which field, what else, a value

var odd = [...]uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 14, 15, 31, 32, 512, 4095, 4096, 4097, 65536, 1 << 20, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1 << 44, 1<<44 + 4096,
	1 << 52, 1<<63 - 1, 1 << 63, math.MaxUint64 - 4095, math.MaxUint64 - 1, math.MaxUint64}

// bent is a base with changes.
func bent(base uint8, edits []byte) *file {
	f := bases(base)
	root := &message{f.manifest}
	for ; len(edits) >= lenEdit; edits = edits[lenEdit:] {
		kind, which, how, v := edits[0], edits[1], edits[2], edits[3]
		all, up := walk(root, nil, nil)
		if len(all) == 0 || len(all) > 200 {
			break
		}
		x, list := all[int(which)%len(all)], &up[int(which)%len(all)].fields
		change := func(old uint64) uint64 {
			switch how % 4 {
			case 0:
				return odd[int(v)%len(odd)]
			case 1:
				return old + uint64(int64(int8(v)))
			case 2:
				return old ^ 1<<(v&63)
			}
			return uint64(v)
		}
		at := slices.Index(*list, x)
		switch kind & 15 {
		case 0, 1, 2, 3:
			switch old := x.value.(type) {
			case uint64:
				x.value = change(old)
			case fixed32:
				x.value = fixed32(change(uint64(old)))
			case []byte:
				if len(old) > 0 {
					old[int(how)%len(old)] ^= v
				}
			}
		case 4:
			x.number = change(x.number)%(1<<29-1) + 1
		case 5:
			x.value = change(5)
		case 6:
			x.value = fixed32(change(5))
		case 7:
			x.value = bytes.Repeat([]byte{v}, int(how))
		case 8:
			if m, ok := x.value.(*message); ok {
				x.value = group(m.fields)
			} else {
				x.value = &message{[]*node{n(1, int(v)), n(2, int(how))}}
			}
		case 9:
			*list = slices.Delete(*list, at, at+1)
		case 10: // once more, as something of its own
			*list = slices.Insert(*list, at, clone(x))
		case 11: // elsewhere in its message
			*list = slices.Delete(*list, at, at+1)
			*list = slices.Insert(*list, int(v)%(len(*list)+1), x)
		case 12:
			f.sizeLie, f.sigLie = change(0), 0
		case 13:
			f.sigLie = uint32(change(0))
		case 14:
			f.data = append(f.data, bytes.Repeat([]byte{v}, int(how))...)
		case 15:
			f.data = f.data[:max(0, len(f.data)-int(how))]
		}
		f.manifest = root.fields
		if kind&0x80 != 0 {
			f.settle()
		}
	}
	return f
}

// walk lists all fields, and the message that each is in.
func walk(m *message, all []*node, up []*message) ([]*node, []*message) {
	for _, x := range m.fields {
		all, up = append(all, x), append(up, m)
		if in, ok := x.value.(*message); ok {
			all, up = walk(in, all, up)
		}
	}
	return all, up
}

func clone(x *node) *node {
	y := &node{x.number, x.value}
	switch v := x.value.(type) {
	case []byte:
		y.value = bytes.Clone(v)
	case *message:
		m := new(message)
		for _, k := range v.fields {
			m.fields = append(m.fields, clone(k))
		}
		y.value = m
	}
	return y
}

// settle puts the data of operations one behind the other, as long as there are
// data, and the signature behind them.
func (f *file) settle() {
	at := uint64(0)
	field := func(m *message, number uint64) (*node, uint64) {
		for _, x := range m.fields {
			if v, ok := x.value.(uint64); ok && x.number == number {
				return x, v
			}
		}
		return nil, 0
	}
	all, _ := walk(&message{f.manifest}, nil, nil)
	for _, x := range all {
		m, ok := x.value.(*message)
		if !ok || x.number != 8 {
			continue
		}
		offset, _ := field(m, 2)
		length, size := field(m, 3)
		if offset == nil || length == nil {
			continue
		}
		if size > uint64(len(f.data))-at {
			size = min(8, uint64(len(f.data))-at)
			length.value = size
		}
		offset.value = at
		at += size
	}
	top := &message{f.manifest}
	offset, _ := field(top, 4)
	if size, _ := field(top, 5); offset != nil && size != nil {
		offset.value, size.value = at, uint64(len(f.data))-at
	} else {
		f.data = f.data[:at]
	}
}

// try opens a payload twice, and reads what it has, with the same answers.
func try(t *testing.T, data []byte) string {
	var a otatest.Allocations
	before := a.Read()
	p, err := payload.Open(blob.Bytes(data), parse.NewBudget(parse.Limits{Produced: 1 << 20, Entries: 1 << 16}))
	if used := a.Read() - before; used > uint64(memory*len(data)+1<<20+otatest.AllocationNoise) {
		t.Fatalf("%d bytes are allocated for %d", used, len(data))
	}
	check(t, err, len(data))
	again, err2 := payload.Open(blob.Bytes(data), parse.NewBudget(parse.Limits{Produced: 1 << 20, Entries: 1 << 16}))
	if fmt.Sprint(err) != fmt.Sprint(err2) {
		t.Fatalf("first %v, then %v", err, err2)
	}
	if err != nil {
		return err.Error()
	}
	if !slices.Equal(dump(p), dump(again)) || !slices.Equal(p.Notes(), again.Notes()) {
		t.Fatal("two answers")
	}
	if end := p.PayloadSignature.Off + p.PayloadSignature.Len; p.PayloadSignature.Len > 0 && end != int64(len(data)) || p.Data.Off+p.Data.Len > int64(len(data)) {
		t.Fatalf("%+v and %+v in %d bytes", p.Data, p.PayloadSignature, len(data))
	}
	answer := fmt.Sprint(len(p.Notes()), p.Full())
	for _, read := range []func() ([]payload.Signature, error){p.MetadataSignatures, p.PayloadSignatures} {
		all, err := read()
		check(t, err, len(data))
		for _, s := range all {
			answer += string(s.Bytes())
		}
	}
	for _, part := range p.Partitions {
		for i := range part.Operations {
			check(t, part.CheckData(i), len(data))
		}
		answer += fmt.Sprint(part.Name, len(part.Operations), whole(t, part, len(data)))
	}
	return answer
}

// whole reads a partition in order and at random: the bytes are the same.
func whole(t *testing.T, part *payload.Partition, size int) string {
	o := payload.Options{Decode: toy}
	r, err := part.Reader(o)
	if check(t, err, size); err != nil {
		return err.Error()
	}
	inOrder, err := io.ReadAll(r)
	check(t, err, size)
	b, err2 := part.Blob(o)
	if err2 != nil || b.Size() != part.New.Size {
		t.Fatal(err2)
	}
	got := make([]byte, b.Size())
	for at := len(got); at > 0; {
		from := max(0, at-1000)
		if _, err2 = b.ReadAt(got[from:at], int64(from)); err2 != nil {
			break
		}
		at = from
	}
	if (err == nil) != (err2 == nil) || err == nil && !bytes.Equal(inOrder, got) {
		t.Fatalf("%s: %v in order, %v at random", part.Name, err, err2)
	}
	check(t, err2, size)
	if applied, err2 := apply(t, part, size); (err == nil) != (err2 == nil) || err == nil && !bytes.Equal(inOrder, applied) {
		t.Fatalf("%s: %v in order, %v applied", part.Name, err, err2)
	}
	sum := part.Check(o)
	check(t, sum, size)
	if sum == nil && !bytes.Equal(part.New.Hash, sha(got)) {
		t.Fatalf("%s does not have its hash", part.Name)
	}
	return fmt.Sprint(err, sum)
}

// apply applies all operations, the last one first, and says what was wrong.
func apply(t *testing.T, part *payload.Partition, size int) ([]byte, error) {
	if err := part.Complete(); err != nil {
		t.Fatal(err)
	}
	d, wrong := newDisk(part.New.Size), error(nil)
	for i := len(part.Operations) - 1; i >= 0; i-- {
		op := &part.Operations[i]
		a, err := part.Apply(i, payload.Options{Decode: toy}, d)
		check(t, err, size)
		sum := part.CheckData(i)
		if a.Stored != op.DataLength || a.Decoded > part.OpSize(i) || a.Hash == payload.HashUnknown ||
			(a.Hash == payload.HashDiffers) != errors.Is(sum, parse.ErrFormat) || (a.Hash == payload.HashHolds) != (sum == nil && len(op.DataHash) > 0) {
			t.Fatalf("operation %d of %s: %+v, CheckData says %v", i, part.Name, a, sum)
		}
		wrong = cmp.Or(wrong, err)
	}
	if slices.Max(append(d.writes, 0)) > 1 {
		t.Fatalf("%s: bytes are written twice", part.Name)
	}
	return d.b, wrong
}

// check holds that an error is one of ours.
func check(t *testing.T, err error, size int) {
	var pe *parse.Error
	if err != nil && (!errors.As(err, &pe) || pe.Format != "payload" || pe.Kind == nil || pe.Off < 0 || pe.Off > int64(size)) {
		t.Fatalf("%T: %v", err, err)
	}
}

// The bases are without fault, and changes are what they should be.
func TestBent(t *testing.T) {
	for base := range uint8(4) {
		p, err := payload.Open(blob.Bytes(bent(base, nil).bytes()), nil)
		if err != nil || len(p.Notes()) > 0 {
			t.Errorf("base %d: %v", base, err)
		}
		seen, read := map[string]bool{}, 0
		for kind := range 256 {
			for which := range byte(20) {
				b := bent(base, []byte{byte(kind), which, byte(kind >> 4), which})
				answer := try(t, b.bytes())
				if seen[answer] = true; answer[0] != 'p' { // "payload: …"
					read++
				}
			}
		}
		t.Logf("base %d: %d different answers, %d of %d payloads are read", base, len(seen), read, 256*20)
		if len(seen) < 100 || read < 500 {
			t.Errorf("base %d: %d answers, %d read", base, len(seen), read)
		}
	}
}
