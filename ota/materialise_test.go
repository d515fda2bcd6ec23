package ota_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// image makes bytes that compress somewhat, with runs of zeros.
func image(seed uint64, size int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, size)
	for i := range b {
		switch i >> 18 & 3 {
		case 0: // zeros
		case 1:
			b[i] = byte(r.Uint32())
		default:
			b[i] = "Android update "[i%15] + byte(i>>12&3)
		}
	}
	return b
}

// sizes of the partitions of an update that has every kind of operation.
const (
	systemSize = 10 << 20
	bootSize   = 3<<20 + 4096
)

// payloadUpdate is an update whose payload was compressed by the C tools.
func payloadUpdate(t *testing.T, change func(*otatest.UpdateZip)) (zip []byte, system, boot []byte) {
	t.Helper()
	for _, tool := range []string{"xz", "bzip2", "zstd"} {
		otatest.Tool(t, tool)
	}
	system, boot = image(1, systemSize), image(2, bootSize)
	u := &otatest.UpdateZip{
		Payload: &otatest.Payload{Temp: t.TempDir(), Fast: true, Partitions: []otatest.PayloadPartition{
			{Name: "system", Image: blob.Bytes(system), Chunk: 2 << 20, Methods: []string{"xz", "bz", "zstd", "replace"}},
			{Name: "boot", Image: blob.Bytes(boot), Chunk: 1 << 20, Methods: []string{"bz", "xz"}},
		}},
		Metadata: otatest.UpdateMetadata{Type: otatest.UpdateAB, Pre: otatest.DeviceState{Device: []string{"cumulus"}},
			Post: otatest.DeviceState{Build: []string{"nimbus/cumulus/cumulus:14/UP1A/1:user/release-keys"}, Timestamp: 1700000000, SDKLevel: "34"}},
		Members: []otatest.ZipMember{{Name: "care_map.pb", Data: otatest.CareMap(
			otatest.CareMapPartition{Name: "system", Ranges: fmt.Sprintf("2,0,%d", systemSize/4096), Fingerprint: "x"})}},
	}
	if change != nil {
		change(u)
	}
	zip, err := u.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return zip, system, boot
}

func openBytes(t *testing.T, b []byte) *ota.Package {
	t.Helper()
	p, err := ota.Open(t.Context(), blob.Bytes(b), "update.zip", ota.Options{Spool: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func sum(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }

// One pass decodes each byte once and hashes it once for each digest; the result
// does not depend on the number of workers, and afterwards partitions are read without
// decoding anything again.
func TestMaterialiseOnce(t *testing.T) {
	zip, system, boot := payloadUpdate(t, nil)
	var first *ota.Result
	for _, jobs := range []int{1, 2, 8} {
		p := openBytes(t, zip)
		r, err := ota.Materialise(t.Context(), p, ota.Pass{Jobs: jobs})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Made) != 2 || r.Made[0].SHA256 != sum(system) || r.Made[1].SHA256 != sum(boot) || r.SHA256 != sum(zip) {
			t.Errorf("%d jobs: %+v of %s", jobs, r.Made, r.SHA256)
		}
		for _, s := range r.Sums {
			if s.Err != nil {
				t.Errorf("%d jobs: %s %s: %v", jobs, s.Kind, s.Subject, s.Err)
			}
		}
		if len(r.Sums) < 2+4+1+4 { // partitions, properties, care map, two lists of property files
			t.Errorf("%d jobs: %d sums", jobs, len(r.Sums))
		}
		total := int64(systemSize + bootSize)
		if r.Decoded > total+total/50 || r.Decoded == 0 {
			t.Errorf("%d jobs: %d bytes were decoded, the images have %d", jobs, r.Decoded, total)
		}
		if r.Hashed != total || r.Stored > int64(len(zip)) || r.Stored == 0 {
			t.Errorf("%d jobs: %d bytes of images hashed, %d of data; there are %d and %d", jobs, r.Hashed, r.Stored, total, len(zip))
		}
		before := p.Decoded()
		for i, want := range [][]byte{system, boot} {
			otatest.TestBlob(t, p.Partitions[i].Image, want)
		}
		if p.Decoded() != before {
			t.Errorf("%d jobs: reading decoded %d bytes again", jobs, p.Decoded()-before)
		}
		for i := range r.Made {
			r.Made[i].Partition = nil
		}
		if first == nil {
			first = r
		} else if a, b := fmt.Sprintf("%+v", first), fmt.Sprintf("%+v", r); a != b {
			t.Errorf("%d jobs: the result differs\n%s\n%s", jobs, a, b)
		}
	}
}

// Before that, a read decodes the operations that it touches and no others.
func TestReadTouchesItsOperations(t *testing.T) {
	zip, system, _ := payloadUpdate(t, nil)
	p := openBytes(t, zip)
	if n := p.Decoded(); n != 0 {
		t.Errorf("opening decoded %d bytes", n)
	}
	got := make([]byte, 5000)
	const at = 7<<20 + 77
	if _, err := p.Partitions[0].Image.ReadAt(got, at); err != nil || !bytes.Equal(got, system[at:at+len(got)]) {
		t.Errorf("read: %v", err)
	}
	if n := p.Decoded(); n > 2<<20 {
		t.Errorf("reading 5,000 bytes of one operation decoded %d", n)
	}
}

// What a package says of itself is compared, and each lie is found where it stands.
func TestStatements(t *testing.T) {
	if testing.Short() {
		t.Skip("short: nothing of it runs in parallel that other tests do not run")
	}
	for _, tc := range []struct {
		name   string
		change func(*otatest.UpdateZip)
		kind   string
		says   string
	}{
		{"the payload's hash", func(u *otatest.UpdateZip) {
			u.Properties = func(p *otatest.PayloadProperties) { p.FileHash[0] ^= 1 }
		}, ota.SumProperties, "FILE_HASH="},
		{"the payload's size", func(u *otatest.UpdateZip) {
			u.Properties = func(p *otatest.PayloadProperties) { p.FileSize++ }
		}, ota.SumProperties, "FILE_SIZE="},
		{"the metadata's hash", func(u *otatest.UpdateZip) {
			u.Properties = func(p *otatest.PayloadProperties) { p.MetadataHash[31] ^= 1 }
		}, ota.SumProperties, "METADATA_HASH="},
		{"the metadata's size", func(u *otatest.UpdateZip) {
			u.Properties = func(p *otatest.PayloadProperties) { p.MetadataSize-- }
		}, ota.SumProperties, "METADATA_SIZE="},
		{"where the payload lies", func(u *otatest.UpdateZip) {
			u.Files = func(_, files string) string { return strings.Replace(files, "payload.bin:", "payload.bin:9", 1) }
		}, ota.SumFiles, "the member lies at"},
		{"where a member lies that is not there", func(u *otatest.UpdateZip) {
			u.Files = func(_, files string) string { return strings.Replace(files, "payload.bin:", "payload.bar:", 1) }
		}, ota.SumFiles, "no member has that name"},
		{"how large the payload's metadata are", func(u *otatest.UpdateZip) {
			u.Files = func(_, files string) string {
				return strings.Replace(files, "payload_metadata.bin:", "payload_metadata.bin:1", 1)
			}
		}, ota.SumFiles, "the payload's metadata lie at"},
		{"blocks that the partition does not have", func(u *otatest.UpdateZip) {
			u.Members[0].Data = otatest.CareMap(otatest.CareMapPartition{Name: "system", Ranges: "2,0,2561", Fingerprint: "x"})
		}, ota.SumCareMap, "blocks up to 2561 of system"},
		{"the bytes of the payload", func(u *otatest.UpdateZip) {
			u.Member = func(m *otatest.ZipMember) {
				if m.Name == "payload.bin" {
					m.Local, m.Central = func(h *otatest.ZipHeader) { h.CRC ^= 1 }, func(h *otatest.ZipHeader) { h.CRC ^= 1 }
				}
			}
		}, ota.SumCRC, "the directory says that payload.bin"},
		{"the image of a partition", func(u *otatest.UpdateZip) {
			u.Payload.Partitions[0].Info = func(_ *uint64, sum *[]byte) { (*sum)[3] ^= 1 }
		}, ota.SumPartition, "does not have the hash"},
		{"the data of an operation", func(u *otatest.UpdateZip) {
			u.Payload.Partitions[0].Op = func(i int, op *otatest.PayloadOp) {
				if i == 4 {
					op.DataHash = make([]byte, 32)
				}
			}
		}, ota.SumPartition, "the data of operation 4"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			zip, _, _ := payloadUpdate(t, tc.change)
			p := openBytes(t, zip)
			r, err := ota.Materialise(t.Context(), p, ota.Pass{Jobs: 2})
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, s := range r.Sums {
				if s.Err == nil {
					continue
				}
				if s.Kind != tc.kind || !errors.Is(s.Err, parse.ErrFormat) || !strings.Contains(s.Err.Error(), tc.says) {
					t.Errorf("%s %s: %v; want %s with %q", s.Kind, s.Subject, s.Err, tc.kind, tc.says)
				}
				found = true
			}
			if !found {
				t.Error("the lie was not found")
			}
		})
	}
}

// failing is an Output on a disk that becomes full.
type failing struct {
	*os.File
	left atomic.Int64 // parts of a partition are written side by side
}

func newFailing(f *os.File, room int64) *failing {
	out := &failing{File: f}
	out.left.Store(room)
	return out
}

func (f *failing) WriteAt(p []byte, off int64) (int, error) {
	if f.left.Add(int64(-len(p))) < 0 {
		return 0, errFull
	}
	return f.File.WriteAt(p, off)
}

var errFull = errors.New("no space left on device")

// A disk that is full ends the pass with the disk's error: it is nothing that is
// wrong with the update.
func TestDiskFull(t *testing.T) {
	zip, _, _ := payloadUpdate(t, nil)
	p := openBytes(t, zip)
	_, err := ota.Materialise(t.Context(), p, ota.Pass{Jobs: 2, Create: func(q *ota.Partition, size int64) (ota.Output, error) {
		f, err := os.Create(filepath.Join(t.TempDir(), q.Name))
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { f.Close() })
		return newFailing(f, 3<<20), f.Truncate(size)
	}})
	if !errors.Is(err, errFull) {
		t.Errorf("%v, want the disk's error", err)
	}
	if _, err := ota.Materialise(t.Context(), p, ota.Pass{Create: func(*ota.Partition, int64) (ota.Output, error) { return nil, errFull }}); !errors.Is(err, errFull) {
		t.Errorf("a file that cannot be made: %v", err)
	}
}

// Sinks get their run of the file, whatever the size of the reads.
func TestSinks(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 200_000)
	z := &otatest.ZipBuilder{Members: []otatest.ZipMember{{Name: "a", Data: data}}}
	zip := z.Bytes()
	p := openBytes(t, zip)
	var sinks []ota.Sink
	type want struct {
		got        bytes.Buffer
		first, end int64
	}
	var wants []*want
	for _, r := range [][2]int64{{0, 1}, {1 << 20, 1<<20 + 1}, {1<<20 - 3, 2<<20 + 5}, {0, int64(len(zip))}, {int64(len(zip)) - 1, int64(len(zip))}, {7, 7}} {
		w := &want{first: r[0], end: r[1]}
		wants = append(wants, w)
		sinks = append(sinks, ota.Sink{First: r[0], End: r[1], W: &w.got})
	}
	if _, err := ota.Materialise(t.Context(), p, ota.Pass{Sinks: sinks}); err != nil {
		t.Fatal(err)
	}
	for _, w := range wants {
		if !bytes.Equal(w.got.Bytes(), zip[w.first:w.end]) {
			t.Errorf("%d to %d: %d bytes", w.first, w.end, w.got.Len())
		}
	}
	bad := errors.New("full")
	if _, err := ota.Materialise(t.Context(), p, ota.Pass{Sinks: []ota.Sink{{First: 0, End: 9, W: writerFunc(func([]byte) (int, error) { return 0, bad })}}}); !errors.Is(err, bad) {
		t.Errorf("a sink that fails: %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

var _ io.Writer = writerFunc(nil)

// stream is the data over which the trees of testdata/images/verity were made.
func stream(n int) []byte {
	var out []byte
	for d := []byte("verity"); len(out) < n; {
		s := sha256.Sum256(d)
		d = s[:]
		out = append(out, d...)
	}
	return out[:n]
}

// What a payload leaves to the installer is computed: tree and error correction
// are those that avbtool, fec and veritysetup made.
func TestMaterialiseComputesVerity(t *testing.T) {
	for _, tc := range []struct {
		name, tree, fec, hash, salt string
		size, block                 int
		roots                       uint64
	}{
		{"avbtool", "avb-sha256.tree", "avb-sha256.fec", "SHA256", "00a1b2c3d4e5f60718293a4b5c6d7e8f00a1b2c3d4e5f60718293a4b5c6d7e00", 531480, 4096, 2},
		{"veritysetup", "vs-sha512.tree", "vs-sha512.fec", "sha512", "00a1b2c3d4e5f60718293a4b5c6d7e8f00a1b2c3d4e5f60718293a4b5c6d7e00", 40960, 512, 24},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := func(name string) []byte {
				b, err := os.ReadFile(filepath.Join(otatest.Root(t), "testdata/images/verity", name))
				if err != nil {
					t.Fatal(err)
				}
				return b
			}
			salt, err := hex.DecodeString(tc.salt)
			if err != nil {
				t.Fatal(err)
			}
			data := stream(tc.size)
			data = append(data, make([]byte, -len(data)&(tc.block-1))...)
			tree, fec := file(tc.tree), file(tc.fec)
			img := bytes.Join([][]byte{data, tree, fec}, nil)
			n := func(b []byte) uint64 { return uint64(len(b) / tc.block) }
			part := otatest.PayloadPartition{Name: "system", Image: blob.Bytes(img), Chunk: 64 << 10,
				HashTreeData: otatest.PayloadExtent{Blocks: n(data)}, HashTree: otatest.PayloadExtent{Start: n(data), Blocks: n(tree)}, HashTreeAlgorithm: tc.hash, HashTreeSalt: salt,
				FECData: otatest.PayloadExtent{Blocks: n(data) + n(tree)}, FEC: otatest.PayloadExtent{Start: n(data) + n(tree), Blocks: n(fec)}, FECRoots: tc.roots}
			var buf bytes.Buffer
			if _, err := (&otatest.Payload{Partitions: []otatest.PayloadPartition{part}, BlockSize: tc.block, Temp: t.TempDir()}).Write(&buf); err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(buf.Bytes(), tree[:32]) {
				t.Fatal("the payload holds the tree")
			}
			p := openBytes(t, buf.Bytes())
			otatest.TestBlob(t, p.Partitions[0].Image, img) // made when it is first read
			p = openBytes(t, buf.Bytes())
			r, err := ota.Materialise(t.Context(), p, ota.Pass{Jobs: 2})
			if err != nil {
				t.Fatal(err)
			}
			if r.Made[0].Err != nil || r.Made[0].SHA256 != sum(img) || r.Sums[0].Err != nil {
				t.Errorf("%+v, %+v", r.Made[0], r.Sums[0])
			}
		})
	}
}
