package ota_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

func updates(t *testing.T, name string) string {
	return filepath.Join(otatest.Root(t), "testdata/updates", name)
}

func open(t *testing.T, path string) *ota.Package {
	t.Helper()
	p, err := ota.OpenPath(t.Context(), path, ota.Options{Spool: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// zipOf builds a zip with the standard library's writer.
func zipOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for name, text := range files {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestRefuse(t *testing.T) {
	for _, tc := range []struct{ what, bytes, want string }{
		{"empty", "", "an empty file"},
		{"zeros", strings.Repeat("\x00", 9000), "begins with zeros"},
		{"pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "a git-LFS pointer"},
		{"page", "<!DOCTYPE html>\n<html>", "an HTML page"},
		{"page with mark and space", "\xef\xbb\xbf\n  <HTML><head>", "an HTML page"},
		{"cloud error", "<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML file"},
		{"gzip of prose", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcbH\xcd\xc9\xc9\x07\x00\x86\xa6\x106\x05\x00\x00\x00", "a file in gzip that holds a text file"},
		{"seven", "7z\xbc\xaf\x27\x1c", "a 7z archive"},
		{"elf", "\x7fELF", "an ELF program"},
		{"prose", "hello", "a text file"},
		{"noise", "\x01\x02\x03\x04\x05\x06\x07\x08\x09", "it begins with 01 02 03 04"},
	} {
		_, err := ota.Open(t.Context(), blob.Bytes([]byte(tc.bytes)), "x", ota.Options{})
		if !errors.Is(err, parse.ErrUnsupported) || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "otavet opens") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want one line with %q", tc.what, err, tc.want)
		}
	}
	for name, want := range map[string]string{"pointer.zip": "git lfs pull", "errorpage.zip": "HTML page", "cutoff.zip": "the download was cut off"} {
		if _, err := ota.OpenPath(t.Context(), updates(t, name), ota.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", name, err, want)
		}
	}
	if _, err := ota.OpenPath(t.Context(), os.DevNull, ota.Options{}); err == nil {
		t.Error("a device was opened")
	}
	if _, err := ota.OpenPath(t.Context(), filepath.Join(t.TempDir(), "none"), ota.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
}

func TestLayouts(t *testing.T) {
	const script = "META-INF/com/google/android/updater-script"
	const binary = "META-INF/com/google/android/update-binary"
	for _, tc := range []struct {
		files   map[string]string
		want    ota.Layout
		problem string // part of the only problem; "" there is none
	}{
		{map[string]string{"a": ""}, ota.LayoutZip, "the members do not make an update"},
		{map[string]string{"AndroidManifest.xml": "", "classes.dex": ""}, ota.LayoutAPK, ""},
		{map[string]string{"apex_payload.img": "", "AndroidManifest.xml": ""}, ota.LayoutAPEX, ""},
		{map[string]string{"payload.bin": "CrAU"}, ota.LayoutZipPayload, "runs past its end"},
		{map[string]string{"META/misc_info.txt": ""}, ota.LayoutTargetFiles, "neither images nor folders"},
		{map[string]string{"META/misc_info.txt": "", "IMAGES/boot.img": "x"}, ota.LayoutTargetFiles, ""},
		{map[string]string{"META/misc_info.txt": "", "SYSTEM/build.prop": ""}, ota.LayoutTargetFiles, ""},
		{map[string]string{"android-info.txt": "", "boot.img": "x"}, ota.LayoutFastboot, ""},
		{map[string]string{"images/boot.img": "x", "flash_all.sh": ""}, ota.LayoutFastboot, ""},
		{map[string]string{"flash-all.sh": "", "image-x.zip": ""}, ota.LayoutFactory, "end of central directory"},
		{map[string]string{script: `ui_print("x");`, binary: "\x7fELF"}, ota.LayoutZipFiles, ""},
		{map[string]string{script: `ui_print("x");`, binary: "#!/sbin/sh\n"}, ota.LayoutZipFiles, "no ELF program"},
		{map[string]string{script: `ui_print("x");`, binary: "\x7fELF", "AndroidManifest.xml": "", "apex_payload.img": ""}, ota.LayoutZipFiles, ""},
		{map[string]string{binary: "\x7fELF"}, ota.LayoutZipFiles, "there is no updater-script"},
		{map[string]string{"META-INF/com/google/android/update-script": "show_progress 0.1 0\n"}, ota.LayoutZipFiles, "amend scripts"},
		{map[string]string{script: `block_image_update("/dev/block/by-name/system", package_extract_file("system.transfer.list"), "system.new.dat", "system.patch.dat");`,
			"system.transfer.list": "", "system.new.dat": "", "system.patch.dat": ""}, ota.LayoutZipBlock, ""},
	} {
		p, err := ota.Open(t.Context(), blob.Bytes(zipOf(t, tc.files)), "x.zip", ota.Options{})
		if err != nil {
			t.Errorf("%v: %v", tc.files, err)
			continue
		}
		if p.Layout != tc.want {
			t.Errorf("%v: layout %s, want %s", tc.files, p.Layout, tc.want)
		}
		switch {
		case tc.problem == "" && len(p.Problems) > 0, tc.problem != "" && len(p.Problems) != 1:
			t.Errorf("%v: problems %v", tc.files, p.Problems)
		case tc.problem != "" && !strings.Contains(p.Problems[0].Err.Error(), tc.problem):
			t.Errorf("%v: %v, want %q", tc.files, p.Problems[0].Err, tc.problem)
		}
		p.Close()
	}
}

// A package that two installers would take differently says so.
func TestPayloadAndScript(t *testing.T) {
	p, err := ota.Open(t.Context(), blob.Bytes(zipOf(t, map[string]string{"payload.bin": "CrAU",
		"META-INF/com/google/android/update-binary": "\x7fELF"})), "x.zip", ota.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if len(p.Problems) != 2 || !errors.Is(p.Problems[1].Err, ota.ErrUndecided) {
		t.Errorf("problems %v", p.Problems)
	}
}

func list(t *testing.T, fsys fs.FS) string {
	t.Helper()
	var b strings.Builder
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		owner := "- -"
		if m, ok := info.Sys().(*ota.Meta); ok && m.UID != nil {
			owner = fmt.Sprint(*m.UID, " ", *m.GID)
		}
		link := ""
		if info.Mode()&fs.ModeSymlink != 0 {
			target, err := fs.ReadLink(fsys, path)
			if err != nil {
				return err
			}
			link = " -> " + target
		}
		fmt.Fprintf(&b, "%s %s %s%s\n", info.Mode(), owner, path, link)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What is installed is what the script installs, with the modes that it sets.
func TestInstalledByScript(t *testing.T) {
	p := open(t, updates(t, "example.zip"))
	if p.Layout != ota.LayoutZipFiles || len(p.Problems) > 0 {
		t.Fatalf("layout %s, problems %v", p.Layout, p.Problems)
	}
	if len(p.Partitions) != 2 {
		t.Fatalf("%d partitions, want system and boot", len(p.Partitions))
	}
	system, boot := p.Partitions[0], p.Partitions[1]
	if system.Name != "system" || system.Mount != "/system" || system.Form != "tree" || boot.Name != "boot" || boot.Form != "raw" {
		t.Errorf("partitions %+v, %+v", system, boot)
	}
	fsys, err := system.FS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := `drwxr-xr-x 0 0 .
drwxr-xr-x 0 2000 bin
Lrwxrwxrwx - - bin/ls -> toolbox
Lrwxrwxrwx - - bin/ps -> toolbox
-rwxr-xr-x 0 2000 bin/toolbox
-rw-r--r-- 0 0 build.prop
drwxr-xr-x 0 0 etc
-rw-r--r-- 0 0 etc/hosts
drwxr-xr-x 0 0 etc/security
-rw-r--r-- 0 0 etc/security/otacerts.zip
`
	if got := list(t, fsys); got != want {
		t.Errorf("system holds\n%swant\n%s", got, want)
	}
	text, err := blob.ReadAll(boot.Image, 1<<20)
	if err != nil || !bytes.HasPrefix(text, []byte("no real boot image")) {
		t.Errorf("boot: %.20q, %v", text, err)
	}
	b, closer, err := p.OpenFile(t.Context(), system, "bin/ps")
	if err != nil {
		t.Fatal("through a link: ", err)
	}
	defer closer()
	if text, err := blob.ReadAll(b, 1<<20); err != nil || !bytes.HasPrefix(text, []byte("#!/system/bin/sh")) {
		t.Errorf("bin/ps: %.20q, %v", text, err)
	}
	for name, installed := range map[string]bool{"system/build.prop": true, "boot.img": true, "META-INF/com/android/metadata": false} {
		if p.Installed(name) != installed {
			t.Errorf("Installed(%s) = %v", name, !installed)
		}
	}
}

// Of two members of one name recoveries install different ones, and that is said.
func TestDuplicateIsDoubted(t *testing.T) {
	p := open(t, updates(t, "twice.zip"))
	for _, q := range p.Problems {
		if errors.Is(q.Err, ota.ErrUndecided) && strings.Contains(q.Err.Error(), "system/build.prop stands more than once") && q.Line == 6 {
			return
		}
	}
	t.Errorf("problems %v", p.Problems)
}

// A tree from a script keeps io/fs's promises where it has no links.
func TestTreeConforms(t *testing.T) {
	p := open(t, updates(t, "example.zip"))
	fsys, err := p.Partitions[0].FS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	etc, err := fs.Sub(fsys, "etc")
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(etc, "hosts", "security/otacerts.zip"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"/etc", "etc/../bin", "none", ""} {
		if _, err := fsys.Open(name); err == nil {
			t.Errorf("Open(%q) succeeded", name)
		}
	}
}

func TestTrees(t *testing.T) {
	for _, tc := range []struct{ dir, want string }{
		{"flounder-7.1.1", "system=/system vendor=/vendor"},
		{"fugu-8.0.0", "system=/system"},
		{"grouper-5.1.1", "boot= system=/system"},
		{"iris-9", "system=/"},
		{"k65v1-13", "product=/product system=/ vendor=/vendor"},
		{"r11btwifi-11", "product=/product system=/ system_ext=/system_ext vendor=/vendor"},
		{"tb350fu-13", "odm_dlkm=/odm_dlkm product=/product system=/ system_other= vendor=/vendor vendor_dlkm=/vendor_dlkm"},
		{"tecno-16", "odm=/odm odm_dlkm=/odm_dlkm product=/product system=/ system_dlkm=/system_dlkm system_ext=/system_ext vendor=/vendor vendor_dlkm=/vendor_dlkm"},
	} {
		p := open(t, otatest.Data(t, "rom", tc.dir))
		var got []string
		for _, q := range p.Partitions {
			got = append(got, q.Name+"="+q.Mount)
		}
		if s := strings.Join(got, " "); s != tc.want || p.Layout != ota.LayoutFolder {
			t.Errorf("%s: %s %s, want %s", tc.dir, p.Layout, s, tc.want)
		}
		if tc.dir == "iris-9" {
			if d := p.DevicePath("system.new_extracted/system/framework/com.android.mediadrm.signer.jar"); d != "/system/framework/com.android.mediadrm.signer.jar" {
				t.Errorf("device path %s", d)
			}
		}
	}
}

// A link to a place on this machine stays a link of the update.
func TestFolderDoesNotReachTheHost(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	root := filepath.Join(dir, "rom")
	for _, d := range []string{"rom/system/app", "rom/vendor/app"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"secret": "of the host", "rom/system/build.prop": "", "rom/vendor/app/x": "of the vendor"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"system/abs": secret, "system/up": "../../secret", "system/vendor": "/vendor", "system/loop": "loop"} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	p := open(t, root)
	var system *ota.Partition
	for _, q := range p.Partitions {
		if q.Name == "system" {
			system = q
		}
	}
	for _, name := range []string{"abs", "up", "loop"} {
		if _, _, err := p.OpenFile(t.Context(), system, name); err == nil {
			t.Errorf("%s was followed out of the update", name)
		}
	}
	b, closer, err := p.OpenFile(t.Context(), system, "vendor/app/x")
	if err != nil {
		t.Fatal("a link into another partition: ", err)
	}
	defer closer()
	if text, err := blob.ReadAll(b, 100); err != nil || string(text) != "of the vendor" {
		t.Errorf("%q, %v", text, err)
	}
}

// A script that installs one member again and again meets the budget.
func TestInstalledAgainAndAgain(t *testing.T) {
	const script = "META-INF/com/google/android/updater-script"
	text := `package_extract_file("big", "/system/a");`
	for i := range 50 {
		text += fmt.Sprintf("package_extract_file(\"big\", \"/system/b%d\");", i)
	}
	data := zipOf(t, map[string]string{script: text, "big": strings.Repeat("x", 1<<16)})
	p, err := ota.Open(t.Context(), blob.Bytes(data), "again.zip", ota.Options{Limits: parse.Limits{Produced: 1 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	fsys, err := p.Partitions[0].FS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for i := range 50 {
		if _, err := fs.ReadFile(fsys, fmt.Sprintf("b%d", i)); errors.Is(err, parse.ErrLimit) {
			refused++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if refused == 0 || refused == 50 {
		t.Errorf("%d of 50 copies are over the limit", refused)
	}
}

// A path deeper than any device takes, and more folders than are allotted, are
// limits that are named.
func TestInstalledTooDeep(t *testing.T) {
	const script = "META-INF/com/google/android/updater-script"
	for name, text := range map[string]string{
		"deep": `package_extract_file("a", "/system/` + strings.Repeat("d/", 1<<20) + `a");`,
		"wide": `package_extract_file("a", "/system/` + strings.Repeat("d/", 1000) + `a");` +
			`package_extract_file("a", "/system/` + strings.Repeat("e/", 1000) + `a");`,
	} {
		p, err := ota.Open(t.Context(), blob.Bytes(zipOf(t, map[string]string{script: text, "a": "x"})), "x.zip",
			ota.Options{Limits: parse.Limits{Entries: 1500}})
		if err != nil {
			t.Fatal(err)
		}
		// Package edify knows the longest path that a device opens.
		if len(p.Problems) == 0 || !errors.Is(p.Problems[0].Err, parse.ErrLimit) && !strings.Contains(p.Problems[0].Err.Error(), "longer than the device opens") {
			t.Errorf("%s: problems %.300v", name, fmt.Sprint(p.Problems))
		}
		p.Close()
	}
}

// ls -l of coreutils prints the same.
func TestModeString(t *testing.T) {
	for mode, want := range map[fs.FileMode]string{
		0o644:                                   "-rw-r--r--",
		fs.ModeDir | 0o755:                      "drwxr-xr-x",
		fs.ModeSymlink | 0o777:                  "lrwxrwxrwx",
		fs.ModeSetuid | fs.ModeSetgid | 0o755:   "-rwsr-sr-x",
		fs.ModeSetuid | fs.ModeSetgid | 0o644:   "-rwSr-Sr--",
		fs.ModeDir | fs.ModeSticky | 0o777:      "drwxrwxrwt",
		fs.ModeDir | fs.ModeSticky | 0o770:      "drwxrwx--T",
		fs.ModeNamedPipe | 0o600:                "prw-------",
		fs.ModeSocket | 0o600:                   "srw-------",
		fs.ModeDevice | fs.ModeCharDevice | 0o6: "c------rw-",
		fs.ModeDevice | 0o60:                    "b---rw----",
		0:                                       "----------",
	} {
		if got := ota.ModeString(mode); got != want {
			t.Errorf("%v: %s, want %s", mode, got, want)
		}
	}
}
