package detached

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math/big"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// sshKeyType is the first string of a key.
func sshKeyType(blob []byte) string {
	return string(sshString(parse.NewCursor("detached", blob, 0)))
}

var sshCurves = map[string]elliptic.Curve{"nistp256": elliptic.P256(), "nistp384": elliptic.P384(), "nistp521": elliptic.P521()}

// parseSSHKey reads a public key of RFC 4253, 5656 or 8709.
func parseSSHKey(blob []byte) (Key, error) {
	sum := sha256.Sum256(blob)
	k := Key{Scheme: signature.SchemeSSH, ID: "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:]), blob: blob}
	c := parse.NewCursor("detached", blob, 0)
	switch kind := string(sshString(c)); kind {
	case "ssh-ed25519":
		pub := sshString(c)
		if c.Err() == nil && len(pub) != ed25519.PublicKeySize {
			c.Fail(parse.ErrFormat, "no Ed25519 key", len(pub))
		}
		if err := sshKeyEnd(c); err != nil {
			return k, err
		}
		return k, k.setPublic(ed25519.PublicKey(pub))
	case "ssh-rsa":
		e, n := new(big.Int).SetBytes(sshString(c)), new(big.Int).SetBytes(sshString(c))
		if c.Err() == nil && (e.BitLen() > 31 || e.BitLen() < 2 || n.BitLen() == 0) {
			c.Fail(parse.ErrUnsupported, "an RSA key whose exponent is not computed with", nil)
		}
		if err := sshKeyEnd(c); err != nil {
			return k, err
		}
		return k, k.setPublic(&rsa.PublicKey{N: n, E: int(e.Int64())})
	case "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521":
		name, point := string(sshString(c)), sshString(c)
		if err := sshKeyEnd(c); err != nil {
			return k, err
		}
		if kind != "ecdsa-sha2-"+name {
			return k, fail(parse.ErrFormat, -1, "the key's curve is not that of its kind", name)
		}
		pub, err := ecdsa.ParseUncompressedPublicKey(sshCurves[name], point)
		if err != nil {
			return k, fail(parse.ErrFormat, -1, "no point of the curve "+name, nil)
		}
		return k, k.setPublic(pub)
	default:
		if err := c.Err(); err != nil {
			return k, err
		}
		// sk-ssh-ed25519@openssh.com and its like, certificates, ssh-dss.
		return k, fail(parse.ErrUnsupported, -1, "not judged: no verifier for this kind of ssh key", kind)
	}
}

func sshKeyEnd(c *parse.Cursor) error {
	if c.Err() == nil && c.Len() > 0 {
		c.Fail(parse.ErrFormat, "more behind the key", c.Len())
	}
	return c.Err()
}

// allowed is what a line of allowed signers says of its key; ssh-keygen(1), "ALLOWED
// SIGNERS". A nil one is a key alone, for anything.
type allowed struct {
	principals    string
	authority     bool   // the key signs certificates only
	namespaces    string // a list of patterns; "" any
	after, before time.Time
}

// allows is whether ssh-keygen would take a signature by the key.
func (a *allowed) allows(o Options, namespace string) (signature.Tri, string) {
	const day = "2006-01-02 15:04:05 UTC"
	switch {
	case a == nil && o.Principal != "":
		return signature.Unknown, "the key is given without principals"
	case a == nil:
		return signature.Yes, ""
	case a.authority:
		return signature.No, "the key signs certificates only"
	case a.namespaces != "" && !matchList(a.namespaces, namespace):
		return signature.No, "the key may not sign for the namespace " + namespace
	case o.Principal != "" && !matchList(a.principals, o.Principal):
		return signature.No, "the key is not that of " + o.Principal
	case o.Time.IsZero() && !(a.after.IsZero() && a.before.IsZero()):
		return signature.Unknown, "the key is valid for a while only"
	case !a.after.IsZero() && o.Time.Before(a.after):
		return signature.No, "the key is valid from " + a.after.Format(day) + " on"
	case !a.before.IsZero() && o.Time.After(a.before):
		return signature.No, "the key is valid until " + a.before.Format(day)
	}
	return signature.Yes, ""
}

// matchList is match_pattern_list of OpenSSH: one pattern has to match, and none
// that begins with an exclamation mark may.
func matchList(list, name string) bool {
	found := false
	for _, p := range strings.Split(list, ",") {
		p, not := strings.CutPrefix(p, "!")
		// Brackets and backslashes have no meaning there, and no slash is special.
		p = strings.NewReplacer(`\`, `\\`, "[", `\[`, "/", "\x00").Replace(p)
		if ok, err := path.Match(p, strings.ReplaceAll(name, "/", "\x00")); err == nil && ok {
			if not {
				return false
			}
			found = true
		}
	}
	return found
}

// parseAllowedSigners reads lines of allowed signers, or of *.pub files. Keys of kinds
// that nothing here verifies are passed over, unless there are no others.
func parseAllowedSigners(data []byte) ([]Key, error) {
	var keys []Key
	var open error
	for off, rest := 0, data; len(rest) > 0; {
		line, after, _ := cutLine(rest)
		at := off
		off += len(rest) - len(after)
		rest = after
		text := strings.Trim(string(line), " \t")
		if text == "" || text[0] == '#' {
			continue
		}
		if len(keys) == maxKeys {
			return nil, fail(parse.ErrLimit, at, "more keys than are read", len(keys))
		}
		k, err := parseSigner(text, at)
		switch {
		case err == nil:
			keys = append(keys, k)
		case k.ID != "" && errors.Is(err, parse.ErrUnsupported):
			open = err
		default:
			return nil, err
		}
	}
	switch {
	case keys != nil:
		return keys, nil
	case open != nil:
		return nil, open
	}
	return nil, fail(parse.ErrFormat, 0, "no key", nil)
}

// parseSigner reads one line: [principals [options]] kind base64 [comment]. With an error
// the Key has an ID where it is the kind that is not supported.
func parseSigner(text string, at int) (Key, error) {
	var a *allowed
	words := text
	first, rest := cutWord(words)
	if !isSSHKind(first) {
		a = &allowed{principals: strings.Trim(first, `"`)}
		words = rest
		if option, rest := cutWord(words); !isSSHKind(option) {
			if err := a.read(option, at); err != nil {
				return Key{}, err
			}
			words = rest
		}
	}
	kind, words := cutWord(words)
	value, comment := cutWord(words)
	blob, err := base64.StdEncoding.Strict().DecodeString(value)
	if err != nil || !isSSHKind(kind) || sshKeyType(blob) != kind {
		return Key{}, fail(parse.ErrFormat, at, "no public key of ssh, nor of another form that is known", nil)
	}
	k, err := parseSSHKey(blob)
	if err != nil {
		return k, err
	}
	k.allowed, k.Comment = a, parse.EscapeText(comment)
	if a != nil {
		k.Comment = parse.EscapeText(a.principals)
	}
	return k, nil
}

// sshKinds are the names of kinds of keys, of OpenSSH 10: principals may look like them.
var sshKinds = []string{"ssh-ed25519", "ssh-rsa", "ssh-dss", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
	"sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"}

// isSSHKind tells names of kinds of keys, or of certificates of them, from principals and
// options.
func isSSHKind(word string) bool {
	if kind, ok := strings.CutSuffix(word, "-cert-v01@openssh.com"); ok {
		word = kind
	}
	return slices.Contains(sshKinds, word) || slices.Contains(sshKinds, word+"@openssh.com")
}

// cutWord takes a word off text; spaces in quotes are part of it.
func cutWord(text string) (word, rest string) {
	quoted := false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' && (i == 0 || text[i-1] != '\\'):
			quoted = !quoted
		case (c == ' ' || c == '\t') && !quoted:
			return text[:i], strings.TrimLeft(text[i:], " \t")
		}
	}
	return text, ""
}

// read reads options, which a comma parts; as sshsigopt_parse does.
func (a *allowed) read(options string, at int) error {
	for options != "" {
		name, rest, valued := options, "", false
		if i := strings.IndexAny(options, ",="); i >= 0 {
			name, valued, rest = options[:i], options[i] == '=', options[i+1:]
		}
		value := ""
		if valued {
			var ok bool
			if value, ok = strings.CutPrefix(rest, `"`); !ok {
				return fail(parse.ErrFormat, at, "the value of an option has no quotes", name)
			}
			if value, rest, ok = strings.Cut(value, `"`); !ok || rest != "" && rest[0] != ',' {
				return fail(parse.ErrFormat, at, "the value of an option does not end", name)
			}
			rest = strings.TrimPrefix(rest, ",")
		}
		options = rest
		var err error
		switch strings.ToLower(name) {
		case "cert-authority":
			a.authority = true
		case "namespaces":
			a.namespaces = value
		case "valid-after":
			a.after, err = sshTime(value, at)
		case "valid-before":
			a.before, err = sshTime(value, at)
		default:
			return fail(parse.ErrUnsupported, at, "an option that is not known", name)
		}
		if err != nil {
			return err
		}
		if valued && value == "" {
			return fail(parse.ErrFormat, at, "an option without value", name)
		}
	}
	return nil
}

// sshTime reads YYYYMMDD[HHMM[SS]][Z]. Without Z ssh-keygen takes the zone that it
// runs in; the answer here may not depend on it and takes UTC.
func sshTime(text string, at int) (time.Time, error) {
	text = strings.TrimSuffix(text, "Z")
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if t, err := time.Parse(layout, text); err == nil && len(text) == len(layout) {
			return t, nil
		}
	}
	return time.Time{}, fail(parse.ErrFormat, at, "no time as ssh-keygen writes it", text)
}
