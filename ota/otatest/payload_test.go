package otatest_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/image/payload"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

const block = 4096

func decode(kind string, r io.Reader, size int64) (io.ReadCloser, error) {
	return codec.NewReader(codec.Method(kind), r, size)
}

// text are n bytes that shrink and that differ from line to line.
func text(n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "line %d of a file that shrinks, %x\n", i, i*i)
	}
	return b.Bytes()[:n]
}

func noise(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// program is the start of an ELF file for a machine.
func program(machine byte, n int) []byte {
	b := append([]byte("\x7fELF\x01\x01\x01"), make([]byte, 11)...)
	return append(append(b, machine, 0), text(n-len(b)-2)...)
}

func tools(t testing.TB) {
	for _, tool := range []string{"xz", "bzip2", "zstd"} {
		otatest.Tool(t, tool)
	}
}

// system has a chunk for each way of storing one, of four blocks.
func system() (image []byte, methods []string, types string) {
	image = bytes.Join([][]byte{text(4 * block), text(5 * block)[block:], noise(4 * block), make([]byte, 4*block), text(4 * block),
		program(62, 4*block), program(40, 4*block), program(183, 4*block), text(block)}, nil)
	return image, []string{"xz", "bz", "xz", "xz", "zstd"},
		"[REPLACE_XZ REPLACE_BZ REPLACE ZERO REPLACE_ZSTD REPLACE_XZ REPLACE_BZ REPLACE_XZ REPLACE_XZ]"
}

func write(t testing.TB, p *otatest.Payload) ([]byte, otatest.PayloadProperties) {
	t.Helper()
	var b bytes.Buffer
	props, err := p.Write(&b)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), props
}

func TestPayload(t *testing.T) {
	tools(t)
	image, methods, types := system()
	boot := text(3 * block)
	p := &otatest.Payload{
		MaxTimestamp: 1700000000, SecurityPatchLevel: "2023-11-01", Fast: true,
		Partitions: []otatest.PayloadPartition{
			{Name: "system", Image: blob.Bytes(image), Chunk: 4 * block, Methods: methods, Version: "17"},
			{Name: "boot", Image: blob.Bytes(boot)},
			{Name: "nothing", Image: blob.Bytes(make([]byte, 3<<20))},
		},
	}
	b, props := write(t, p)
	r, err := payload.Open(blob.Bytes(b), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Full() || len(r.Notes()) > 0 || len(r.Unknown()) > 0 || r.MaxTimestamp != 1700000000 || r.SecurityPatchLevel != "2023-11-01" || r.BlockSize != block {
		t.Errorf("full %v, notes %q, unknown %v, %+v", r.Full(), r.Notes(), r.Unknown(), r.Manifest)
	}
	for i, want := range [][]byte{image, boot, make([]byte, 3<<20)} {
		part := r.Partitions[i]
		if err := part.Check(payload.Options{Decode: decode}); err != nil {
			t.Error(err)
		}
		for i := range part.Operations {
			if err := part.CheckData(i); err != nil && part.Operations[i].Type != payload.Zero {
				t.Error(err)
			}
		}
		lazy, err := part.Blob(payload.Options{Decode: decode})
		if err != nil {
			t.Fatal(err)
		}
		otatest.TestBlob(t, lazy, want)
	}
	var got []payload.OpType
	for _, op := range r.Partition("system").Operations {
		got = append(got, op.Type)
	}
	if fmt.Sprint(got) != types || r.Partition("system").Version != "17" || len(r.Partition("nothing").Operations) != 2 {
		t.Errorf("operations %v, want %s; %v", got, types, r.Partition("nothing").Operations)
	}
	whole, metadata := sha256.Sum256(b), sha256.Sum256(b[:r.Metadata.Len])
	want := otatest.PayloadProperties{FileHash: whole[:], FileSize: int64(len(b)), MetadataHash: metadata[:], MetadataSize: r.Metadata.Len}
	if props.Text() != want.Text() || strings.Count(props.Text(), "\n") != 4 {
		t.Errorf("properties %s, want %s", props.Text(), want.Text())
	}
	again, _ := write(t, p)
	if !bytes.Equal(b, again) {
		t.Error("the same payload comes out differently")
	}
}

// Each operation's data are decoded by the tool that they are for, and programs
// have the filter of their machine.
func TestPayloadByTools(t *testing.T) {
	tools(t)
	image, methods, _ := system()
	for _, fast := range []bool{false, true} {
		b, _ := write(t, &otatest.Payload{Fast: fast, Partitions: []otatest.PayloadPartition{{Name: "p", Image: blob.Bytes(image), Chunk: 4 * block, Methods: methods}}})
		r, err := payload.Open(blob.Bytes(b), nil)
		if err != nil {
			t.Fatal(err)
		}
		filters, same := "", 0
		for i, op := range r.Partition("p").Operations {
			command := map[payload.OpType]string{payload.ReplaceXZ: "xz -dc", payload.ReplaceBZ: "bzip2 -dc", payload.ReplaceZstd: "zstd -qdc"}[op.Type]
			if command == "" {
				continue
			}
			data := b[r.Data.Off+op.DataOffset:][:op.DataLength]
			name := filepath.Join(t.TempDir(), "data.xz")
			if err := os.WriteFile(name, data, 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("sh", "-c", command)
			cmd.Stdin = bytes.NewReader(data)
			out, err := cmd.Output()
			if want := image[4*block*i : min(4*block*(i+1), len(image))]; err != nil || !bytes.Equal(out, want) {
				t.Errorf("operation %d, %s: %d bytes, %v", i, op.Type, len(out), err)
			} else {
				same++
			}
			if op.Type == payload.ReplaceXZ {
				list, err := otatest.Run(t, "xz", "--robot", "-lvv", name)
				if err != nil {
					t.Fatal(err)
				}
				for line := range strings.Lines(list) {
					if f := strings.Split(line, "\t"); f[0] == "block" {
						filters += fmt.Sprintf("%d:%s ", i, strings.TrimSpace(f[len(f)-1]))
					} else if f[0] == "file" && f[6] != "None" {
						t.Errorf("operation %d has the check %s", i, f[6])
					}
				}
			}
		}
		if want := "0:--lzma2=dict=16KiB 5:--x86 --lzma2=dict=16KiB 7:--lzma2=dict=16KiB 8:--lzma2=dict=4KiB "; filters != want {
			t.Errorf("filters %s, want %s", filters, want)
		}
		t.Logf("%d operations are decoded by the C tools to the blocks that they were made from", same)
	}
}

// A hash tree and error correction are the installer's to compute.
func TestPayloadComputed(t *testing.T) {
	image := text(10 * block)
	b, _ := write(t, &otatest.Payload{Partitions: []otatest.PayloadPartition{{Name: "p", Image: blob.Bytes(image), Chunk: 4 * block,
		HashTreeData: otatest.PayloadExtent{Blocks: 5}, HashTree: otatest.PayloadExtent{Start: 5, Blocks: 2}, HashTreeAlgorithm: "sha256", HashTreeSalt: []byte("salt"),
		FECData: otatest.PayloadExtent{Blocks: 7}, FEC: otatest.PayloadExtent{Start: 9, Blocks: 1}, FECRoots: 2}}})
	r, err := payload.Open(blob.Bytes(b), nil)
	if err != nil {
		t.Fatal(err)
	}
	part, got := r.Partition("p"), ""
	for _, op := range part.Operations {
		got += fmt.Sprint(op.Dst)
	}
	digest := sha256.Sum256(image)
	if got != "[{0 4}][{4 1}][{7 2}]" || !bytes.Equal(part.New.Hash, digest[:]) || fmt.Sprint(part.HashTree, part.HashTreeAlgorithm, string(part.HashTreeSalt), part.FEC, part.FECData, part.FECRoots) != "{5 2}sha256salt{9 1} {0 7} 2" {
		t.Errorf("operations %s, %+v", got, part)
	}
	if _, err := part.Blob(payload.Options{}); !errors.Is(err, parse.ErrUnsupported) {
		t.Errorf("a tree that is not there: %v", err)
	}
}

// Signatures cover what update_engine says: the metadata's what is before it;
// the payload's that and the data, but neither signature.
func TestPayloadSigned(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &otatest.Payload{Partitions: []otatest.PayloadPartition{{Name: "p", Image: blob.Bytes(noise(3 * block))}}, Sign: func(digest []byte) []byte {
		s, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest)
		if err != nil {
			t.Fatal(err)
		}
		return otatest.PayloadSignatures(260, s, []byte("of another key"))
	}}
	b, props := write(t, p)
	r, err := payload.Open(blob.Bytes(b), nil)
	if err != nil {
		t.Fatal(err)
	}
	part := func(g payload.Range) []byte { return b[g.Off:][:g.Len] }
	metadata, whole := sha256.Sum256(part(r.Metadata)), sha256.New()
	whole.Write(part(r.Metadata))
	whole.Write(part(r.Data))
	for name, c := range map[string]struct {
		read   func() ([]payload.Signature, error)
		digest []byte
	}{"metadata": {r.MetadataSignatures, metadata[:]}, "payload": {r.PayloadSignatures, whole.Sum(nil)}} {
		s, err := c.read()
		if err != nil || len(s) != 2 || len(s[0].Data) != 260 || string(s[1].Bytes()) != "of another key" {
			t.Errorf("%s: %+v, %v", name, s, err)
		} else if err := rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, c.digest, s[0].Bytes()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if file := sha256.Sum256(b); !bytes.Equal(props.FileHash, file[:]) || props.MetadataSize != r.Metadata.Len || r.MetadataSignature.Off != r.Metadata.Len {
		t.Errorf("properties %s", props.Text())
	}
	odd := 0
	p.Sign = func([]byte) []byte { odd++; return make([]byte, odd) }
	if _, err := p.Write(io.Discard); err == nil {
		t.Error("signatures that differ in size")
	}
}

// Every knob bends what it says, and the reader sees it.
func TestPayloadBent(t *testing.T) {
	for name, c := range map[string]struct {
		bend func(*otatest.Payload)
		see  func(*payload.Payload, error) string
		want string
	}{
		"nothing":       {func(p *otatest.Payload) {}, notes, "true []"},
		"magic":         {func(p *otatest.Payload) { p.Header = func(h *otatest.PayloadHeader) { h.Magic = "CrAV" } }, notes, "payload: "},
		"version":       {func(p *otatest.Payload) { p.Header = func(h *otatest.PayloadHeader) { h.Version = 1 } }, notes, "payload: "},
		"manifest size": {func(p *otatest.Payload) { p.Header = func(h *otatest.PayloadHeader) { h.ManifestSize++ } }, notes, "payload: "},
		"tail":          {func(p *otatest.Payload) { p.Tail = []byte("more") }, notes, "payload: "},
		"minor version": {func(p *otatest.Payload) { p.MinorVersion = 9 }, notes, "payload: a full payload is of a minor version other than 0"},
		"partial":       {func(p *otatest.Payload) { p.Partial, p.MinorVersion = true, 6 }, notes, "false []"},
		"block size": {func(p *otatest.Payload) { p.BlockSize = 512 }, func(p *payload.Payload, err error) string {
			return fmt.Sprint(p.BlockSize, p.Partitions[0].Operations[0].Dst, err)
		}, "512 [{0 16}] <nil>"},
		"fields": {func(p *otatest.Payload) {
			p.Extra = otatest.Proto(nil).Varint(99, 300)
			p.Partitions[0].Extra = otatest.Proto(nil).Text(98, "?").Fixed32(97, 7)
		}, func(p *payload.Payload, err error) string { return fmt.Sprint(p.Unknown(), err) },
			"[field 98 of PartitionUpdate (1 times LEN, 4 bytes, first at byte 0x7a) field 97 of PartitionUpdate (1 times I32, 6 bytes, first at byte 0x7e) field 99 of DeltaArchiveManifest (1 times VARINT, 4 bytes"},
		"data hash": {func(p *otatest.Payload) {
			p.Partitions[0].Op = func(i int, op *otatest.PayloadOp) { op.DataHash = make([]byte, 32) }
		}, func(p *payload.Payload, err error) string { return p.Partitions[0].CheckData(0).Error() }, "payload: operation 0 of p, REPLACE: its data do not have their hash"},
		"partition hash": {func(p *otatest.Payload) { p.Partitions[0].Info = func(_ *uint64, hash *[]byte) { (*hash)[0]++ } },
			func(p *payload.Payload, err error) string { return p.Partitions[0].Check(payload.Options{}).Error() }, "payload: the new partition does not have its hash"},
		"partition size": {func(p *otatest.Payload) { p.Partitions[0].Info = func(size *uint64, _ *[]byte) { *size = 1 } }, notes, "payload: "},
		"operation": {func(p *otatest.Payload) {
			p.Partitions[0].Op = func(i int, op *otatest.PayloadOp) {
				op.Type, op.Src, op.SrcHash = 4, []otatest.PayloadExtent{{7, 1}}, []byte("hash")
			}
		}, notes, "payload: "},
	} {
		p := &otatest.Payload{Partitions: []otatest.PayloadPartition{{Name: "p", Image: blob.Bytes(text(2 * block))}}}
		c.bend(p)
		b, _ := write(t, p)
		r, err := payload.Open(blob.Bytes(b), nil)
		if r == nil {
			r = new(payload.Payload)
		}
		if got := c.see(r, err); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func notes(p *payload.Payload, err error) string {
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(p.Full(), p.Notes())
}

// What cannot be built says so, and leaves nothing behind.
func TestPayloadErrors(t *testing.T) {
	dir := t.TempDir()
	for name, part := range map[string]otatest.PayloadPartition{
		"method":     {Image: blob.Bytes(text(9 * block)), Chunk: block, Methods: []string{"replace", "rar"}},
		"chunk":      {Image: blob.Bytes(text(block)), Chunk: 100},
		"image":      {Image: short{blob.Bytes(text(9 * block))}, Chunk: block},
		"late image": {Image: short{blob.Bytes(text(99 * block))}, Chunk: block, Methods: []string{"rar"}},
	} {
		p := &otatest.Payload{Temp: dir, Partitions: []otatest.PayloadPartition{part}}
		if _, err := p.Write(io.Discard); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// short has fewer bytes than it says.
type short struct{ blob.Blob }

func (s short) Size() int64 { return s.Blob.Size() + 1 }
