package axml_test

import "encoding/binary"

// le writes integers of the sizes that their types have.
func le(parts ...any) []byte {
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

// chunkOf is a chunk with a header of its own.
func chunkOf(typ uint16, header, body []byte) []byte {
	return le(typ, uint16(8+len(header)), uint32(8+len(header)+len(body)), header, body)
}

// pool16 is a string pool in UTF-16, pool8 one in UTF-8; both of ASCII.
func pool16(strings ...string) []byte { return pool(0, strings) }
func pool8(strings ...string) []byte  { return pool(1<<8, strings) }

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
	return chunkOf(1, le(n, uint32(0), flags, 28+4*n, uint32(0)), append(index, data...))
}

// The strings of the manifests below, by number.
var words = []string{"name", "debuggable", "manifest", "application", "com.example", "package", "android", "http://schemas.android.com/apk/res/android"}

const none = uint32(0xffffffff)

func node(typ uint16, body ...any) []byte { return chunkOf(typ, le(uint32(1), none), le(body...)) }

func attr(ns, name, raw uint32, typ uint8, data uint32) []byte {
	return le(ns, name, raw, uint16(8), uint8(0), typ, data)
}

func start(name uint32, attrs ...[]byte) []byte {
	b := le(none, name, uint16(20), uint16(20), uint16(len(attrs)), uint16(0), uint16(0), uint16(0))
	for _, a := range attrs {
		b = append(b, a...)
	}
	return node(0x102, b)
}

func end(name uint32) []byte { return node(0x103, none, name) }

func ids() []byte { return chunkOf(0x180, nil, le(uint32(0x01010003), uint32(0x0101000f))) }

func file(chunks ...[]byte) []byte {
	var body []byte
	for _, c := range chunks {
		body = append(body, c...)
	}
	return chunkOf(3, nil, body)
}

// manifest is a small honest manifest: an application that is debuggable.
func manifest() []byte { return file(pool16(words...), ids(), tree()) }

func tree() []byte {
	return le(node(0x100, uint32(6), uint32(7)),
		start(2, attr(none, 5, 4, 3, 4)),
		start(3, attr(7, 1, none, 0x12, 0xffffffff)), end(3),
		end(2), node(0x101, uint32(6), uint32(7)))
}
