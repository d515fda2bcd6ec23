package f2fs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/filesystem/f2fs"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

func inodeOf(t *testing.T, f *f2fs.FS, name string) uint32 {
	t.Helper()
	info, err := f.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(info.Sys().(*vfs.Meta).Inode)
}

// TestFound gives a name to two entries, of which Linux finds the one whose hash
// is right, be it the second.
func TestFound(t *testing.T) {
	image := fixture(t, "plain.img")
	p := &patient{edit(image), t, open(t, image)}
	noise := p.number("noise")
	first, second := p.entry("hard", "2"), p.entry("hard", "3")
	if &first[0] == &second[0] || len(first) != len(second) {
		t.Fatal("one entry")
	}
	le.PutUint32(first[4:], noise) // 2 becomes another 3
	at := bytes.IndexByte(p.addrs("hard")[4+200:], '2')
	p.addrs("hard")[4+200+at] = '3'
	f, err := f2fs.Open(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := inodeOf(t, f, "hard/3"); got != p.number("hard-1") {
		t.Errorf("inode %d is found, %d is not", got, p.number("hard-1"))
	}
	notes := strings.Join(f.Notes(), "\n")
	for _, want := range []string{"its entry 3 is listed by Linux, and not found", "two entries have the name 3; the first is taken"} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes %q, want %q", notes, want)
		}
	}
	// Where the hash of both is right, it is the first.
	copy(first[:4], second[:4])
	if f, err = f2fs.Open(p, nil); err != nil {
		t.Fatal(err)
	}
	if got := inodeOf(t, f, "hard/3"); got != noise {
		t.Errorf("inode %d is found, %d is not", got, noise)
	}
}

// TestBuckets has entries in blocks in which Linux does not look for them. They are
// listed, and read, and noted.
func TestBuckets(t *testing.T) {
	image := fixture(t, "plain.img")
	for _, tc := range []struct {
		name string
		edit func(p *patient)
		most bool // of the names are concerned
	}{
		{"levels", func(p *patient) { p.inode("many")[72] = 1 }, true},
		{"level", func(p *patient) { p.inode("many")[347] = 1 }, true},
		{"hash", func(p *patient) { p.at(int64(le.Uint32(p.addrs("many"))) * block)[30+11*2]++ }, false},
	} {
		p := &patient{edit(image), t, open(t, image)}
		tc.edit(p)
		f, err := f2fs.Open(p, nil)
		if err != nil {
			t.Fatal(err)
		}
		list, err := f.ReadDir("many")
		if err != nil || len(list) != 3000 {
			t.Fatalf("%s: %d entries, %v", tc.name, len(list), err)
		}
		for _, name := range []string{"many/0000", "many/0100", "many/2999"} {
			if got := inodeOf(t, f, name); got != p.number("many/0000") {
				t.Errorf("%s: %s is %d", tc.name, name, got)
			}
		}
		want := 1
		if tc.most {
			want = 32
		}
		if notes := f.Notes(); len(notes) != want || !strings.Contains(notes[0], "is listed by Linux, and not found") {
			t.Errorf("%s: %d notes: %q", tc.name, len(notes), notes)
		}
	}
}

// TestFolded does not judge names of which the hashes are not known here.
func TestFolded(t *testing.T) {
	image := fixture(t, "features.img")
	f := open(t, image)
	list, err := f.ReadDir("folded")
	if err != nil || fmt.Sprint(list) != "[- Makefile - Straße - ÄÖÜ]" || len(f.Notes()) > 0 {
		t.Errorf("%v %v %q", list, err, f.Notes())
	}
	if _, err := f.Stat("folded/makefile"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("another spelling: %v", err)
	}
}

// TestRefusedFolders pays for folders that cannot be read, so that a large one with
// a thousand wrong names is not read for each of them.
func TestRefusedFolders(t *testing.T) {
	image := fixture(t, "plain.img")
	p := &patient{edit(image), t, open(t, image)}
	dots := p.at(int64(le.Uint32(p.addrs("many"))) * block) // which has . and .. in its first slots
	dots[0] &^= 2
	f, err := f2fs.Open(p, parse.NewBudget(parse.Limits{Entries: 300}))
	if err != nil {
		t.Fatal(err)
	}
	for n := range 20 {
		_, err := f.ReadDir("many")
		if errors.Is(err, parse.ErrLimit) {
			if n < 2 {
				t.Errorf("after %d times: %v", n, err)
			}
			return
		}
		if !errors.Is(err, parse.ErrFormat) || !strings.Contains(err.Error(), "a folder without ..") {
			t.Fatal(err)
		}
	}
	t.Error("it can be read for ever")
}

// TestLargeFolder has a folder of 17,000 blocks, all of them one block without entries.
func TestLargeFolder(t *testing.T) {
	const nids, blocks, nodes = 100000, 1018, 17
	image := fixture(t, "plain.img")
	p := &patient{edit(image), t, open(t, image)}
	n, number := p.inode("many"), p.number("many")
	end := p.size/block - 1 // zeros
	add := func(i, place int, fill func(node []byte)) {
		at := end - 1 - int64(i)
		node := p.at(at * block)
		fill(node)
		le.PutUint32(node[block-24:], uint32(nids+i))
		le.PutUint32(node[block-20:], number)
		le.PutUint32(node[block-16:], uint32(place)<<3)
		entry := p.at(p.entryOf(uint32(nids + i)))
		le.PutUint32(entry[1:], number)
		le.PutUint32(entry[5:], uint32(at))
	}
	le.PutUint64(n[16:], (923-50+2*blocks+nodes*blocks)*block)
	le.PutUint32(n[block-44+8:], nids)
	add(0, 3, func(node []byte) {
		for i := range nodes {
			le.PutUint32(node[4*i:], uint32(nids+1+i))
		}
	})
	for i := range nodes {
		add(1+i, 4+i, func(node []byte) {
			for j := range blocks {
				le.PutUint32(node[4*j:], uint32(end))
			}
		})
	}
	for size, want := range map[uint64]error{le.Uint64(n[16:]): parse.ErrLimit, le.Uint64(n[16:]) - 4*blocks*block: nil} {
		le.PutUint64(n[16:], size)
		f, err := f2fs.Open(p, nil)
		if err != nil {
			t.Fatal(err)
		}
		list, err := f.ReadDir("many")
		if !errors.Is(err, want) || want != nil && !strings.Contains(err.Error(), "a folder of more than 67108864 bytes") {
			t.Errorf("%d bytes: %d entries, %v", size, len(list), err)
		}
	}
}

// TestDeviceNumbers has both forms of them, and neither reads what the other one has.
func TestDeviceNumbers(t *testing.T) {
	image := fixture(t, "plain.img")
	p := &patient{edit(image), t, open(t, image)}
	for _, tc := range []struct{ first, second, major, minor uint32 }{
		{0x12345678, 0, 0x56, 0x78}, {0, 0x12345678, 0x456, 0x12378}, {0x103, 0xffffffff, 1, 3},
	} {
		le.PutUint32(p.addrs("devices/null"), tc.first)
		le.PutUint32(p.addrs("devices/null")[4:], tc.second)
		f, err := f2fs.Open(p, nil)
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.Stat("devices/null")
		if err != nil {
			t.Fatal(err)
		}
		if m := info.Sys().(*vfs.Meta); m.Major != tc.major || m.Minor != tc.minor {
			t.Errorf("%+v: %#x, %#x", tc, m.Major, m.Minor)
		}
	}
}
