package jar

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"strings"

	"github.com/otavet/otavet/ota/parse"
)

// maxText bounds a manifest or signature file: the JDK's own bound
// (jdk.jar.maxSignatureFileSize). An update of 10^5 members needs ten MiB.
const maxText = 16000000

// maxSections bounds the members that one manifest names.
const maxSections = 1 << 20

// A digest is one "SHA-256-Digest: …" of a section, decoded.
type digest struct {
	hash crypto.Hash
	sum  string
	name string // as it is spelled, in lower case: sha1 and sha-1 are two names of one hash
}

// A section is one run of lines up to an empty line.
type section struct {
	name       string   // of the member; "" in the main section
	digests    []digest // over the member's bytes, or in a signature file over the manifest's section
	algorithms string   // Digest-Algorithms
	raw        []byte   // with the empty line
}

// A manifest is META-INF/MANIFEST.MF or a signature file, whose form is the same.
type manifest struct {
	raw      []byte
	main     section
	version  string   // Signature-Version
	creator  string   // Created-By
	signed   string   // X-Android-APK-Signed
	whole    []digest // x-Digest-Manifest: over the manifest
	mainOnly []digest // x-Digest-Manifest-Main-Attributes: over its main section
	sections []section
	index    map[string]int // of sections, by name
	twice    string         // a name with two sections
}

// parseManifest reads lines that end in CR LF, LF or CR. A line that begins with a
// space goes on with the one before it, wherever the writer broke it: 72 bytes is
// what writers keep to, no reader asks it of them, and a break may fall inside a
// character.
func parseManifest(raw []byte) (*manifest, error) {
	m := &manifest{raw: raw, index: map[string]int{}}
	for off := 0; off < len(raw); {
		s, size, err := m.section(raw[off:], off)
		if err != nil {
			return nil, err
		}
		switch {
		case off == 0:
			m.main = s
		case s.name != "":
			if _, ok := m.index[s.name]; ok {
				m.twice = s.name
			}
			if len(m.sections) == maxSections {
				return nil, fail(parse.ErrLimit, off, "more sections than are read", maxSections)
			}
			m.index[s.name] = len(m.sections)
			m.sections = append(m.sections, s)
		case len(bytes.TrimRight(s.raw, "\r\n")) > 0:
			return nil, fail(parse.ErrFormat, off, "a section has no name", nil)
		}
		off += size
	}
	return m, nil
}

// section reads one section and gives its size.
func (m *manifest) section(raw []byte, base int) (section, int, error) {
	var s section
	off, first := 0, true
	for off < len(raw) {
		line, size := cutLine(raw[off:])
		if len(line) == 0 {
			off += size
			break
		}
		at := base + off
		off += size
		var long []byte // of the pieces, copied only where there are several
		for off < len(raw) && raw[off] == ' ' {
			more, size := cutLine(raw[off:])
			if long == nil {
				long = append(long, line...)
			}
			long = append(long, more[1:]...)
			off += size
		}
		if long != nil {
			line = long
		}
		key, value, ok := bytes.Cut(line, []byte(": "))
		if !ok {
			if key, value, ok = bytes.Cut(line, []byte(":")); !ok {
				return s, 0, fail(parse.ErrFormat, at, "a line has no colon", string(line[:min(len(line), 40)]))
			}
		}
		m.attribute(&s, strings.ToLower(string(key)), value, base == 0, first)
		first = false
	}
	s.raw = raw[:off]
	return s, off, nil
}

// attribute keeps what verification needs. Names of attributes have no case.
func (m *manifest) attribute(s *section, key string, value []byte, main, first bool) {
	switch {
	case key == "name" && first && !main:
		s.name = string(value)
	case key == "signature-version" && main:
		m.version = string(value)
	case key == "created-by" && main:
		m.creator = string(value)
	case key == "x-android-apk-signed" && main:
		m.signed = string(value)
	case key == "digest-algorithms":
		s.algorithms = string(value)
	case strings.HasSuffix(key, "-digest-manifest-main-attributes") && main:
		m.mainOnly = add(m.mainOnly, strings.TrimSuffix(key, "-digest-manifest-main-attributes"), value)
	case strings.HasSuffix(key, "-digest-manifest") && main:
		m.whole = add(m.whole, strings.TrimSuffix(key, "-digest-manifest"), value)
	case strings.HasSuffix(key, "-digest"): // in the main section, signtool's spelling of the manifest's
		s.digests = add(s.digests, strings.TrimSuffix(key, "-digest"), value)
	}
}

// add keeps a digest by a hash that is known. What is not base64 of the right
// length can equal no digest, and is kept to say so.
func add(list []digest, name string, value []byte) []digest {
	h := hashByName(name)
	if h == 0 || len(list) == maxDigests {
		return list
	}
	sum, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(value)))
	if err != nil {
		sum = nil
	}
	return append(list, digest{h, string(sum), name})
}

// maxDigests bounds the digests of one section: one by each hash and spelling.
const maxDigests = 16

func hashByName(name string) crypto.Hash {
	switch name {
	case "md5":
		return crypto.MD5
	case "sha1", "sha-1", "sha":
		return crypto.SHA1
	case "sha-256", "sha256":
		return crypto.SHA256
	case "sha-384", "sha384":
		return crypto.SHA384
	case "sha-512", "sha512":
		return crypto.SHA512
	}
	return 0
}

// cutLine gives the first line without its end, and its size with it.
func cutLine(b []byte) (line []byte, size int) {
	i := bytes.IndexAny(b, "\r\n")
	switch {
	case i < 0:
		return b, len(b)
	case b[i] == '\r' && i+1 < len(b) && b[i+1] == '\n':
		return b[:i], i + 2
	}
	return b[:i], i + 1
}

// match compares digests with what b hashes to: all must agree, and one must be
// there.
func match(digests []digest, b []byte) bool {
	for _, d := range digests {
		h := d.hash.New()
		h.Write(b)
		if string(h.Sum(nil)) != d.sum {
			return false
		}
	}
	return len(digests) > 0
}

// fail makes the errors of this package.
func fail(kind error, off int, msg string, got any) error {
	return &parse.Error{Format: "jar", Off: int64(off), Msg: msg, Got: got, Kind: kind}
}
