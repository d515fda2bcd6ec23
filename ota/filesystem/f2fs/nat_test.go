package f2fs_test

import (
	"bytes"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/otavet/otavet/ota/filesystem/f2fs"
	"github.com/otavet/otavet/ota/otatest"
)

// checked wants an image that was edited to be what it was, and fsck.f2fs to find
// nothing wrong in it.
func checked(t *testing.T, e *edited, want string) {
	t.Helper()
	e.mend()
	f, err := f2fs.Open(e, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := everything(t, f); got != want {
		t.Error("another content")
	}
	name := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(name, e.bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := otatest.Run(t, "fsck.f2fs", "-f", "--dry-run", name); err != nil || bytes.Contains([]byte(out), []byte("[ASSERT]")) {
		t.Errorf("fsck.f2fs: %v\n%s", err, out)
	}
}

func (e *edited) bytes() []byte {
	p, err := io.ReadAll(io.NewSectionReader(e, 0, e.size))
	if err != nil {
		panic(err)
	}
	return p
}

// natBits is where the bitmap is that tells which copies of the table of nodes count.
func (e *edited) natBits() int64 {
	k := e.checkpoint()
	switch {
	case le.Uint32(e.get(k+132))&0x400 != 0: // a large one, behind the checksum
		return k + 196
	case le.Uint32(e.get(super+1664)) > 0: // that of segments is in a block of its own
		return k + 192
	}
	return k + 192 + int64(le.Uint32(e.get(k+156)))
}

// second has the first block of the table of nodes in its second copy, or, where it is
// there, in its first one, and dirt in the one that does not count.
func (e *edited) second() {
	nat := int64(le.Uint32(e.get(super+84))) * block
	bits := e.at(e.natBits())
	from, to := nat, nat+512*block
	if bits[0]&0x80 != 0 {
		from, to = to, from
	}
	bits[0] ^= 0x80
	copy(e.at(to), e.get(from))
	copy(e.at(from), bytes.Repeat([]byte{0xa5}, block))
}

// widen gives the newer checkpoint a block for the bitmap of segments.
func (e *edited) widen() {
	k := e.checkpoint()
	n := int64(le.Uint32(e.get(k + 136)))
	for i := n; i > 1; i-- {
		copy(e.at(k+i*block), e.get(k+(i-1)*block))
	}
	size := int64(le.Uint32(e.get(k + 156)))
	clear(e.at(k + block))
	copy(e.at(k+block), e.get(k + 192)[:size])
	for _, at := range []int64{k, k + n*block} {
		p := e.at(at)
		le.PutUint32(p[136:], uint32(n+1))
		le.PutUint32(p[140:], le.Uint32(p[140:])+1)
		copy(p[192:], bytes.Clone(p[192+size:][:le.Uint32(p[160:])]))
	}
	for _, at := range []int64{super, super + block} {
		le.PutUint32(e.at(at+1664), 1)
	}
}

// TestBitmap has nodes in the second copy of a block of their table. Images of Linux
// and of the tools have an even number of changes of it, it seems, and so only first ones.
func TestBitmap(t *testing.T) {
	for _, name := range []string{"tiny", "large", "sload"} {
		e := edit(fixture(t, name+".img"))
		want := everything(t, open(t, e.base))
		e.second()
		checked(t, e, want)
	}
	e := edit(fixture(t, "tiny.img"))
	want := everything(t, open(t, e.base))
	e.widen()
	checked(t, e, want)
	e.second()
	checked(t, e, want)
}

// TestJournal has a node in another place, of which the journal alone tells: in
// compact summaries, and in those of an image that was unmounted. (Linux wrote normal,
// which has one of the third kind.)
func TestJournal(t *testing.T) {
	for _, tc := range []struct {
		image, file string
		flags       uint32 // of the checkpoint: unmounted, compact
	}{{"tiny", "blocks", 5}, {"sload", "noise", 1}} {
		e := edit(fixture(t, tc.image+".img"))
		f := open(t, e.base)
		if flags := le.Uint32(e.get(e.checkpoint()+132)) & 5; flags != tc.flags {
			t.Errorf("%s: flags %d", tc.image, flags)
		}
		want := everything(t, f)
		nid := inodeOf(t, f, tc.file)
		from, to := e.node(t, nid), e.size-block
		copy(e.at(to), e.get(from))
		copy(e.at(from), bytes.Repeat([]byte{0xa5}, block))
		raw := append(le.AppendUint32(nil, nid), e.get(e.entryOf(nid))[:9]...)
		raw = append(raw, raw...) // the first one counts
		le.PutUint32(raw[9:], uint32(to/block))
		journal := e.at(e.journal())
		n := int(le.Uint16(journal))
		copy(journal[2+len(raw):], bytes.Clone(journal[2:2+13*n]))
		copy(journal[2:], raw)
		le.PutUint16(journal, uint16(n+2))
		e.mend()
		g, err := f2fs.Open(e, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := everything(t, g); got != want {
			t.Errorf("%s: another content", tc.image)
		}
	}
}

// TestDoubleIndirect moves a node of a file that is large and full of holes, and that
// below it, to where they would be some gigabytes later.
func TestDoubleIndirect(t *testing.T) {
	const per = 1018
	image := fixture(t, "plain.img")
	f := open(t, image)
	info, err := f.Stat("holes/nodes")
	if err != nil {
		t.Fatal(err)
	}
	old, _, err := f.Blob("holes/nodes")
	if err != nil {
		t.Fatal(err)
	}
	p := &patient{edit(image), t, f}
	n := p.inode("holes/nodes")
	le.PutUint64(n[16:], uint64(info.Size())+3*per*per*block)
	at := func(nid uint32) []byte { return p.at(p.node(t, nid))[:block] }
	top := at(le.Uint32(n[block-28:]))
	below := at(le.Uint32(top))
	copy(top[12:16], top[:4])
	clear(top[:4])
	place := func(node []byte, more uint32) { le.PutUint32(node[block-16:], le.Uint32(node[block-16:])+more<<3) }
	place(below, 3*(per+1))
	moved := 0
	for i := range per {
		if nid := le.Uint32(below[4*i:]); nid != 0 {
			place(at(nid), 3*(per+1))
			moved++
		}
	}
	g, err := f2fs.Open(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	now, _, err := g.Blob("holes/nodes")
	if err != nil {
		t.Fatal(err)
	}
	first := int64(923-50) * block
	first += (2*per + 2*per*per) * block
	a, b := make([]byte, 9*per*block), make([]byte, 9*per*block)
	for _, shift := range []int64{0, 3 * per * per * block} {
		if _, err := old.ReadAt(a, first); err != nil && err != io.EOF {
			t.Fatal(err)
		}
		if _, err := now.ReadAt(b, first+shift); err != nil && err != io.EOF {
			t.Fatal(err)
		}
		if shift == 0 {
			clear(a)
		}
		if !bytes.Equal(a, b) || shift > 0 && len(bytes.Trim(b, "\x00")) == 0 {
			t.Errorf("others at %d", shift)
		}
	}
	if moved == 0 || info.Size() > math.MaxInt64/2 {
		t.Errorf("%d nodes", moved)
	}
}
