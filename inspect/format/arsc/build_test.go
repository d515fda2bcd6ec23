package arsc_test

import (
	"encoding/binary"

	"github.com/otavet/otavet/ota/otatest"
)

var (
	le      = otatest.LE
	chunkOf = otatest.Chunk
	pool16  = otatest.Pool16
	pool8   = otatest.Pool8
)

const none = uint32(0xffffffff)

// config is a ResTable_config of the size, with what set changes.
func config(size int, set ...func([]byte)) []byte {
	b := make([]byte, max(size, 64))
	binary.LittleEndian.PutUint32(b, uint32(size))
	for _, f := range set {
		f(b)
	}
	return b[:size]
}

func sdk(v byte) func([]byte)    { return func(b []byte) { b[24] = v } }
func lang(s string) func([]byte) { return func(b []byte) { copy(b[8:], s) } }

// typ is a type with its entries one behind the other; an entry that is nil is not there.
func typ(id, flags uint8, conf []byte, entries ...[]byte) []byte {
	var offsets, data []byte
	for i, e := range entries {
		switch {
		case flags&1 != 0 && e == nil:
			continue
		case flags&1 != 0:
			offsets = le(offsets, uint16(i), uint16(len(data)/4))
		case flags&2 != 0 && e == nil:
			offsets = le(offsets, uint16(0xffff))
		case flags&2 != 0:
			offsets = le(offsets, uint16(len(data)/4))
		case e == nil:
			offsets = le(offsets, none)
		default:
			offsets = le(offsets, uint32(len(data)))
		}
		data = append(data, e...)
	}
	count := len(offsets) / 4
	if flags&3 == 2 {
		count = len(offsets) / 2
	}
	for len(offsets)%4 != 0 {
		offsets = append(offsets, 0)
	}
	start := uint32(20 + len(conf) + len(offsets))
	return chunkOf(0x201, le(id, flags, uint16(0), uint32(count), start, conf), append(offsets, data...))
}

func spec(id uint8, flags ...uint32) []byte {
	return chunkOf(0x202, le(id, uint8(0), uint16(0), uint32(len(flags))), le(flags))
}

func simple(key uint32, kind uint8, data uint32) []byte {
	return le(uint16(8), uint16(0), key, uint16(8), uint8(0), kind, data)
}

func compact(key uint16, kind uint8, data uint32) []byte {
	return le(key, uint16(kind)<<8|8, data)
}

func bag(key, parent uint32, items ...uint32) []byte {
	b := le(uint16(16), uint16(1), key, parent, uint32(len(items)))
	for i, v := range items {
		b = le(b, uint32(0x02000000+i), uint16(8), uint8(0), uint8(0x10), v)
	}
	return b
}

func name16(s string, units int) []byte {
	b := make([]byte, 2*units)
	for i := range s {
		b[2*i] = s[i]
	}
	return b
}

// pack is a package with the types string, bool and array.
func pack(id uint32, more ...[]byte) []byte {
	types, keys := pool16("string", "bool", "array"), pool8("hello", "flag", "list", "other")
	body := append(types, keys...)
	for _, m := range more {
		body = append(body, m...)
	}
	return chunkOf(0x200, le(id, name16("com.example", 128), uint32(288), uint32(0), uint32(288+len(types)), uint32(0), uint32(0)), body)
}

func table(packages ...[]byte) []byte {
	body := pool8("Hello", "Hallo", "res/a.xml")
	for _, p := range packages {
		body = append(body, p...)
	}
	return chunkOf(2, le(uint32(len(packages))), body)
}

// small is a small honest table with an entry of every kind.
func small() []byte {
	return table(pack(0x7f,
		spec(1, 4, 0), typ(1, 0, config(64), simple(0, 3, 0), simple(3, 3, 2)), typ(1, 0, config(48, lang("de")), simple(0, 3, 1), nil),
		spec(2, 0x40000000), typ(2, 0, config(28), simple(1, 0x12, none)), typ(2, 0, config(64, sdk(21)), simple(1, 0x12, 0)),
		spec(3, 0), typ(3, 0, config(64), bag(2, 0, 5, 6, 7))))
}
