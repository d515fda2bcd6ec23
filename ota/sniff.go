package ota

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// headSize reaches past the superblocks of the filesystems of Android, which
// begin at 1024, and the mark of a tar at 257.
const headSize = 4096

func looksLikeZip(head []byte) bool {
	return bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06"))
}

// supported is the end of every refusal.
const supported = "otavet opens an OTA zip, payload.bin, images for fastboot or Odin in a zip or tar, a lone image, an unpacked folder or a lone APK"

// A magic is a mark by which a kind of file is known.
type magic struct {
	off  int
	mark string
	what string
	hint string
}

// images are the marks of what a partition may hold, of each format's own specification.
var images = []magic{
	{0, "\x3a\xff\x26\xed", "an Android sparse image", ""},
	{0, "ANDROID!", "a boot image", ""},
	{0, "VNDRBOOT", "a vendor_boot image", ""},
	{0, "\xd7\xb7\xab\x1e", "a dtbo image", ""},
	{0, "AVB0", "a vbmeta image", ""},
	{4096, "gDla", "a super image", ""},
	{0, "gDla", "a super_empty image", ""},
	{1024, "\xe2\xe1\xf5\xe0", "an EROFS image", ""},
	{1024, "\x10\x20\xf5\xf2", "an F2FS image", ""},
	{1080, "\x53\xef", "an ext4 image", ""},
	{0, "hsqs", "a squashfs image", ""},
	{0, "sqsh", "a big-endian squashfs image", ""},
	{0, "070701", "a ramdisk", ""},
	{0, "070702", "a ramdisk", ""},
}

// magics names what people hand in that is no update, or not one that is opened.
var magics = []magic{
	{0, "version https://git-lfs.github.com/spec/", "a git-LFS pointer: the update itself was not downloaded", "run git lfs pull"},
	{0, "7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first"},
	{0, "Rar!", "a RAR archive", "unpack it first"},
	{0, "OPPOENCRYPT!", "an encrypted ozip", "decrypt it first"}, // mark of the .ozip container
	{0, "\x7fELF", "an ELF program", ""},
	{0, "dex\n", "a DEX file", ""},
	{0, "MZ", "a Windows program", ""},
	{0, "%PDF", "a PDF document", ""},
	{0, "{", "a JSON file", "facts of an earlier run begin with their schema"},
}

// refuse says in one line what b is, if not an update; undone is how it was
// compressed, outermost first.
func refuse(b blob.Blob, head []byte, undone []string) error {
	what := seen(b, head)
	if len(undone) > 0 {
		what = "a file in " + strings.Join(undone, " and ") + " that holds " + what
	}
	return &parse.Error{Format: "update", Off: -1, Msg: "this is " + what + "; " + supported, Kind: parse.ErrUnsupported}
}

func seen(b blob.Blob, head []byte) string {
	if len(head) == 0 {
		return "an empty file"
	}
	if len(bytes.Trim(head, "\x00")) == 0 {
		return "a file that begins with zeros (a download that was reserved and never filled?)"
	}
	for _, m := range magics {
		if hasMark(b, head, m) {
			if m.hint != "" {
				return m.what + " (" + m.hint + ")"
			}
			return m.what
		}
	}
	text := strings.ToLower(string(bytes.TrimLeft(head[:min(len(head), 512)], "\xef\xbb\xbf \t\r\n")))
	for _, tag := range []string{"<!doctype html", "<html", "<head", "<!--"} {
		if strings.HasPrefix(text, tag) {
			return "an HTML page (an error page in place of the download?)"
		}
	}
	if strings.HasPrefix(text, "<?xml") {
		return "an XML file (an error message in place of the download?)"
	}
	if i := bytes.IndexFunc(head[:min(len(head), 512)], func(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\r\n", r) || r == 0xFFFD }); i < 0 {
		return "a text file"
	}
	return fmt.Sprintf("no update (it begins with % x)", head[:min(len(head), 8)])
}

func hasMark(b blob.Blob, head []byte, m magic) bool {
	if m.off+len(m.mark) <= len(head) {
		return string(head[m.off:m.off+len(m.mark)]) == m.mark
	}
	p := make([]byte, len(m.mark))
	n, _ := b.ReadAt(p, int64(m.off)) // asking for the size of b could decode all of it
	return string(p[:n]) == m.mark
}

// describeBrokenZip adds to the reader's error what people most often meet: the
// first half of a download.
func describeBrokenZip(b blob.Blob, head []byte, err error) error {
	var pe *parse.Error
	if !errors.As(err, &pe) || !errors.Is(err, parse.ErrFormat) || bytes.HasPrefix(head, []byte("PK\x05\x06")) {
		return err
	}
	if hasEnd(b) {
		return err
	}
	return &parse.Error{Format: "zip", Off: b.Size(), Msg: "the file begins as a zip and ends without its directory: the download was cut off", Kind: parse.ErrFormat}
}

// hasEnd tells whether an end-of-central-directory record's signature stands
// anywhere that a comment of 64 KiB allows.
func hasEnd(b blob.Blob) bool {
	n := min(b.Size(), 22+65535)
	p, err := blob.ReadRange(b, b.Size()-n, n)
	if err != nil {
		return false
	}
	return bytes.Contains(p, binary.LittleEndian.AppendUint32(nil, 0x06054b50)) // EOCD signature "PK\5\6"
}
