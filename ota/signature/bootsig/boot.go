package bootsig

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" // of the algorithms
	_ "crypto/sha256"
	_ "crypto/sha512"
	"errors"
	"fmt"
	"hash"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

func fail(off int64, kind error, msg string, got any) error {
	return &parse.Error{Format: "bootsig", Off: off, Msg: msg, Got: got, Kind: kind}
}

// maxSignature bounds a signature: a certificate has a few KiB, Little Kernel reads 4 KiB at most.
const maxSignature = 64 << 10

// Verify judges the signature behind a boot or recovery image, of header versions 0 to 2, with the key of the
// certificate in it: what is intact may be anybody's. The signed target is to be "/" and the name of the partition that
// the image is for; where partition is "" it is not compared.
//
// Where there is no such signature the error is signature.ErrNone; it is wrapped with a note where something else follows the
// image that may be a manufacturer's. The image is read once, by pieces.
func Verify(image blob.Blob, partition string) (*signature.Result, error) {
	end, notes, err := signable(image)
	if err != nil {
		return nil, err
	}
	m, err := readMessage(image, end)
	if err != nil {
		return nil, err
	}
	r := &signature.Result{Scheme: signature.SchemeBoot, Name: partition, Notes: notes}
	r.Covers = []signature.Range{{First: 0, End: end, What: "image"}, {First: m.attributesOff, End: m.attributesEnd, What: "target and length"}}
	for _, u := range []signature.Range{{First: end, End: m.attributesOff, What: "version, certificate and algorithm"},
		{First: m.attributesEnd, End: m.end, What: "signature"}, {First: m.end, End: image.Size(), What: "behind the signature"}} {
		if u.First < u.End {
			r.Unsigned = append(r.Unsigned, u)
		}
	}
	if r.Reason, err = m.judge(r, image, end); err != nil {
		return nil, err
	}
	if r.Reason == nil {
		r.Intact = signature.Yes
	} else if errors.Is(r.Reason, parse.ErrFormat) {
		r.Intact = signature.No
	}
	r.Known = signature.KnownMatches(r.Signers)
	m.accepts(r, partition)
	return r, nil
}

// signable is where the parts of a boot image end, and its signature begins: getSignableImageSize.
func signable(image blob.Blob) (int64, []string, error) {
	n := min(image.Size(), lenHead)
	if n < lenV0 {
		return 0, nil, signature.ErrNone
	}
	head, err := blob.ReadRange(image, 0, n)
	if err != nil {
		return 0, nil, err
	}
	if !bytes.HasPrefix(head, []byte(magicBoot)) {
		return 0, nil, signature.ErrNone
	}
	s := readSizes(head)
	if s.page < minPage || s.page > maxPage || s.page&(s.page-1) != 0 {
		return 0, nil, signature.ErrNone // versions 3 and 4 among them, which have another number there
	}
	parts := []uint32{1, s.kernel, s.ramdisk, s.second}
	var notes []string
	switch {
	case s.version >= leastDT:
		// The bootloaders of such devices count it; BootSignature.java as AOSP has it takes the number for a version,
		// and refuses.
		parts = append(parts, s.version)
		notes = append(notes, "the image has a device tree table of Qualcomm's, which is signed with it")
	case s.version > 2:
		return 0, nil, signature.ErrNone
	case s.version > 0:
		if n < lenHead || s.version == 1 && s.headerSize != lenV1 || s.version == 2 && s.headerSize != lenHead {
			return 0, nil, none("the header states another size than its version has")
		}
		parts = append(parts, s.recoveryDTBO, s.dtb)
	}
	end, page := int64(0), int64(s.page)
	for _, size := range parts {
		end += (int64(size) + page - 1) / page * page
	}
	if end > image.Size() {
		return 0, nil, none("the image is shorter than its header says")
	}
	return end, notes, nil
}

// none says that there is no signature, and what may be taken for one.
func none(note string) error { return fmt.Errorf("%w: %s", signature.ErrNone, note) }

// judge gives what keeps the signature from being intact, or an error of reading.
func (m *message) judge(r *signature.Result, image blob.Blob, end int64) (reason, err error) {
	if m.err != nil {
		return m.err, nil
	}
	alg, ok := algorithms[m.algorithm.String()]
	r.Notes = append(r.Notes, "target: "+parse.EscapeText(m.target), fmt.Sprintf("length: %d", m.length))
	switch {
	case m.version != formatVersion:
		return fail(end, parse.ErrUnsupported, "not judged: another version of boot signatures", m.version), nil
	case !ok:
		return fail(m.algorithmOff, parse.ErrUnsupported, "not judged: an algorithm that BootSignature does not know", m.algorithm.String()), nil
	case m.length != end:
		return fail(m.attributesOff, parse.ErrFormat, "the signature is of an image of another length", m.length), nil
	}
	cert, err := signature.ParseCertificate(m.certificate)
	switch {
	case err != nil:
		return err, nil
	case cert.Key == nil:
		return cert.KeyError, nil
	case cert.Algorithm != alg.key:
		return fail(m.algorithmOff, parse.ErrFormat, "the algorithm is not one of the certificate's key", cert.Algorithm), nil
	}
	h := alg.hash.New()
	if err := feed(h, image, end); err != nil {
		return nil, err
	}
	h.Write(m.attributes)
	if err := signature.Verify(cert.Key, alg.hash, h.Sum(nil), nil, m.signature); err != nil {
		var e *parse.Error
		if errors.As(err, &e) && e.Kind != parse.ErrFormat {
			return err, nil
		}
		return fail(m.signatureOff, parse.ErrFormat, fmt.Sprintf("the signature does not hold: %v", err), nil), nil
	}
	r.Signers = []signature.Signer{signature.NewSigner(cert, alg.hash)}
	return nil, nil
}

// accepts says who would start the image.
func (m *message) accepts(r *signature.Result, partition string) {
	takes := r.Intact
	if partition != "" && m.err == nil && m.target != "/"+partition {
		takes = signature.No
		r.Notes = append(r.Notes, "the target is another than the partition that the image is for, which is /"+parse.EscapeText(partition))
	}
	lk := takes
	if takes == signature.Yes && (r.Signers[0].Algorithm != "RSA" || r.Signers[0].Bits != 2048 || r.Signers[0].Digest != "SHA-256") {
		lk = signature.No
	}
	r.Accepts = []signature.Platform{
		{Reader: "bootloader", Since: "5.0", Takes: takes, Rule: "the target must be the partition's and the key the manufacturer's or one that the user has set; " +
			"with the certificate's own key it starts with a warning; devices since Android 8 have AVB 2.0 in its place"},
		// boot_verifier.c: verify_image_with_sig, boot_verify_compare_sha256.
		{Reader: "Little Kernel", Since: "5.0", Takes: lk, Rule: "RSA of 2048 bits with SHA-256, whatever algorithm is named"},
	}
}

// feed writes the first n bytes of b to w.
func feed(w hash.Hash, b blob.Blob, n int64) error {
	buf := make([]byte, min(max(n, 1), 1<<20))
	for off := int64(0); off < n; {
		k := min(int64(len(buf)), n-off)
		if _, err := blob.ReadFull(b, buf[:k], off); err != nil {
			return err
		}
		w.Write(buf[:k])
		off += k
	}
	return nil
}

// An algorithm is what BootSignature's Utils.java has under an OID.
type algorithm struct {
	key  string
	hash crypto.Hash
}

var algorithms = map[string]algorithm{
	"1.2.840.113549.1.1.5":  {"RSA", crypto.SHA1},
	"1.2.840.113549.1.1.11": {"RSA", crypto.SHA256},
	"1.2.840.113549.1.1.13": {"RSA", crypto.SHA512},
	"1.2.840.10045.4.3.2":   {"EC", crypto.SHA256},
	"1.2.840.10045.4.3.3":   {"EC", crypto.SHA384},
	"1.2.840.10045.4.3.4":   {"EC", crypto.SHA512},
}
