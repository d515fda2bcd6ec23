package boot_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/boot"
	"github.com/otavet/otavet/ota/parse"
)

type hostile struct {
	name string
	data []byte
	kind error // nil: it opens
	off  int64
	msg  string
}

var le = binary.LittleEndian

// set gives a committed image with other words: pairs of offset and value.
func set(t testing.TB, name string, words ...uint32) []byte {
	b := fixture(t, name+".img")
	for i := 0; i < len(words); i += 2 {
		le.PutUint32(b[words[i]:], words[i+1])
	}
	return b
}

func hostiles(t testing.TB) []hostile {
	F, U, L := parse.ErrFormat, parse.ErrUnsupported, parse.ErrLimit
	const all = 1<<32 - 1
	table := uint32(open(t, fixture(t, "vendor_v4.img")).Part(boot.PartRamdiskTable).Off)
	return []hostile{
		{"empty", nil, F, 0, "within the magic"},
		{"no magic", bytes.Repeat([]byte{7}, 4096), F, 0, "no magic"},
		{"magic alone", []byte("ANDROID!"), F, 8, "ends within the header"},
		{"vendor magic alone", []byte("VNDRBOOT"), F, 8, "ends within the header"},
		{"page size 0", set(t, "v2", 36, 0), F, 36, "no power of two"},
		{"page size 1", set(t, "v2", 36, 1), F, 36, "no power of two"},
		{"page size 3000", set(t, "v2", 36, 3000), F, 36, "no power of two"},
		{"page size 2^31", set(t, "v2", 36, 1<<31), L, 36, "128 KiB"},
		{"page size 2^32-1", set(t, "v2", 36, all), F, 36, "no power of two"},
		{"vendor page size 0", set(t, "vendor_v4", 12, 0), F, 12, "no power of two"},
		{"vendor page size 2^31", set(t, "vendor_v3", 12, 1<<31), L, 12, "128 KiB"},
		{"version 5", set(t, "v4", 40, 5), U, 40, "header version"},
		{"vendor version 2", set(t, "vendor_v3", 8, 2), U, 8, "header version"},
		{"vendor version 5", set(t, "vendor_v4", 8, 5), U, 8, "header version"},
		{"kernel", set(t, "v0", 8, all), F, 8, "kernel runs past"},
		{"ramdisk", set(t, "v0", 16, all), F, 16, "ramdisk runs past"},
		{"second", set(t, "v0", 24, all), F, 24, "second runs past"},
		{"dt", set(t, "v0", 40, all), F, 40, "dt runs past"},
		{"recovery_dtbo", set(t, "v1", 1632, all), F, 1632, "recovery_dtbo runs past"},
		{"recovery_dtbo at 2^64-1", set(t, "v1", 1636, all, 1640, all), F, 1636, "behind the end"},
		{"dtb", set(t, "v2", 1648, all), F, 1648, "dtb runs past"},
		{"kernel of v3", set(t, "v3", 8, all), F, 8, "kernel runs past"},
		{"ramdisk of v3", set(t, "v3", 12, all), F, 12, "ramdisk runs past"},
		{"signature", set(t, "v4", 1580, all), F, 1580, "signature runs past"},
		{"all sizes", set(t, "v2", 8, all, 16, all, 24, all), F, 8, "kernel runs past"},
		{"vendor ramdisk", set(t, "vendor_v3", 24, all), F, 24, "vendor_ramdisk runs past"},
		{"vendor dtb", set(t, "vendor_v3", 2100, all), F, 2100, "dtb runs past"},
		{"table", set(t, "vendor_v4", 2112, all), F, 2112, "ramdisk_table runs past"},
		{"bootconfig", set(t, "vendor_v4", 2124, all), F, 2124, "bootconfig runs past"},
		{"2^32-1 ramdisks", set(t, "vendor_v4", 2116, all), L, 2116, "1024 ramdisks"},
		{"more ramdisks than the table has", set(t, "vendor_v4", 2116, 3), F, 2116, "room for"},
		{"ramdisks without a table", set(t, "vendor_v4", 2112, 0), F, 2116, "room for"},
		{"entries of 107", set(t, "vendor_v4", 2120, 107), F, 2120, "too short"},
		{"entries of 2^32-1", set(t, "vendor_v4", 2120, all), F, 2116, "room for"},
		{"ramdisk outside", set(t, "vendor_v4", table+4, 334), F, int64(table), "outside of the ramdisks"},
		{"ramdisk of 2^32-1", set(t, "vendor_v4", table+108, all), F, int64(table) + 108, "outside of the ramdisks"},
		{"ChromeOS", append([]byte("CHROMEOS"), make([]byte, 4096)...), U, 0, "wrapper (CHROMEOS)"},
		{"DHTB", append([]byte("DHTB\x01\x00\x00\x00"), make([]byte, 4096)...), U, 0, "wrapper"},
		{"Tegra", append([]byte("-SIGNED-BY-SIGNBLOB-"), make([]byte, 4096)...), U, 0, "wrapper"},
	}
}

func TestHostile(t *testing.T) {
	for _, h := range hostiles(t) {
		t.Run(h.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			m, err := boot.Open(blob.Bytes(h.data), parse.NewBudget(parse.Limits{}))
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
				t.Errorf("%d bytes of memory", n)
			}
			var pe *parse.Error
			if !errors.As(err, &pe) || !errors.Is(err, h.kind) || pe.Off != h.off || !strings.Contains(err.Error(), h.msg) {
				t.Errorf("%v", err)
			}
			if m != nil {
				t.Error("an image beside the error")
			}
		})
	}
}

// TestTruncated cuts each image at each byte of its header, and of its table
// where it has one, and at some of the rest: an error up to the last byte of the
// last part, with an offset.
func TestTruncated(t *testing.T) {
	for _, name := range images {
		b := fixture(t, name+".img")
		end := int64(0)
		for _, p := range open(t, b).Parts {
			end = max(end, p.Off+p.Blob.Size())
		}
		for n := int64(0); n < end; n++ {
			if n > 2200 && name != "vendor_v4" {
				n = min(n+60, end-1)
			}
			_, err := boot.Open(blob.Bytes(b[:n]), nil)
			var pe *parse.Error
			if !errors.As(err, &pe) || pe.Off < 0 || pe.Off > n || pe.Kind != parse.ErrFormat {
				t.Fatalf("%s, %d bytes: %v", name, n, err)
			}
		}
		if _, err := boot.Open(blob.Bytes(b[:end]), nil); err != nil {
			t.Errorf("%s without its padding: %v", name, err)
		}
	}
}

// TestQualcomm: a size where later headers have their version, and a table of
// device trees behind the second stage.
func TestQualcomm(t *testing.T) {
	b := set(t, "v0", 40, 1500)
	b = append(b, bytes.Repeat([]byte("QCDT"), 512)...)
	m := open(t, b)
	p := m.Part(boot.PartDT)
	if m.Version != 0 || p == nil || p.Off != 10240 || p.Blob.Size() != 1500 {
		t.Errorf("%+v", m)
	}
}

// TestMediaTek: headers of 512 bytes before kernel and ramdisk.
func TestMediaTek(t *testing.T) {
	b := fixture(t, "v1.img")
	at := open(t, b).Part(boot.PartRamdisk).Off
	copy(b[at:], le.AppendUint32(nil, 0x58881688))
	le.PutUint32(b[at+4:], 1100-512)
	copy(b[at+8:], "ROOTFS\x00")
	m := open(t, b)
	p := m.Part(boot.PartRamdisk)
	if p.Wrapper == nil || p.Wrapper.Vendor != "MediaTek" || p.Wrapper.Name != "ROOTFS" || p.Wrapper.Blob.Size() != 1100-512 || len(m.Notes) > 0 {
		t.Fatalf("%+v, %q", p.Wrapper, m.Notes)
	}
	got, err := blob.ReadAll(p.Wrapper.Blob, 1<<20)
	if err != nil || !bytes.Equal(got, b[at+512:at+1100]) {
		t.Error(err)
	}
	le.PutUint32(b[at+4:], 1<<32-1)
	m = open(t, b)
	if p := m.Part(boot.PartRamdisk); p.Wrapper.Blob.Size() != 1100-512 || len(m.Notes) != 1 {
		t.Errorf("%+v, %q", p.Wrapper, m.Notes)
	}
}

func TestTrailers(t *testing.T) {
	plain := fixture(t, "v1.img")
	avb := func(at uint64) []byte {
		b := fixture(t, "avb.img")
		binary.BigEndian.PutUint64(b[len(b)-64+20:], at)
		return b
	}
	gki := append(fixture(t, "init_boot.img"), "AVB0"...)
	for _, tc := range []struct {
		name  string
		data  []byte
		want  string
		notes int
	}{
		{"none", plain, "[]", 0},
		{"zeros", append(slices.Clone(plain), make([]byte, 5000)...), "[]", 0},
		{"Samsung", append(slices.Clone(plain), "SEANDROIDENFORCE"...), "[{SEANDROIDENFORCE 10240 16}]", 0},
		{"verified boot", append(slices.Clone(plain), 0x30, 0x82, 0x06, 0x10, 0x02), "[{verified boot 1.0 10240 1556}]", 0},
		{"something", append(slices.Clone(plain), 0, 0, 1), "[{unknown 10240 0}]", 0},
		{"one byte", append(slices.Clone(plain), 0xff), "[{unknown 10240 0}]", 0},
		{"a signature of Android 13's", gki, "[{boot signature 8192 0}]", 0},
		{"a footer that lies", avb(1<<64 - 1), "[{avb footer 81856 64}]", 1},
		{"a footer that points at itself", avb(81857), "[{avb footer 81856 64}]", 1},
		{"vbmeta elsewhere", avb(16384), "[{vbmeta 16384 448} {avb footer 81856 64}]", 0},
	} {
		m := open(t, tc.data)
		if got := fmt.Sprint(m.Trailers); got != tc.want || len(m.Notes) != tc.notes {
			t.Errorf("%s: %s, %q", tc.name, got, m.Notes)
		}
	}
}

// TestOverlap: ramdisks that do not follow one another, and a recovery_dtbo
// that lies elsewhere, are said.
func TestOverlap(t *testing.T) {
	table := uint32(open(t, fixture(t, "vendor_v4.img")).Part(boot.PartRamdiskTable).Off)
	for name, b := range map[string][]byte{
		"ramdisk 2 begins at byte 0":    set(t, "vendor_v4", table+108+4, 0),
		"recovery_dtbo is said to lie":  set(t, "v1", 1636, 2048),
		"the header says that it has 7": set(t, "v2", 1644, 7),
	} {
		m := open(t, b)
		if len(m.Notes) != 1 || !strings.HasPrefix(strings.ReplaceAll(m.Notes[0], "modules", "2"), name) {
			t.Errorf("%s: %q", name, m.Notes)
		}
	}
}

func TestText(t *testing.T) {
	b := fixture(t, "v0.img")
	copy(b[48:], "a\x1b[2J\xff\x00")
	if m := open(t, b); m.Name != "a%1B[2J%FF" {
		t.Errorf("%q", m.Name)
	}
}

func TestBudget(t *testing.T) {
	b := blob.Bytes(fixture(t, "vendor_v4.img")) // 4 parts, 2 ramdisks
	if _, err := boot.Open(b, parse.NewBudget(parse.Limits{Entries: 6})); err != nil {
		t.Error(err)
	}
	if _, err := boot.Open(b, parse.NewBudget(parse.Limits{Entries: 5})); !errors.Is(err, parse.ErrLimit) {
		t.Error(err)
	}
}
