package axml_test

import "github.com/otavet/otavet/ota/otatest"

var (
	le      = otatest.LE
	chunkOf = otatest.Chunk
	pool16  = otatest.Pool16
	pool8   = otatest.Pool8
)

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
