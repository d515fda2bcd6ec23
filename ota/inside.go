package ota

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/boot"
	"github.com/otavet/otavet/ota/image/dtbo"
	"github.com/otavet/otavet/ota/parse"
)

// Inside gives what a file or image holds, and a budget for what is read from
// it: the members of a zip (an APK, an APEX) or tar, the files of a filesystem or
// ramdisk, the parts of a boot or vendor_boot image, the device trees of a dtbo image. Of
// anything else the error is parse.ErrUnsupported. An fs.FS that is an io.Closer is
// closed by the caller; spool is where it has its temporary files.
func Inside(ctx context.Context, b blob.Blob, outer *parse.Budget, spool string) (fs.FS, *parse.Budget, error) {
	head, err := peek(b, headSize)
	if err != nil {
		return nil, nil, err
	}
	b = blob.WithContext(ctx, b)
	for _, in := range insides {
		if !in.is(head) {
			continue
		}
		budget, err := outer.Inside(in.format, b.Size())
		if err != nil {
			return nil, nil, err
		}
		fsys, err := in.open(b, budget)
		if err != nil {
			return nil, nil, err
		}
		return fsys, budget, nil
	}
	for _, f := range filesystems {
		if !hasMark(b, head, magic{off: f.off, mark: f.mark}) {
			continue
		}
		budget, err := outer.Inside(f.name, b.Size())
		if err != nil {
			return nil, nil, err
		}
		fsys, err := f.open(b, budget, spool)
		if err != nil {
			return nil, nil, err
		}
		return &imageFS{fsys, f.name}, budget, nil
	}
	if packedRamdisk(b, head) {
		budget, err := outer.Inside("cpio", b.Size())
		if err != nil {
			return nil, nil, err
		}
		fsys, err := openRamdisk(b, budget, spool)
		if err != nil {
			return nil, nil, err
		}
		return &imageFS{fsys, "cpio"}, budget, nil
	}
	return nil, nil, &parse.Error{Format: "container", Off: 0, Msg: "not one that is looked into", Kind: parse.ErrUnsupported}
}

// insides are the formats that Inside opens.
var insides = []struct {
	format string
	is     func(head []byte) bool
	open   func(blob.Blob, *parse.Budget) (fs.FS, error)
}{
	{"zip", looksLikeZip, func(b blob.Blob, bud *parse.Budget) (fs.FS, error) { return typed(archive.OpenZip(b, bud)) }},
	{"tar", archive.IsTar, func(b blob.Blob, bud *parse.Budget) (fs.FS, error) { return typed(archive.OpenTar(b, bud)) }},
	{"boot", func(h []byte) bool { return begins(h, "ANDROID!", "VNDRBOOT") }, insideBoot},
	{"dtbo", func(h []byte) bool { return begins(h, "\xd7\xb7\xab\x1e") }, insideDTBO},
}

// typed keeps a nil of a type from becoming an fs.FS that is not nil.
func typed[T fs.FS](fsys T, err error) (fs.FS, error) {
	if err != nil {
		return nil, err
	}
	return fsys, nil
}

func begins(head []byte, marks ...string) bool {
	for _, m := range marks {
		if strings.HasPrefix(string(head), m) {
			return true
		}
	}
	return false
}

// insideBoot shows the parts of a boot image as files, without the headers that
// some vendors put before them; the ramdisks of a vendor_boot stand apart.
func insideBoot(b blob.Blob, bud *parse.Budget) (fs.FS, error) {
	img, err := boot.Open(b, bud)
	if err != nil {
		return nil, err
	}
	fsys := newBlobFS()
	for _, part := range img.Parts {
		in := part.Blob
		if part.Wrapper != nil {
			in = part.Wrapper.Blob
		}
		if part.Name == boot.PartVendorRamdisk && len(img.Ramdisks) > 0 {
			continue
		}
		fsys.add(part.Name, in)
	}
	for i, r := range img.Ramdisks {
		name := parse.Escape(r.Name)
		if name == "" {
			name = fmt.Sprint(i)
		}
		fsys.add(boot.PartVendorRamdisk+"_"+strings.ReplaceAll(name, "/", "%2F"), r.Blob)
	}
	return fsys, nil
}

// IsRamdisk tells whether a part of a boot or vendor_boot image, by the name that Inside gives
// it, is a ramdisk, which Inside has to open.
func IsRamdisk(part string) bool {
	return part == boot.PartRamdisk || strings.HasPrefix(part, boot.PartVendorRamdisk)
}

func insideDTBO(b blob.Blob, bud *parse.Budget) (fs.FS, error) {
	t, err := dtbo.Open(b, bud)
	if err != nil {
		return nil, err
	}
	fsys := newBlobFS()
	for i := range t.Entries {
		fsys.add(fmt.Sprintf("dtb.%d", i), t.Entries[i].Blob)
	}
	return fsys, nil
}
