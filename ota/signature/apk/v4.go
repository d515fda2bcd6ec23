package apk

import (
	"bytes"
	"encoding/binary"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// An idsig is the file of APK Signature Scheme v4: a version, hashing info and
// signing infos, each with its size before it, and mostly the Merkle tree.
type idsig struct {
	err     error // why it cannot be read, or not be judged
	root    []byte
	salt    []byte
	infos   []signingInfo
	tree    *merkle
	stored  *storedTree // nil: the file has no tree
	unknown int         // signing infos for blocks that are not known
}

// A signingInfo is V4Signature.SigningInfo.
type signingInfo struct {
	block     uint32 // 0: of v3, or v2; else the block that it belongs to, as that of v3.1
	digest    []byte // of the APK, as that block has it
	cert      []byte
	more      []byte // additionalData
	key       []byte
	algorithm uint32
	sig       []byte
	off       int64
}

// readIDSig reads the file. What is wrong with it is left in the result; the error
// is that of reading.
func (v *verifier) readIDSig(b blob.Blob) (*idsig, error) {
	f := &idsig{}
	head, err := blob.ReadRange(b, 0, min(b.Size(), 3*4+maxV4Signing+256))
	if err != nil {
		return nil, err
	}
	c := parse.NewCursor("apk", head, 0)
	if n := c.U32LE(); c.Err() == nil && n != v4Version {
		f.err = fail(0, parse.ErrUnsupported, "not judged: a version of v4 that is not known", n)
		return f, nil
	}
	hashing := sub(c)
	if n := binary.LittleEndian.Uint32(append(bytes.Clone(head[min(int(c.Offset()), len(head)):]), 0, 0, 0, 0)); n > maxV4Signing {
		c.Fail(parse.ErrFormat, "signing infos longer than incfs takes", n)
	}
	signing := sub(c)
	alg, log2 := hashing.U32LE(), hashing.U8()
	f.salt, f.root = prefixed(hashing), prefixed(hashing)
	if f.err = first(c, hashing); f.err != nil {
		return f, nil
	}
	switch {
	case alg != v4SHA256 || log2 != v4Log2Block:
		f.err = fail(4, parse.ErrUnsupported, "not judged: another tree than SHA-256 over blocks of 4096 bytes", alg)
	case len(f.salt) > maxV4Salt:
		f.err = fail(4, parse.ErrFormat, "a salt of more than 32 bytes", len(f.salt))
	case len(f.salt) > 0:
		// Whether it is filled up, as fs-verity does, differs between readers.
		f.err = fail(4, parse.ErrUnsupported, "not judged: a salt, which no signer of Android makes", len(f.salt))
	default:
		f.err = v.readInfos(f, signing)
	}
	if f.err != nil {
		return f, nil
	}
	if err := f.readTree(b, c.Offset()); err != nil {
		return nil, err
	}
	f.tree = newMerkle(nil, v.z.size, f.stored)
	return f, nil
}

func (v *verifier) readInfos(f *idsig, c *parse.Cursor) error {
	for i := 0; i == 0 || c.Len() > 0; i++ {
		if i == maxRecords {
			return fail(c.Offset(), parse.ErrLimit, "more signing infos than are read", i)
		}
		in, block := c, uint32(0)
		if i > 0 {
			block = c.U32LE()
			in = sub(c)
		}
		s := signingInfo{block: block, off: in.Offset(), digest: prefixed(in), cert: prefixed(in), more: prefixed(in), key: prefixed(in),
			algorithm: in.U32LE(), sig: prefixed(in)}
		if err := first(c, in); err != nil {
			return err
		}
		if i > 0 && block != idV31 {
			f.unknown++
			continue
		}
		f.infos = append(f.infos, s)
	}
	return nil
}

func (f *idsig) readTree(b blob.Blob, off int64) error {
	if b.Size()-off < 4 {
		return nil
	}
	head, err := blob.ReadRange(b, off, 4)
	if err != nil {
		return err
	}
	n := int64(binary.LittleEndian.Uint32(head))
	if n == 0 {
		return nil
	}
	if n > b.Size()-off-4 {
		f.err = fail(off, parse.ErrFormat, "the tree is cut off", n)
		return nil
	}
	t, err := blob.Section(b, off+4, n)
	f.stored = &storedTree{b: t}
	return err
}

// signedData is V4Signature.getSignedData.
func (f *idsig) signedData(s signingInfo, size int64) []byte {
	le := binary.LittleEndian
	out := le.AppendUint32(nil, 0)
	out = le.AppendUint64(out, uint64(size))
	out = le.AppendUint32(out, v4SHA256)
	out = append(out, v4Log2Block)
	for _, p := range [][]byte{f.salt, f.root, s.digest, s.cert, s.more} {
		out = append(le.AppendUint32(out, uint32(len(p))), p...)
	}
	le.PutUint32(out, uint32(len(out)))
	return out
}

// judgeV4 is V4SchemeVerifier of apksig, and what ApkVerifier and
// ApkSignatureVerifier.verifyV4Signature compare with v2, v3 and v3.1.
func (v *verifier) judgeV4(r *signature.Result) error {
	f := v.v4
	if f.err != nil {
		return f.err
	}
	if f.unknown > 0 {
		r.Notes = append(r.Notes, "signing infos of blocks that are not known were not looked at")
	}
	for _, s := range f.infos {
		cert, err := v.certificate(s.cert, s.off)
		if err != nil {
			return err
		}
		key, err := v.publicKey(s.key, s.off)
		if err != nil {
			return err
		}
		if !sameKey(s.key, cert) {
			return fail(s.off, parse.ErrFormat, "the key is not that of the certificate", nil)
		}
		if err := v.verify(s.algorithm, key, f.signedData(s, v.z.size), s.sig, s.off); err != nil {
			return err
		}
		r.Signers = append(r.Signers, signature.NewSigner(cert, algorithms[s.algorithm].hash))
	}
	if !bytes.Equal(f.tree.root(), f.root) {
		return fail(0, parse.ErrFormat, "the file does not have the root that was signed", nil)
	}
	switch {
	case f.stored == nil:
		r.Notes = append(r.Notes, "the .idsig has no tree, which the device then makes")
	case f.stored.err != nil:
		return f.stored.err
	case f.stored.differs:
		return fail(0, parse.ErrFormat, "the tree in the .idsig is not that of the file", nil)
	}
	return v.bindV4()
}

// bindV4 compares v4 with the block that it adds to.
func (v *verifier) bindV4() error {
	base := v.v3
	if base == nil {
		base = v.v2
	}
	if base == nil {
		return fail(0, parse.ErrFormat, "v4 without v2 or v3", nil)
	}
	list := []*scheme{base}
	if v.v31 != nil && v.v3 != nil {
		list = append(list, v.v31)
	}
	if len(v.v4.infos) != len(list) {
		return fail(0, parse.ErrFormat, "v4 needs one signing info for v2 or v3, and one for v3.1 where that is there", len(v.v4.infos))
	}
	for i, sc := range list {
		s := v.v4.infos[i]
		if len(sc.signers) == 0 || sc == v.v2 && len(sc.signers) != 1 {
			return fail(s.off, parse.ErrFormat, "v4 needs one signer of v2 or v3", len(sc.signers))
		}
		last := sc.signers[len(sc.signers)-1]
		way, digest, err := v.proven(last, sdkNewest)
		switch {
		case err != nil:
			return err
		case !bytes.Equal(last.certs[0].Raw, s.cert):
			return fail(s.off, parse.ErrFormat, "v4 is not of the signer of "+schemeName(sc.number), nil)
		case !bytes.Equal(digest, s.digest):
			return fail(s.off, parse.ErrFormat, "v4 is not for the contents that "+schemeName(sc.number)+" signs: "+way.String()+" differs", nil)
		}
	}
	return nil
}
