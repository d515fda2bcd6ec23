// Package known is a list of signing keys and certificates that are publicly
// known: test keys whose private half anybody can download, keys that leaked,
// and keys that are worth a name. keys.csv is the list, with a source for each
// row; to add a key, add a row.
package known

import (
	_ "embed"
	"encoding/csv"
	"strings"
)

// The kinds of Lookup: what was hashed with SHA-256.
const (
	KindCertificate = "x509-cert"       // an X.509 certificate's DER
	KindKey         = "spki"            // a SubjectPublicKeyInfo's DER
	KindAVB         = "avb-pubkey-blob" // AvbRSAPublicKeyHeader and what follows
	KindVerity      = "verity_key-file" // the 524 bytes of /verity_key
)

//go:embed keys.csv
var table string

// A Key is one row of the list.
type Key struct {
	Kind     string
	SHA256   string // lower-case hexadecimal
	What     string
	Private  string // is the private key public: yes, no, leaked, unknown
	Severity string // a hint, not a verdict
	Source   string
}

// A Match is a Key and what of a signer was equal to it.
type Match struct {
	Key
	By string // certificate or key
}

// Lookup finds the row of a kind and a digest in lower-case hexadecimal.
func Lookup(kind, sha256 string) (Key, bool) {
	if len(sha256) != 64 {
		return Key{}, false
	}
	// The list is short and most questions are answered no: searching the text
	// costs less than keeping a parsed copy.
	prefix := "\n" + kind + "," + sha256 + ","
	i := strings.Index(table, prefix)
	if i < 0 {
		return Key{}, false
	}
	row, _, _ := strings.Cut(table[i+1:], "\n")
	f, err := csv.NewReader(strings.NewReader(row)).Read()
	if err != nil || len(f) != 6 {
		return Key{}, false
	}
	return Key{Kind: f[0], SHA256: f[1], What: f[2], Private: f[3], Severity: f[4], Source: f[5]}, true
}

// Matches looks a signer's certificate and key up, both: one key may stand in
// several certificates.
func Matches(certificate, key string) []Match {
	var out []Match
	if k, ok := Lookup(KindCertificate, certificate); ok {
		out = append(out, Match{k, "certificate"})
	}
	if k, ok := Lookup(KindKey, key); ok {
		out = append(out, Match{k, "key"})
	}
	return out
}
