package detached

import (
	"bytes"
	"context"
	"crypto"
	_ "crypto/sha1" // of old OpenPGP signatures
	_ "crypto/sha256"
	_ "crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"

	_ "golang.org/x/crypto/blake2b" // of minisign
)

const (
	// maxSignature bounds a signature file: with the certificates and log entries of
	// a bundle it has some KiB.
	maxSignature = 1 << 20
	// maxMessage bounds the file under a signature of Ed25519 over the file itself,
	// which has to be in memory as a whole.
	maxMessage = 64 << 20
	// maxTries bounds the keys that are tried where a signature does not name its
	// own.
	maxTries = 64
	// bufferSize is one read of the file.
	bufferSize = 1 << 20
)

// Options are what signature and keys alone do not tell.
type Options struct {
	// Name is the signature file's, for a form that its content leaves open.
	Name string
	// Namespaces are those that a signature of ssh may be made for; none stands for
	// "file", what ssh-keygen's manual signs files with.
	Namespaces []string
	// Principal is who must have signed, by the list of allowed signers; "" leaves
	// that open.
	Principal string
	// Time is when the signature is looked at, for keys that are valid for a while;
	// the zero time leaves that open. Keys of OpenPGP are also judged by the time that
	// the signature states.
	Time time.Time
}

// Verify judges sig, the content of a signature file, over data with keys. It
// answers ErrNone where sig is no signature. All defects of the signature are a
// Result's Reason. data is read once, and only if there is a key to try.
//
// Without the key Intact is Unknown, and the Reason says which is needed. Only
// signatures of ssh hold their key: they are judged with it, and Accepts says
// whether it is one of keys.
func Verify(ctx context.Context, sig []byte, data blob.Blob, keys []Key, o Options) (*signature.Result, error) {
	form := Recognise(sig, o.Name)
	scheme, ok := schemes[form]
	if !ok {
		return nil, signature.ErrNone
	}
	j := &judgement{
		r:    &signature.Result{Scheme: scheme, Name: parse.Escape(o.Name)},
		keys: keys, o: o, size: data.Size(),
	}
	whole := signature.Range{First: 0, End: j.size, What: "the file"}
	err := j.read(form, sig)
	if errors.Is(err, parse.ErrFormat) {
		whole.What = "everything: the signature's file is broken"
		j.r.Unsigned = []signature.Range{whole}
	} else {
		j.r.Covers = []signature.Range{whole} // every form does, or there is nothing to say
	}
	if err == nil {
		err = j.digest(blob.WithContext(ctx, data))
	}
	var bad *parse.Error
	switch {
	case err == nil:
		err = j.judge(j)
	case !errors.As(err, &bad):
		return nil, err
	}
	j.end(err)
	return j.r, nil
}

// schemes are the forms that Verify judges.
var schemes = map[Form]signature.Scheme{
	FormMinisign: signature.SchemeMinisign, FormSignify: signature.SchemeSignify, FormSSH: signature.SchemeSSH,
	FormOpenPGP: signature.SchemeOpenPGP, FormCosign: signature.SchemeCosign, FormBundle: signature.SchemeCosign,
}

// A judgement is a signature while it is being judged. Readers of a form set what
// they need of the file, and judge.
type judgement struct {
	r    *signature.Result
	keys []Key
	o    Options
	size int64 // of the file

	hashes  []crypto.Hash            // to be made of the file
	whole   bool                     // the file is needed as a whole
	judge   func(j *judgement) error // nil error: the signature holds
	states  map[crypto.Hash]hash.Hash
	message []byte
}

func (j *judgement) read(form Form, sig []byte) error {
	if len(sig) > maxSignature {
		return fail(parse.ErrLimit, -1, "not judged: the signature file is too large", len(sig))
	}
	switch form {
	case FormMinisign:
		return j.readMinisign(sig)
	case FormSignify:
		return j.readSignify(sig)
	case FormSSH:
		return j.readSSH(sig)
	case FormOpenPGP:
		return j.readOpenPGP(sig)
	case FormCosign:
		return j.readCosign(sig)
	}
	return j.readBundle(sig)
}

// digest reads the file once.
func (j *judgement) digest(b blob.Blob) error {
	if j.whole {
		if j.size > maxMessage {
			return fail(parse.ErrLimit, -1, "not judged: Ed25519 signs the file itself, which is too large to be in memory", j.size)
		}
		j.message = make([]byte, j.size)
	}
	j.states = map[crypto.Hash]hash.Hash{}
	for _, h := range j.hashes {
		if j.states[h] == nil {
			j.states[h] = h.New()
		}
	}
	if len(j.states) == 0 && !j.whole {
		return nil
	}
	buf := make([]byte, min(j.size, bufferSize))
	for off := int64(0); off < j.size; {
		p := buf[:min(j.size-off, int64(len(buf)))]
		if j.whole {
			p = j.message[off:min(j.size, off+bufferSize)]
		}
		if n, err := b.ReadAt(p, off); n < len(p) {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		for _, s := range j.states {
			s.Write(p)
		}
		off += int64(len(p))
	}
	return nil
}

// sum is the digest of the file and more behind it.
func (j *judgement) sum(h crypto.Hash, more []byte) ([]byte, error) {
	s := j.states[h]
	if len(more) > 0 {
		c, ok := s.(hash.Cloner)
		if !ok {
			return nil, fail(parse.ErrUnsupported, -1, "not judged: no verifier for this hash", signature.HashName(h))
		}
		clone, err := c.Clone()
		if err != nil {
			return nil, err
		}
		clone.Write(more)
		s = clone
	}
	return s.Sum(nil), nil
}

// end fills in what follows from the answer.
func (j *judgement) end(err error) {
	j.r.Intact, j.r.Reason = signature.Yes, err
	switch {
	case errors.Is(err, parse.ErrFormat):
		j.r.Intact = signature.No
	case err != nil:
		j.r.Intact = signature.Unknown
	}
	if err == nil {
		j.r.Known = signature.KnownMatches(j.r.Signers)
		return
	}
	j.r.Signers = nil
	j.r.Accepts = slices.DeleteFunc(j.r.Accepts, func(p signature.Platform) bool { return p.Takes == signature.Yes })
}

func (j *judgement) note(format string, args ...any) {
	j.r.Notes = append(j.r.Notes, parse.EscapeText(fmt.Sprintf(format, args...)))
}

// accept says what reader makes of a signature that holds: it takes it unless a
// rule is against it.
func (j *judgement) accept(reader string, takes signature.Tri, rule string) {
	j.r.Accepts = append(j.r.Accepts, signature.Platform{Reader: reader, Takes: takes, Rule: parse.EscapeText(rule)})
}

// ofScheme are the keys that can have made signatures of a scheme.
func (j *judgement) ofScheme(s signature.Scheme) []Key {
	return slices.DeleteFunc(slices.Clone(j.keys), func(k Key) bool { return k.Scheme != s })
}

func needs(id string) error {
	return fail(parse.ErrUnsupported, -1, "not judged: needs the key "+id, nil)
}

// cutLine takes the first line, which must have an end, off b.
func cutLine(b []byte) (line, rest []byte, ok bool) {
	line, rest, ok = bytes.Cut(b, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), rest, ok
}

// fail makes the errors of this package. Offsets count in the file of the signature
// or of the keys.
func fail(kind error, off int, msg string, got any) error {
	return &parse.Error{Format: "detached", Off: int64(off), Msg: msg, Got: got, Kind: kind}
}
