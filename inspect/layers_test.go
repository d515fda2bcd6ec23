package inspect_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/otatest"
)

// layered opens testdata/images/layers/rom.zip, and gives what truth.txt says of its files by
// their locations: mode, owner, sum, label, capabilities, link.
func layered(t *testing.T) (*ota.Package, map[string][]string) {
	t.Helper()
	dir := filepath.Join(otatest.Root(t), "testdata", "images", "layers")
	p, err := ota.OpenPath(t.Context(), filepath.Join(dir, "rom.zip"), ota.Options{Spool: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	f, err := os.Open(filepath.Join(dir, "truth.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	truth := map[string][]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		truth[fields[0]] = fields[1:]
	}
	return p, truth
}

// folder opens what holds the file of a location, and gives the file's name in it.
func folder(ctx context.Context, p *ota.Package, at fact.Location) (fs.FS, string, func(), error) {
	if len(at.Inner) == 0 {
		for _, q := range p.Partitions {
			if q.Name == at.Partition && q.Slot == at.Slot {
				fsys, err := q.FS(ctx)
				return fsys, at.Path, func() {}, err
			}
		}
		return nil, "", nil, fs.ErrNotExist
	}
	last := len(at.Inner) - 1
	name := at.Inner[last]
	at.Inner = at.Inner[:last]
	fsys, _, closer, err := inspect.Inside(ctx, p, at)
	return fsys, name, func() { closer() }, err
}

// Every file of every layer is what the tools were given that made it: package, super image,
// filesystem, module, ramdisk.
func TestLayers(t *testing.T) {
	p, truth := layered(t)
	var held int
	for text, want := range truth {
		at, err := fact.ParseLocation(text)
		if err != nil {
			t.Fatal(err)
		}
		fsys, name, done, err := folder(t.Context(), p, at)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, err := told(t.Context(), p, fsys, name, at)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if g, w := strings.Join(got, " "), strings.Join(want, " "); g != w {
			t.Errorf("%s: got %s, want %s", text, g, w)
		}
		done()
		held++
	}
	if held != 57 {
		t.Errorf("%d files were held against the truth", held)
	}
}

func told(ctx context.Context, p *ota.Package, fsys fs.FS, name string, at fact.Location) ([]string, error) {
	info, err := fs.Lstat(fsys, name)
	if err != nil {
		return nil, err
	}
	m := info.Sys().(*ota.Meta)
	if m.Err != nil {
		return nil, m.Err
	}
	out := []string{ota.ModeString(info.Mode()), fmt.Sprintf("%d:%d", *m.UID, *m.GID), "-", "-", "-", "-"}
	if info.Mode().IsRegular() {
		b, closer, err := inspect.Open(ctx, p, at)
		if err != nil {
			return nil, err
		}
		defer closer()
		if out[2], err = inspect.Hash(ctx, b, nil); err != nil {
			return nil, err
		}
	}
	if m.Label != "" {
		out[3] = m.Label
	}
	if m.Capabilities != nil { // as truth.txt has them: revision 2, effective
		var v [20]byte
		v[0], v[3] = 1, 2
		for i := range 4 {
			v[4+i], v[12+i] = byte(*m.Capabilities>>(8*i)), byte(*m.Capabilities>>(32+8*i))
		}
		out[4] = hex.EncodeToString(v[:])
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		if out[5], err = fs.ReadLink(fsys, name); err != nil {
			return nil, err
		}
	}
	return out, nil
}
