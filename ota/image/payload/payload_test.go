package payload_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/payload"
	"github.com/otavet/otavet/ota/parse"
)

func open(t testing.TB, b []byte) *payload.Payload {
	t.Helper()
	p, err := payload.Open(blob.Bytes(b), nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func image(t testing.TB, part *payload.Partition, d payload.Decoder) []byte {
	t.Helper()
	b, err := part.Blob(payload.Options{Decode: d})
	if err != nil {
		t.Fatal(err)
	}
	all, err := blob.ReadAll(b, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestFull(t *testing.T) {
	f, system, boot := full()
	b := f.bytes()
	p := open(t, b)
	if !p.Full() || len(p.Notes()) > 0 || len(p.Unknown()) > 0 {
		t.Errorf("full %v, notes %q, unknown %v", p.Full(), p.Notes(), p.Unknown())
	}
	manifest, _ := json.Marshal(p.Manifest)
	if want := `{"BlockSize":4096,"MinorVersion":0,"MaxTimestamp":1700000001,"PartialUpdate":false,"SecurityPatchLevel":"2024-01-05",` +
		`"Dynamic":{"Groups":[{"Name":"group","Size":4294967296,"Partitions":["system","vendor"],"Fields":14}],"SnapshotEnabled":true,"VABCEnabled":true,` +
		`"VABCCompressionParam":"lz4","CowVersion":3,"VABCFeatures":{"Threaded":true,"BatchWrites":true,"Fields":6},"CompressionFactor":65536,"Fields":254},` +
		`"Apexes":[{"Package":"com.android.art","Version":34,"Compressed":true,"DecompressedSize":12345,"Fields":30}],"Fields":520248}`; string(manifest) != want {
		t.Errorf("got  %s\nwant %s", manifest, want)
	}
	s := p.Partition("system")
	got := fmt.Sprint(s.RunPostinstall, s.PostinstallPath, " ", s.FilesystemType, " ", s.PostinstallOptional, " ", string(s.NewSignatures[0].Bytes()), " ", s.HashTreeAlgorithm,
		" ", string(s.HashTreeSalt), " ", s.FECRoots, " ", s.Version, " ", s.EstimateCowSize, " ", s.EstimateOpCountMax, " ", s.Merges, " ", s.Fields.Has(10))
	if want := "truebin/postinstall ext4 true part sha256 salt 3 1700000000 77 88 [{1 5 {1 2} {3 4} 30}] false"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if p.Partition("boot").FECRoots != 2 || p.Partition("vendor") != nil {
		t.Error("defaults")
	}
	for name, want := range map[string][]byte{"system": system, "boot": boot} {
		part := p.Partition(name)
		if !bytes.Equal(image(t, part, std), want) {
			t.Errorf("%s: wrong bytes", name)
		}
		if err := part.Check(payload.Options{Decode: std}); err != nil {
			t.Error(err)
		}
		for i := range part.Operations {
			if err := part.CheckData(i); err != nil {
				t.Error(err)
			}
		}
		r, err := part.Reader(payload.Options{Decode: std})
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(io.LimitReader(r, 1<<30), want); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The ranges cover the file, one behind the other.
	at := int64(0)
	for _, r := range []payload.Range{p.Metadata, p.MetadataSignature, p.Data, p.PayloadSignature} {
		if r.Off != at || r.Len == 0 {
			t.Errorf("%+v at %d", r, at)
		}
		at += r.Len
	}
	if at != int64(len(b)) {
		t.Errorf("ranges of %d bytes in %d", at, len(b))
	}
	for want, read := range map[string]func() ([]payload.Signature, error){"metadata signature": p.MetadataSignatures, "payload": p.PayloadSignatures} {
		s, err := read()
		if err != nil || len(s) != 1 || string(s[0].Bytes()) != want || s[0].Version != 2 {
			t.Errorf("%s: %+v, %v", want, s, err)
		}
	}
}

// At random, from many sides at once.
func TestReadAt(t *testing.T) {
	f, system, _ := full()
	b, err := open(t, f.bytes()).Partition("system").Blob(payload.Options{Decode: std})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for seed := range uint64(8) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, 0))
			for range 300 {
				off, p := r.IntN(len(system)+10), bytes.Repeat([]byte{0xaa}, r.IntN(3*block))
				n, err := b.ReadAt(p, int64(off))
				want := system[min(off, len(system)):min(off+len(p), len(system))]
				if !bytes.Equal(p[:n], want) || (err == io.EOF) != (n < len(p)) || err != nil && err != io.EOF {
					t.Errorf("%d bytes at %d: %d, %v", len(p), off, n, err)
				}
			}
		})
	}
	wg.Wait()
	if _, err := b.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("a negative offset is read")
	}
}

// Reading touches the operations that it needs, and each once.
func TestLazy(t *testing.T) {
	f := new(file)
	var parts []*node
	for i := range 100 {
		parts = append(parts, f.add(payload.ReplaceXZ, []byte{4, byte(i)}, dst(i, 1)))
	}
	f.manifest = []*node{msg(13, append(parts, n(1, "p"), msg(7, n(1, 100*block)))...)}
	var count atomic.Int64
	decode := func(kind string, r io.Reader, size int64) (io.ReadCloser, error) {
		count.Add(1)
		return toy(kind, r, size)
	}
	p := open(t, f.bytes())
	b, err := p.Partition("p").Blob(payload.Options{Decode: decode})
	if err != nil {
		t.Fatal(err)
	}
	one := make([]byte, block)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			buf := make([]byte, block)
			if _, err := b.ReadAt(buf, 42*block); err != nil || buf[0] != 42 {
				t.Error(buf[0], err)
			}
		})
	}
	wg.Wait()
	if _, err := b.ReadAt(one, 42*block); err != nil || count.Load() != 1 {
		t.Errorf("%d operations are decoded, %v", count.Load(), err)
	}
	image(t, p.Partition("p"), decode)
	if count.Load() != 100 {
		t.Errorf("%d operations are decoded", count.Load())
	}
	t.Logf("%d of %d operations are decoded for one block, then %d of %d for all", 1, 100, count.Load(), 100)
}

// What is kept has a limit, and large operations are read in order only.
func TestLarge(t *testing.T) {
	const mib = 256 // blocks
	f := new(file)
	var parts []*node
	for i := range 6 {
		parts = append(parts, f.add(payload.ReplaceBZ, []byte{byte(i)}, dst(i*16*mib, 16*mib)))
	}
	parts = append(parts, f.add(payload.ReplaceBZ, []byte{6}, dst(96*mib, 17*mib)))
	f.manifest = []*node{msg(13, append(parts, n(1, "p"), msg(7, n(1, 113<<20)))...)}
	var count, closed int
	decode := func(kind string, r io.Reader, size int64) (io.ReadCloser, error) {
		var b [1]byte
		io.ReadFull(r, b[:])
		count++
		return struct {
			io.Reader
			io.Closer
		}{io.LimitReader(forever(b[0]), size), closer(func() error { closed++; return nil })}, nil
	}
	part := open(t, f.bytes()).Partition("p")
	b, err := part.Blob(payload.Options{Decode: decode})
	if err != nil {
		t.Fatal(err)
	}
	one := make([]byte, 1)
	for range 2 { // the second time, four of six are there, but not the first
		for i := range 6 {
			if _, err := b.ReadAt(one, int64(i)<<24+5); err != nil || one[0] != byte(i) {
				t.Fatal(one, err)
			}
		}
	}
	if count != 12 || closed != 12 {
		t.Errorf("%d decoded, %d closed", count, closed)
	}
	if _, err := b.ReadAt(one, 5<<24); err != nil || count != 12 {
		t.Errorf("%d decoded, %v", count, err)
	}
	// 2 to 5 are there. 2 is used, so that 3 goes when 0 comes.
	for _, i := range []int64{2, 0, 2} {
		if _, err := b.ReadAt(one, i<<24); err != nil || count != 12 && count != 13 {
			t.Errorf("%d decoded, %v", count, err)
		}
	}
	if _, err := b.ReadAt(one, 3<<24); err != nil || count != 14 {
		t.Errorf("%d decoded, %v", count, err)
	}
	if _, err := b.ReadAt(one, 96<<20); !errors.Is(err, parse.ErrLimit) {
		t.Errorf("17 MiB at random: %v", err)
	}
	r, err := part.Reader(payload.Options{Decode: decode})
	if err != nil {
		t.Fatal(err)
	}
	n, sum := 0, 0
	buf := make([]byte, 1<<20)
	for {
		m, err := r.Read(buf)
		for _, c := range buf[:m] {
			sum += int(c)
		}
		if n += m; err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if r.Close(); n != 113<<20 || sum != (1+2+3+4+5)<<24+6*17<<20 || count != closed {
		t.Errorf("%d bytes, sum %d, %d decoded, %d closed", n, sum, count, closed)
	}
}

// A large operation that is not written in order is not decoded in order either.
func TestLargeOutOfOrder(t *testing.T) {
	f := new(file)
	f.manifest = []*node{msg(13, n(1, "p"), msg(7, n(1, 17<<20)), f.add(payload.ReplaceXZ, []byte{1, 2}, dst(256, 16*256), dst(0, 256)))}
	part := open(t, f.bytes()).Partition("p")
	if err := part.Check(payload.Options{Decode: toy}); !errors.Is(err, parse.ErrUnsupported) {
		t.Errorf("without a hash: %v", err)
	}
	r, err := part.Reader(payload.Options{Decode: toy})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); !errors.Is(err, parse.ErrLimit) || !strings.Contains(err.Error(), "not in the order of the partition") {
		t.Errorf("got %v", err)
	}
	f.manifest = []*node{msg(13, n(1, "p"), msg(7, n(1, 17<<20)), op(payload.ReplaceXZ, n(2, 0), n(3, 2), dst(0, 256), dst(9*256, 8*256), dst(256, 8*256)))}
	decode := func(kind string, r io.Reader, size int64) (io.ReadCloser, error) {
		return io.NopCloser(io.LimitReader(forever(7), size)), nil
	}
	if r, err = open(t, f.bytes()).Partition("p").Reader(payload.Options{Decode: decode}); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); !errors.Is(err, parse.ErrLimit) || len(b) != 1<<20 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	// A small operation between is no matter.
	f.manifest = []*node{msg(13, n(1, "p"), msg(7, n(1, 18<<20)), op(payload.ReplaceXZ, n(2, 0), n(3, 2), dst(0, 256), dst(2*256, 16*256)), op(payload.Zero, dst(256, 256)))}
	count := 0
	decode = func(kind string, r io.Reader, size int64) (io.ReadCloser, error) {
		count++
		return io.NopCloser(io.LimitReader(forever(7), size)), nil
	}
	r, err = open(t, f.bytes()).Partition("p").Reader(payload.Options{Decode: decode})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); err != nil || len(b) != 18<<20 || count != 1 || bytes.Count(b, []byte{7}) != 17<<20 {
		t.Errorf("%d bytes, %d times decoded, %v", len(b), count, err)
	}
}

type closer func() error

func (c closer) Close() error { return c() }

func TestChecks(t *testing.T) {
	f := new(file)
	f.manifest = []*node{
		part("p", make([]byte, block), f.add(payload.Replace, make([]byte, block), dst(0, 1))),
		msg(13, n(1, "q"), msg(7, n(1, block)), msg(8, n(1, 0), n(2, block), n(3, 9), dst(0, 1))),
	}
	f.data = append(f.data, "ninebytes"...)
	b := f.bytes()
	b[len(b)-10] = 1
	p := open(t, b)
	if got := fmt.Sprintf("%q", p.Notes()); got != `["there is no hash of the new partition q" "there is no hash of the data of operation 0 of q, REPLACE"]` {
		t.Errorf("notes %s", got)
	}
	for i, tc := range []struct {
		err  error
		want string
	}{
		{p.Partition("p").CheckData(0), "payload: operation 0 of p, REPLACE: its data do not have their hash ("},
		{p.Partition("p").Check(payload.Options{}), "payload: the new partition does not have its hash%3A p"},
		{p.Partition("q").CheckData(0), "payload: operation 0 of q, REPLACE: there is no hash of its data at byte"},
		{p.Partition("q").Check(payload.Options{}), "payload: there is no hash of the new partition q at byte"},
	} {
		kind := parse.ErrFormat
		if i >= 2 {
			kind = parse.ErrUnsupported
		}
		if !errors.Is(tc.err, kind) || !strings.HasPrefix(strings.Replace(tc.err.Error(), "hash: p", "hash%3A p", 1), tc.want) {
			t.Errorf("got %v, want %s", tc.err, tc.want)
		}
	}
}

func TestDelta(t *testing.T) {
	f := new(file)
	old := msg(6, n(1, 5*block), n(2, sha(nil)))
	f.manifest = []*node{
		n(12, 8),
		part("copied", make([]byte, 4*block), old,
			op(payload.SourceCopy, extent(4, 0, 1), extent(4, 0, 1), dst(0, 2), n(9, sha(nil))),
			f.add(payload.Zucchini, []byte("x"), extent(4, 4, 1), dst(2, 1))),
		part("new", make([]byte, block), op(payload.Zero, dst(0, 1))),
		part("tree", make([]byte, 2*block), old, op(payload.Zero, dst(0, 1)), extent(10, 0, 1), extent(11, 1, 1)),
		part("gap", make([]byte, 2*block), old, op(payload.Zero, dst(1, 1))),
	}
	p := open(t, f.bytes())
	if p.Full() || len(p.Notes()) > 0 {
		t.Errorf("full %v, %q", p.Full(), p.Notes())
	}
	for name, want := range map[string]string{
		"copied": "operation 0 of copied, SOURCE_COPY: it needs the older image", "new": "<nil>",
		"tree": "the installer computes the hash tree or error correction of tree", "gap": "the payload does not write all of gap",
	} {
		_, err := p.Partition(name).Blob(payload.Options{})
		if !strings.Contains(fmt.Sprint(err), want) || err != nil && !errors.Is(err, parse.ErrUnsupported) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
		if _, err2 := p.Partition(name).Reader(payload.Options{}); fmt.Sprint(err) != fmt.Sprint(err2) {
			t.Errorf("%s: %v, and as a Reader %v", name, err, err2)
		}
	}
}

// What is not known is kept and named.
func TestUnknown(t *testing.T) {
	f := new(file)
	f.manifest = []*node{
		n(1, "install"), n(99, 1), n(99, 300),
		part("p", make([]byte, block), msg(8, n(1, 77), n(2, 0), n(3, 1), dst(0, 1), n(50, "new hash")), &node{60, group{n(1, 2)}}, n(17, 5)),
	}
	f.data = []byte("?")
	p := open(t, f.bytes())
	var got []string
	for _, u := range p.Unknown() {
		got = append(got, fmt.Sprintf("%s.%d %v %d/%d", u.Message, u.Number, u.Type, u.Count, u.Bytes))
	}
	if s, want := strings.Join(got, ", "), "DeltaArchiveManifest.1 LEN 1/9, DeltaArchiveManifest.99 VARINT 2/7, InstallOperation.50 LEN 1/11, PartitionUpdate.60 SGROUP 1/6, PartitionUpdate.17 VARINT 1/3"; s != want {
		t.Errorf("got %s, want %s", s, want)
	}
	notes := strings.Join(p.Notes(), "; ")
	for _, want := range []string{"of an unknown type is operation 0 of p, type 77", "field 60 of PartitionUpdate (1 times SGROUP, 6 bytes, first at byte"} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes %s lack %q", notes, want)
		}
	}
	if _, err := p.Partition("p").Blob(payload.Options{Decode: toy}); !errors.Is(err, parse.ErrUnsupported) || !strings.Contains(err.Error(), "type 77") {
		t.Errorf("got %v", err)
	}
	if op := p.Partition("p").Operations[0]; op.Type.Known() || op.DataLength != 1 {
		t.Errorf("%+v", op)
	}
}

func TestNotesAreBounded(t *testing.T) {
	f := new(file)
	for range 100 {
		f.manifest = append(f.manifest, n(12, 0))
	}
	if notes := open(t, f.bytes()).Notes(); len(notes) != 33 || notes[32] != "and 67 more" || !strings.Contains(notes[0], "a second minor_version at byte") {
		t.Errorf("%d notes: %q", len(notes), notes[len(notes)-1])
	}
}
