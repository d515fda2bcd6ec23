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
	return openInside(ctx, b, outer, spool, insideOf)
}

// InsideImage is Inside for what is known to be the image of a filesystem, such as that of a module: whatever stands before
// its superblock.
func InsideImage(ctx context.Context, b blob.Blob, outer *parse.Budget, spool string) (fs.FS, *parse.Budget, error) {
	return openInside(ctx, b, outer, spool, filesystemOf)
}

func openInside(ctx context.Context, b blob.Blob, outer *parse.Budget, spool string, find func(blob.Blob, []byte) (opener, bool)) (fs.FS, *parse.Budget, error) {
	head, err := peek(b, headSize)
	if err != nil {
		return nil, nil, err
	}
	b = blob.WithContext(ctx, b)
	in, ok := find(b, head)
	if !ok {
		return nil, nil, &parse.Error{Format: "container", Off: 0, Msg: "not one that is looked into", Kind: parse.ErrUnsupported}
	}
	budget, err := outer.Inside(in.format, b.Size())
	if err != nil {
		return nil, nil, err
	}
	fsys, err := in.open(b, budget, spool)
	if err != nil {
		return nil, nil, err
	}
	return fsys, budget, nil
}

// insideOf finds the opener for what b holds.
func insideOf(b blob.Blob, head []byte) (opener, bool) {
	for _, in := range insides {
		if in.is(head) {
			return in.opener, true
		}
	}
	if in, ok := filesystemOf(b, head); ok {
		return in, true
	}
	return ramdisk, packedRamdisk(b, head)
}

// insides are the containers that Inside opens beside filesystems.
var insides = []struct {
	is func(head []byte) bool
	opener
}{
	{looksLikeZip, container("zip", archive.OpenZip)},
	{archive.IsTar, container("tar", archive.OpenTar)},
	{func(h []byte) bool { return begins(h, "ANDROID!", "VNDRBOOT") }, container("boot", insideBoot)},
	{func(h []byte) bool { return begins(h, "\xd7\xb7\xab\x1e") }, container("dtbo", insideDTBO)},
}

// container makes an opener, and keeps a nil of a type from becoming an fs.FS that is not nil.
func container[T fs.FS](format string, open func(blob.Blob, *parse.Budget) (T, error)) opener {
	return opener{format, func(b blob.Blob, bud *parse.Budget, _ string) (fs.FS, error) {
		fsys, err := open(b, bud)
		if err != nil {
			return nil, err
		}
		return fsys, nil
	}}
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
	part = strings.TrimLeft(part, "_") // of which one is put before a name that is taken
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
