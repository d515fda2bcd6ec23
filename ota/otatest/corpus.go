package otatest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// CorpusSize is the size that benchmarks give to Corpus, so that they share one:
// the bytes of its partitions.
const CorpusSize = 512 << 20

// corpusVersion is raised when the same size and machine would give another corpus.
const corpusVersion = 1

// corpusFolders are where the machine has its programs and libraries.
var corpusFolders = [...]string{"/usr/bin", "/usr/lib"}

// corpusPartitions are the shares of a corpus, in percent; the last has the rest.
var corpusPartitions = [...]struct {
	name  string
	share int64
}{{"system", 45}, {"vendor", 20}, {"product", 20}, {"system_ext", 10}, {"boot", 5}}

// corpusMethods give a round of chunks its methods. Of the bytes, 60 % are of
// xz, 15 % each of bzip2 and Zstandard, 5 % are stored, and 5 % are zeros.
var corpusMethods = strings.Fields("xz bz xz zstd xz xz bz xz zstd xz xz bz xz zstd xz xz replace xz xz zero")

// Corpus is the path of an update for benchmarks: a ZIP file with a payload of
// partitions of size bytes, made from the machine's own programs, libraries and
// archives, a tenth of it zeros. On one machine it is always the same, as long
// as nothing is installed. It is compressed the way AOSP does it, by xz, bzip2
// and zstd, which takes minutes; it is kept in the folder that OTAVET_BENCH
// names, else in otavet-bench in the user's cache. See Limits for what lies
// beside it. Where a tool or the programs are missing, the benchmark is skipped.
func Corpus(t testing.TB, size int64) string {
	t.Helper()
	for _, tool := range []string{"xz", "bzip2", "zstd"} {
		Tool(t, tool)
	}
	root := os.Getenv("OTAVET_BENCH")
	if root == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		root = filepath.Join(cache, "otavet-bench")
	}
	dir := filepath.Join(root, fmt.Sprintf("payload-v%d-%d", corpusVersion, size))
	path := filepath.Join(dir, corpusName)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	files, err := machineFiles(corpusFolders[:]...)
	if len(files) == 0 {
		t.Skipf("needs programs in /usr/bin and /usr/lib: %v", err)
	}
	if err := os.MkdirAll(root, 0o777); err != nil {
		t.Fatal(err)
	}
	// A folder is made whole under another name. Whoever is second throws his away.
	temp, err := os.MkdirTemp(root, "making-*")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(temp)
	began := time.Now()
	c := &corpus{dir: temp, update: corpusUpdate(files, size)}
	if err := c.write(); err != nil {
		t.Fatal(err)
	}
	t.Logf("the corpus took %s: %s", time.Since(began).Round(time.Second), dir)
	if err := os.Rename(temp, dir); err != nil {
		if _, lost := os.Stat(path); lost != nil {
			t.Fatal(err)
		}
	}
	return path
}

const (
	corpusName = "update.zip"
	corpusOps  = "operations" // lines: method, offset in update.zip, bytes there, bytes of output
)

// corpusUpdate is a full update of a device that does not exist.
func corpusUpdate(files []machineFile, size int64) *UpdateZip {
	source := &machineSource{files: files}
	p := &Payload{MaxTimestamp: 1700000000, SecurityPatchLevel: "2023-11-01"}
	rest := size &^ 4095
	for i, c := range corpusPartitions {
		n := size * c.share / 100 &^ 4095
		if i == len(corpusPartitions)-1 {
			n = rest
		}
		rest -= n
		p.Partitions = append(p.Partitions, PayloadPartition{Name: c.name, Image: source.image(n), Chunk: imageChunk, Methods: corpusMethods, Version: "1700000000"})
	}
	state := DeviceState{Device: []string{"otatest"}, Build: []string{"otatest/otatest/otatest:14/BENCH/1:user/release-keys"}, BuildIncremental: "1",
		Timestamp: 1700000000, SDKLevel: "34", SecurityPatchLevel: "2023-11-01"}
	return &UpdateZip{Payload: p, Metadata: UpdateMetadata{Type: UpdateAB, Pre: DeviceState{Device: state.Device}, Post: state}}
}

// A corpus is being written into a folder.
type corpus struct {
	dir    string
	update *UpdateZip
}

func (c *corpus) write() error {
	c.update.Payload.Temp = c.dir
	b, err := c.update.Payload.build()
	if err != nil {
		return err
	}
	defer b.close()
	f, err := os.Create(filepath.Join(c.dir, corpusName))
	if err != nil {
		return err
	}
	defer f.Close()
	payload, err := c.update.write(f, b)
	if err != nil {
		return err
	}
	var ops bytes.Buffer
	for _, op := range b.ops {
		fmt.Fprintln(&ops, op.method, payload+int64(len(b.head))+op.offset, op.stored, op.output)
	}
	if err := os.WriteFile(filepath.Join(c.dir, corpusOps), ops.Bytes(), 0o666); err != nil {
		return err
	}
	return f.Close()
}
