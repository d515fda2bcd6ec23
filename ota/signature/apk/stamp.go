package apk

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// stamps gives a result for each source stamp. A stamp that does not hold takes
// nothing from the APK.
func (v *verifier) stamps() ([]*signature.Result, error) {
	var out []*signature.Result
	for _, s := range []struct {
		id   uint32
		name string
	}{{idStamp2, "v2"}, {idStamp1, "v1"}} {
		c, p, err := v.z.value(s.id)
		if c == nil && err == nil {
			continue
		}
		if err != nil && kindOf(err) != parse.ErrLimit {
			return nil, err
		}
		r := &signature.Result{Scheme: signature.SchemeAPKStamp, Name: s.name}
		if err == nil {
			err = v.judgeStamp(r, c, s.id == idStamp2)
		}
		if err != nil && !isParse(err) {
			return nil, err
		}
		r.Intact, r.Reason = tri(err), err
		r.Known = signature.KnownMatches(r.Signers)
		r.Unsigned = []signature.Range{{First: p.off, End: p.off + p.value, What: "source stamp"}}
		r.Accepts = []signature.Platform{{Reader: "SourceStampVerifier", Since: "11", Takes: r.Intact, Rule: "never keeps an app from being installed"}}
		out = append(out, r)
	}
	if out != nil {
		return out, nil
	}
	// The member that names the stamp's certificate is signed with the rest: without
	// the block the stamp was stripped.
	ok, err := v.mentions(stampName)
	switch {
	case err != nil && !isParse(err):
		return nil, err
	case err == nil && !ok:
		return nil, nil
	case err == nil:
		err = fail(-1, parse.ErrFormat, "a member names a source stamp, whose block is missing", stampName)
	}
	return []*signature.Result{{Scheme: signature.SchemeAPKStamp, Intact: tri(err), Reason: err}}, nil
}

// mentions tells whether the central directory, read in one go where it is not of
// unusual size, has a name. A *parse.Error says that the member cannot be read.
func (v *verifier) mentions(name string) (bool, error) {
	n := v.z.eocd - v.z.dir
	if n <= 0 || n > maxValue {
		return false, nil
	}
	p, err := blob.ReadRange(v.z.b, v.z.dir, n)
	if err != nil || !bytes.Contains(p, []byte(name)) {
		return false, err
	}
	z, err := v.archive()
	if err != nil {
		return false, ifParse(err)
	}
	_, err = fs.Stat(z, name)
	if err = unshown(name, err); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// unshown tells a member that the archive has and does not show, which is not
// judged, from one that is not there. Other errors are left as they are.
func unshown(name string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) && errors.Is(at.Err, fs.ErrNotExist) && at.Err != fs.ErrNotExist {
		return fail(-1, parse.ErrUnsupported, "not judged: "+name+": "+at.Err.Error(), nil)
	}
	return err
}

// judgeStamp is SourceStampVerifier of apksig, from 11 on the platform's too.
func (v *verifier) judgeStamp(r *signature.Result, value *parse.Cursor, second bool) error {
	c := sub(value)
	certOff := c.Offset() + 4
	raw := prefixed(c)
	list := sub(c)
	if err := first(value, c, list); err != nil {
		return err
	}
	cert, err := v.certificate(raw, certOff)
	if err != nil {
		return err
	}
	z, err := v.archive()
	if err != nil {
		return err
	}
	want, err := z.ReadFile(stampName)
	switch err = unshown(stampName, err); {
	case errors.Is(err, fs.ErrNotExist):
		return fail(certOff, parse.ErrFormat, "no member names the certificate of the stamp", stampName)
	case err != nil:
		return err
	}
	if sum := sha256.Sum256(raw); !bytes.Equal(sum[:], want) {
		return fail(certOff, parse.ErrFormat, "the stamp's certificate is not the one that the member "+stampName+" names", hex.EncodeToString(sum[:]))
	}
	if cert.Key == nil {
		return cert.KeyError
	}
	schemes, order, err := v.stampDigests()
	if err != nil {
		return err
	}
	if !second {
		// The first form is over the digests of the newest scheme alone.
		if err := v.stampSigned(r, cert, list, schemes[order[0]]); err != nil {
			return err
		}
		return v.stampContents()
	}
	signed := make(map[uint32]*parse.Cursor)
	for list.Len() > 0 {
		if len(signed) == maxRecords {
			return fail(list.Offset(), parse.ErrLimit, "more schemes in a stamp than are read", maxRecords)
		}
		in := sub(list)
		id := in.U32LE()
		sigs := sub(in)
		if err := first(list, in, sigs); err != nil {
			return err
		}
		signed[id] = sigs
	}
	for _, n := range order {
		sigs := signed[uint32(n)]
		if sigs == nil {
			return fail(list.Offset(), parse.ErrFormat, "the stamp is not over a scheme that signs the file", n)
		}
		if err := v.stampSigned(r, cert, sigs, schemes[n]); err != nil {
			return err
		}
	}
	if err := v.stampAttrs(r, cert, c); err != nil {
		return err
	}
	return v.stampContents()
}

// stampContents compares the file with the digests that a stamp is over. No reader
// of stamps does, since they come after the installer; but by itself a stamp says
// nothing of a file that is not the one that was stamped.
func (v *verifier) stampContents() error {
	compared := false
	for _, sc := range []*scheme{v.v3, v.v2} {
		if sc == nil {
			continue
		}
		for _, s := range sc.signers {
			if len(s.signatures) == 0 {
				continue
			}
			r, a, err := s.best(sdkP)
			if err != nil {
				continue
			}
			for _, d := range s.digests {
				if d.id != r.id {
					continue
				}
				if !bytes.Equal(v.sums[a.content], d.value) {
					return fail(d.off, parse.ErrFormat, "the file is not the one that was stamped: "+a.content.String()+" differs", nil)
				}
				compared = true
			}
		}
	}
	switch {
	case compared:
		return nil
	case v.v1 == nil || v.v3 != nil || v.v2 != nil:
		return fail(-1, parse.ErrUnsupported, "not judged: the contents of the file were not compared with what was stamped", nil)
	case v.v1.Intact == signature.Yes:
		return nil
	}
	// The stamp is over the manifest of v1, and that over the members.
	return again(v.v1.Reason, -1, "the file is not as its stamped JAR signature has it: "+message(v.v1.Reason))
}

// stampAttrs reads the signed attributes that may follow.
func (v *verifier) stampAttrs(r *signature.Result, cert *signature.Certificate, c *parse.Cursor) error {
	if c.Len() == 0 {
		return nil
	}
	off := c.Offset() + 4
	data := prefixed(c)
	sigs := sub(c)
	if err := first(c, sigs); err != nil {
		return err
	}
	if err := v.stampSigned(r, cert, sigs, data); err != nil {
		return err
	}
	outer := parse.NewCursor("apk", data, off)
	inner := sub(outer)
	attrs, err := v.readAttrs(inner)
	if err == nil {
		err = outer.Err()
	}
	if err != nil {
		return err
	}
	for _, a := range attrs {
		switch {
		case a.id == attrStampTime && len(a.value) == 8:
			t := int64(binary.LittleEndian.Uint64(a.value))
			if t <= 0 {
				return fail(a.off, parse.ErrFormat, "the stamp's time is none", t)
			}
			r.Notes = append(r.Notes, "stamped at "+time.Unix(t, 0).UTC().Format(time.RFC3339))
		case a.id == attrStampRotation:
			c := parse.NewCursor("apk", a.value, a.off)
			lineage, err := v.readLineage(c)
			if err != nil {
				return err
			}
			if n := len(lineage); n == 0 || !bytes.Equal(lineage[n-1].Certificate, cert.Raw) {
				return fail(a.off, parse.ErrFormat, "the stamp's lineage does not end with its certificate", nil)
			}
			for _, l := range lineage[:len(lineage)-1] {
				r.Notes = append(r.Notes, "the stamp's key followed "+l.Subject+", "+l.SHA256)
			}
		}
	}
	return nil
}

// stampSigned verifies the strongest of the signatures over a message.
func (v *verifier) stampSigned(r *signature.Result, cert *signature.Certificate, c *parse.Cursor, message []byte) error {
	sigs, err := v.records(c, false)
	if err != nil {
		return err
	}
	if len(sigs) == 0 {
		return fail(c.Offset(), parse.ErrFormat, "no signature", nil)
	}
	s := &signer{signatures: sigs, signedOff: c.Offset()}
	best, a, err := s.best(sdkR)
	if err != nil {
		return err
	}
	if err := v.verify(best.id, cert.Key, message, best.value, best.off); err != nil {
		return err
	}
	if r.Signers == nil {
		r.Signers = []signature.Signer{signature.NewSigner(cert, a.hash)}
	}
	return nil
}

// stampDigests are what a stamp is over, by scheme, and the schemes, newest first:
// of each the digests that its signers state, sorted, as
// encodeApkContentDigests writes them.
func (v *verifier) stampDigests() (map[int][]byte, []int, error) {
	out := make(map[int][]byte)
	var order []int
	for _, sc := range []*scheme{v.v3, v.v2} {
		if sc == nil {
			continue
		}
		all := make(map[content][]byte)
		for _, s := range sc.signers {
			for _, d := range s.digests {
				if a, ok := algorithms[d.id]; ok {
					all[a.content] = d.value
				}
			}
		}
		out[sc.number] = encodeDigests(all)
		order = append(order, sc.number)
	}
	z, err := v.archive()
	if err != nil {
		return nil, nil, err
	}
	raw, err := z.ReadFile(manifestName)
	switch err = unshown(manifestName, err); {
	case err == nil:
		sum := sha256.Sum256(raw)
		out[schemeV1] = encodeDigests(map[content][]byte{wholeSHA256: sum[:]})
		order = append(order, schemeV1)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, nil, err
	}
	if len(order) == 0 {
		return nil, nil, fail(-1, parse.ErrFormat, "a stamp on a file that nobody signed", nil)
	}
	return out, order, nil
}

func encodeDigests(digests map[content][]byte) []byte {
	var ways []content
	for w := range digests {
		ways = append(ways, w)
	}
	slices.SortFunc(ways, func(a, b content) int { return cmp.Compare(a, b) })
	le := binary.LittleEndian
	var out []byte
	for _, w := range ways {
		d := digests[w]
		out = le.AppendUint32(out, uint32(8+len(d)))
		out = le.AppendUint32(out, uint32(w))
		out = append(le.AppendUint32(out, uint32(len(d))), d...)
	}
	return out
}

func isParse(err error) bool {
	var e *parse.Error
	return errors.As(err, &e)
}

// ifParse passes over what a reader of the file refuses, and keeps other errors.
func ifParse(err error) error {
	if isParse(err) {
		return nil
	}
	return err
}
