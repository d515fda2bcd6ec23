package ota_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime/metrics"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
)

// BenchmarkExtract writes every image of the corpus, 512 MiB in xz, bzip2, zstd and
// as they are, with every hash verified, beside what the C tools need for the same
// bytes in the same run: each over its own blobs, a process for each core, and
// sha256sum of what comes out.
func BenchmarkExtract(b *testing.B) {
	corpus := otatest.Corpus(b, otatest.CorpusSize)
	limits := otatest.Limits(b, corpus)
	limit := limits.XZ.Wall + limits.Bzip2.Wall + limits.Zstd.Wall + limits.SHA256.Wall
	fmt.Printf("# limits on %d cores, together %v\n#   xz -dc     %v\n#   bzip2 -dc  %v\n#   zstd -dc   %v\n#   sha256sum  %v\n",
		limits.Cores, limit.Round(time.Millisecond), limits.XZ, limits.Bzip2, limits.Zstd, limits.SHA256)
	var took [2]time.Duration
	for i, jobs := range []int{1, 2} {
		b.Run(fmt.Sprintf("jobs=%d", jobs), func(b *testing.B) {
			peak := watchMemory(b)
			for b.Loop() {
				extract(b, corpus, jobs)
			}
			took[i] = b.Elapsed() / time.Duration(b.N)
			b.SetBytes(otatest.CorpusSize)
			b.ReportMetric(float64(peak())/1e6, "peak-MB")
			b.ReportMetric(took[i].Seconds()/limit.Seconds(), "×limits")
			if i == 1 && took[0] > 0 {
				b.ReportMetric(took[0].Seconds()/took[1].Seconds(), "×one-core")
			}
		})
	}
}

func extract(b *testing.B, path string, jobs int) {
	dir := b.TempDir()
	p, err := ota.OpenPath(b.Context(), path, ota.Options{Spool: dir})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	r, err := ota.Materialise(b.Context(), p, ota.Pass{Jobs: jobs, Create: func(q *ota.Partition, size int64) (ota.Output, error) {
		f, err := os.Create(filepath.Join(dir, q.Name))
		if err != nil {
			return nil, err
		}
		b.Cleanup(func() { f.Close() })
		return f, f.Truncate(size)
	}})
	if err != nil {
		b.Fatal(err)
	}
	for _, s := range r.Sums {
		if s.Err != nil {
			b.Fatal(s.Err)
		}
	}
	os.RemoveAll(dir)
}

// watchMemory gives the most memory that the process had from the system, less what it gave back.
func watchMemory(b *testing.B) func() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	var peak atomic.Uint64
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			metrics.Read(sample)
			peak.Store(max(peak.Load(), sample[0].Value.Uint64()-sample[1].Value.Uint64()))
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return func() uint64 { close(stop); <-done; return peak.Load() }
}

// largeUpdate is an update of 3 GiB whose payload has 4,608 operations, as many as
// write 9 GiB in pieces of 2 MiB. Its data are a hole, and the image is smaller so as to be made quickly.
func largeUpdate(t testing.TB) string {
	t.Helper()
	const ops, each, chunk = 4608, 699_050, 64 << 10
	p := &otatest.Payload{Temp: t.TempDir(), Partitions: []otatest.PayloadPartition{
		{Name: "system", Image: nothing(ops * chunk), Chunk: chunk, Op: func(i int, op *otatest.PayloadOp) {
			op.Type, op.Offset, op.Length = 8, uint64(i)*each, each // REPLACE_XZ
			op.DataHash = bytes.Repeat([]byte{byte(i)}, 32)
		}}}}
	var head bytes.Buffer
	if _, err := p.Write(&head); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "large.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const name = "payload.bin"
	size := uint32(head.Len() + ops*each)
	record := func(signature uint32, fields ...any) []byte {
		b := binary.LittleEndian.AppendUint32(nil, signature)
		for _, v := range fields {
			b, _ = binary.Append(b, binary.LittleEndian, v)
		}
		return b
	}
	sum := crc32.ChecksumIEEE(head.Bytes()) // nobody reads to the end
	local := append(record(0x04034b50, uint16(10), uint16(0), uint16(0), uint32(0), sum, size, size, uint16(len(name)), uint16(0)), name...)
	central := append(record(0x02014b50, uint16(10), uint16(10), uint16(0), uint16(0), uint32(0), sum, size, size, uint16(len(name)), uint16(0), uint16(0), uint16(0),
		uint16(0), uint32(0), uint32(0)), name...)
	at := int64(len(local)) + int64(size)
	end := record(0x06054b50, uint16(0), uint16(0), uint16(1), uint16(1), uint32(len(central)), uint32(at), uint16(0))
	for _, w := range []struct {
		b   []byte
		off int64
	}{{local, 0}, {head.Bytes(), int64(len(local))}, {append(central, end...), at}} {
		if _, err := f.WriteAt(w.b, w.off); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// nothing is an image of zeros.
type nothing int64

func (n nothing) Size() int64 { return int64(n) }
func (n nothing) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(n) {
		return 0, io.EOF
	}
	m := min(int64(len(p)), int64(n)-off)
	clear(p[:m])
	if m < int64(len(p)) {
		return int(m), io.EOF
	}
	return int(m), nil
}

// reads counts what is read.
type reads struct {
	blob.Blob
	n *atomic.Int64
}

func (r reads) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.Blob.ReadAt(p, off)
	r.n.Add(int64(n))
	return n, err
}

// Opening a package of 3 GiB reads its directory and its manifest: below 1 MB.
func TestOpenReadsLittle(t *testing.T) {
	f, err := os.Open(largeUpdate(t))
	if err != nil {
		t.Fatal(err)
	}
	b, err := blob.NewFile(f)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var n atomic.Int64
	p, err := ota.Open(t.Context(), reads{b, &n}, "large.zip", ota.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if len(p.Partitions) != 1 || len(p.Problems) > 0 {
		t.Fatalf("partitions %v, problems %v", p.Partitions, p.Problems)
	}
	size, known := p.Partitions[0].Size()
	t.Logf("%d bytes of %d were read", n.Load(), b.Size())
	if n.Load() >= 1_000_000 || !known || size != 4608*64<<10 || p.Decoded() > 0 {
		t.Errorf("%d bytes were read, %d decoded; system has %d", n.Load(), p.Decoded(), size)
	}
}

// BenchmarkOpen is what ls does with that package, beside reading 1 MB of it.
func BenchmarkOpen(b *testing.B) {
	path := largeUpdate(b)
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			p, err := ota.OpenPath(b.Context(), path, ota.Options{})
			if err != nil {
				b.Fatal(err)
			}
			p.Close()
		}
	})
	b.Run("limit=read-1MB", func(b *testing.B) {
		buf := make([]byte, 1_000_000)
		for b.Loop() {
			f, err := os.Open(path)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := f.ReadAt(buf, 0); err != nil {
				b.Fatal(err)
			}
			f.Close()
		}
	})
}
