package bootsig

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/verity"
)

// A Table is what the kernel's dm-verity is told:
//
//	1 DEVICE DEVICE 4096 4096 DATA_BLOCKS HASH_START sha256 ROOT SALT [...]
type Table struct {
	DataDevice, HashDevice string // as parse.EscapeText leaves them
	DataBlocks, HashStart  int64  // in blocks of 4096 bytes
	Algorithm              string
	Root, Salt             []byte
	Options                []string // what follows
}

// parseTable reads a table as libfec does, which takes no other version, block size and hash.
func parseTable(p []byte, block int64) (*Table, error) {
	base := block + lenHeader
	bad := func(kind error, msg string, got any) (*Table, error) {
		return nil, fail(base, kind, "the dm-verity table: "+msg, got)
	}
	// Android up to 6 ends the table at a zero byte, later releases do not.
	if i := bytes.IndexFunc(p, func(r rune) bool { return r < ' ' || r > '~' }); i >= 0 {
		return bad(parse.ErrFormat, "a character that is not of printable ASCII", p[i])
	}
	part := strings.Split(string(p), " ")
	if len(part) < tableParts {
		return bad(parse.ErrFormat, "fewer parts than ten", len(part))
	}
	if len(part) > maxParts {
		return bad(parse.ErrLimit, "more parts than are read", len(part))
	}
	t := &Table{DataDevice: parse.EscapeText(part[1]), HashDevice: parse.EscapeText(part[2]), Algorithm: parse.EscapeText(part[7])}
	switch {
	case part[0] != "1":
		return bad(parse.ErrUnsupported, "another version of dm-verity", part[0])
	case part[3] != strconv.Itoa(blockSize) || part[4] != strconv.Itoa(blockSize):
		return bad(parse.ErrUnsupported, "other blocks than of 4096 bytes", part[3]+" "+part[4])
	case part[7] != string(verity.SHA256):
		return bad(parse.ErrUnsupported, "another hash than sha256", part[7])
	}
	for _, n := range []struct {
		to   *int64
		text string
	}{{&t.DataBlocks, part[5]}, {&t.HashStart, part[6]}} {
		var err error
		// No sign and no leading zero: libfec would read octal, the kernel decimal.
		if *n.to, err = strconv.ParseInt(n.text, 10, 64); err != nil || strconv.FormatInt(*n.to, 10) != n.text || *n.to < 1 || *n.to > maxBlocks {
			return bad(parse.ErrFormat, "no number of blocks", n.text)
		}
	}
	var err1, err2 error
	t.Root, err1 = hex.DecodeString(part[8])
	t.Salt, err2 = hex.DecodeString(part[9])
	if err1 != nil || err2 != nil || len(t.Root) != verity.SHA256.Size() {
		return bad(parse.ErrFormat, "root or salt are not in hexadecimal, or not as long as they should be", part[8])
	}
	for _, o := range part[tableParts:] {
		t.Options = append(t.Options, parse.EscapeText(o))
	}
	return t, nil
}

// maxParts bounds the options; the kernel has some ten, of a word or two each.
const maxParts = 64

// maxBlocks keeps offsets below 2^60. No storage is that large.
const maxBlocks = 1 << 48

// compare holds the table against the place of its block: libfec wants data to end where tree or metadata begin.
func (m *Metadata) compare(filesystem int64) {
	if m.Table == nil {
		return
	}
	if m.Table.Options != nil {
		m.Notes = append(m.Notes, fmt.Sprintf("the table has options: %.200s", strings.Join(m.Table.Options, " ")))
	}
	data := m.Table.DataBlocks * blockSize
	if first := min(m.Offset, m.Table.HashStart*blockSize); data != first {
		m.Table, m.TableError = nil, fail(m.Offset+lenHeader, parse.ErrFormat,
			fmt.Sprintf("the dm-verity table is of %d bytes, and tree or metadata begin at %d", data, first), nil)
		return
	}
	if filesystem > 0 && data < filesystem {
		m.Notes = append(m.Notes, fmt.Sprintf("the table covers %d bytes, the filesystem has %d", data, filesystem))
	}
}

// CheckTree makes the hash tree of the image anew. root is about the data, whose root the table states and signs;
// stored about the tree that stands in the image: a device reads it, and does not start with one that
// is absent or differs, though the data are right. ErrFormat: it is not so. Blocks are hashed by run; nil: one after another.
func (m *Metadata) CheckTree(image blob.Blob, run verity.Runner) (root, stored error) {
	if m.Table == nil {
		return m.TableError, m.TableError
	}
	t := m.Table
	// build_verity_tree and libfec have a tree for one block as well.
	tree := verity.Tree{Hash: verity.SHA256, Salt: t.Salt, BlockSize: blockSize}
	size, n := image.Size(), t.DataBlocks*blockSize
	if n > size {
		err := fail(size, parse.ErrFormat, "the image is shorter than its dm-verity table says", n)
		return err, err
	}
	data, err := blob.Section(image, 0, n)
	if err != nil {
		return err, err
	}
	made, err := tree.Root(data, run)
	if err != nil {
		return err, err
	}
	if !bytes.Equal(made, t.Root) {
		err := fail(0, parse.ErrFormat, "the image does not have the root of its hash tree", nil)
		return err, err
	}
	return nil, t.checkStored(tree, image, n)
}

func (t *Table) checkStored(tree verity.Tree, image blob.Blob, data int64) error {
	n, err := tree.Size(data)
	if err != nil {
		return err
	}
	off := t.HashStart * blockSize
	if off > image.Size() || n > image.Size()-off {
		return fail(image.Size(), parse.ErrFormat, "the image has no hash tree where its dm-verity table says", off)
	}
	stored, err := blob.Section(image, off, n)
	if err != nil {
		return err
	}
	return tree.CheckTree(data, stored, t.Root)
}

// CheckFEC makes the error correction anew whose header AOSP's fec left at the end of an image: parity over all that
// lies before it, and its SHA-256. verity.ErrNoFEC: the image has none. ErrFormat: it differs. ErrUnsupported:
// codewords that dm-verity does not take. A device starts without it, and cannot mend blocks then.
func CheckFEC(image blob.Blob) error {
	h, err := fecHeader(image)
	if err != nil {
		return err
	}
	if h == nil {
		return verity.ErrNoFEC
	}
	if h.Data > h.Off || h.Size > h.Off-h.Data {
		return fail(h.Off, parse.ErrFormat, "the error correction lies outside the image", h.Data)
	}
	data, err := blob.Section(image, 0, h.Data)
	if err != nil {
		return err
	}
	parity, err := blob.Section(image, h.Data, h.Size)
	if err != nil {
		return err
	}
	if err := (verity.FEC{Roots: h.Roots, BlockSize: blockSize}).Check(data, parity); err != nil {
		return err
	}
	return checkSum(parity, h)
}

// fecHeader reads the header of error correction; nil where there is none.
func fecHeader(image blob.Blob) (*verity.FECHeader, error) {
	h, err := verity.ParseFECHeader(image)
	var e *parse.Error
	if err != nil && !errors.As(err, &e) {
		return nil, err
	}
	if err != nil {
		return nil, nil
	}
	return h, nil
}
