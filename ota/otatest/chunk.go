package otatest

import "encoding/binary"

// LE writes integers of the sizes that their types have, little-endian, and
// bytes as they are.
func LE(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		var err error
		if s, ok := p.([]byte); ok {
			b = append(b, s...)
		} else if b, err = binary.Append(b, binary.LittleEndian, p); err != nil {
			panic(err)
		}
	}
	return b
}

// Chunk is a chunk of Android's binary XML and resource tables; header is what
// its header has beside the eight bytes of every chunk.
func Chunk(typ uint16, header, body []byte) []byte {
	return LE(typ, uint16(8+len(header)), uint32(8+len(header)+len(body)), header, body)
}

// Pool16 is a string pool in UTF-16, of ASCII.
func Pool16(strings ...string) []byte { return pool(0, strings) }

// Pool8 is a string pool in UTF-8, of ASCII.
func Pool8(strings ...string) []byte { return pool(1<<8, strings) }

func pool(flags uint32, strings []string) []byte {
	var index, data []byte
	for _, s := range strings {
		index = binary.LittleEndian.AppendUint32(index, uint32(len(data)))
		if flags != 0 {
			data = append(data, uint8(len(s)), uint8(len(s)))
			data = append(append(data, s...), 0)
			continue
		}
		data = binary.LittleEndian.AppendUint16(data, uint16(len(s)))
		for _, c := range []byte(s) {
			data = append(data, c, 0)
		}
		data = append(data, 0, 0)
	}
	for len(data)%4 != 0 {
		data = append(data, 0)
	}
	n := uint32(len(strings))
	return Chunk(1, LE(n, uint32(0), flags, 28+4*n, uint32(0)), append(index, data...))
}
