package wholefile

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// The sizes of bootable/recovery's otautil/verifier.cpp.
const (
	footerSize = 6  // FOOTER_SIZE
	eocdSize   = 22 // EOCD_HEADER_SIZE, without the comment
)

// eocdMagic begins a zip's end of central directory record.
var eocdMagic = []byte("PK\x05\x06")

// canonicalComment is what signapk writes before the signature.
const canonicalComment = "signed by SignApk\x00"

// msgBefore is the message of one rule of the footer.
const msgBefore = "the signature starts before the comment"

// A layout is the end of a file that has the footer.
type layout struct {
	size    int64  // of the file
	tail    []byte // from the end of central directory record to the end of the file
	comment int    // comment_size
	start   int    // signature_start: distance of the message from the end of the file
}

// signed is the number of bytes that the signature covers: all up to the field
// that holds the comment's length.
func (l *layout) signed() int64 { return l.size - int64(l.comment) - 2 }

// message is the CMS message and what stands between it and the footer.
func (l *layout) message() []byte { return l.tail[len(l.tail)-l.start : len(l.tail)-footerSize] }

// text is the comment before the message.
func (l *layout) text() []byte { return l.tail[eocdSize : len(l.tail)-l.start] }

// messageAt is where message begins in the file.
func (l *layout) messageAt() int64 { return l.size - int64(l.start) }

// readLayout applies recovery's rules in recovery's order. Where there is no
// footer it answers ErrNone. A *parse.Error means that there is a footer and what
// is wrong; any other error comes from reading.
func readLayout(b blob.Blob) (*layout, error) {
	size := b.Size()
	if size < footerSize {
		return nil, signature.ErrNone // "not big enough to contain footer"
	}
	footer, err := blob.ReadRange(b, size-footerSize, footerSize)
	if err != nil {
		return nil, err
	}
	if footer[2] != 0xff || footer[3] != 0xff {
		return nil, signature.ErrNone // "footer is wrong"
	}
	l := &layout{
		size:    size,
		comment: int(binary.LittleEndian.Uint16(footer[4:])),
		start:   int(binary.LittleEndian.Uint16(footer)),
	}
	at := size - footerSize
	switch {
	case l.start > l.comment:
		return nil, fail(parse.ErrFormat, at, msgBefore, l.start)
	case l.start <= footerSize:
		return nil, fail(parse.ErrFormat, at, "the signature starts in the footer", l.start)
	case size < int64(l.comment)+eocdSize:
		return nil, fail(parse.ErrFormat, at, "the file is smaller than its comment", l.comment)
	}
	begin := size - int64(l.comment) - eocdSize
	l.tail = make([]byte, l.comment+eocdSize) // at most 64 KiB
	if n, err := b.ReadAt(l.tail, begin); n < len(l.tail) {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	if !bytes.HasPrefix(l.tail, eocdMagic) {
		return nil, fail(parse.ErrFormat, begin, "the comment does not follow an end of central directory record", nil)
	}
	if i := bytes.Index(l.tail[len(eocdMagic):], eocdMagic); i >= 0 {
		// Readers of zips that search from the end would take the later one.
		return nil, fail(parse.ErrFormat, begin+int64(len(eocdMagic)+i), "a second end of central directory record", nil)
	}
	return l, nil
}

// fail makes the errors of this package.
func fail(kind error, off int64, msg string, got any) error {
	return &parse.Error{Format: "wholefile", Off: off, Msg: msg, Got: got, Kind: kind}
}
