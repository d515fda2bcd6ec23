package archive

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/otavet/otavet/ota/parse"
)

// Limits of what describes a member.
const (
	// maxPAX bounds a PAX header, which is read at once. The most that one
	// holds in earnest are extended attributes, of which Linux takes 64 KiB
	// each; archive/tar and libarchive stop at 1 MiB too.
	maxPAX = 1 << 20
	// maxTarName bounds a member's name and a link's target: the longest name
	// that a zip can have, and sixteen times PATH_MAX.
	maxTarName = 64 << 10
)

// A paxHeader is what a PAX header says that is looked at. Each has its value,
// nil where there is none.
type paxHeader struct {
	path, linkpath *string
	size           *int64
	mtime          *string
	sparse         string  // "GNU.sparse" and the version, if there is any key of it
	sparseName     *string // GNU.sparse.name: what path would be
}

// parsePAX reads the records of a PAX header, whose first byte stands at off:
// "%d %s=%s\n", length of the whole record, keyword, value. Of two records of
// one keyword the last counts.
func parsePAX(p []byte, off int64) (h paxHeader, err error) {
	major, minor := "", ""
	for len(p) > 0 {
		key, value, n := paxRecord(p)
		if n == 0 {
			return h, failTar(off, parse.ErrFormat, "a record of a PAX header is malformed", nil)
		}
		switch key {
		case "path":
			h.path = &value
		case "linkpath":
			h.linkpath = &value
		case "mtime":
			h.mtime = &value
		case "size":
			size, err := strconv.ParseInt(value, 10, 64)
			if err != nil || size < 0 {
				return h, failTar(off, parse.ErrFormat, "the size in a PAX header is no number of bytes", value)
			}
			h.size = &size
		case "GNU.sparse.major":
			major = value
		case "GNU.sparse.minor":
			minor = value
		case "GNU.sparse.name":
			h.sparseName = &value
		}
		if strings.HasPrefix(key, "GNU.sparse.") {
			h.sparse = "GNU.sparse"
		}
		for _, name := range []*string{h.path, h.linkpath, h.sparseName} {
			if name != nil && len(*name) > maxTarName {
				return h, failTar(off, parse.ErrLimit, "a name is longer than 64 KiB", len(*name))
			}
		}
		p = p[n:]
		off += int64(n)
	}
	if h.sparse != "" && major != "" {
		h.sparse += " " + parse.EscapeText(major) + "." + parse.EscapeText(minor)
	}
	return h, nil
}

// paxRecord reads the first record of p, which has n bytes; 0 if it is none.
func paxRecord(p []byte) (key, value string, n int) {
	const digits = 8 // more than maxPAX has
	space := bytes.IndexByte(p[:min(len(p), digits)], ' ')
	if space < 0 {
		return "", "", 0
	}
	length, err := strconv.ParseUint(string(p[:space]), 10, 32)
	if err != nil || length > uint64(len(p)) || length <= uint64(space)+1 || p[length-1] != '\n' {
		return "", "", 0
	}
	k, v, ok := bytes.Cut(p[space+1:length-1], []byte("="))
	if !ok || len(k) == 0 {
		return "", "", 0
	}
	return string(k), string(v), int(length)
}

// disputed is a key of a global header that makes its readers see different
// members, "" if there is none.
func (h *paxHeader) disputed() string {
	switch {
	case h.path != nil:
		return "path"
	case h.linkpath != nil:
		return "linkpath"
	case h.size != nil:
		return "size"
	}
	return h.sparse
}

var errNotTime = errors.New("is no time")

// paxTime reads seconds since 1970 with a sign and a fraction.
func paxTime(s string) (time.Time, error) {
	whole, fraction, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, errNotTime
	}
	var ns int64
	for i := range 9 {
		ns *= 10
		if i < len(fraction) {
			if fraction[i] < '0' || fraction[i] > '9' {
				return time.Time{}, errNotTime
			}
			ns += int64(fraction[i] - '0')
		}
	}
	if strings.HasPrefix(whole, "-") {
		ns = -ns
	}
	return time.Unix(sec, ns).UTC(), nil
}
