package inspect

import (
	"context"
	"io/fs"
	"path"
	"slices"

	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// inside is ota.Inside for a file of that name. What is called an app or the like is a zip whatever it begins with:
// Android reads a zip from its end (CVE-2017-13156, "Janus").
func inside(ctx context.Context, name string, b blob.Blob, outer *parse.Budget, spool string) (fs.FS, *parse.Budget, error) {
	if isCalledZip(name) {
		if budget, err := outer.Inside("zip", b.Size()); err == nil {
			if z, err := archive.OpenZip(blob.WithContext(ctx, b), budget); err == nil {
				return z, budget, nil
			}
		}
	}
	return ota.Inside(ctx, b, outer, spool) // which says what is wrong
}

func isCalledZip(name string) bool {
	return slices.Contains([]string{".apk", ".apex", ".capex", ".jar"}, path.Ext(name))
}

// isPrefixed tells whether a file that is called an app or the like is a zip with other bytes before it.
func (r *run) isPrefixed(ctx context.Context, v visit, head []byte) bool {
	if isZip(head) || !isCalledZip(v.path) {
		return false
	}
	b, closer, err := ota.OpenBlob(ctx, v.fsys, v.path, r.p.Spool())
	if err != nil {
		return false // of which whoever reads on makes a gap
	}
	defer closer()
	fsys, _, err := inside(ctx, v.path, b, v.budget, r.p.Spool())
	if err != nil {
		return false
	}
	defer closeInside(fsys)
	list, err := fs.ReadDir(fsys, ".")
	return err == nil && len(list) > 0
}
