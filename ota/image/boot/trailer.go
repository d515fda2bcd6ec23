package boot

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"io"

	"github.com/otavet/otavet/ota/blob"
)

// A Trailer is something behind the parts of an image.
type Trailer struct {
	Name string // TrailerSamsung and so on
	Off  int64  // in the image
	Len  int64  // 0: not known
}

// Names of trailers.
const (
	TrailerSamsung   = "SEANDROIDENFORCE"
	TrailerVerified1 = "verified boot 1.0" // a DER SEQUENCE where the parts end; not read further
	TrailerSignature = "boot signature"    // a vbmeta image where the parts end that no footer names
	TrailerVBMeta    = "vbmeta"            // where the footer says
	TrailerFooter    = "avb footer"        // the last 64 bytes
	TrailerUnknown   = "unknown"           // bytes that are not all zero begin where the parts end
)

// trailers looks at the bytes where the parts end, in full pages, and at the
// last ones of the image: an image may be as large as its partition, and most
// of that be zeros that nobody wants to read here.
func (l *layout) trailers() error {
	size, add := l.b.Size(), func(name string, off, n int64) {
		l.m.Trailers = append(l.m.Trailers, Trailer{Name: name, Off: off, Len: n})
	}
	behind := l.next
	var vbmeta, footer *Trailer
	if size-behind >= lenAVB {
		buf, err := blob.ReadRange(l.b, size-lenAVB, lenAVB)
		if err != nil {
			return err
		}
		if bytes.HasPrefix(buf, []byte(magicAVB)) {
			footer = &Trailer{Name: TrailerFooter, Off: size - lenAVB, Len: lenAVB}
			off, n := binary.BigEndian.Uint64(buf[20:]), binary.BigEndian.Uint64(buf[28:])
			if n > 0 && off <= uint64(footer.Off) && n <= uint64(footer.Off)-off {
				vbmeta = &Trailer{Name: TrailerVBMeta, Off: int64(off), Len: int64(n)}
			} else {
				l.m.note("the AVB footer puts vbmeta of %d bytes at byte %d, outside of the image", n, off)
			}
		}
	}
	end := size
	if footer != nil {
		end = footer.Off
	}
	if vbmeta != nil && vbmeta.Off >= behind {
		end = vbmeta.Off
	}
	if behind < end {
		buf, err := blob.ReadRange(l.b, behind, min(end-behind, 512))
		if err != nil {
			return err
		}
		switch {
		case bytes.HasPrefix(buf, []byte(magicSamsung)):
			add(TrailerSamsung, behind, int64(len(magicSamsung)))
		case bytes.HasPrefix(buf, []byte(magicVBMeta)):
			add(TrailerSignature, behind, 0)
		case len(buf) >= 4 && buf[0] == 0x30 && buf[1] == 0x82:
			add(TrailerVerified1, behind, 4+int64(binary.BigEndian.Uint16(buf[2:])))
		case bytes.ContainsFunc(buf, func(r rune) bool { return r != 0 }):
			add(TrailerUnknown, behind, 0)
		}
	}
	for _, t := range []*Trailer{vbmeta, footer} {
		if t != nil {
			l.m.Trailers = append(l.m.Trailers, *t)
		}
	}
	return nil
}

// CheckID tells whether ID is what mkbootimg puts there: the SHA-1 of kernel,
// ramdisk and so on, each followed by its size. It reads all parts. Other tools
// may put there what they like, and versions from 3 on have no ID.
func (m *Image) CheckID() (bool, error) {
	if m.Vendor || m.Version >= 3 {
		return false, nil
	}
	names := []string{PartKernel, PartRamdisk, PartSecond}
	if m.Part(PartDT) != nil {
		names = append(names, PartDT)
	}
	names = append(names, []string{PartRecoveryDTBO, PartDTB}[:m.Version]...)
	h := sha1.New()
	for _, name := range names {
		var size [4]byte
		if p := m.Part(name); p != nil {
			if _, err := io.Copy(h, blob.Reader(p.Blob)); err != nil {
				return false, err
			}
			binary.LittleEndian.PutUint32(size[:], uint32(p.Blob.Size()))
		}
		h.Write(size[:])
	}
	return [32]byte(h.Sum(make([]byte, 0, 32))[:32:32]) == m.ID, nil
}
