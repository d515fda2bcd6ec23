package bootsig

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/known"
	"github.com/otavet/otavet/ota/verity"
)

// A Metadata is the block of dm-verity metadata behind a filesystem. It does not change.
type Metadata struct {
	Offset   int64  // of the block in the image
	Disabled bool   // its magic is VOFF: adb disable-verity was there
	Text     string // the table as it is stored, as parse.EscapeText leaves it
	Notes    []string

	// Table is what the text says, nil where TableError says why not.
	Table      *Table
	TableError error

	table []byte
	sig   []byte
}

// Find looks for the block of metadata in the image of a partition whose filesystem has filesystem bytes from
// the image's first on; 0 where that is not known. As fs_mgr and libfec do it looks at the end of the
// filesystem (Android 4.4 to 6), behind a hash tree that stands there, at the end of the data that error correction with a
// header covers, and at the end of the image.
//
// Where there is none the error is signature.ErrNone, other errors are *parse.Error, ErrFormat for a
// header that is broken, or of reading.
func Find(image blob.Blob, filesystem int64) (*Metadata, error) {
	var found *Metadata
	var broken error
	places, err := places(image, filesystem)
	if err != nil {
		return nil, err
	}
	for _, off := range places {
		m, err := readMetadata(image, off)
		switch {
		case err == nil && m == nil:
		case err != nil && broken == nil:
			broken = err
		case err != nil:
		case found == nil:
			found = m
		default:
			found.Notes = append(found.Notes, fmt.Sprintf("another block of metadata at byte %#x, which some releases take", m.Offset))
		}
	}
	switch {
	case found != nil:
		found.Table, found.TableError = parseTable(found.table, found.Offset)
		found.compare(filesystem)
		return found, nil
	case broken != nil:
		return nil, broken
	}
	return nil, signature.ErrNone
}

// places are the offsets at which a block may stand, each once, those that libfec prefers first.
func places(image blob.Blob, filesystem int64) ([]int64, error) {
	size := image.Size()
	list := []int64{size - lenVerity}
	h, err := fecHeader(image)
	if err != nil {
		return nil, err
	}
	if h != nil {
		list = append([]int64{h.Data - lenVerity}, list...)
	}
	if filesystem > 0 {
		tree := verity.Tree{Hash: verity.SHA256, BlockSize: blockSize}
		if n, err := tree.Size(filesystem); err == nil && n <= size {
			list = append(list, filesystem+n)
		}
		list = append(list, filesystem)
	}
	var out []int64
	for _, off := range list {
		if off >= 0 && off <= size-lenVerity && !slices.Contains(out, off) {
			out = append(out, off)
		}
	}
	return out, nil
}

// readMetadata reads a block; nil where none stands.
func readMetadata(image blob.Blob, off int64) (*Metadata, error) {
	p, err := blob.ReadRange(image, off, lenVerity)
	if err != nil {
		return nil, err
	}
	c := parse.NewCursor("bootsig", p, off)
	magic := c.U32LE()
	if magic != magicVerity && magic != magicDisabled {
		return nil, nil
	}
	version := c.U32LE()
	m := &Metadata{Offset: off, Disabled: magic == magicDisabled, sig: bytes.Clone(c.Bytes(256))}
	n := c.U32LE()
	switch {
	case version != 0:
		return nil, fail(off+4, parse.ErrUnsupported, "another version of dm-verity metadata", version)
	case n < minTable || n > maxTable:
		return nil, fail(off+264, parse.ErrFormat, "a dm-verity table of no possible length", n)
	}
	m.table = bytes.Clone(c.Bytes(int(n)))
	m.Text = parse.EscapeText(string(m.table))
	if i := bytes.IndexFunc(c.Bytes(c.Len()), func(r rune) bool { return r != 0 }); i >= 0 {
		m.Notes = append(m.Notes, "the rest of the block of metadata is not of zeros")
	}
	return m, c.Err()
}

// Verify judges the signature of the table with keys, those of /verity_key that the device may have. Without one that made
// it Intact is Unknown: it is broken, or somebody else's. The data that the table is of are covered as
// far as CheckTree finds them right.
func (m *Metadata) Verify(keys ...*Key) *signature.Result {
	table := m.Offset + lenHeader
	end := table + int64(len(m.table))
	r := &signature.Result{Scheme: signature.SchemeVerity, Covers: []signature.Range{{First: table, End: end, What: "table"}}}
	r.Unsigned = []signature.Range{{First: m.Offset, End: table, What: "magic, version, signature and length"}}
	if rest := m.Offset + lenVerity; end < rest {
		r.Unsigned = append(r.Unsigned, signature.Range{First: end, End: rest, What: "rest of the block"})
	}
	if m.Table != nil { // printable, then, and of no more than is in use
		r.Notes = append(r.Notes, fmt.Sprintf("table: %.600s", m.Text))
	}
	r.Notes = append(r.Notes, m.Notes...)
	if m.Disabled {
		r.Notes = append(r.Notes, "disabled: VOFF stands in place of the magic")
	}
	m.judge(r, keys)
	m.accepts(r, len(keys) > 0)
	return r
}

func (m *Metadata) judge(r *signature.Result, keys []*Key) {
	sum256, sum1 := sha256.Sum256(m.table), sha1.Sum(m.table)
	for _, key := range keys {
		for _, made := range []struct {
			hash   crypto.Hash
			digest []byte
		}{{crypto.SHA256, sum256[:]}, {crypto.SHA1, sum1[:]}} {
			if signature.Verify(key.rsa, made.hash, made.digest, nil, m.sig) != nil {
				continue
			}
			s := signature.Signer{Subject: "verity key " + key.SHA256, KeySHA256: key.KeySHA256, Algorithm: "RSA", Bits: 2048, Digest: signature.HashName(made.hash)}
			if signature.WeakHash(made.hash) {
				s.Weak = []string{s.Digest}
			}
			r.Intact, r.Signers = signature.Yes, []signature.Signer{s}
			r.Known = known.Matches("", key.KeySHA256)
			if k, ok := known.Lookup(known.KindVerity, key.SHA256); ok {
				r.Known = append(r.Known, known.Match{Key: k, By: "key"})
			}
			return
		}
	}
	why := "whose it is cannot be told: no verity key is at hand"
	if len(keys) > 0 {
		why = fmt.Sprintf("none of the %d verity keys at hand made it: it is broken, or somebody else's", len(keys))
	}
	r.Reason = fail(m.Offset+8, parse.ErrUnsupported, why, nil)
}

// accepts says which fs_mgr would mount the partition with one of the keys. fs_mgr_verity.c took SHA-1 once, when it knew VOFF
// already; in Android 6 it takes SHA-256. In which release it changed is not known here.
func (m *Metadata) accepts(r *signature.Result, tried bool) {
	early, late := signature.Unknown, signature.Unknown
	switch {
	case m.TableError != nil || m.Disabled, r.Intact != signature.Yes && tried:
		early, late = signature.No, signature.No
	case r.Intact != signature.Yes:
	case r.Signers[0].Digest == "SHA-256":
		late = signature.Yes
	default:
		late = signature.No
	}
	const rule = "the table must be signed by the /verity_key of the boot image"
	r.Accepts = []signature.Platform{
		{Reader: "fs_mgr", Since: "4.4", Until: "5.1", Takes: early, Rule: rule + ", with SHA-1 in the first releases and SHA-256 in the last"},
		{Reader: "fs_mgr", Since: "6.0", Takes: late, Rule: rule + ", with SHA-256; since Android 8 new devices have AVB 2.0 in its place"},
	}
	if m.Disabled {
		r.Accepts = append(r.Accepts, signature.Platform{Reader: "fs_mgr of userdebug and eng builds", Since: "5.0", Takes: signature.Yes,
			Rule: "ALLOW_ADBD_DISABLE_VERITY: with VOFF it mounts the partition and verifies nothing"})
	}
}
