package otatest

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path"
	"slices"
	"strings"
)

// An UpdateZip is the update of a device with two slots: a payload in a ZIP file
// with what is said of it, and a lie in each statement that a test asks for. It
// is not signed. Functions that change something may be called more than once.
type UpdateZip struct {
	Payload  *Payload
	Metadata UpdateMetadata
	Members  []ZipMember // others, before the payload: META-INF/com/android/otacert, care_map.pb, apex_info.pb

	Properties func(*PayloadProperties)        // changes payload_properties.txt
	Files      func(name, files string) string // changes ota-property-files and ota-streaming-property-files, in both forms
	Text       func(*UpdateMetadata)           // changes what META-INF/com/android/metadata says, and
	Message    func(*UpdateMetadata)           // what metadata.pb says
	Member     func(*ZipMember)                // changes a member, all but NoLocal and NoCentral; the payload's Data are not there
	End        ZipBuilder                      // its Comment, Zip64 and Tail, and what it changes about the end
}

// The names of the members that every such update has.
const (
	metadataName   = "META-INF/com/android/metadata"
	messageName    = "META-INF/com/android/metadata.pb"
	payloadName    = "payload.bin"
	propertiesName = "payload_properties.txt"
)

// Bytes is the update in memory.
func (u *UpdateZip) Bytes() ([]byte, error) {
	var b bytes.Buffer
	err := u.Write(&b)
	return b.Bytes(), err
}

// Write writes the update; the payload is never in memory as a whole.
func (u *UpdateZip) Write(w io.Writer) error {
	b, err := u.Payload.build()
	if err != nil {
		return err
	}
	defer b.close()
	_, err = u.write(w, b)
	return err
}

// write gives the offset of the payload.
func (u *UpdateZip) write(w io.Writer, b *builtPayload) (int64, error) {
	crc := crc32.NewIEEE()
	if err := b.writeTo(crc); err != nil {
		return 0, err
	}
	l := u.layOut(b)
	// The files' places depend on the size of the metadata, which say the places.
	for range 8 {
		before := l.places
		if l = u.layOutWith(b, l); slices.Equal(l.places, before) {
			return l.write(w, b, crc.Sum32(), &u.End)
		}
	}
	return 0, errors.New("otatest: the metadata's size does not come to rest")
}

// A layout is the members of the update and where each has its data.
type layout struct {
	members []ZipMember
	names   []string // before Member changed them
	places  []place
}

type place struct{ off, size int64 }

// layOut is a first guess: no file has a place yet.
func (u *UpdateZip) layOut(b *builtPayload) *layout { return u.layOutWith(b, &layout{}) }

// layOutWith makes the members with the places of another layout.
func (u *UpdateZip) layOutWith(b *builtPayload, old *layout) *layout {
	files := map[string]string{
		"ota-property-files":           u.files("ota-property-files", b, old),
		"ota-streaming-property-files": u.files("ota-streaming-property-files", b, old),
	}
	said := func(change func(*UpdateMetadata)) *UpdateMetadata {
		m := u.Metadata.clone()
		for name, f := range files {
			m.PropertyFiles[name] = f
		}
		if change != nil {
			change(m)
		}
		return m
	}
	properties := b.properties
	if u.Properties != nil {
		u.Properties(&properties)
	}
	l := &layout{members: []ZipMember{
		{Name: metadataName, Data: []byte(said(u.Text).Text())},
		{Name: messageName, Data: said(u.Message).Message()},
	}}
	l.members = append(append(l.members, u.Members...), ZipMember{Name: payloadName}, ZipMember{Name: propertiesName, Data: []byte(properties.Text())})
	at := int64(0)
	for i := range l.members {
		m := &l.members[i]
		l.names = append(l.names, m.Name)
		if u.Member != nil {
			u.Member(m)
		}
		size := int64(len(m.stored()))
		if l.payload(i) {
			size = b.size()
		}
		h := m.header(0)
		if m.Local != nil {
			m.Local(&h)
		}
		at += int64(len(m.Before) + len(h.appendLocal(nil)))
		l.places = append(l.places, place{at, size})
		at += size + int64(len(m.Descriptor))
	}
	return l
}

// clone is a copy whose fields a test may change without changing the other's.
func (m UpdateMetadata) clone() *UpdateMetadata {
	m.Pre, m.Post, m.Lines = m.Pre.clone(), m.Post.clone(), slices.Clone(m.Lines)
	files := map[string]string{}
	for name, f := range m.PropertyFiles {
		files[name] = f
	}
	m.PropertyFiles = files
	return &m
}

func (s DeviceState) clone() DeviceState {
	s.Device, s.Build, s.Partitions = slices.Clone(s.Device), slices.Clone(s.Build), slices.Clone(s.Partitions)
	return s
}

// files are NAME:OFFSET:SIZE with commas between, and spaces behind: as many as
// make the text as long as the longest that there could be, so that its size
// does not depend on what it says. ota_utils.py does so for the metadata alone.
func (u *UpdateZip) files(name string, b *builtPayload, l *layout) string {
	var tokens []string
	longest := 0
	add := func(name string, p place) {
		tokens = append(tokens, fmt.Sprintf("%s:%d:%d", name, p.off, p.size))
		longest += len(name) + len(",:1234567890:1234")
		if size := fmt.Sprint(p.size); len(size) > 4 {
			longest += len(size) - 4
		}
	}
	if name == "ota-property-files" {
		add("payload_metadata.bin", place{l.place(payloadName).off, int64(len(b.head))})
	}
	for _, member := range []string{payloadName, propertiesName, "apex_info.pb", "care_map.pb", "care_map.txt", "compatibility.zip"} {
		if required := member == payloadName || member == propertiesName; required || slices.ContainsFunc(u.Members, func(m ZipMember) bool { return m.Name == member }) {
			add(member, l.place(member))
		}
	}
	add(path.Base(metadataName), l.place(metadataName))
	add(path.Base(messageName), l.place(messageName))
	s := strings.Join(tokens, ",")
	if u.Files != nil {
		s = u.Files(name, s)
	}
	return s + strings.Repeat(" ", max(0, longest-1-len(s)))
}

func (l *layout) place(name string) place {
	if i := slices.Index(l.names, name); i >= 0 {
		return l.places[i]
	}
	return place{}
}

func (l *layout) payload(i int) bool { return i == len(l.members)-2 }

func (l *layout) write(w io.Writer, b *builtPayload, crc uint32, end *ZipBuilder) (payload int64, err error) {
	out := &counting{w: w}
	var dir []byte
	for i, m := range l.members {
		out.Write(m.Before)
		h := m.header(uint32(out.n))
		if l.payload(i) {
			h.CRC, h.Stored, h.Size = crc, uint32(b.size()), uint32(b.size())
		}
		local := h
		if m.Descriptor != nil {
			local.CRC, local.Stored, local.Size = 0, 0, 0
		}
		if m.Local != nil {
			m.Local(&local)
		}
		out.Write(local.appendLocal(nil))
		if l.payload(i) {
			payload = out.n
			out.err = errors.Join(out.err, b.writeTo(out))
		} else {
			out.Write(m.stored())
		}
		if out.err == nil && out.n != l.places[i].off+l.places[i].size {
			return 0, fmt.Errorf("otatest: %s is not where it was said to be", m.Name)
		}
		out.Write(m.Descriptor)
		if m.Central != nil {
			m.Central(&h)
		}
		dir = h.appendCentral(dir)
	}
	if out.n+int64(len(dir)) > 1<<32-1<<16 {
		return 0, errors.New("otatest: an update of 4 GiB needs zip64")
	}
	off := out.n
	out.Write(dir)
	out.Write(end.appendEnd(nil, int(-out.n), len(l.members), len(dir), int(off)))
	return payload, out.err
}

// counting counts what is written, and keeps the first error.
type counting struct {
	w   io.Writer
	n   int64
	err error
}

func (c *counting) Write(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.w.Write(p)
	c.n += int64(n)
	c.err = err
	return n, err
}
