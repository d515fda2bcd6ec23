package apk

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// A zip is where the parts of an APK lie, found as ApkSigningBlockUtils finds
// them: another reader of ZIPs may see other parts, and these are what counts.
type zip struct {
	b        blob.Blob
	size     int64
	contents int64  // end of what lies before the signing block, or before the directory where there is none
	dir      int64  // of the central directory, which ends at eocd
	eocd     int64  // of the end of central directory record, which ends the file
	tail     []byte // that record and its comment
	head     []byte // the first four bytes

	pairs []pair          // of ids that are known, the first of each
	twice map[uint32]bool // ids of these that occur again
	count int             // of all pairs
	// none says why there is no signing block; nil where there is one. damaged says
	// that something like one is there.
	none    error
	damaged bool
	// broken says that the pairs cannot be followed to the end. The platform takes
	// what it finds before.
	broken error
}

// A pair is an entry of the signing block.
type pair struct {
	id    uint32
	off   int64 // of its value
	value int64 // its size
}

func fail(off int64, kind error, msg string, got any) error {
	return &parse.Error{Format: "apk", Off: off, Msg: msg, Got: got, Kind: kind}
}

// open finds the parts. The error says that b is no ZIP, or cannot be read.
func open(b blob.Blob, bud *parse.Budget) (*zip, error) {
	z := &zip{b: b, size: b.Size()}
	if err := z.findEOCD(); err != nil {
		return nil, err
	}
	var err error
	if z.head, err = blob.ReadRange(b, 0, 4); err != nil {
		return nil, err
	}
	z.dir = int64(binary.LittleEndian.Uint32(z.tail[eocdDirOffset:]))
	dirSize := int64(binary.LittleEndian.Uint32(z.tail[eocdDirSize:]))
	z.contents = min(z.dir, z.eocd)
	zip64 := false
	if z.eocd >= lenLocator64 {
		p, err := blob.ReadRange(b, z.eocd-lenLocator64, 4)
		if err != nil {
			return nil, err
		}
		zip64 = string(p) == locator64Magic
	}
	switch {
	case zip64:
		z.none = fail(z.eocd-lenLocator64, parse.ErrFormat, "a zip64 archive, in which no signing block is looked for", nil)
	case z.dir > z.eocd || z.dir+dirSize != z.eocd:
		z.none = fail(z.eocd, parse.ErrFormat, "the central directory does not end where its end record begins", z.dir)
		z.dir = z.contents // for v4, which covers whatever is there
	default:
		return z, z.findBlock(bud)
	}
	return z, nil
}

// findEOCD takes the last record whose comment ends with the file, as
// ZipUtils.findZipEndOfCentralDirectoryRecord does.
func (z *zip) findEOCD() error {
	if z.size < lenEOCD {
		return fail(0, parse.ErrFormat, "no room for a ZIP's end of central directory", z.size)
	}
	for _, most := range []int64{0, maxComment} {
		n := min(z.size, lenEOCD+most)
		p, err := blob.ReadRange(z.b, z.size-n, n)
		if err != nil {
			return err
		}
		for i := len(p) - lenEOCD; i >= 0; i-- {
			if string(p[i:i+4]) == eocdMagic && int(binary.LittleEndian.Uint16(p[i+eocdComment:])) == len(p)-i-lenEOCD {
				z.eocd, z.tail = z.size-int64(len(p)-i), bytes.Clone(p[i:])
				return nil
			}
		}
	}
	return fail(z.size, parse.ErrFormat, "no end of central directory: not a ZIP", nil)
}

// findBlock reads the signing block's ends and its list of pairs.
func (z *zip) findBlock(bud *parse.Budget) error {
	if z.dir < minBlock {
		z.none = fail(z.dir, parse.ErrFormat, "no room for a signing block", nil)
		return nil
	}
	foot, err := blob.ReadRange(z.b, z.dir-lenBlockFoot, lenBlockFoot)
	if err != nil {
		return err
	}
	size := binary.LittleEndian.Uint64(foot)
	switch {
	case string(foot[8:]) != blockMagic:
		z.none = fail(z.dir, parse.ErrFormat, "no signing block before the central directory", nil)
		return nil
	}
	z.damaged = true
	switch {
	case size < lenBlockFoot || size > math.MaxInt32-8 || int64(size) > z.dir-lenBlockHead:
		z.none = fail(z.dir-lenBlockFoot, parse.ErrFormat, "the size of the signing block is out of range", size)
		return nil
	}
	off := z.dir - int64(size) - lenBlockHead
	head, err := blob.ReadRange(z.b, off, lenBlockHead)
	if err != nil {
		return err
	}
	if first := binary.LittleEndian.Uint64(head); first != size {
		z.none = fail(off, parse.ErrFormat, "the two sizes of the signing block differ", first)
		return nil
	}
	z.contents, z.damaged = off, false
	return z.readPairs(bud)
}

// readPairs goes through all pairs, as the platform does, however many there are,
// and keeps those that mean something. Small ones are read many at once.
func (z *zip) readPairs(bud *parse.Budget) error {
	end := z.dir - lenBlockFoot
	var window []byte
	at := int64(0) // of window
	z.twice = make(map[uint32]bool)
	for off := z.contents + lenBlockHead; off < end; {
		if err := bud.Entry("apk", 1); err != nil {
			return err
		}
		if end-off < lenPairHead {
			z.broken = fail(off, parse.ErrFormat, "the last pair of the signing block is cut off", nil)
			return nil
		}
		if off+lenPairHead > at+int64(len(window)) {
			var err error
			if window, err = blob.ReadRange(z.b, off, min(end-off, page)); err != nil {
				return err
			}
			at = off
		}
		head := window[off-at:]
		n := binary.LittleEndian.Uint64(head)
		if n < 4 || n > uint64(end-off-8) {
			z.broken = fail(off, parse.ErrFormat, "the size of a pair of the signing block is out of range", n)
			return nil
		}
		z.keep(pair{binary.LittleEndian.Uint32(head[8:]), off + lenPairHead, int64(n) - 4})
		off += 8 + int64(n)
	}
	return nil
}

// keep keeps the first pair of an id that is known.
func (z *zip) keep(p pair) {
	z.count++
	switch p.id {
	case idV2, idV3, idV31, idStamp1, idStamp2:
		if _, ok := z.find(p.id); ok {
			z.twice[p.id] = true
			return
		}
		z.pairs = append(z.pairs, p)
	}
}

// checkHead is what a release's libziparchive makes of the beginning of the file:
// it takes no archive that begins with anything else than a local header, since the
// fix of CVE-2017-13156 (December 2017, Android 8.1), by which the runtime took for
// code what the installer took for a ZIP. That fix went to older releases too: a
// file that begins as a DEX file does is refused of all.
func (z *zip) checkHead(sdk int) error {
	switch {
	case string(z.head) == localMagic:
		return nil
	case string(z.head) == dexMagic:
		return fail(0, parse.ErrFormat, "the beginning of the file is that of a DEX file, not of a ZIP (CVE-2017-13156)", nil)
	case sdk < sdkO1:
		return nil
	}
	return fail(0, parse.ErrFormat, "the file does not begin with a local header, as libziparchive wants it since December 2017", nil)
}

// find gives the first pair of an id, which is the one that counts.
func (z *zip) find(id uint32) (pair, bool) {
	for _, p := range z.pairs {
		if p.id == id {
			return p, true
		}
	}
	return pair{}, false
}

// value reads the value of the first pair of id; nil where there is none.
func (z *zip) value(id uint32) (*parse.Cursor, pair, error) {
	p, ok := z.find(id)
	if !ok {
		return nil, p, nil
	}
	if p.value > maxValue {
		return nil, p, fail(p.off, parse.ErrLimit, "a signature larger than is read", p.value)
	}
	raw, err := blob.ReadRange(z.b, p.off, p.value)
	if err != nil {
		return nil, p, err
	}
	return parse.NewCursor("apk", raw, p.off), p, nil
}

// notes are what is odd about the signing block.
func (z *zip) notes() []string {
	var out []string
	if z.broken != nil {
		out = append(out, "signing block: "+z.broken.Error())
	}
	for range z.twice {
		out = append(out, "the signing block has two pairs of one scheme; the first counts")
	}
	if string(z.head) == dexMagic {
		out = append(out, "the file begins as a DEX file does")
	}
	return out
}

// prefixed reads a length and as many bytes.
func prefixed(c *parse.Cursor) []byte {
	n := c.U32LE()
	if n > math.MaxInt32 {
		c.Fail(parse.ErrFormat, "a negative length", n)
	}
	return c.Bytes(int(n))
}

// sub is a cursor over what follows a length.
func sub(c *parse.Cursor) *parse.Cursor {
	off := c.Offset() + 4
	return parse.NewCursor("apk", prefixed(c), off)
}

// first is the first error of the cursors.
func first(list ...*parse.Cursor) error {
	for _, c := range list {
		if err := c.Err(); err != nil {
			return err
		}
	}
	return nil
}
