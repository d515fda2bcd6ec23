package detached

import (
	"bytes"
	"encoding/base64"
	"path"
	"regexp"
	"strings"
)

// A Form is what kind of file lies beside an update.
type Form string

// The forms. FormDigests is no signature: anybody can compute a digest.
const (
	FormNone     Form = ""
	FormMinisign Form = "minisign"
	FormSignify  Form = "signify"
	FormSSH      Form = "ssh"
	FormOpenPGP  Form = "openpgp"
	FormCosign   Form = "cosign"
	FormBundle   Form = "bundle" // of Sigstore or cosign
	FormDigests  Form = "digests"
)

const (
	sshBegin  = "-----BEGIN SSH SIGNATURE-----"
	sshMagic  = "SSHSIG" // MAGIC_PREAMBLE
	untrusted = "untrusted comment: "
	trusted   = "trusted comment: "
)

// A digest list has the digest first, as sha256sum writes it, or last, as BSD does.
var digests = regexp.MustCompile(`^(?:\\?(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F]{96}|[0-9a-fA-F]{128})(?:[ \t][ *]?[^\r\n]*)?\r?(?:\n|$)|(?:MD5|SHA[0-9-]+|BLAKE2b) ?\([^\r\n]*\) ?= ?[0-9a-fA-F]{32,128}\r?(?:\n|$))`)

// Recognise tells the form of a file from its beginning, of which a few KiB are
// enough. The name, which may be empty, counts only where the content leaves the
// form open.
func Recognise(head []byte, name string) Form {
	text := bytes.TrimLeft(head, " \t\r\n")
	switch {
	case bytes.HasPrefix(head, []byte(untrusted)):
		return formOfComment(head, name)
	case bytes.HasPrefix(text, []byte(sshBegin)), bytes.HasPrefix(head, []byte(sshMagic)):
		return FormSSH
	case bytes.HasPrefix(text, []byte("-----BEGIN PGP SIGN")), bytes.HasPrefix(text, []byte("-----BEGIN PGP MESSAGE")):
		return FormOpenPGP
	case bytes.HasPrefix(text, []byte("{")):
		// Field names of one of the two kinds of bundle.
		for _, field := range []string{`"base64Signature"`, `"messageSignature"`, `"verificationMaterial"`, `"dsseEnvelope"`, `"application/vnd.dev.sigstore.bundle`} {
			if bytes.Contains(head, []byte(field)) {
				return FormBundle
			}
		}
		return FormNone
	case digests.Match(text):
		return FormDigests
	case isSignaturePacket(head):
		return FormOpenPGP
	case isBase64Signature(text, name):
		return FormCosign
	}
	return FormNone
}

// formOfComment tells minisign from signify by the third line; public and secret
// keys, which begin in the same way, by the second. An old signature of minisign
// without its trusted comment is one of signify, unless the name says that it is not.
func formOfComment(head []byte, name string) Form {
	_, rest, _ := cutLine(head)
	line, rest, _ := cutLine(rest)
	if n := base64.StdEncoding.DecodedLen(len(line)); n < lenEdSignature || n > lenEdSignature+2 {
		return FormNone
	}
	switch {
	case bytes.HasPrefix(rest, []byte("trusted comment:")), strings.EqualFold(path.Ext(name), ".minisig"),
		bytes.HasPrefix(line, []byte("RU")): // "ED": minisign's alone
		return FormMinisign
	}
	return FormSignify
}

// isSignaturePacket tells whether b begins with an OpenPGP signature, of any version,
// whose length is stated; or with the packets of a signed message.
func isSignaturePacket(b []byte) bool {
	tag, size, header, ok := packetHeader(b)
	if !ok || header >= len(b) {
		return false
	}
	version := b[header]
	switch tag {
	case tagSignature:
		return size >= 10 && version >= 3 && version <= 6
	case tagOnePass:
		return size == 13 && version == 3
	}
	return false
}

// minECDSA is how long a SEQUENCE of two INTEGERs of one byte is.
const minECDSA = 8

// isBase64Signature tells whether text is nothing but the base64 of an ECDSA
// signature, or of anything as long as a signature and is called .sig.
func isBase64Signature(text []byte, name string) bool {
	text = bytes.TrimRight(text, "\r\n")
	if len(text) < 56 || len(text) > 4096 {
		return false
	}
	raw, err := base64.StdEncoding.Strict().AppendDecode(nil, text)
	if err != nil || len(raw) < minECDSA { // what is decoded may have been newlines
		return false
	}
	if strings.EqualFold(path.Ext(name), ".sig") {
		return true
	}
	// SEQUENCE { r, s }, up to P-521's.
	return raw[0] == 0x30 && len(raw) <= 141 && (raw[1] == 0x81 && int(raw[2]) == len(raw)-3 || int(raw[1]) == len(raw)-2)
}
