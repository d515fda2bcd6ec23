package avb

import (
	"bytes"
	"unicode/utf8"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// A VBMeta is a vbmeta struct. It does not change.
type VBMeta struct {
	Major, Minor     uint32 // the version of libavb that it needs
	Algorithm        Algorithm
	RollbackIndex    uint64
	RollbackLocation uint32 // where the device keeps the index that it compares; 0: of the main one
	Flags            uint32
	Release          string // of the tool that made it, as parse.EscapeText leaves it
	PublicKey        []byte // AvbRSAPublicKeyHeader or AvbMLDSAPublicKeyHeader and what follows; empty: none
	KeyMetadata      []byte // of the cert extension, in most images empty; see VerifyCert
	Descriptors      []Descriptor
	Offset, Size     int64 // of the struct in the image

	raw       []byte // of Size: header, authentication block, auxiliary block
	auth      int    // length of the authentication block
	hash, sig []byte // in it
	sigOff    int64
	metaOff   int64 // of KeyMetadata in the image
}

func fail(off int64, kind error, msg string, got any) error {
	return &parse.Error{Format: "avb", Off: off, Msg: msg, Got: got, Kind: kind}
}

// Open reads the vbmeta struct at the start of b: a vbmeta image, or the part of an image that
// its footer names. It reads at most 64 KiB, as a device does, and charges a descriptor
// as an entry to bud. Whether the signature holds is not asked; see Verify.
//
// The error is a *parse.Error, or one of reading b: ErrFormat for what libavb refuses
// as well, ErrUnsupported for a later version.
func Open(b blob.Blob, bud *parse.Budget) (*VBMeta, error) { return openAt(b, 0, bud) }

func openAt(b blob.Blob, off int64, bud *parse.Budget) (*VBMeta, error) {
	if bud == nil {
		bud = parse.NewBudget(parse.Limits{})
	}
	n := min(b.Size()-off, maxVBMeta)
	if n < lenHeader {
		return nil, fail(off, parse.ErrFormat, "no room for a vbmeta struct", n)
	}
	p, err := blob.ReadRange(b, off, n)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(p, []byte(magic)) {
		return nil, fail(off, parse.ErrFormat, "no vbmeta struct", nil)
	}
	var h header
	c := parse.NewCursor("avb", p[:lenHeader], off)
	h.read(c)
	if err := c.Err(); err != nil {
		return nil, err
	}
	v := &VBMeta{Major: h.major, Minor: h.minor, Algorithm: Algorithm(h.algorithm), RollbackIndex: h.rollback,
		RollbackLocation: h.rollbackLocation, Flags: h.flags, Offset: off}
	if err := v.read(&h, p); err != nil {
		return nil, err
	}
	return v, v.readDescriptors(h.descriptors, bud)
}

// read checks the header in the order of avb_vbmeta_image_verify, and takes the blocks apart.
func (v *VBMeta) read(h *header, p []byte) error {
	off := v.Offset
	room := uint64(len(p) - lenHeader)
	switch {
	case h.major != major || h.minor > maxMinor:
		return fail(off+4, parse.ErrUnsupported, "a vbmeta struct that needs a later libavb", [2]uint32{h.major, h.minor})
	case h.release[len(h.release)-1] != 0:
		return fail(off+128, parse.ErrFormat, "the release string does not end with a zero", nil)
	case h.auth%64 != 0 || h.aux%64 != 0:
		return fail(off+12, parse.ErrFormat, "a block that is not of whole 64 bytes", [2]uint64{h.auth, h.aux})
	case h.auth > room || h.aux > room-h.auth:
		return fail(off+12, parse.ErrFormat, "the blocks are longer than what holds them, or than 64 KiB", [2]uint64{h.auth, h.aux})
	}
	v.Size = int64(lenHeader + h.auth + h.aux)
	v.raw, v.auth = bytes.Clone(p[:v.Size]), int(h.auth)
	auth, aux := v.raw[lenHeader:][:h.auth], v.raw[lenHeader+h.auth:]
	release, _, _ := bytes.Cut(h.release, []byte{0})
	v.Release = parse.EscapeText(string(release))
	if h.keyMeta.size == 0 {
		h.keyMeta.off = 0 // libavb looks at it only if there is any
	}
	for _, part := range []struct {
		to   *[]byte
		in   []byte
		at   span
		what string
	}{{&v.hash, auth, h.hash, "the hash"}, {&v.sig, auth, h.sig, "the signature"}, {&v.PublicKey, aux, h.key, "the public key"},
		{&v.KeyMetadata, aux, h.keyMeta, "the metadata of the public key"}, {new([]byte), aux, h.descriptors, "the descriptors"}} {
		if part.at.off > uint64(len(part.in)) || part.at.size > uint64(len(part.in))-part.at.off {
			return fail(off, parse.ErrFormat, part.what+" lies outside its block", part.at.off)
		}
		*part.to = part.in[part.at.off:][:part.at.size:part.at.size]
	}
	v.sigOff = off + lenHeader + int64(h.sig.off)
	v.metaOff = off + lenHeader + int64(h.auth+h.keyMeta.off)
	return nil
}

// aux is the auxiliary block. Header and it are what is signed.
func (v *VBMeta) aux() []byte { return v.raw[lenHeader+v.auth:] }

// A Footer says where the vbmeta struct of an image is that does not begin with it.
type Footer struct {
	Major, Minor             uint32
	OriginalSize             int64 // of the image without what AVB added
	VBMetaOffset, VBMetaSize int64
}

// ReadFooter reads the footer in the last 64 bytes of an image; nil if there is none.
func ReadFooter(b blob.Blob) (*Footer, error) {
	off := b.Size() - lenFooter
	if off < 0 {
		return nil, nil
	}
	p, err := blob.ReadRange(b, off, lenFooter)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(p, []byte(footerMagic)) {
		return nil, nil
	}
	c := parse.NewCursor("avb", p, off)
	c.Skip(4)
	f := &Footer{Major: c.U32BE(), Minor: c.U32BE()}
	original, at, size := c.U64BE(), c.U64BE(), c.U64BE()
	end := uint64(off)
	switch {
	case f.Major > footerMajor:
		return nil, fail(off+4, parse.ErrUnsupported, "a later version of footers", f.Major)
	case size > maxVBMeta:
		return nil, fail(off+28, parse.ErrFormat, "a vbmeta struct of more than 64 KiB, which no device reads", size)
	case at > end || size > end-at || original > at:
		return nil, fail(off+12, parse.ErrFormat, "a footer that points outside the image", at)
	}
	f.OriginalSize, f.VBMetaOffset, f.VBMetaSize = int64(original), int64(at), int64(size)
	return f, nil
}

// OpenImage reads the vbmeta struct of an image: by its footer, or at its start if it has none. The footer is nil
// then.
func OpenImage(b blob.Blob, bud *parse.Budget) (*VBMeta, *Footer, error) {
	f, err := ReadFooter(b)
	if err != nil {
		return nil, nil, err
	}
	if f == nil {
		v, err := Open(b, bud)
		return v, nil, err
	}
	in, err := blob.Section(b, 0, f.VBMetaOffset+f.VBMetaSize)
	if err != nil {
		return nil, nil, err
	}
	v, err := openAt(in, f.VBMetaOffset, bud)
	return v, f, err
}

// text is a name or value as people may see it. libavb refuses what is no UTF-8.
func text(off int64, p []byte) (string, error) {
	if !utf8.Valid(p) {
		return "", fail(off, parse.ErrFormat, "text that is no UTF-8", nil)
	}
	return parse.EscapeText(string(p)), nil
}
