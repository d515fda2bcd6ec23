package detached

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

const (
	sshEnd    = "-----END SSH SIGNATURE-----"
	behindSSH = "of the signature's file: what stands behind the signature"
)

// sshHashes are those that PROTOCOL.sshsig names for the file.
var sshHashes = map[string]crypto.Hash{"sha256": crypto.SHA256, "sha512": crypto.SHA512}

// sshDearmor reads the armor as sshsig_dearmor does: END must begin a line, and nothing
// is read behind it. It tells where that is.
func sshDearmor(b []byte) (raw []byte, end int, err error) {
	body, ok := bytes.CutPrefix(b, []byte(sshBegin+"\n"))
	if !ok {
		return nil, 0, fail(parse.ErrFormat, 0, "the first line is not "+sshBegin, nil)
	}
	body, rest, ok := bytes.Cut(body, []byte("\n"+sshEnd))
	if !ok {
		return nil, 0, fail(parse.ErrFormat, len(b), "no line "+sshEnd, nil)
	}
	raw, err = base64.StdEncoding.Strict().AppendDecode(nil, body)
	if err != nil {
		return nil, 0, fail(parse.ErrFormat, len(sshBegin)+1, "no base64", nil)
	}
	return raw, len(b) - len(rest), nil
}

// sshString reads a string of RFC 4251.
func sshString(c *parse.Cursor) []byte {
	n := c.U32BE()
	return c.Bytes(c.Count(uint64(n), 1, maxSignature))
}

// readSSH reads a signature of PROTOCOL.sshsig, version 1.
func (j *judgement) readSSH(b []byte) error {
	raw, end, err := sshDearmor(b)
	if err != nil {
		return err
	}
	if len(bytes.TrimRight(b[end:], "\r\n")) > 0 {
		j.note("more stands behind the signature in its file, which ssh-keygen does not read")
		j.r.Unsigned = []signature.Range{{First: int64(end), End: int64(len(b)), What: behindSSH}}
	}
	// Offsets would be those of bytes without armor, which nobody can look up.
	c := parse.NewCursor("detached", raw, 0)
	if string(c.Bytes(len(sshMagic))) != sshMagic {
		return fail(parse.ErrFormat, -1, "no "+sshMagic, nil)
	}
	if v := c.U32BE(); c.Err() == nil && v != 1 {
		return fail(parse.ErrUnsupported, -1, "not judged: a version of ssh's signatures that is not known", v)
	}
	blob, namespace, reserved, hashName, sig := sshString(c), string(sshString(c)), sshString(c), string(sshString(c)), sshString(c)
	if c.Err() == nil && c.Len() > 0 {
		c.Fail(parse.ErrFormat, "more behind the signature", c.Len())
	}
	if err := c.Err(); err != nil {
		return err
	}
	h, ok := sshHashes[hashName]
	switch {
	case len(reserved) > 0:
		return fail(parse.ErrUnsupported, -1, "not judged: what is reserved is used", nil)
	case !ok:
		return fail(parse.ErrFormat, -1, "a hash that ssh's signatures do not have", hashName)
	case namespace == "":
		return fail(parse.ErrFormat, -1, "no namespace", nil)
	}
	key, err := parseSSHKey(blob)
	if err != nil {
		return err
	}
	j.note("namespace: %s", namespace)
	wanted := j.o.Namespaces
	if len(wanted) == 0 {
		wanted = []string{"file"}
	}
	if !slices.Contains(wanted, namespace) {
		return fail(parse.ErrFormat, -1, fmt.Sprintf("the signature is made for the namespace %q, not for %q", namespace, strings.Join(wanted, ", ")), nil)
	}
	j.hashes = []crypto.Hash{h}
	j.judge = func(j *judgement) error {
		// What is signed repeats all fields but the key.
		signed := slices.Concat([]byte(sshMagic), packString([]byte(namespace)), packString(nil), packString([]byte(hashName)),
			packString(j.states[h].Sum(nil)))
		if err := key.verifySSH(signed, sig); err != nil {
			return err
		}
		j.r.Signers = []signature.Signer{key.signer(h)}
		j.allowedSigner(key, namespace)
		return nil
	}
	return nil
}

func packString(b []byte) []byte {
	n := len(b)
	return append([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, b...)
}

// sshAlgorithms are the signatures that a kind of key makes: those that sshsig.c accepts,
// which ssh-rsa with SHA-1 is none of.
var sshAlgorithms = map[string]map[string]crypto.Hash{
	"ssh-ed25519":         {"ssh-ed25519": crypto.SHA512},
	"ssh-rsa":             {"rsa-sha2-256": crypto.SHA256, "rsa-sha2-512": crypto.SHA512},
	"ecdsa-sha2-nistp256": {"ecdsa-sha2-nistp256": crypto.SHA256},
	"ecdsa-sha2-nistp384": {"ecdsa-sha2-nistp384": crypto.SHA384},
	"ecdsa-sha2-nistp521": {"ecdsa-sha2-nistp521": crypto.SHA512},
}

// verifySSH checks a signature blob of RFC 4253, 8332 or 5656 over a message.
func (k Key) verifySSH(message, sig []byte) error {
	c := parse.NewCursor("detached", sig, 0)
	alg, value := string(sshString(c)), sshString(c)
	if c.Err() == nil && c.Len() > 0 {
		c.Fail(parse.ErrFormat, "more behind the signature's value", c.Len())
	}
	if err := c.Err(); err != nil {
		return err
	}
	h, ok := sshAlgorithms[sshKeyType(k.blob)][alg]
	if !ok {
		return fail(parse.ErrFormat, -1, "an algorithm that keys of this kind do not sign with", alg)
	}
	if alg == "ssh-ed25519" {
		return signature.Verify(k.pub, 0, nil, message, value)
	}
	d := h.New()
	d.Write(message)
	if strings.HasPrefix(alg, "ecdsa-") {
		rs := parse.NewCursor("detached", value, 0)
		r, s := sshString(rs), sshString(rs)
		if rs.Err() != nil || rs.Len() > 0 {
			return fail(parse.ErrFormat, -1, "the ECDSA signature is not two integers", nil)
		}
		var err error
		if value, err = sequence(r, s); err != nil {
			return err
		}
	}
	return signature.Verify(k.pub, h, d.Sum(nil), nil, value)
}

// sequence is the DER form of two positive integers, whose bytes may not be
// longer than two's complement needs.
func sequence(r, s []byte) ([]byte, error) {
	for _, b := range [][]byte{r, s} {
		if len(b) == 0 || b[0]&0x80 != 0 || b[0] == 0 && (len(b) == 1 || b[1]&0x80 == 0) {
			return nil, fail(parse.ErrFormat, -1, "an integer of the signature is not positive, or not in its shortest form", nil)
		}
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(r), new(big.Int).SetBytes(s)})
	if err != nil {
		return nil, fail(parse.ErrFormat, -1, "an integer of the signature cannot be written", nil)
	}
	return der, nil
}

// allowedSigner says what ssh-keygen -Y verify makes of a signature that holds.
func (j *judgement) allowedSigner(key Key, namespace string) {
	const reader = "ssh-keygen -Y verify"
	found := false
	takes, rule := signature.No, ""
	for _, k := range j.ofScheme(signature.SchemeSSH) {
		if !bytes.Equal(k.blob, key.blob) {
			continue
		}
		found = true
		if k.Comment != "" {
			j.note("the key is that of: %s", k.Comment)
		}
		t, why := k.allowed.allows(j.o, namespace)
		if t == signature.Yes {
			j.accept(reader, t, "")
			return
		}
		if rule == "" || t == signature.Unknown {
			takes, rule = t, why
		}
	}
	if !found {
		rule = "the key " + key.ID + " is none of those given"
	}
	j.accept(reader, takes, rule)
}
