package f2fs

import (
	"encoding/binary"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// A natEntry is where a node is.
type natEntry struct {
	inode uint32 // of the file that it is of
	addr  uint32 // a block
}

// openCheckpoint takes the newer of the two checkpoints that are right, and what
// it has of the node address table.
func (f *FS) openCheckpoint() error {
	var packs [2]*checkpoint
	var errs [2]error
	for i := range packs {
		packs[i], errs[i] = f.readPack(f.packAt(i))
		if errs[i] != nil && !isOwn(errs[i]) {
			return errs[i]
		}
	}
	which := 0
	switch {
	case packs[0] == nil && packs[1] == nil:
		return errs[0]
	case packs[0] == nil:
		which = 1
	case packs[1] != nil && int64(packs[1].version-packs[0].version) > 0: // ver_after
		which = 1
	}
	if err := errs[1-which]; err != nil {
		f.notes.State("one of the two checkpoints cannot be read: %v", err)
	}
	k, addr := packs[which], f.packAt(which)
	f.tellCheckpoint(k)
	if err := f.checkPack(k, int64(addr)*f.block); err != nil {
		return err
	}
	if err := f.readBitmap(k, addr); err != nil {
		return err
	}
	return f.readJournal(k, addr)
}

func (f *FS) packAt(i int) uint32 { return f.super.cp + uint32(i)*segment }

func (f *FS) tellCheckpoint(k *checkpoint) {
	for _, is := range [...]struct {
		odd  bool
		text string
	}{
		{k.flags&cpUnmounted == 0, "it was not unmounted: what was written after the last checkpoint is not read"},
		{k.flags&cpOrphans != 0, "its checkpoint has orphans: files that were removed and still open"},
		{k.flags&cpError != 0, "its checkpoint records an error"},
		{k.flags&cpFsck != 0, "its checkpoint asks for fsck"},
		{k.flags&cpResize != 0, "it was being resized"},
	} {
		if is.odd {
			f.notes.State("%s", is.text)
		}
	}
}

// readPack reads the checkpoint that begins at block addr, if the one that ends
// its pack is of the same version: validate_checkpoint.
func (f *FS) readPack(addr uint32) (*checkpoint, error) {
	k, err := f.readCheckpoint(addr)
	if err != nil {
		return nil, err
	}
	off := int64(addr) * f.block
	if k.blocks > segment || k.blocks <= 2 {
		return nil, fail(off+0x88, parse.ErrFormat, "a checkpoint of that many blocks", k.blocks)
	}
	last, err := f.readCheckpoint(addr + k.blocks - 1)
	if err != nil {
		return nil, err
	}
	if last.version != k.version {
		return nil, fail(off, parse.ErrFormat, "a checkpoint whose end is of another version", last.version)
	}
	return k, nil
}

// checkPack refuses what Linux refuses of the checkpoint that it has taken, without
// a look at the other one: f2fs_sanity_check_ckpt.
func (f *FS) checkPack(k *checkpoint, off int64) error {
	s := &f.super
	switch {
	case k.startSum < s.payload+1 || k.startSum > segment-1-allLogs:
		return fail(off+0x8c, parse.ErrFormat, "the summaries are not in their checkpoint", k.startSum)
	case uint64(k.natBitmap) != uint64(s.natSegments/2)*segment/8 || uint64(k.sitBitmap) != uint64(s.sitSegments/2)*segment/8:
		return fail(off+0xa0, parse.ErrFormat, "its bitmaps are not as long as the tables", k.natBitmap)
	case k.flags&cpLargeNAT != 0 && k.checksumAt != lenCheckpoint:
		return fail(off+0xa4, parse.ErrFormat, "the checksum is in the bitmap of nodes", k.checksumAt)
	}
	return nil
}

// readCheckpoint reads one block, and verifies it: get_checkpoint_version.
func (f *FS) readCheckpoint(addr uint32) (*checkpoint, error) {
	off := int64(addr) * f.block
	p, err := blob.ReadRange(f.b, off, f.block)
	if err != nil {
		return nil, err
	}
	k := &checkpoint{}
	c := parse.NewCursor("f2fs", p, off)
	k.read(c)
	if err := c.Err(); err != nil {
		return nil, err
	}
	at := k.checksumAt
	if at < lenCheckpoint || int64(at) > f.block-4 {
		return nil, fail(off+0xa4, parse.ErrFormat, "the checksum of a checkpoint is in no place for it", at)
	}
	sum := crc(superMagic, p[:at])
	sum = crc(sum, p[at+4:])
	if want := binary.LittleEndian.Uint32(p[at:]); sum != want {
		return nil, fail(off+int64(at), parse.ErrFormat, "a checkpoint does not have its checksum", want)
	}
	return k, nil
}

// readBitmap reads which copies of the blocks of the node address table count:
// __bitmap_ptr.
func (f *FS) readBitmap(k *checkpoint, addr uint32) error {
	at := int64(lenCheckpoint)
	switch {
	case k.flags&cpLargeNAT != 0:
		at += 4 // the checksum
	case f.super.payload == 0:
		at += int64(k.sitBitmap)
	}
	room := (1 + int64(f.super.payload)) * f.block
	if at+int64(k.natBitmap) > room {
		return fail(int64(addr)*f.block+0xa0, parse.ErrFormat, "the bitmap of nodes runs past its checkpoint", k.natBitmap)
	}
	var err error
	f.natBits, err = blob.ReadRange(f.b, int64(addr)*f.block+at, int64(k.natBitmap))
	return err
}

// readJournal reads the changes to the node address table that are in the
// summaries of a checkpoint: read_compacted_summaries, read_normal_summaries.
func (f *FS) readJournal(k *checkpoint, addr uint32) error {
	entries := f.block / 8
	size := f.block - lenSumFooter - lenSummary*entries // SUM_JOURNAL_SIZE
	off := (int64(addr) + int64(k.startSum)) * f.block
	if k.flags&cpCompact == 0 {
		logs := uint32(dataLogs)
		if k.flags&(cpUnmounted|cpFastboot) != 0 {
			logs = allLogs
		}
		if k.blocks <= logs+1 {
			return fail(int64(addr)*f.block+0x88, parse.ErrFormat, "a checkpoint without its summaries", k.blocks)
		}
		off = int64(addr+k.blocks-logs-1)*f.block + lenSummary*entries
	}
	p, err := blob.ReadRange(f.b, off, size)
	if err != nil {
		return err
	}
	c := parse.NewCursor("f2fs", p, off)
	n := c.Count(uint64(c.U16LE()), lenJournalNAT, size/lenJournalNAT)
	f.journal = make(map[uint32]natEntry, n)
	for range n {
		nid := c.U32LE()
		c.Skip(1) // version
		e := natEntry{c.U32LE(), c.U32LE()}
		if _, have := f.journal[nid]; !have { // the first counts: f2fs_lookup_journal_in_cursum
			f.journal[nid] = e
		}
	}
	return c.Err()
}
