package detached

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// Lengths of minisign and signify: an algorithm of two letters, the key's number,
// and the signature or key.
const (
	lenEdSignature = 2 + 8 + ed25519.SignatureSize
	lenEdKey       = 2 + 8 + ed25519.PublicKeySize

	algEd    = "Ed" // over the file; SIGALG of minisign, PKALG of signify
	algEdPre = "ED" // over its BLAKE2b-512; SIGALG_HASHED

	// maxComment is COMMENTMAXBYTES of minisign and COMMENTMAXLEN of signify;
	// maxTrusted is TRUSTEDCOMMENTMAXBYTES.
	maxComment = 1024
	maxTrusted = 8192
)

// An edSignature is the second line of a signature file.
type edSignature struct {
	alg string
	id  [8]byte
	sig []byte
}

// commented reads the first two lines, which signatures and keys have alike.
func commented(b []byte, size int) (comment, value, rest []byte, err error) {
	line, rest, ok := cutLine(b)
	comment, marked := bytes.CutPrefix(line, []byte(untrusted))
	if !ok || !marked {
		return nil, nil, nil, fail(parse.ErrFormat, 0, "no untrusted comment", nil)
	}
	if len(comment) >= maxComment {
		return nil, nil, nil, fail(parse.ErrLimit, 0, "the untrusted comment is longer than minisign and signify read", len(comment))
	}
	at := len(b) - len(rest)
	line, rest, _ = cutLine(rest)
	value, err = fixedBase64(line, size, at)
	return comment, value, rest, err
}

// fixedBase64 reads a line of the base64 of n bytes.
func fixedBase64(line []byte, n, at int) ([]byte, error) {
	// The decoder passes over carriage returns.
	value, err := base64.StdEncoding.Strict().AppendDecode(nil, line)
	if err != nil || len(value) != n || bytes.ContainsAny(line, "\r\n") {
		return nil, fail(parse.ErrFormat, at, fmt.Sprintf("no base64 of %d bytes", n), nil)
	}
	return value, nil
}

func (j *judgement) readMinisign(b []byte) error {
	_, value, rest, err := commented(b, lenEdSignature)
	if err != nil {
		return err
	}
	at := len(b) - len(rest)
	line, rest, ok := cutLine(rest)
	comment, marked := bytes.CutPrefix(line, []byte(trusted))
	if !ok || !marked {
		return fail(parse.ErrFormat, at, "no trusted comment", nil)
	}
	if len(comment) >= maxTrusted {
		return fail(parse.ErrLimit, at, "the trusted comment is longer than minisign reads", len(comment))
	}
	at = len(b) - len(rest)
	line, rest, _ = cutLine(rest)
	global, err := fixedBase64(line, ed25519.SignatureSize, at)
	if err != nil {
		return err
	}
	if len(bytes.TrimRight(rest, "\r\n")) > 0 {
		return fail(parse.ErrFormat, len(b)-len(rest), "more behind the global signature", nil)
	}
	s := edSignature{string(value[:2]), [8]byte(value[2:10]), value[10:]}
	return j.edKey(s, minisignID(s.id), func(k Key) error {
		// The key's own statement first: signature and trusted comment.
		if err := signature.Verify(k.pub, 0, nil, slices.Concat(s.sig, comment), global); err != nil {
			return fail(parse.ErrFormat, at, "the global signature is not the key's: the trusted comment is not what was signed", nil)
		}
		j.note("trusted comment: %s", comment)
		j.accept("minisign", signature.Yes, "")
		return nil
	})
}

func (j *judgement) readSignify(b []byte) error {
	_, value, rest, err := commented(b, lenEdSignature)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return fail(parse.ErrUnsupported, len(b)-len(rest), "not judged: the message is in the signature's file", nil)
	}
	s := edSignature{string(value[:2]), [8]byte(value[2:10]), value[10:]}
	return j.edKey(s, fmt.Sprintf("%x", s.id), func(Key) error {
		if b[len(b)-1] != '\n' {
			j.accept("signify", signature.No, "the last line must have an end")
			return nil
		}
		j.accept("signify", signature.Yes, "")
		return nil
	})
}

// edKey prepares the judgement with the key of the signature's number; more is what
// the form asks for beside. Keys of signify and minisign are the same.
func (j *judgement) edKey(s edSignature, id string, more func(Key) error) error {
	if s.alg != algEd && s.alg != algEdPre {
		return fail(parse.ErrFormat, -1, "an algorithm that is not known", s.alg)
	}
	// The number is drawn at random and not bound to the key: two may have the same.
	candidates := slices.DeleteFunc(j.ofScheme(signature.SchemeMinisign), func(k Key) bool { return k.number != s.id })
	if len(candidates) == 0 {
		return needs(id)
	}
	if len(candidates) > maxTries {
		return fail(parse.ErrLimit, -1, "not judged: more keys of one number than are tried", len(candidates))
	}
	h := crypto.SHA512 // inside Ed25519
	if s.alg == algEdPre {
		h = crypto.BLAKE2b_512
		j.hashes = []crypto.Hash{h}
	} else {
		j.whole = true
	}
	j.judge = func(j *judgement) error {
		message := j.message
		if s.alg == algEdPre {
			message = j.states[h].Sum(nil)
		}
		for _, k := range candidates {
			if err := signature.Verify(k.pub, 0, nil, message, s.sig); err != nil {
				continue
			}
			if err := more(k); err != nil {
				return err
			}
			j.r.Signers = []signature.Signer{k.signer(h)}
			return nil
		}
		return fail(parse.ErrFormat, -1, "the key "+id+" did not make the signature of these bytes", nil)
	}
	return nil
}

// minisignID spells a key's number as minisign does.
func minisignID(id [8]byte) string { return fmt.Sprintf("%016X", binary.LittleEndian.Uint64(id[:])) }

// parseEdKey reads a public key of minisign or signify, with its comment or, as
// minisign -P takes it, alone.
func parseEdKey(b []byte) (Key, error) {
	comment, value, rest, err := commented(b, lenEdKey)
	if !bytes.HasPrefix(b, []byte("untrusted")) {
		line, after, _ := cutLine(b)
		rest = after
		value, err = fixedBase64(line, lenEdKey, 0)
	}
	if err != nil {
		return Key{}, err
	}
	if string(value[:2]) != algEd {
		return Key{}, fail(parse.ErrUnsupported, 0, "a key of another algorithm than Ed25519", string(value[:2]))
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return Key{}, fail(parse.ErrFormat, len(b)-len(rest), "more behind the key", nil)
	}
	k := Key{Scheme: signature.SchemeMinisign, number: [8]byte(value[2:10]), Comment: parse.EscapeText(string(comment))}
	k.ID = minisignID(k.number)
	return k, k.setPublic(ed25519.PublicKey(value[10:]))
}
