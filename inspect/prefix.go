package inspect

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"

	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// inside is ota.Inside for a file of that name. What is called an app or the like is a zip whatever it begins with:
// Android reads a zip from its end (CVE-2017-13156, "Janus"). The image of a module is a filesystem, whatever stands
// before its superblock.
func inside(ctx context.Context, name string, b blob.Blob, outer *parse.Budget, spool string) (fs.FS, *parse.Budget, error) {
	if path.Base(name) == modulePayload {
		return ota.InsideImage(ctx, b, outer, spool)
	}
	if isCalledZip(name) {
		budget, err := outer.Inside("zip", b.Size())
		if err != nil {
			return nil, nil, err
		}
		z, err := archive.OpenZip(blob.WithContext(ctx, b), budget)
		if err == nil {
			return z, budget, nil
		}
		if errors.Is(err, parse.ErrLimit) {
			return nil, nil, err // which a device may not have
		}
	}
	return ota.Inside(ctx, b, outer, spool) // which says what is wrong
}

// modulePayload is the image of an APEX.
const modulePayload = "apex_payload.img"

func isCalledZip(name string) bool {
	return slices.Contains([]string{".apk", ".apex", ".capex", ".jar"}, path.Ext(name))
}

// isPrefixed tells whether a file that is called an app or the like is a zip that does not begin with a member. What
// may be one, and cannot be opened, is an error.
func (r *run) isPrefixed(ctx context.Context, v visit, head []byte) (bool, error) {
	if bytes.HasPrefix(head, []byte("PK\x03\x04")) || !isCalledZip(v.path) {
		return false, nil
	}
	b, closer, err := ota.OpenBlob(ctx, v.fsys, v.path, r.p.Spool())
	if err != nil {
		return false, err
	}
	defer closer()
	fsys, _, err := inside(ctx, v.path, b, v.budget, r.p.Spool())
	if err != nil && !hasEnd(b) {
		return false, nil // no zip, to a device neither
	}
	if err != nil {
		return false, err
	}
	defer closeInside(fsys)
	list, err := fs.ReadDir(fsys, ".")
	return err == nil && len(list) > 0, nil
}

// hasEnd tells whether the mark of a zip's end record stands where readers look for it.
func hasEnd(b blob.Blob) bool {
	const most = 22 + 1<<16 - 1 // the record and its comment
	n := min(b.Size(), most)
	tail, err := blob.ReadRange(b, b.Size()-n, n)
	return err != nil || bytes.Contains(tail, []byte("PK\x05\x06"))
}
