// Package update says what an update is as a whole: name, hash, layout, and the
// build that it brings, as its own metadata tells, or else the system's build.prop.
package update

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/parse"
)

// Analysis makes the one record of the update.
var Analysis = &inspect.Analysis{
	Name:  "update",
	Doc:   "what the update is: name, hash, layout, build",
	Needs: []fact.Kind{fact.KindMetadata, fact.KindScript, fact.KindProperties},
	Emits: []fact.Kind{fact.KindUpdate},
	Run:   run,
}

const metadataFile = "META-INF/com/android/metadata"

func run(ctx context.Context, p *inspect.Pass) (fact.Facts, error) {
	u := fact.Update{Path: p.Package.Name, Layout: string(p.Package.Layout), Source: p.Source}
	for _, n := range p.Package.Notes {
		u.Notes = append(u.Notes, parse.EscapeText(n))
	}
	if p.Package.File != nil {
		sum, err := p.Digest(ctx)
		if err != nil {
			return fact.Facts{}, err
		}
		u.SHA256, u.Size = &sum, p.Package.File.Size()
	} else {
		sum, size, err := hashTree(ctx, p)
		if ctx.Err() != nil {
			return fact.Facts{}, context.Cause(ctx)
		}
		u.Size = size
		if err == nil {
			u.TreeSHA256 = &sum
		}
	}
	meta := map[string]string{}
	for _, m := range p.Facts.Metadata {
		if _, twice := meta[m.Key]; m.File == metadataFile && !twice {
			meta[m.Key] = m.Value
		}
	}
	props := buildProps(p.Facts)
	u.Device = cmp.Or(meta["pre-device"], props["ro.product.device"])
	u.Fingerprint = cmp.Or(meta["post-build"], props["ro.build.fingerprint"], props["ro.system.build.fingerprint"])
	u.SecurityPatch = cmp.Or(meta["post-security-patch-level"], props["ro.build.version.security_patch"])
	u.Android = cmp.Or(release(u.Fingerprint), props["ro.build.version.release"], props["ro.system.build.version.release"])
	stamp := cmp.Or(meta["post-timestamp"], props["ro.build.date.utc"], props["ro.system.build.date.utc"])
	if sec, err := strconv.ParseInt(stamp, 10, 64); err == nil && sec > 0 && sec < 1<<33 {
		u.BuildTime = time.Unix(sec, 0).UTC().Format(time.RFC3339)
	}
	u.Incremental = incremental(meta, p.Facts)
	return fact.Facts{Update: []fact.Update{u}}, nil
}

// buildProps are the lines of the system's build.prop. A name that stands there with two values has none.
func buildProps(f *fact.Facts) map[string]string {
	out := map[string]string{}
	twice := map[string]bool{}
	for _, p := range f.Properties {
		if p.At.Device != "/system/build.prop" && !(p.At.Device == "" && p.At.Partition == "system" && p.At.Path == "build.prop") {
			continue
		}
		if old, ok := out[p.Name]; ok && old != p.Value {
			twice[p.Name] = true
		}
		out[p.Name] = p.Value
	}
	for name := range twice {
		delete(out, name)
	}
	return out
}

// release reads the Android release out of a build fingerprint,
// brand/product/device:RELEASE/id/incremental:type/tags.
func release(fingerprint string) string {
	_, rest, ok := strings.Cut(fingerprint, ":")
	if !ok {
		return ""
	}
	release, _, ok := strings.Cut(rest, "/")
	if !ok {
		return ""
	}
	return release
}

// incremental tells from what only incrementals have: a build that must be there
// before, or patches. Metadata without one is a full update; no metadata, no answer.
func incremental(meta map[string]string, facts *fact.Facts) *bool {
	yes, no := true, false
	// The release tools write pre-build and pre-build-incremental into incrementals only.
	if meta["pre-build"] != "" || meta["pre-build-incremental"] != "" {
		return &yes
	}
	for _, s := range facts.Script {
		if s.Effect == "patch" {
			return &yes
		}
	}
	if len(meta) > 0 {
		return &no
	}
	return nil
}

// hashTree is the SHA-256 over one line "device path, mode, size, SHA-256" for each
// file, link and folder of the tree, sorted, fields separated by a zero byte. A link has its
// target in place of a hash. A file that cannot be read leaves no hash.
func hashTree(ctx context.Context, p *inspect.Pass) (string, int64, error) {
	var lines []string
	var size int64
	var failed error
	fs.WalkDir(p.Package.Members, ".", func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if path == "." && err == nil {
			return nil
		}
		if err != nil {
			failed = err
			return nil
		}
		info, err := d.Info()
		if err != nil {
			failed = err
			return nil
		}
		n, sum, err := hashEntry(ctx, p, path, info, size)
		if err != nil {
			failed = err
			return nil
		}
		size += n
		lines = append(lines, fmt.Sprintf("%s\x00%s\x00%d\x00%s\n", p.Package.DevicePath(path), ota.ModeString(info.Mode()), n, sum))
		return nil
	})
	if failed != nil {
		return "", size, failed
	}
	slices.Sort(lines)
	h := sha256.New()
	for _, l := range lines {
		io.WriteString(h, l)
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}

// hashEntry gives a file's size and hash, or a link's target; done is what was
// read before it.
func hashEntry(ctx context.Context, p *inspect.Pass, path string, info fs.FileInfo, done int64) (int64, string, error) {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		link, err := fs.ReadLink(p.Package.Members, path)
		return 0, link, err
	case !info.Mode().IsRegular():
		return 0, "", nil
	}
	b, closer, err := ota.OpenBlob(ctx, p.Package.Members, path, p.Package.Spool())
	if err != nil {
		return 0, "", err
	}
	defer closer()
	sum, err := inspect.Hash(ctx, b, func(e ota.Event) {
		if p.Progress != nil {
			p.Progress(ota.Event{Phase: "hash", Done: done + e.Done, Unit: "bytes"})
		}
	})
	return b.Size(), sum, err
}
