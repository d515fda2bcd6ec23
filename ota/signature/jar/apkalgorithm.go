package jar

import (
	"crypto"
	"math"
)

// A span is a run of SDKs, both inclusive.
type span struct{ first, last int }

func from(sdk int) span { return span{sdk, math.MaxInt} }

// mixed is when the digest of a signature's own OID may be another than the one
// that the SignerInfo names beside it: Android 5 and 6 looked the whole up by the
// first alone.
var mixed = span{21, 23}

// An oid is what a signature algorithm names: the kind of key, and the hash where
// it does.
type oid struct {
	key  string
	hash crypto.Hash
}

// apkSignatures are the signature algorithms of apksig's OID_TO_JCA_SIGNATURE_ALG.
var apkSignatures = map[string]oid{
	"1.2.840.113549.1.1.1":   {"RSA", 0},
	"1.2.840.113549.1.1.4":   {"RSA", crypto.MD5},
	"1.2.840.113549.1.1.5":   {"RSA", crypto.SHA1},
	"1.2.840.113549.1.1.14":  {"RSA", crypto.SHA224},
	"1.2.840.113549.1.1.11":  {"RSA", crypto.SHA256},
	"1.2.840.113549.1.1.12":  {"RSA", crypto.SHA384},
	"1.2.840.113549.1.1.13":  {"RSA", crypto.SHA512},
	"1.2.840.10040.4.1":      {"DSA", 0},
	"1.2.840.10040.4.3":      {"DSA", crypto.SHA1},
	"2.16.840.1.101.3.4.3.1": {"DSA", crypto.SHA224},
	"2.16.840.1.101.3.4.3.2": {"DSA", crypto.SHA256},
	"1.2.840.10045.2.1":      {"EC", 0},
	"1.2.840.10045.4.1":      {"EC", crypto.SHA1},
	"1.2.840.10045.4.3.1":    {"EC", crypto.SHA224},
	"1.2.840.10045.4.3.2":    {"EC", crypto.SHA256},
	"1.2.840.10045.4.3.3":    {"EC", crypto.SHA384},
	"1.2.840.10045.4.3.4":    {"EC", crypto.SHA512},
}

type pair struct {
	digest crypto.Hash
	sig    oid
}

// apkPairs are apksig's SUPPORTED_SIG_ALG_OIDS but for mixed, the rule of all
// pairs with a hash on both sides that are not here.
var apkPairs = map[pair][]span{
	{crypto.MD5, oid{"RSA", 0}}:                {from(0)},
	{crypto.MD5, oid{"RSA", crypto.MD5}}:       {{0, 8}, from(21)},
	{crypto.SHA1, oid{"RSA", 0}}:               {from(0)},
	{crypto.SHA1, oid{"RSA", crypto.SHA1}}:     {from(0)},
	{crypto.SHA224, oid{"RSA", 0}}:             {{0, 8}, from(21)},
	{crypto.SHA224, oid{"RSA", crypto.SHA224}}: {{0, 8}, from(21)},
	{crypto.SHA224, oid{"RSA", crypto.SHA256}}: {{21, 21}},
	{crypto.SHA256, oid{"RSA", 0}}:             {{0, 8}, from(18)},
	{crypto.SHA256, oid{"RSA", crypto.SHA1}}:   {{21, 21}},
	{crypto.SHA256, oid{"RSA", crypto.SHA256}}: {{0, 8}, from(18)},
	{crypto.SHA384, oid{"RSA", 0}}:             {from(18)},
	{crypto.SHA384, oid{"RSA", crypto.SHA384}}: {from(21)},
	{crypto.SHA512, oid{"RSA", 0}}:             {from(18)},
	{crypto.SHA512, oid{"RSA", crypto.SHA384}}: {{21, 21}},
	{crypto.SHA512, oid{"RSA", crypto.SHA512}}: {from(21)},

	{crypto.SHA1, oid{"DSA", 0}}:               {from(0)},
	{crypto.SHA1, oid{"DSA", crypto.SHA1}}:     {from(9)},
	{crypto.SHA224, oid{"DSA", 0}}:             {from(22)},
	{crypto.SHA224, oid{"DSA", crypto.SHA224}}: {from(21)},
	{crypto.SHA256, oid{"DSA", 0}}:             {from(22)},
	{crypto.SHA256, oid{"DSA", crypto.SHA256}}: {from(21)},

	{crypto.SHA1, oid{"EC", 0}}:               {from(18)},
	{crypto.SHA1, oid{"EC", crypto.SHA1}}:     {from(18)},
	{crypto.SHA224, oid{"EC", 0}}:             {from(21)},
	{crypto.SHA224, oid{"EC", crypto.SHA224}}: {from(21)},
	{crypto.SHA256, oid{"EC", 0}}:             {from(18)},
	{crypto.SHA256, oid{"EC", crypto.SHA256}}: {from(21)},
	{crypto.SHA384, oid{"EC", 0}}:             {from(18)},
	{crypto.SHA384, oid{"EC", crypto.SHA384}}: {from(21)},
	{crypto.SHA512, oid{"EC", 0}}:             {from(18)},
	{crypto.SHA512, oid{"EC", crypto.SHA512}}: {from(21)},
}

// takesPair tells whether a release verifies signatures of the pair.
func takesPair(p pair, sdk int) bool {
	spans, ok := apkPairs[p]
	if !ok && p.digest != 0 && p.sig.hash != 0 {
		spans = []span{mixed}
	}
	for _, s := range spans {
		if sdk >= s.first && sdk <= s.last {
			return true
		}
	}
	return false
}
