package boot

import (
	"encoding/binary"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// A layout goes through the image page by page. Once a part does not fit it
// takes no other, and err says why.
type layout struct {
	m    *Image
	b    blob.Blob
	next int64 // where the next part begins
	err  error
}

func (l *layout) align(n int64) int64 { return (n + l.m.PageSize - 1) &^ (l.m.PageSize - 1) }

// part takes the next part, whose size is stated at field.
func (l *layout) part(name string, size uint32, field int64) { l.partAt(name, l.next, size, field) }

func (l *layout) partAt(name string, off int64, size uint32, field int64) {
	if l.err != nil || size == 0 {
		return
	}
	if off > l.b.Size() || int64(size) > l.b.Size()-off {
		l.err = fail(field, parse.ErrFormat, name+" runs past the end of the image", size)
		return
	}
	p := Part{Name: name, Off: off}
	if p.Blob, l.err = blob.Section(l.b, off, int64(size)); l.err != nil {
		return
	}
	if p.Wrapper, l.err = l.wrapper(&p); l.err != nil {
		return
	}
	l.m.Parts = append(l.m.Parts, p)
	l.next = l.align(l.next + int64(size))
}

// boot lays out boot images.
func (l *layout) boot(s *sizes) {
	l.next = l.m.PageSize
	l.part(PartKernel, s.kernel, 8)
	if l.m.Version >= 3 {
		l.part(PartRamdisk, s.ramdisk, 12)
		l.part(PartSignature, s.signature, lenV3)
		return
	}
	l.part(PartRamdisk, s.ramdisk, 16)
	l.part(PartSecond, s.second, 24)
	l.part(PartDT, s.dt, offVersion)
	l.recoveryDTBO(s)
	l.part(PartDTB, s.dtb, lenV1)
}

// recoveryDTBO is the one part whose place is stated; boot loaders look there.
func (l *layout) recoveryDTBO(s *sizes) {
	if l.err != nil || s.recoveryDTBO == 0 {
		return
	}
	if s.recoveryDTBOOff != uint64(l.next) {
		l.m.note("recovery_dtbo is said to lie at byte %d, where parts in their order put it at %d", s.recoveryDTBOOff, l.next)
	}
	if s.recoveryDTBOOff > uint64(l.b.Size()) {
		l.err = fail(lenV0+4, parse.ErrFormat, "recovery_dtbo begins behind the end of the image", s.recoveryDTBOOff)
		return
	}
	l.partAt(PartRecoveryDTBO, int64(s.recoveryDTBOOff), s.recoveryDTBO, lenV0)
}

// vendor lays out vendor_boot images.
func (l *layout) vendor(s *sizes) {
	header := int64(lenVendorV3)
	if l.m.Version >= 4 {
		header = lenVendorV4
	}
	l.next = l.align(header)
	l.part(PartVendorRamdisk, s.vendorRamdisk, 24)
	l.part(PartDTB, s.dtb, 2100)
	l.part(PartRamdiskTable, s.table, 2112)
	l.part(PartBootconfig, s.bootconfig, 2124)
	if l.err == nil {
		l.err = l.ramdisks(s)
	}
}

func (l *layout) ramdisks(s *sizes) error {
	if s.entries == 0 {
		return nil
	}
	t := l.m.Part(PartRamdiskTable)
	switch {
	case s.entry < lenRamdiskEntry:
		return fail(2120, parse.ErrFormat, "entries of the table of ramdisks are too short", s.entry)
	case s.entries > maxRamdisks:
		return fail(2116, parse.ErrLimit, "more than 1024 ramdisks", s.entries)
	case t == nil || int64(s.entries)*int64(s.entry) > t.Blob.Size():
		return fail(2116, parse.ErrFormat, "more ramdisks than their table has room for", s.entries)
	}
	all, end := l.m.Part(PartVendorRamdisk), int64(0)
	for i := range int64(s.entries) {
		at := i * int64(s.entry)
		buf, err := blob.ReadRange(t.Blob, at, lenRamdiskEntry)
		if err != nil {
			return err
		}
		var r Ramdisk
		size, off := r.read(parse.NewCursor("boot", buf, t.Off+at))
		have := int64(0)
		if all != nil {
			have = all.Blob.Size()
		}
		if int64(off) > have || int64(size) > have-int64(off) {
			return fail(t.Off+at, parse.ErrFormat, "a ramdisk lies outside of the ramdisks", size)
		}
		if int64(off) != end {
			l.m.note("ramdisk %s begins at byte %d of the ramdisks, the one before ends at %d", r.Name, off, end)
		}
		end = int64(off) + int64(size)
		r.Blob = blob.Bytes(nil)
		if size > 0 {
			if r.Blob, err = blob.Section(all.Blob, int64(off), int64(size)); err != nil {
				return err
			}
		}
		l.m.Ramdisks = append(l.m.Ramdisks, r)
	}
	return nil
}

// wrapper recognises a vendor's header at the start of a part.
func (l *layout) wrapper(p *Part) (*Wrapper, error) {
	if p.Blob.Size() < lenMediaTek {
		return nil, nil
	}
	buf, err := blob.ReadRange(p.Blob, 0, 40)
	if err != nil || binary.LittleEndian.Uint32(buf) != magicMediaTek {
		return nil, err
	}
	c := parse.NewCursor("boot", buf, p.Off)
	c.Skip(4)
	size, have := int64(c.U32LE()), p.Blob.Size()-lenMediaTek
	if size != have {
		l.m.note("MediaTek's header of the %s says %d bytes, there are %d", p.Name, size, have)
	}
	in, err := blob.Section(p.Blob, lenMediaTek, min(size, have))
	if err != nil {
		return nil, err
	}
	return &Wrapper{Vendor: "MediaTek", Name: text(c, 32), Blob: in}, nil
}
