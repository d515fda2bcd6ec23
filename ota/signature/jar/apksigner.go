package jar

import (
	"context"
	"crypto"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// An apkSigner is a signature block with its signature file.
type apkSigner struct {
	name     string // of the block
	file     string // name of the signature file
	infos    []*apkInfo
	others   int    // certificates that did not sign
	text     []byte // of the signature file
	sf       *manifest
	schemes  []int // what X-Android-APK-Signed of the signature file names
	old      bool  // it has no such line
	unread   error // why the signature file says nothing
	whole    map[crypto.Hash]string
	sections []bool // of the manifest, that the signature file names
	inPart   bool   // the manifest is signed by these alone, not as a whole
	eras     [eras]apkFile
	proven   map[string]signature.Signer // by certificate: whose key verified
}

// An apkInfo is a SignerInfo, computed once for all releases.
type apkInfo struct {
	pair pair
	name string // of the pair
	cert *signature.Certificate

	fatal error // what ends a verification: Android throws
	math  error // why the signature does not verify; nil where it does

	attributes             bool // signed ones
	noType, wrongType      bool // the content type among them
	noDigest, wrongContent bool
}

// readSigners reads the blocks that have a signature file. The others are nobody's
// signature, and a later release may think so, too.
func (a *apk) readSigners() error {
	for _, name := range a.blocks {
		if a.ctx.Err() != nil {
			return context.Cause(a.ctx)
		}
		sf := name[:strings.LastIndexByte(name, '.')] + ".SF"
		if _, ok := a.names[sf]; !ok && a.o.Refused[sf] != "" {
			continue // hidden has said so
		} else if !ok {
			a.note("%s has no signature file: no reader looks at it", name)
			continue
		}
		if len(a.signers) == maxAPKSigners {
			a.refuse(verdict{err: fail(parse.ErrFormat, -1, "more than ten signers", len(a.blocks))})
			return nil
		}
		s := &apkSigner{name: name, file: sf, proven: map[string]signature.Signer{}}
		a.signers = append(a.signers, s)
		if err := a.readSigner(s); err != nil {
			if !isParse(err) {
				return err
			}
			a.refuse(verdict{err: err})
			if s.sf == nil {
				s.unread = err
			}
		}
		// A hostile signature file is large, and there may be ten of them.
		for _, l := range a.levels {
			a.file(s, l.era)
		}
		s.sf, s.text = nil, nil
	}
	switch {
	case len(a.signers) == 0 && a.unshown != "":
		for i := range a.levels {
			a.levels[i].blind = true
			a.levels[i].refuse(verdict{err: a.refused(a.unshown)})
		}
		return nil
	case len(a.signers) == 0:
		a.refuse(broken("no signature block has a signature file", nil))
	}
	for i := range a.levels {
		a.judge(&a.levels[i])
	}
	return nil
}

func (a *apk) note(format string, args ...any) {
	if len(a.r.Notes) < maxListed {
		a.r.Notes = append(a.r.Notes, fmt.Sprintf(format, args...))
	}
}

func (a *apk) readSigner(s *apkSigner) error {
	var err error
	if s.text, err = a.read(s.file, maxText); err != nil {
		return err
	}
	if s.sf, s.unread = parseManifest(s.text); s.unread == nil && s.sf.version == "" {
		s.unread = fail(parse.ErrFormat, -1, "the signature file has no Signature-Version", s.file)
	}
	if s.unread == nil && s.sf.twice != "" {
		s.unread = fail(parse.ErrFormat, -1, "the signature file has two sections of one name", s.sf.twice)
	}
	if s.sf != nil {
		s.schemes, s.old = schemes(s.sf.signed), s.sf.signed == ""
	}
	der, err := a.read(s.name, maxBlock)
	if err != nil {
		return err
	}
	cms, err := signature.ParseCMS(der)
	if err != nil {
		return err
	}
	if len(cms.Signers) == 0 {
		return fail(parse.ErrFormat, -1, "the block has no signer", s.name)
	}
	if len(cms.Refused) > 0 {
		return cms.Refused[0]
	}
	if cms.Content != nil && string(cms.Content) != string(s.text) {
		a.note("%s carries another content than its signature file; Android does not look", s.name)
	}
	s.others = len(cms.Certificates)
	for _, info := range cms.Signers {
		s.infos = append(s.infos, s.compute(cms, info))
	}
	return nil
}

// compute does of a SignerInfo what no release decides.
func (s *apkSigner) compute(cms *signature.CMS, info *signature.SignerInfo) *apkInfo {
	i := &apkInfo{pair: pair{info.Hash, apkSignatures[info.SignatureAlgorithm]}, name: info.DigestAlgorithm + " with " + info.SignatureAlgorithm}
	if i.pair.digest != 0 && i.pair.sig.key != "" {
		i.name = strings.TrimSuffix(signature.HashName(i.pair.digest)+" with "+i.pair.sig.key+" of "+signature.HashName(i.pair.sig.hash), " of ")
	}
	if i.pair.sig.key == "" || i.pair.digest == 0 {
		i.math = fail(parse.ErrUnsupported, -1, "not judged: no verifier for "+i.name, nil)
		return i
	}
	i.cert = cms.Certificate(info)
	switch {
	case i.cert == nil:
		i.fatal = fail(parse.ErrFormat, -1, "the signer's certificate is not in the block", s.name)
		return i
	case info.ByKeyID:
		// isMatchingCerticicate: Android knows no other way.
		i.fatal = fail(parse.ErrFormat, -1, "the signer's certificate is not named by issuer and serial number", s.name)
		return i
	}
	if i.fatal = usable(i.cert); i.fatal != nil {
		return i
	}
	if i.cert.Key == nil {
		i.math = i.cert.KeyError
		return i
	}
	if i.cert.Algorithm != i.pair.sig.key {
		i.fatal = fail(parse.ErrFormat, -1, "the signature algorithm is not the key's", i.name)
		return i
	}
	message := s.text
	if info.Attributes != nil {
		message = info.Attributes
		i.attributes = true
		i.noType = info.ContentType == ""
		i.wrongType = info.ContentType != cms.ContentType
		i.noDigest = info.MessageDigest == nil
		i.wrongContent = string(info.MessageDigest) != sum(info.Hash, s.text)
	}
	hash := i.pair.sig.hash
	if hash == 0 {
		hash = info.Hash
	}
	i.math = signature.Verify(i.cert.Key, hash, []byte(sum(hash, message)), nil, info.Signature)
	if i.math == nil && !i.wrongContent {
		s.proven[i.cert.SHA256()] = signature.NewSigner(i.cert, hash)
	}
	return i
}

func sum(h crypto.Hash, b []byte) string {
	d := h.New()
	d.Write(b)
	return string(d.Sum(nil))
}

// at judges one SignerInfo as one release does: it verifies where both results are
// empty. skip is why it does not where the release goes on to the next.
func (i *apkInfo) at(sdk int) (v verdict, skip error) {
	switch {
	case !takesPair(i.pair, sdk):
		return byRule("these releases do not verify "+i.name, nil), nil
	case i.fatal != nil:
		return verdict{err: i.fatal}, nil
	case i.attributes && sdk < 19:
		// They did not compare the digest among the attributes with the signature
		// file, and hashed the attributes under the wrong tag.
		return byRule("these releases cannot verify signed attributes", nil), nil
	case i.attributes && sdk >= 24 && i.noType:
		return byRule("these releases want the content type among signed attributes", nil), nil
	case i.attributes && sdk >= 24 && i.wrongType:
		return verdict{}, fail(parse.ErrFormat, -1, "the signed content type is not the message's", nil)
	case i.attributes && i.noDigest:
		return broken("the signed attributes have no digest of the signature file", nil), nil
	case i.attributes && i.wrongContent:
		return verdict{}, fail(parse.ErrFormat, -1, "the signed digest is not the signature file's", nil)
	case errors.Is(i.math, parse.ErrFormat):
		return verdict{}, i.math
	}
	return verdict{err: i.math}, nil
}

// verify finds the certificate that a release takes for the signer's: of the first
// SignerInfo, since Android 7 of the first that verifies.
func (s *apkSigner) verify(sdk int) (found *signature.Certificate, v verdict) {
	infos := s.infos
	if sdk < 24 {
		infos = infos[:min(1, len(infos))]
	}
	var why error
	for _, i := range infos {
		v, skip := i.at(sdk)
		switch {
		case v.err != nil:
			return nil, v
		case skip != nil && why == nil:
			why = skip
		case skip == nil && found == nil:
			found = i.cert
		}
	}
	if found != nil {
		return found, verdict{}
	}
	return nil, verdict{err: why}
}

// judge lets a level look at all blocks and their signature files.
func (a *apk) judge(l *level) {
	if l.broken != nil {
		return
	}
	for _, s := range a.signers {
		_, v := s.verify(l.first)
		l.refuse(v)
	}
	if !l.open() {
		return
	}
	l.blind = true
	for _, s := range a.signers {
		f := a.file(s, l.era)
		if f.ignored == nil {
			l.blind = false
			l.refuse(a.stripped(s, l))
			l.refuse(f.v)
		}
	}
	if l.blind {
		l.refuse(verdict{err: a.signers[0].eras[l.era].ignored})
	}
}

// stripped refuses where the signature file says that there was another signature,
// and a release that knows the scheme finds none: checkForStrippedApkSignatures.
func (a *apk) stripped(s *apkSigner, l *level) verdict {
	if l.first < 24 {
		return verdict{}
	}
	for _, id := range s.schemes {
		if (id == 2 || id == 3 && l.first >= 28) && !slices.Contains(a.o.Blocks, id) {
			return broken(fmt.Sprintf("the signature file names APK Signature Scheme v%d, whose block is not there", id), nil)
		}
	}
	return verdict{}
}

// usable tells whether Android takes a certificate for one that signs, which is
// all that it asks of it: neither who issued it nor when.
func usable(c *signature.Certificate) error {
	// encoding/asn1 reads what crypto/x509 refuses, such as negative serial numbers.
	// What it refuses as well is left to the key.
	var cert struct {
		TBS struct {
			Version                           int `asn1:"optional,explicit,default:0,tag:0"`
			Serial                            asn1.RawValue
			Algorithm, Issuer, Validity, Name asn1.RawValue
			Key                               asn1.RawValue
			IssuerID                          asn1.BitString   `asn1:"optional,tag:1"`
			SubjectID                         asn1.BitString   `asn1:"optional,tag:2"`
			Extensions                        []pkix.Extension `asn1:"optional,explicit,tag:3"`
		}
		Algorithm, Signature asn1.RawValue
	}
	_, _ = asn1.Unmarshal(c.Raw, &cert)
	for _, e := range cert.TBS.Extensions {
		if oid := e.Id.String(); e.Critical && !knownExtensions[oid] {
			return fail(parse.ErrFormat, -1, "the certificate has a critical extension that is not known", oid)
		}
		if e.Id.Equal(keyUsage) {
			var bits asn1.BitString
			if _, err := asn1.Unmarshal(e.Value, &bits); err == nil && bits.At(0) == 0 && bits.At(1) == 0 {
				return fail(parse.ErrFormat, -1, "the certificate is not for signatures", nil)
			}
		}
	}
	return nil
}

var keyUsage = asn1.ObjectIdentifier{2, 5, 29, 15}

// knownExtensions are those of RFC 5280 that Java and Android's OpenSSL know when
// they are critical.
var knownExtensions = map[string]bool{
	"2.5.29.14": true, // subjectKeyIdentifier
	"2.5.29.15": true, // keyUsage
	"2.5.29.17": true, // subjectAltName
	"2.5.29.18": true, // issuerAltName
	"2.5.29.19": true, // basicConstraints
	"2.5.29.30": true, // nameConstraints
	"2.5.29.31": true, // cRLDistributionPoints
	"2.5.29.32": true, // certificatePolicies
	"2.5.29.33": true, // policyMappings
	"2.5.29.35": true, // authorityKeyIdentifier
	"2.5.29.36": true, // policyConstraints
	"2.5.29.37": true, // extKeyUsage
	"2.5.29.54": true, // inhibitAnyPolicy

	"2.16.840.1.113730.1.1": true, // Netscape's certificate type
	"1.3.6.1.5.5.7.1.1":     true, // authorityInfoAccess
}
