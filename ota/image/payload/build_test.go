package payload_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"

	"compress/bzip2"

	"github.com/ulikunitz/xz"

	"github.com/otavet/otavet/ota/image/payload"
)

// A node is a field of a message: of an integer (VARINT), a fixed32, bytes, a
// message or a group. Sizes are those of what is written.
type node struct {
	number uint64
	value  any // uint64, fixed32, []byte, *message, group
}

type (
	fixed32 uint32
	group   []*node
	message struct{ fields []*node }
)

func n(number int, value any) *node {
	switch v := value.(type) {
	case int:
		value = uint64(v)
	case string:
		value = []byte(v)
	}
	return &node{uint64(number), value}
}

func msg(number int, fields ...*node) *node { return &node{uint64(number), &message{fields}} }

func encode(b []byte, fields []*node) []byte {
	tag := func(f *node, typ uint64) { b = binary.AppendUvarint(b, f.number<<3|typ) }
	for _, f := range fields {
		switch v := f.value.(type) {
		case uint64:
			tag(f, 0)
			b = binary.AppendUvarint(b, v)
		case fixed32:
			tag(f, 5)
			b = binary.LittleEndian.AppendUint32(b, uint32(v))
		case []byte:
			tag(f, 2)
			b = append(binary.AppendUvarint(b, uint64(len(v))), v...)
		case *message:
			inner := encode(nil, v.fields)
			tag(f, 2)
			b = append(binary.AppendUvarint(b, uint64(len(inner))), inner...)
		case group:
			tag(f, 3)
			b = encode(b, v)
			tag(f, 4)
		}
	}
	return b
}

// A file is a payload whose header can lie.
type file struct {
	manifest  []*node
	signature []byte // of the metadata
	data      []byte
	version   uint64 // 0: 2
	sizeLie   uint64 // added to manifest_size
	sigLie    uint32 // added to metadata_signature_size
}

func (f *file) bytes() []byte {
	m := encode(nil, f.manifest)
	if f.version == 0 {
		f.version = 2
	}
	b := binary.BigEndian.AppendUint64([]byte("CrAU"), f.version)
	b = binary.BigEndian.AppendUint64(b, uint64(len(m))+f.sizeLie)
	b = binary.BigEndian.AppendUint32(b, uint32(len(f.signature))+f.sigLie)
	return append(append(append(b, m...), f.signature...), f.data...)
}

func extent(number, start, blocks int) *node { return msg(number, n(1, start), n(2, blocks)) }

func dst(start, blocks int) *node { return extent(6, start, blocks) }

func sha(b []byte) []byte {
	h := sha256.Sum256(b)
	return h[:]
}

// add is an operation with data, which go behind those that are there.
func (f *file) add(typ payload.OpType, data []byte, fields ...*node) *node {
	fields = append([]*node{n(1, int(typ)), n(2, len(f.data)), n(3, len(data))}, fields...)
	fields = append(fields, n(8, sha(data)))
	f.data = append(f.data, data...)
	return msg(8, fields...)
}

func op(typ payload.OpType, fields ...*node) *node {
	return msg(8, append([]*node{n(1, int(typ))}, fields...)...)
}

// part is a partition with that content.
func part(name string, image []byte, fields ...*node) *node {
	return msg(13, append([]*node{n(1, name), msg(7, n(1, len(image)), n(2, sha(image)))}, fields...)...)
}

func signatures(data string, unpadded uint32) []byte {
	return encode(nil, []*node{msg(1, n(1, 2), n(2, data), n(3, fixed32(unpadded)))})
}

// pattern are n bytes that differ from block to block.
func pattern(n int, seed byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i>>9) ^ byte(i)*3 ^ seed
	}
	return b
}

func xzip(b []byte) []byte {
	var w bytes.Buffer
	x, err := xz.NewWriter(&w)
	if err != nil {
		panic(err)
	}
	x.Write(b)
	x.Close()
	return w.Bytes()
}

// bzHello is what bzip2 makes of "hello, payload\n" 400 times: 6000 bytes.
var bzHello, _ = hex.DecodeString("425a683931415926535947daea1900063fd180001040042644c0202000704034d34052a832627a11781168116c22c845a08b2116822d845c08ba045c08b2117e2ee48a70a1208fb5d432")

var hello = bytes.Repeat([]byte("hello, payload\n"), 400)

// std decodes with other people's decoders; toy is for what is tried a million
// times: as many times the second byte as the first says, in KiB.
func std(kind string, r io.Reader, size int64) (io.ReadCloser, error) {
	switch kind {
	case "bzip2":
		return io.NopCloser(bzip2.NewReader(r)), nil
	case "xz":
		x, err := xz.NewReader(r)
		if err != nil {
			return nil, err
		}
		return io.NopCloser(x), nil
	}
	return nil, fmt.Errorf("no decoder of %s", kind)
}

func toy(kind string, r io.Reader, size int64) (io.ReadCloser, error) {
	var b [2]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return nil, errors.New("too short for " + kind)
	}
	return io.NopCloser(io.LimitReader(forever(b[1]), int64(b[0])<<10)), nil
}

type forever byte

func (f forever) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(f)
	}
	return len(p), nil
}

const block = 4096

func pad(b []byte, blocks int) []byte {
	return append(bytes.Clone(b), make([]byte, blocks*block-len(b))...)
}

var fullXZ = sync.OnceValue(func() []byte { return xzip(pattern(3*block, 2)) })

// full is a full payload of two partitions with every type of operation that it
// may have, and everything else that a manifest can say.
func full() (f *file, system, boot []byte) {
	f = new(file)
	raw, packed := pattern(2*block-100, 1), pattern(3*block, 2)
	small := fullXZ()
	system = concat(pad(raw, 2), packed[2*block:], make([]byte, 2*block), packed[:2*block], pad(hello, 2))
	boot = pad(pattern(5, 9), 1)
	sig := signatures("payload signature", 7)
	f.manifest = []*node{
		n(3, block), n(12, 0),
		part("system", system,
			n(2, 1), n(3, "bin/postinstall"), n(4, "ext4"), msg(5, n(2, "part")), n(9, 1), n(12, "sha256"), n(13, "salt"), n(16, 3), n(17, "1700000000"),
			f.add(payload.Replace, raw, dst(0, 2)),
			f.add(payload.ReplaceXZ, small, dst(5, 2), dst(2, 1)),
			op(payload.Zero, dst(3, 1)), op(payload.Discard, dst(4, 1)),
			f.add(payload.ReplaceBZ, bzHello, dst(7, 2)),
			msg(18, n(1, 1), extent(2, 1, 2), extent(3, 3, 4), n(4, 5)), n(19, 77), n(20, 88)),
		part("boot", boot, f.add(payload.Replace, pattern(5, 9), dst(0, 1))),
		n(14, 1700000001),
		msg(15, msg(1, n(1, "group"), n(2, 1<<32), n(3, "system"), n(3, "vendor")), n(2, 1), n(3, 1), n(4, "lz4"), n(5, 3), msg(6, n(1, 1), n(2, 1)), n(7, 65536)),
		n(16, 0), msg(17, n(1, "com.android.art"), n(2, 34), n(3, 1), n(4, 12345)), n(18, "2024-01-05"),
		n(4, len(f.data)), n(5, len(sig)),
	}
	f.data = append(f.data, sig...)
	f.signature = signatures("metadata signature", 18)
	return f, system, boot
}

func concat(b ...[]byte) []byte { return bytes.Join(b, nil) }
