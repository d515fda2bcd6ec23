package ota_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// An example is something that people hand in, and how much of it is opened. The
// layouts' own tests hold what comes out against the tools that packed it.
type example func(t *testing.T) ota.Opens

// at opens a file below the module's root.
func at(elem ...string) example {
	return func(t *testing.T) ota.Opens {
		p, err := ota.OpenPath(t.Context(), filepath.Join(append([]string{otatest.Root(t)}, elem...)...), ota.Options{Spool: t.TempDir()})
		return opened(t, p, err)
	}
}

// given opens bytes that a test builds.
func given(build func(t *testing.T) []byte) example {
	return func(t *testing.T) ota.Opens {
		p, err := ota.Open(t.Context(), blob.Bytes(build(t)), "update", ota.Options{Spool: t.TempDir()})
		return opened(t, p, err)
	}
}

// opened tells how much was opened: every image is made, some are not, or nothing is said but why.
func opened(t *testing.T, p *ota.Package, err error) ota.Opens {
	t.Helper()
	if err != nil {
		if !errors.Is(err, parse.ErrUnsupported) {
			t.Errorf("refused as broken: %v", err)
		}
		return ota.OpensNot
	}
	defer p.Close()
	r, err := ota.Materialise(t.Context(), p, ota.Pass{Jobs: 2})
	if err != nil {
		t.Fatal(err)
	}
	opens := ota.OpensAll
	for _, made := range r.Made {
		if made.Err != nil {
			opens = ota.OpensSome
		}
	}
	for _, q := range p.Problems {
		if q.Installs {
			opens = ota.OpensSome
		}
	}
	if p.Layout == ota.LayoutAPEX && payloadOf(t, p) != nil {
		opens = ota.OpensSome
	}
	if len(p.Partitions) == 0 && p.Layout != ota.LayoutAPK && p.Layout != ota.LayoutAPEX {
		t.Errorf("layout %s, no partitions", p.Layout)
	}
	return opens
}

// payloadOf opens the files of a lone APEX, compressed or not.
func payloadOf(t *testing.T, p *ota.Package) error {
	t.Helper()
	fsys, budget := p.Members, p.Budget()
	for _, name := range []string{"original_apex", "apex_payload.img"} {
		if _, err := fs.Stat(fsys, name); name == "original_apex" && err != nil {
			continue
		}
		b, closer, err := ota.OpenBlob(t.Context(), fsys, name, t.TempDir())
		if err != nil {
			return err
		}
		defer closer()
		if fsys, budget, err = ota.Inside(t.Context(), b, budget, t.TempDir()); err != nil {
			return err
		}
	}
	_, err := fs.ReadDir(fsys, ".")
	return err
}

// files opens the first partition's files, or with a name what is inside one of its parts.
func files(image, part string) example {
	return func(t *testing.T) ota.Opens {
		b, err := os.ReadFile(filepath.Join(otatest.Root(t), image))
		if err != nil {
			t.Fatal(err)
		}
		p := openBytes(t, b)
		if part == "" {
			if _, err := p.Partitions[0].FS(t.Context()); errors.Is(err, parse.ErrUnsupported) {
				return ota.OpensNot
			} else if err != nil {
				t.Error(err)
			}
			return ota.OpensAll
		}
		inside, _, err := ota.Inside(t.Context(), p.Partitions[0].Image, p.Budget(), "")
		if err != nil {
			t.Fatal(err)
		}
		in, closer, err := ota.OpenBlob(t.Context(), inside, part, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer closer()
		if _, _, err := ota.Inside(t.Context(), in, p.Budget(), ""); errors.Is(err, parse.ErrUnsupported) {
			return ota.OpensNot
		} else if err != nil {
			t.Error(err)
		}
		return ota.OpensAll
	}
}

// apex is a module whose files are in an image that mke2fs has made.
func apex(t *testing.T) []byte {
	img := otatest.Fixture(t, images(t, "ext4/tiny.img.gz"))
	return zipOf(t, map[string]string{"apex_payload.img": string(img), "AndroidManifest.xml": ""})
}

// blockZip is a block update with a script as block updates have it.
func blockZip(list string, data []byte) []byte {
	z := &otatest.ZipBuilder{Members: []otatest.ZipMember{
		{Name: "META-INF/com/google/android/update-binary", Data: []byte("\x7fELF")},
		{Name: "META-INF/com/google/android/updater-script", Data: []byte(`block_image_update("/dev/block/by-name/system", package_extract_file("system.transfer.list"), "system.new.dat", "system.patch.dat");`)},
		{Name: "system.transfer.list", Data: []byte(list)}, {Name: "system.new.dat", Data: data}, {Name: "system.patch.dat"}}}
	return z.Bytes()
}

func mark(s string) example {
	return given(func(*testing.T) []byte { return append([]byte(s), bytes.Repeat([]byte{1}, 5000)...) })
}

// examples are by the words of Formats.
var examples = map[string][]example{
	"file-based OTA zip (2009 to 2014)": {at("testdata/updates/example.zip"), at("testdata/updates/nimbus-2014-08.zip")},
	"block-based OTA zip, full": {given(func(t *testing.T) []byte {
		list, data, err := (&otatest.Transfer{Image: blob.Bytes(image(3, 4<<20))}).Write()
		if err != nil {
			t.Fatal(err)
		}
		return blockZip(list, data)
	})},
	"block-based OTA zip, incremental": {given(func(*testing.T) []byte {
		return blockZip("4\n2\n0\n0\nnew 2,0,1\nmove "+strings.Repeat("a", 40)+" 2,1,2 1 2,0,1\n", make([]byte, 4096))
	})},
	"A/B OTA zip or `payload.bin`, full": {at("testdata/updates/nimbus-ab.zip")},
	"A/B OTA zip or `payload.bin`, incremental": {given(func(t *testing.T) []byte {
		var buf bytes.Buffer
		p := &otatest.Payload{MinorVersion: 6, Temp: t.TempDir(), Partitions: []otatest.PayloadPartition{{Name: "boot", Image: blob.Bytes(make([]byte, 4096)),
			Extra: otatest.Proto(nil).Bytes(6, otatest.Proto(nil).Varint(1, 4096).Bytes(2, make([]byte, 32))), // old_partition_info
			Op: func(_ int, op *otatest.PayloadOp) {
				op.Type, op.Src = 4, []otatest.PayloadExtent{{Start: 0, Blocks: 1}}
			}}}} // SOURCE_COPY
		if _, err := p.Write(&buf); err != nil {
			t.Fatal(err)
		}
		return buf.Bytes()
	})},
	"target-files zip": {at("testdata/images/archives/target-files.zip")},
	"images for fastboot in a zip, `.tgz` or other tar": {at("testdata/images/archives/fastboot.tgz"), at("testdata/images/archives/update.zip"),
		at("testdata/images/archives/images.tar.xz"), at("testdata/images/archives/motorola.zip")},
	"factory archive: a zip of images in a zip": {at("testdata/images/archives/factory.zip"), at("testdata/images/archives/factory-deflated.zip")},
	"Samsung's `.tar.md5`, or a zip of them":    {at("testdata/images/archives/AP_NIMBUS.tar.md5"), at("testdata/images/archives/odin.zip")},
	"super image: raw, sparse, in split sparse chunks, on several block devices": {at("testdata/images/super/super.img"), at("testdata/images/super/super.simg"),
		at("testdata/images/archives/motorola.zip"), at("testdata/images/archives/retrofit.zip")},
	"lone image: raw, sparse, in gzip, xz, lzma, bzip2, zstd, lz4 or brotli": {at("testdata/images/boot/v4.img"), at("testdata/images/sparse/basic.simg"),
		at("testdata/images/archives/system.img.gz"), at("testdata/images/archives/system.img.xz"), at("testdata/images/archives/system.img.lzma"), at("testdata/images/archives/system.img.bz2"),
		at("testdata/images/archives/system.img.zst"), at("testdata/images/archives/system.img.lz4"), at("testdata/images/archives/system.img.br")},
	"unpacked folder: a dump, an unpacked update, `$OUT`": {func(t *testing.T) ota.Opens {
		dir := t.TempDir()
		for _, name := range []string{"system/app", "system/etc"} {
			if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		boot, err := os.ReadFile(images(t, "boot/v4.img"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "boot.img"), boot, 0o644); err != nil {
			t.Fatal(err)
		}
		p, err := ota.OpenPath(t.Context(), dir, ota.Options{})
		return opened(t, p, err)
	}},
	"lone APK": {given(func(t *testing.T) []byte {
		return zipOf(t, map[string]string{"AndroidManifest.xml": "", "classes.dex": ""})
	})},
	"lone APEX or CAPEX": {given(func(t *testing.T) []byte {
		return apex(t)
	}), given(func(t *testing.T) []byte {
		return zipOf(t, map[string]string{"original_apex": string(apex(t)), "AndroidManifest.xml": ""})
	})},
	"filesystems of images: ext4, EROFS, F2FS, squashfs": {files("testdata/updates/nimbus-ab.zip", ""),
		files("testdata/images/ext4/android.img.gz", ""), files("testdata/images/ext4/ext2.img.gz", ""), files("testdata/images/erofs/lzma-prefix.img.gz", ""),
		files("testdata/images/f2fs/sload.img.zst", ""), files("testdata/images/squashfs/xz-bcj.img", "")},
	"ramdisks (cpio)":  {files("testdata/images/layers/boot.img", "ramdisk"), files("testdata/images/cpio/gnu.cpio.gz", ""), files("testdata/images/cpio/joined.img", "")},
	"7z, RAR, `.ozip`": {mark("7z\xbc\xaf\x27\x1c"), mark("Rar!\x1a\x07\x00"), mark("OPPOENCRYPT!")},
}

// What Formats says, and the README with it, is what comes of examples.
func TestFormats(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range ota.Formats() {
		t.Run(f.Given, func(t *testing.T) {
			if len(examples[f.Given]) == 0 {
				t.Fatal("nothing proves it")
			}
			for i, open := range examples[f.Given] {
				if got := open(t); got != f.Opens {
					t.Errorf("example %d %s, the table says %s", i, got, f.Opens)
				}
			}
		})
		seen[f.Given] = true
	}
	for given := range examples {
		if !seen[given] {
			t.Errorf("an example of %q, of which the table does not speak", given)
		}
	}
}
