// Package certificates reads the X.509 certificates that stand in an update:
// the one that names its signer, the key stores of the device, the authorities
// that its apps trust.
package certificates

import (
	"bytes"
	"context"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/known"
)

// Extractor makes one fact of each certificate in a PEM file.
var Extractor = &inspect.Extractor{
	Name:  "certificates",
	Doc:   "X.509 certificates: who signs updates, and whom the device trusts",
	Emits: []fact.Kind{fact.KindCertificates},
	Match: match,
	Run:   run,
}

const pemMark = "-----BEGIN CERTIFICATE-----"

// match takes files that begin as PEM whatever they are called, and those that
// Android itself takes for certificates by their place: there text may stand first.
func match(at fact.Location, _ fs.FileInfo, head func() []byte) bool {
	return role(at) != roleOther || bytes.HasPrefix(bytes.TrimLeft(head(), "\xef\xbb\xbf \t\r\n"), []byte(pemMark))
}

// Roles of a certificate, by the place where it stands.
const (
	roleOTA      = "ota"      // META-INF/com/android/otacert: the package's copy of its signer
	roleOTACerts = "otacerts" // etc/security/otacerts.zip: whose updates the device takes
	roleCA       = "ca"       // etc/security/cacerts: authorities of TLS
	roleOther    = "other"
)

func role(at fact.Location) string {
	file := at.Path
	name := path.Base(file)
	n := len(at.Inner)
	if n > 0 {
		name = path.Base(at.Inner[n-1])
	}
	// In a boot image it is the ramdisk whose file the archive is.
	zipped := n == 1
	if at.Partition != "" && file == "" && n == 3 {
		file, zipped = at.Inner[1], true
	}
	switch {
	case isKeyList(at):
		return roleOTACerts
	case at.Partition == "" && len(at.Inner) == 0 && file == "META-INF/com/android/otacert":
		return roleOTA
	// The suffix is what recovery's LoadCertificates and RecoverySystem look for.
	case strings.HasSuffix("/"+file, "/etc/security/otacerts.zip") && zipped && strings.HasSuffix(name, ".x509.pem"):
		return roleOTACerts
	case len(at.Inner) == 0 && strings.HasSuffix(path.Dir("/"+file), "/etc/security/cacerts"):
		return roleCA
	}
	return roleOther
}

// maxSize bounds a file of certificates: bundles of all authorities are below 1 MiB.
const maxSize = 4 << 20

func run(_ context.Context, f *inspect.File) (fact.Facts, error) {
	var facts fact.Facts
	data, err := blob.ReadAll(f.Blob, maxSize)
	if err != nil {
		return facts, err
	}
	if isKeyList(f.At) {
		return keyList(data, f.At)
	}
	certs, err := signature.ParseCertificates(data)
	for _, c := range certs {
		facts.Certificates = append(facts.Certificates, record(c, f.At))
	}
	return facts, err
}

func record(c *signature.Certificate, at fact.Location) fact.Certificate {
	rec := fact.Certificate{
		Role: role(at), Subject: c.Subject, Issuer: c.Issuer,
		NotBefore: stamp(c.NotBefore), NotAfter: stamp(c.NotAfter),
		SHA256: c.SHA256(), KeySHA256: c.KeySHA256(),
		Algorithm: c.Algorithm, Bits: int64(c.Bits), SignatureAlgorithm: c.SignatureAlgorithm, At: at,
	}
	if c.Serial != nil {
		rec.Serial = c.Serial.String()
	}
	rec.Known = listed(rec.SHA256, rec.KeySHA256)
	return rec
}

// listed tells what is publicly known of a certificate or key.
func listed(certificate, key string) []fact.Known {
	var list []fact.Known
	for _, m := range known.Matches(certificate, key) {
		list = append(list, fact.Known{What: m.What, Private: m.Private, Severity: m.Severity, Match: m.By, Source: m.Source})
	}
	return list
}

// isKeyList tells whether a file is the list of keys of recovery, up to Android 8: in its ramdisk, or in
// a dump of that.
func isKeyList(at fact.Location) bool {
	file := at.Path
	switch {
	case at.Partition == "":
		return false
	case file == "" && len(at.Inner) == 2:
		file = at.Inner[1]
	case len(at.Inner) > 0:
		return false
	}
	return file == "res/keys" || file == "root/res/keys" || strings.HasSuffix(file, "/root/res/keys")
}

// keyList makes a fact of each key of a list. There are no certificates around them.
func keyList(data []byte, at fact.Location) (fact.Facts, error) {
	var facts fact.Facts
	keys, err := signature.ParseKeyList(data)
	for i := range keys {
		k := &keys[i]
		facts.Certificates = append(facts.Certificates, fact.Certificate{Role: roleOTACerts, KeySHA256: k.KeySHA256(),
			Algorithm: k.Algorithm, Bits: int64(k.Bits), Known: listed("", k.KeySHA256()), At: at.AtOffset(k.Off)})
	}
	return facts, err
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
