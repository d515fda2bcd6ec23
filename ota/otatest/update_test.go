package otatest_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
)

func update() *otatest.UpdateZip {
	return &otatest.UpdateZip{
		Payload: &otatest.Payload{
			Partitions: []otatest.PayloadPartition{{Name: "system", Image: blob.Bytes(text(5 * block))}},
			Sign:       func(digest []byte) []byte { return otatest.PayloadSignatures(64, digest) },
		},
		Metadata: otatest.UpdateMetadata{
			Type: otatest.UpdateAB, Wipe: true, SPLDowngrade: true,
			Pre: otatest.DeviceState{Device: []string{"one", "two"}, Build: []string{"a/b"}, BuildIncremental: "6"},
			Post: otatest.DeviceState{Device: []string{"one"}, Build: []string{"x/y", "x/z"}, BuildIncremental: "7", Timestamp: 1700000000, SDKLevel: "35", SecurityPatchLevel: "2023-11-01",
				Partitions: []otatest.PartitionState{{Name: "system", Device: []string{"one"}, Build: []string{"x/y"}, Version: "1700000000"}}},
		},
		Members: []otatest.ZipMember{
			{Name: "META-INF/com/android/otacert", Data: []byte("certificate"), Deflate: true},
			{Name: "care_map.pb", Data: otatest.CareMap(otatest.CareMapPartition{Name: "system", Ranges: "2,0,5", Fingerprint: "x/y"})},
		},
	}
}

// members are all members of a ZIP file, read by Go's own package.
func members(t testing.TB, b []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		m[f.Name] = string(data)
	}
	return m
}

func lines(text string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(text) {
		k, v, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		m[k] = v
	}
	return m
}

// releasetools computes the property files of an update, as ota_utils.py does,
// and Python's reader of ZIP files.
const releasetools = `
import os, struct, sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
def place(name):
    i = z.getinfo(name)
    return i.header_offset + zipfile.sizeFileHeader + len(i.extra) + len(i.filename), i.file_size
def token(name):
    return '%s:%d:%d' % ((os.path.basename(name),) + place(name))
off, size = place('payload.bin')
z.fp.seek(off)
magic, version, manifest, signature = struct.unpack('!IQQL', z.fp.read(24))
assert magic == 0x43724155 and 24 + manifest + signature <= size
tokens = [token('payload.bin'), token('payload_properties.txt')]
tokens += [token(n) for n in ('apex_info.pb', 'care_map.pb', 'care_map.txt', 'compatibility.zip') if n in z.namelist()]
tokens += [token('META-INF/com/android/metadata'), token('META-INF/com/android/metadata.pb')]
print('payload_metadata.bin:%d:%d,' % (off, 24 + manifest + signature) + ','.join(tokens))
print(','.join(tokens))
`

func TestUpdateZip(t *testing.T) {
	b, err := update().Bytes()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "update.zip")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := otatest.Run(t, "unzip", "-tq", name); err != nil {
		t.Errorf("unzip: %v\n%s", err, out)
	}
	out, err := otatest.Run(t, "python3", "-c", releasetools, name)
	if err != nil {
		t.Fatalf("python3: %v\n%s", err, out)
	}
	all, streaming, _ := strings.Cut(out, "\n")
	m := members(t, b)
	said := lines(m["META-INF/com/android/metadata"])
	for key, want := range map[string]string{"ota-property-files": all, "ota-streaming-property-files": streaming} {
		files := said[key]
		delete(said, key)
		if strings.TrimRight(files, " ") != want || !strings.HasSuffix(files, " ") {
			t.Errorf("%s\ngot  %q\nwant %q and spaces", key, files, want)
		}
	}
	if want := "map[ota-required-cache:0 ota-type:AB ota-wipe:yes post-build:x/y|x/z post-build-incremental:7 post-sdk-level:35 post-security-patch-level:2023-11-01 " +
		"post-timestamp:1700000000 pre-build:a/b pre-build-incremental:6 pre-device:one|two spl-downgrade:yes]"; fmt.Sprint(said) != want {
		t.Errorf("metadata\ngot  %v\nwant %s", said, want)
	}
	whole := sha256.Sum256([]byte(m["payload.bin"]))
	if p := lines(m["payload_properties.txt"]); p["FILE_SIZE"] != fmt.Sprint(len(m["payload.bin"])) || p["FILE_HASH"] != base64.StdEncoding.EncodeToString(whole[:]) {
		t.Errorf("properties %v", p)
	}
	if m["META-INF/com/android/otacert"] != "certificate" {
		t.Error("a deflated member")
	}
}

// The message says what the text says, to protoc: numbers of ota_metadata.proto
// and care_map.proto.
func TestUpdateMessages(t *testing.T) {
	u := update()
	u.Metadata.Downgrade, u.Metadata.RetrofitDynamicPartitions, u.Metadata.RequiredCache = true, true, 300
	b, err := u.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	m := members(t, b)
	said := lines(m["META-INF/com/android/metadata"])
	for name, want := range map[string]string{
		"META-INF/com/android/metadata.pb": fmt.Sprintf(`1: 1 2: 1 3: 1 4 { 1: "ota-property-files" 2: %q } 4 { 1: "ota-streaming-property-files" 2: %q } `+
			`5 { 1: "one" 1: "two" 2: "a/b" 3: "6" } 6 { 1: "one" 2: "x/y" 2: "x/z" 3: "7" 4: 1700000000 5: "35" 6: "2023-11-01" 7 { 1: "system" 2: "one" 3: "x/y" 4: "1700000000" } } `+
			`7: 1 8: 300 9: 1`, said["ota-property-files"], said["ota-streaming-property-files"]),
		"care_map.pb": `1 { 1: "system" 2: "2,0,5" 3: "x/y" }`,
	} {
		cmd := exec.Command(otatest.Tool(t, "protoc"), "--decode_raw")
		cmd.Stdin = strings.NewReader(m[name])
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got []string
		for line := range strings.Lines(string(out)) {
			got = append(got, strings.TrimSpace(line))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s\ngot  %s\nwant %s", name, strings.Join(got, " "), want)
		}
	}
}

// Every statement can be made false, and no other changes with it.
func TestUpdateBent(t *testing.T) {
	honest, err := update().Bytes()
	if err != nil {
		t.Fatal(err)
	}
	want := members(t, honest)
	for name, c := range map[string]struct {
		bend    func(*otatest.UpdateZip)
		changed string // the members whose bytes are others
		has     string // in the first of them
	}{
		"nothing": {func(*otatest.UpdateZip) {}, "", ""},
		"file hash": {func(u *otatest.UpdateZip) {
			u.Properties = func(p *otatest.PayloadProperties) { p.FileHash = make([]byte, 32) }
		}, "payload_properties.txt", "FILE_HASH=AAAAAAAA"},
		"property": {func(u *otatest.UpdateZip) {
			u.Properties = func(p *otatest.PayloadProperties) { p.Lines = []string{"POWERWASH=1"} }
		}, "payload_properties.txt", "\nPOWERWASH=1\n"},
		"offset": {func(u *otatest.UpdateZip) {
			u.Files = func(name, files string) string { return strings.Replace(files, "payload.bin:", "payload.bin:9", 1) }
		}, "META-INF/com/android/metadata META-INF/com/android/metadata.pb", "payload.bin:9"},
		"text": {func(u *otatest.UpdateZip) {
			u.Text = func(m *otatest.UpdateMetadata) {
				m.Type, m.Post.Build[0], m.Lines = otatest.UpdateBlock, "q/r", []string{"ota-id=1"}
			}
		}, "META-INF/com/android/metadata", "ota-id=1\n"},
		"message": {func(u *otatest.UpdateZip) {
			u.Message = func(m *otatest.UpdateMetadata) { m.Post.Timestamp, m.Extra = 1, otatest.Proto(nil).Varint(77, 1) }
		}, "META-INF/com/android/metadata.pb", ""},
		"a payload that is named otherwise": {func(u *otatest.UpdateZip) {
			u.Member = func(m *otatest.ZipMember) { m.Name = strings.Replace(m.Name, "payload.bin", "payload.bim", 1) }
		}, "payload.bin", ""},
		"a comment": {func(u *otatest.UpdateZip) { u.End.Comment, u.End.Zip64 = "comment", true }, "", ""},
	} {
		u := update()
		c.bend(u)
		b, err := u.Bytes()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := members(t, b)
		var changed []string
		for _, member := range []string{"META-INF/com/android/metadata", "META-INF/com/android/metadata.pb", "payload_properties.txt", "payload.bin", "care_map.pb"} {
			// Places may move: a text that is longer moves what is behind it.
			a, b := got[member], want[member]
			if name == "text" || name == "message" || name == "property" {
				a, b = withoutPlaces(a), withoutPlaces(b)
			}
			if a != b {
				changed = append(changed, member)
			}
		}
		if strings.Join(changed, " ") != c.changed {
			t.Errorf("%s: changed %s, want %s", name, changed, c.changed)
		} else if len(changed) > 0 && !strings.Contains(got[changed[0]], c.has) {
			t.Errorf("%s: no %q in %q", name, c.has, got[changed[0]])
		}
	}
}

// withoutPlaces cuts the property files out.
func withoutPlaces(s string) string {
	for {
		from := strings.Index(s, "payload.bin:")
		if from < 0 {
			return s
		}
		if at := strings.Index(s, "payload_metadata.bin:"); at >= 0 && at < from {
			from = at
		}
		n := len(s[from:]) - len(strings.TrimLeft(s[from:], "abcdefghijklmnopqrstuvwxyz_.:,0123456789"))
		s = s[:from] + s[from+n:]
	}
}

// A size that never comes to rest is an error, not a loop.
func TestUpdateRestless(t *testing.T) {
	u, n := update(), 0
	u.Text = func(m *otatest.UpdateMetadata) { n++; m.Lines = []string{strings.Repeat("x", n)} }
	if _, err := u.Bytes(); err == nil || n > 20 {
		t.Errorf("%v after %d rounds", err, n)
	}
}
