// Package apex verifies what is signed of an APEX module beside the file that holds it, which is
// signed as an APK is: the image in it, whose hash tree stands in a vbmeta struct, and of a compressed
// module (CAPEX) the digest of what it unpacks to.
//
// The rules are those of apexd (system/apex/apexd/apex_file.cpp, apexd_verity.cpp and apexd.cpp): the struct
// is signed, its key is apex_pubkey byte for byte, the first hash tree descriptor tells the root. Whether that
// key is the one of the module that the device has of the name is for a comparison with that
// module: no file tells.
package apex

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/avb"
	"github.com/otavet/otavet/ota/wire"
)

// Names of the members of a module.
const (
	MemberManifest = "apex_manifest.pb"
	MemberKey      = "apex_pubkey"
	MemberPayload  = "apex_payload.img"
	MemberOriginal = "original_apex" // of a compressed module: the module
)

// MaxKey bounds apex_pubkey: a key of RSA-8192 has 2056 bytes, one of ML-DSA-87 2596.
const MaxKey = 64 << 10

// A Payload is the image of a module, and what was found out about it.
type Payload struct {
	Result *signature.Result
	Root   []byte // of the hash tree that the struct states; nil if none was found
}

// VerifyPayload judges the image of a module with apex_pubkey beside it. The error is one of
// reading the image, or the context's; all else stands in the Result, whose ranges are those of the image.
//
// Intact means that the struct is signed with the key, and that data and hash tree are what it
// states.
func VerifyPayload(ctx context.Context, image blob.Blob, key []byte, bud *parse.Budget) (*Payload, error) {
	p := &Payload{Result: &signature.Result{Scheme: signature.SchemeAPEXPayload}}
	err := p.judge(blob.WithContext(ctx, image), key, bud)
	var broken *parse.Error
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err == nil:
		p.Result.Intact = signature.Yes
	case !errors.As(err, &broken):
		return nil, err
	default:
		p.Result.Reason = err
		if errors.Is(err, parse.ErrFormat) {
			p.Result.Intact = signature.No
		}
	}
	p.Result.Accepts = []signature.Platform{{Reader: "apexd", Since: "10", Takes: p.Result.Intact,
		Rule: "struct, data and hash tree must hold, and the key be that of the module of the name which the device came with"}}
	return p, nil
}

// judge is nil where the image is what a key signed.
func (p *Payload) judge(image blob.Blob, key []byte, bud *parse.Budget) error {
	footer, err := avb.ReadFooter(image)
	if err != nil {
		return err
	}
	if footer == nil {
		return fail(-1, parse.ErrFormat, "the image has no AVB footer", nil)
	}
	v, _, err := avb.OpenImage(image, bud)
	if err != nil {
		return err
	}
	signed, err := v.Verify()
	if errors.Is(err, signature.ErrNone) {
		return fail(v.Offset, parse.ErrFormat, "the vbmeta struct is not signed (algorithm NONE)", nil)
	}
	if err != nil {
		return err
	}
	p.Result.Notes, p.Result.Covers, p.Result.Unsigned = signed.Notes, signed.Covers, signed.Unsigned
	if signed.Intact != signature.Yes {
		return signed.Reason
	}
	// Who signed is known, whatever becomes of the data.
	p.Result.Signers, p.Result.Known = signed.Signers, signed.Known
	if !bytes.Equal(v.PublicKey, key) {
		return fail(-1, parse.ErrFormat, "the vbmeta struct is signed with another key than apex_pubkey", nil)
	}
	for _, d := range v.Descriptors {
		if d.Hashtree == nil {
			continue
		}
		p.Root = d.Hashtree.Root
		return p.tree(d.Hashtree, image)
	}
	return fail(v.Offset, parse.ErrFormat, "the vbmeta struct has no hash tree descriptor", nil)
}

// tree judges data and tree, and says what of the image is signed by way of them.
func (p *Payload) tree(t *avb.Hashtree, image blob.Blob) error {
	root, stored := t.Check(image, nil)
	if root != nil {
		return root
	}
	// Check has compared both with the image's size.
	data := signature.Range{First: 0, End: int64(t.ImageSize), What: "data, by their hash tree"}
	p.Result.Covers = append([]signature.Range{data}, p.Result.Covers...)
	if stored != nil {
		p.Result.Notes = append(p.Result.Notes, "the data have the root that is signed")
		return fail(-1, parse.ErrFormat, "the hash tree beside the data, which the device reads, is absent or not theirs: "+parse.EscapeText(stored.Error()), nil)
	}
	if t.TreeSize > 0 {
		p.Result.Covers = append(p.Result.Covers, signature.Range{First: int64(t.TreeOffset), End: int64(t.TreeOffset + t.TreeSize), What: "hash tree"})
	}
	return nil
}

// Fields of ApexManifest and CompressedApexMetadata (system/apex/proto/apex_manifest.proto).
const (
	fieldCompressedMetadata = 12 // compressedApexMetadata
	fieldOriginalDigest     = 1  // originalApexDigest
)

// VerifyOriginal compares what a compressed module states with the module in it: the digest in its manifest with the root of
// that module's hash tree, its apex_pubkey with that module's. Nobody signs either but who signed the file.
func VerifyOriginal(manifest, root, key, inner []byte) *signature.Result {
	r := &signature.Result{Scheme: signature.SchemeAPEXOriginal}
	stated, err := originalDigest(manifest)
	switch {
	case err != nil:
		r.Intact, r.Reason = signature.No, err
	case !bytes.Equal(key, inner):
		r.Intact, r.Reason = signature.No, fail(-1, parse.ErrFormat, "the module in it has another apex_pubkey", nil)
	case len(root) == 0:
		r.Reason = fail(-1, parse.ErrUnsupported, "not judged: the root of the module in it was not found", nil)
	case stated != hex.EncodeToString(root):
		r.Intact, r.Reason = signature.No, fail(-1, parse.ErrFormat, "the module in it does not have the digest that the manifest states", parse.EscapeText(stated))
	default:
		r.Intact = signature.Yes
	}
	r.Accepts = []signature.Platform{{Reader: "apexd", Since: "12", Takes: r.Intact, Rule: "a module that was unpacked must have the key and digest that are stated"}}
	return r
}

// originalDigest reads the digest, in hexadecimal.
func originalDigest(manifest []byte) (string, error) {
	outer, err := last(wire.Read(MemberManifest, manifest, 0), fieldCompressedMetadata)
	if err != nil {
		return "", err
	}
	digest, err := last(wire.Read(MemberManifest, outer, 0), fieldOriginalDigest)
	if err != nil {
		return "", err
	}
	if len(digest) == 0 {
		return "", fail(-1, parse.ErrFormat, "the manifest states no digest of the module in it", nil)
	}
	return string(digest), nil
}

// last gives the bytes of a field; of one that is there twice the last counts.
func last(m wire.Message, number int32) ([]byte, error) {
	var out []byte
	for {
		f, ok := m.Next()
		if !ok {
			return out, m.Err()
		}
		if f.Number == number && f.Type == wire.Bytes {
			out = f.Data
		}
	}
}

func fail(off int64, kind error, msg string, got any) error {
	return &parse.Error{Format: "apex", Off: off, Msg: msg, Got: got, Kind: kind}
}
