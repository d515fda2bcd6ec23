package otatest

import "encoding/binary"

// A Proto is a protobuf message in the making. It is written by hand, so that
// what is built shares no code with what reads it.
type Proto []byte

// Varint appends a field of an integer, bool or enum.
func (p Proto) Varint(number int, v uint64) Proto {
	return binary.AppendUvarint(p.tag(number, 0), v)
}

// Bytes appends a field of bytes, or of a message.
func (p Proto) Bytes(number int, v []byte) Proto {
	return append(binary.AppendUvarint(p.tag(number, 2), uint64(len(v))), v...)
}

// Text appends a field of text.
func (p Proto) Text(number int, v string) Proto { return p.Bytes(number, []byte(v)) }

// Fixed32 appends a field of four bytes.
func (p Proto) Fixed32(number int, v uint32) Proto {
	return binary.LittleEndian.AppendUint32(p.tag(number, 5), v)
}

func (p Proto) tag(number int, typ uint64) Proto {
	return binary.AppendUvarint(p, uint64(number)<<3|typ)
}

// The following leave out what is zero, as the third syntax does.

func (p Proto) optional(number int, v uint64) Proto {
	if v == 0 {
		return p
	}
	return p.Varint(number, v)
}

func (p Proto) flag(number int, v bool) Proto {
	if !v {
		return p
	}
	return p.Varint(number, 1)
}

func (p Proto) text(number int, v ...string) Proto {
	for _, s := range v {
		if s != "" {
			p = p.Text(number, s)
		}
	}
	return p
}
