package apk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/parse"
)

// code finds where the app's code is. Where it is not DEX in the APK, what hangs
// on code is not known of the app.
func (r *reader) code() {
	c := &r.app.Code
	c.DEX = r.dex()
	forms := map[string][]string{} // device paths, by form
	for _, name := range r.beside() {
		if form := r.form(name); form != "" {
			forms[form] = append(forms[form], r.device(name))
			c.Files = append(c.Files, r.device(name))
		}
	}
	pkg := r.app.Package
	var err error
	switch {
	case len(c.DEX) > 0 && r.isDEX(c.DEX[0]):
		c.Form = fact.CodeDEX
		if !r.app.HasCode {
			r.note("the manifest says that there is no code, and %s is there", c.DEX[0])
		}
		return
	case len(c.DEX) > 0:
		c.Form = fact.CodeUndecided
		err = fmt.Errorf("code of %s: %s is no DEX file: %w", pkg, c.DEX[0], parse.ErrFormat)
	// From Android 8 on VDEX holds the DEX, and ODEX what was compiled from it.
	case len(forms[fact.CodeVDEX]) > 0:
		c.Form = fact.CodeVDEX
		err = unread(pkg, forms[fact.CodeVDEX])
	case len(forms[fact.CodeODEX]) > 0:
		c.Form = fact.CodeODEX
		err = unread(pkg, forms[fact.CodeODEX])
	case len(forms[fact.CodeUndecided]) > 0:
		c.Form = fact.CodeUndecided
		err = fmt.Errorf("code of %s: %s is no file of code: %w", pkg, forms[fact.CodeUndecided][0], parse.ErrFormat)
	// The overlays that Android's build generates (framework-res__auto_generated_rro_*.apk)
	// do not say that they have no code, and nothing in them could run it: TestTrees
	// meets two.
	case !r.app.HasCode, r.app.Overlay != nil && r.app.Class == "" && len(r.facts.Components) == 0:
		c.Form = fact.CodeNone
		return
	default:
		c.Form = fact.CodeStripped
		base := r.base()
		err = fmt.Errorf("code of %s: there is neither classes.dex nor, beside the APK, %s.odex or %s.vdex: %w", pkg, base, base, ota.ErrMissing)
	}
	r.gap(r.at, err, fact.KindDefaults, fact.KindSettings, fact.KindWrites, fact.KindFlows)
}

func unread(pkg string, files []string) error {
	more := ""
	if len(files) > 1 {
		more = fmt.Sprintf(" (and %d more)", len(files)-1)
	}
	return fmt.Errorf("code of %s is in %s%s, which this version does not read: %w", pkg, files[0], more, parse.ErrUnsupported)
}

// dex lists the members that the platform loads, in its order: classes.dex,
// classes2.dex and so on up to the first that is missing
// (DexFileLoader::GetMultiDexClassesDexName; one member alone before Android 5.0).
func (r *reader) dex() []string {
	has := func(name string) bool {
		info, err := fs.Stat(r.f.Inside, name)
		return err == nil && info.Mode().IsRegular() && info.Size() > 0
	}
	var list []string
	name := "classes.dex"
	for n := 2; has(name); n++ {
		list = append(list, name)
		name = "classes" + strconv.Itoa(n) + ".dex"
	}
	entries, _ := fs.ReadDir(r.f.Inside, ".")
	for _, e := range entries {
		ok, _ := path.Match("classes[2-9]*.dex", e.Name())
		if ok && !slices.Contains(list, e.Name()) && has(e.Name()) {
			r.note("%s is there and %s is not: devices do not load it", e.Name(), name)
		}
	}
	return list
}

func (r *reader) isDEX(name string) bool {
	return bytes.HasPrefix(head(r.f.Inside, name), []byte("dex\n"))
}

func head(fsys fs.FS, name string) []byte {
	f, err := fsys.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	b := make([]byte, 32)
	n, _ := io.ReadFull(f, b)
	return b[:n]
}

// base is the name that an app's compiled code bears.
func (r *reader) base() string {
	return strings.TrimSuffix(path.Base(r.f.Path), ".apk")
}

// isas are the folders in which compiled code stands: kRuntimeISA's names.
var isas = []string{"arm", "arm64", "mips", "mips64", "riscv64", "x86", "x86_64"}

// beside lists where the platform looks for an APK's compiled code: beside it to
// Android 4.4, in ISA/ in 5.x, in oat/ISA/ since 6.0 (OatFileAssistant::
// DexLocationToOdexFilename).
func (r *reader) beside() []string {
	if r.lone || r.f.FS == nil {
		return nil
	}
	dir, base := path.Dir(r.f.Path), r.base()
	list := []string{path.Join(dir, base+".odex")}
	for _, isa := range isas {
		list = append(list, path.Join(dir, isa, base+".odex"))
	}
	for _, isa := range isas {
		list = append(list, path.Join(dir, "oat", isa, base+".vdex"), path.Join(dir, "oat", isa, base+".odex"))
	}
	return list
}

// form tells what a file beside the APK is, by its first bytes; "" it is not
// there. So are files without bytes, which some builds leave in place of a VDEX
// that would hold nothing, and pointers of Git LFS in dumps (both in
// the dumps of rom/ of the public test data).
func (r *reader) form(name string) string {
	found, err := archive.Resolve(r.f.FS, name)
	var link *archive.LinkError
	if errors.As(err, &link) {
		return fact.CodeUndecided // it leads to another partition, or round in circles
	}
	if err != nil {
		return ""
	}
	info, err := fs.Stat(r.f.FS, found)
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return ""
	}
	b := head(r.f.FS, found)
	switch {
	case bytes.HasPrefix(b, []byte("version https://git-lfs")):
		return ""
	case bytes.HasPrefix(b, []byte("vdex")):
		return fact.CodeVDEX
	case bytes.HasPrefix(b, []byte("\x7fELF")), bytes.HasPrefix(b, []byte("dey\n")):
		return fact.CodeODEX
	}
	return fact.CodeUndecided
}

// device is the device path of a file that stands in the APK's file system.
func (r *reader) device(name string) string {
	at := r.at
	at.Path, at.Device = name, ""
	if n := len(at.Inner); n > 0 {
		at.Path = r.at.Path
		at.Inner = append(slices.Clone(at.Inner[:n-1]), name)
	}
	// Both names end alike: what the device's has before the file's own is where
	// the file system stands.
	if root, ok := strings.CutSuffix(r.at.Device, r.f.Path); ok && r.at.Device != "" && len(at.Inner) == 0 {
		return root + name
	}
	at.SHA256 = ""
	return at.String()
}
