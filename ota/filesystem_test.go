package ota_test

import (
	"errors"
	"fmt"
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

func TestCapabilityNames(t *testing.T) {
	// From linux/capability.h: CAP_CHOWN 0, CAP_NET_RAW 13, CAP_WAKE_ALARM 35, CAP_CHECKPOINT_RESTORE 40.
	got := strings.Join(ota.CapabilityNames(1|1<<13|1<<35|1<<40|1<<41|1<<63), " ")
	if want := "cap_chown cap_net_raw cap_wake_alarm cap_checkpoint_restore cap_41 cap_63"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Inside opens filesystems and ramdisks as it opens archives, by what they hold and not by their names.
func TestInsideImages(t *testing.T) {
	for file, want := range map[string]string{"squashfs/tiny-plain-lz4.img": "squashfs", "cpio/gnu.cpio.xz": "cpio", "cpio/joined.img": "cpio"} {
		b, err := os.ReadFile(images(t, file))
		if err != nil {
			t.Fatal(err)
		}
		fsys, _, err := ota.Inside(t.Context(), blob.Bytes(b), nil, t.TempDir())
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if got := ota.FilesystemName(fsys); got != want || !ota.Uncharged(fsys) {
			t.Errorf("%s: %s", file, got)
		}
		n := 0
		err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			if m := info.Sys().(*ota.Meta); m.Err != nil {
				return fmt.Errorf("%s: %w", name, m.Err)
			}
			n++
			return nil
		})
		if err != nil || n < 5 {
			t.Errorf("%s: %d files, %v", file, n, err)
		}
		if c, ok := fsys.(interface{ Close() error }); !ok || c.Close() != nil {
			t.Errorf("%s: not closed", file)
		}
	}
	for _, data := range []string{"text", "\x1f\x8b\x08\x00", strings.Repeat("\x00", 5000)} {
		if _, _, err := ota.Inside(t.Context(), blob.Bytes([]byte(data)), nil, ""); !errors.Is(err, parse.ErrUnsupported) {
			t.Errorf("%.10q: %v", data, err)
		}
	}
}

// A partition says where it is mounted once its files are known.
func TestMounts(t *testing.T) {
	p := open(t, filepath.Join(otatest.Root(t), "testdata/images/layers/rom.zip"))
	want := map[string]string{"system": "/", "vendor": "/vendor", "product": "/product", "boot": "", "recovery": "", "vendor_boot": ""}
	for _, q := range p.Partitions {
		_, err := q.FS(t.Context())
		mount, known := want[q.Name]
		if !known || q.Mount != mount || (mount == "") != errors.Is(err, parse.ErrUnsupported) {
			t.Errorf("%s: mounted at %q, want %q; %v", q.Name, q.Mount, mount, err)
		}
	}
	if q, name := p.At("/system/bin/ls"); q == nil || q.Name != "system" || name != "system/bin/ls" {
		t.Error("a path of the device is not found")
	}
}
