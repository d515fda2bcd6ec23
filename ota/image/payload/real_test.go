package payload_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/payload"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// The payloads of update_engine's own tests become the images that they were
// made from.
func TestReal(t *testing.T) {
	images := map[string]string{"kernel": "disk_ext2_4k.img", "root": "disk_sqfs_default.img"}
	older := map[string]string{"kernel": "disk_ext2_4k_empty.img", "root": "disk_sqfs_empty.img"}
	equal, checked, of := 0, 0, 0
	for name, delta := range map[string]bool{"full_payload.bin": false, "delta_payload.bin": true} {
		b := read(t, name)
		p := open(t, b)
		if p.Full() == delta || len(p.Notes()) > 0 || len(p.Unknown()) > 0 || len(p.Partitions) != 2 || p.PayloadSignature.Len != 0 {
			t.Errorf("%s: full %v, %q, %v, %d partitions", name, p.Full(), p.Notes(), p.Unknown(), len(p.Partitions))
		}
		for _, part := range p.Partitions {
			for i := range part.Operations {
				if err := part.CheckData(i); err != nil {
					t.Errorf("%s: %v", name, err)
				} else if part.Operations[i].DataLength > 0 {
					checked++
				}
				if len(part.Operations[i].DataHash) > 0 {
					of++
				}
			}
			want := read(t, images[part.Name])
			if !bytes.Equal(part.New.Hash, sha(want)) || part.New.Size != int64(len(want)) {
				t.Errorf("%s: %s is not %s", name, part.Name, images[part.Name])
			}
			if delta {
				if old := read(t, older[part.Name]); !bytes.Equal(part.Old.Hash, sha(old)) || part.Old.Size != int64(len(old)) {
					t.Errorf("%s: %s was not %s", name, part.Name, older[part.Name])
				}
			}
			if delta && part.Name == "kernel" {
				_, err := part.Blob(payload.Options{Decode: std})
				if !errors.Is(err, parse.ErrUnsupported) || !strings.Contains(err.Error(), "operation 0 of kernel, BROTLI_BSDIFF: it needs the older image") {
					t.Errorf("%s: %v", name, err)
				}
				var types []string
				for _, op := range part.Operations {
					types = append(types, op.Type.String())
				}
				if got, want := strings.Join(types, " "), "BROTLI_BSDIFF ZERO REPLACE_BZ SOURCE_COPY ZERO REPLACE_BZ REPLACE_BZ ZERO REPLACE_BZ ZERO REPLACE_BZ ZERO REPLACE_BZ ZERO"; got != want {
					t.Errorf("%s: %s, want %s", name, got, want)
				}
				continue
			}
			if !bytes.Equal(image(t, part, std), want) {
				t.Errorf("%s: %s does not become %s", name, part.Name, images[part.Name])
			} else if err := part.Check(payload.Options{Decode: std}); err != nil {
				t.Errorf("%s: %v", name, err)
			} else {
				equal++
			}
		}
	}
	t.Logf("%d of %d partitions without source operations become their images, bit by bit", equal, 3)
	t.Logf("%d of %d operations with data have the data that their hashes say", checked, of)
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(otatest.Data(t, "payload", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// protoc reads the same manifests, without a schema.
func TestProtoc(t *testing.T) {
	protoc := otatest.Tool(t, "protoc")
	f, _, _ := full()
	delta := new(file)
	delta.manifest = []*node{n(12, 8), n(3, block), n(16, 1), part("p", make([]byte, block), msg(6, n(1, 9)), extent(14, 0, 1),
		op(payload.SourceBsdiff, n(2, 0), n(3, 1), n(5, 4096), n(7, 4096), n(9, sha(nil)), extent(4, 0, 1), dst(0, 1)))}
	delta.data = []byte("!")
	cases := map[string][]byte{"all fields": f.bytes(), "fields of deltas": delta.bytes()}
	for _, name := range []string{"full_payload.bin", "delta_payload.bin"} {
		cases[name] = read(t, name)
	}
	same, of, lines := 0, 0, 0
	for name, b := range cases {
		p := open(t, b)
		cmd := exec.Command(protoc, "--decode_raw")
		cmd.Stdin = bytes.NewReader(b[24:p.Metadata.Len])
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		got, want := dump(p), flatten(t, string(out))
		of++
		if lines += len(want); slices.Equal(got, want) {
			same++
			continue
		}
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				t.Errorf("%s: value %d: got %q, protoc %q", name, i, got[min(i, len(got)-1)], want[min(i, len(want)-1)])
				break
			}
		}
	}
	t.Logf("%d of %d manifests are read as by protoc, %d values", same, of, lines)
}

// flatten turns protoc's text into lines like "13/0 8/2 6/0 1/0 = 512": numbers
// of fields, and which of those of that number it is.
func flatten(t *testing.T, text string) (lines []string) {
	var path []string
	seen := []map[string]int{{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		number, value, ok := strings.Cut(line, ": ")
		number = strings.TrimSuffix(number, " {")
		top := seen[len(seen)-1]
		here := fmt.Sprintf("%s/%d", number, top[number])
		switch {
		case line == "}":
			path, seen = path[:len(path)-1], seen[:len(seen)-1]
			continue
		case !ok:
			path, seen = append(path, here), append(seen, map[string]int{})
		default:
			if strings.HasPrefix(value, `"`) {
				s, err := strconv.Unquote(strings.ReplaceAll(value, `\'`, "'"))
				if err != nil {
					t.Fatal(err, value)
				}
				value = fmt.Sprintf("%x", s)
			} else if v, err := strconv.ParseUint(value, 0, 64); err == nil {
				value = fmt.Sprint(v)
			}
			lines = append(lines, strings.Join(append(slices.Clone(path), here), " ")+" = "+value)
		}
		top[number]++
	}
	slices.Sort(lines)
	return lines
}

// dump writes a payload's manifest as flatten does.
func dump(p *payload.Payload) (lines []string) {
	put := func(path string, has bool, number int, v any) {
		if !has {
			return
		}
		switch x := v.(type) {
		case bool:
			v = 0
			if x {
				v = 1
			}
		case string:
			v = fmt.Sprintf("%x", x)
		case []byte:
			v = fmt.Sprintf("%x", x)
		}
		lines = append(lines, fmt.Sprintf("%s%d/0 = %v", path, number, v))
	}
	all := func(path string, f payload.Fields, values map[int]any) {
		for number, v := range values {
			put(path, f.Has(number), number, v)
		}
	}
	extent := func(path string, x payload.Extent) {
		if x.Blocks > 0 {
			put(path, true, 1, x.Start)
			put(path, true, 2, x.Blocks)
		}
	}
	all("", p.Manifest.Fields, map[int]any{3: p.BlockSize, 4: p.PayloadSignature.Off - p.Data.Off, 5: p.PayloadSignature.Len, 12: p.MinorVersion,
		14: p.MaxTimestamp, 16: p.PartialUpdate, 18: p.SecurityPatchLevel})
	for i, part := range p.Partitions {
		at := fmt.Sprintf("13/%d ", i)
		all(at, part.Fields, map[int]any{1: part.Name, 2: part.RunPostinstall, 3: part.PostinstallPath, 4: part.FilesystemType, 9: part.PostinstallOptional,
			12: part.HashTreeAlgorithm, 13: part.HashTreeSalt, 16: part.FECRoots, 17: part.Version, 19: part.EstimateCowSize, 20: part.EstimateOpCountMax})
		for j, s := range part.NewSignatures {
			all(fmt.Sprintf("%s5/%d ", at, j), s.Fields, map[int]any{1: s.Version, 2: s.Data, 3: s.Unpadded})
		}
		if part.Old != nil {
			all(at+"6/0 ", part.Old.Fields, map[int]any{1: part.Old.Size, 2: part.Old.Hash})
		}
		all(at+"7/0 ", part.New.Fields, map[int]any{1: part.New.Size, 2: part.New.Hash})
		for number, x := range map[int]payload.Extent{10: part.HashTreeData, 11: part.HashTree, 14: part.FECData, 15: part.FEC} {
			extent(fmt.Sprintf("%s%d/0 ", at, number), x)
		}
		for j, op := range part.Operations {
			at := fmt.Sprintf("%s8/%d ", at, j)
			all(at, op.Fields, map[int]any{1: int32(op.Type), 2: op.DataOffset, 3: op.DataLength, 5: op.SrcLength, 7: op.DstLength, 8: op.DataHash, 9: op.SrcHash})
			for k, x := range op.Src {
				extent(fmt.Sprintf("%s4/%d ", at, k), x)
			}
			for k, x := range op.Dst {
				extent(fmt.Sprintf("%s6/%d ", at, k), x)
			}
		}
		for j, g := range part.Merges {
			at := fmt.Sprintf("%s18/%d ", at, j)
			all(at, g.Fields, map[int]any{1: g.Type, 4: g.SrcOffset})
			extent(at+"2/0 ", g.Src)
			extent(at+"3/0 ", g.Dst)
		}
	}
	if y := p.Dynamic; y != nil {
		all("15/0 ", y.Fields, map[int]any{2: y.SnapshotEnabled, 3: y.VABCEnabled, 4: y.VABCCompressionParam, 5: y.CowVersion, 7: y.CompressionFactor})
		for i, g := range y.Groups {
			at := fmt.Sprintf("15/0 1/%d ", i)
			all(at, g.Fields, map[int]any{1: g.Name, 2: g.Size})
			for j, name := range g.Partitions {
				lines = append(lines, fmt.Sprintf("%s3/%d = %x", at, j, name))
			}
		}
		if v := y.VABCFeatures; v != nil {
			all("15/0 6/0 ", v.Fields, map[int]any{1: v.Threaded, 2: v.BatchWrites})
		}
	}
	for i, a := range p.Apexes {
		all(fmt.Sprintf("17/%d ", i), a.Fields, map[int]any{1: a.Package, 2: a.Version, 3: a.Compressed, 4: a.DecompressedSize})
	}
	slices.Sort(lines)
	return lines
}

// A payload that ends early is an error with a place, wherever it ends, and so
// is a manifest that ends early although the header says so.
func TestTruncated(t *testing.T) {
	f, _, _ := full()
	truncate(t, f.bytes())
}

func TestTruncatedReal(t *testing.T) {
	truncate(t, read(t, "delta_payload.bin"))
}

func truncate(t *testing.T, b []byte) {
	refused, of := 0, 0
	try := func(b []byte) {
		of++
		var pe *parse.Error
		if _, err := payload.Open(blob.Bytes(b), nil); !errors.As(err, &pe) || pe.Off < 0 || pe.Off > int64(len(b)) {
			t.Errorf("%d bytes, manifest of %d: %v", len(b), int(b[18])<<8+int(b[19]), err)
		} else {
			refused++
		}
	}
	p := open(t, b)
	for n := range b {
		try(b[:n:n])
	}
	for n := 24; n < int(p.Metadata.Len); n++ {
		if string(b[n:p.Metadata.Len]) == "\x70\x00" {
			continue // max_timestamp is last, and a manifest without it is a manifest
		}
		cut := concat(b[:n], b[p.Metadata.Len:])
		cut[18], cut[19] = byte((n-24)>>8), byte(n-24)
		try(cut)
	}
	t.Logf("%d of %d payloads that end early are refused, with an offset", refused, of)
}
