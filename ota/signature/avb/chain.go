package avb

import (
	"bytes"
	"crypto"
	"fmt"

	"github.com/otavet/otavet/ota/parse"
)

const (
	// maxLocations is AVB_MAX_NUMBER_OF_ROLLBACK_INDEX_LOCATIONS of avb_slot_verify.h.
	maxLocations = 32
	// maxImages is MAX_NUMBER_OF_VBMETA_IMAGES of avb_slot_verify.c: the main one and those chained.
	maxImages = 32
)

// CheckMain tells whether libavb takes what v states if it begins with v, whatever the
// signature: the rules of load_and_verify_vbmeta in avb_slot_verify.c. The error is a *parse.Error of
// ErrFormat at the field or descriptor that is refused.
//
// With FlagVerificationDisabled libavb does not come so far, and takes everything.
func (v *VBMeta) CheckMain() error {
	if v.Flags&FlagVerificationDisabled != 0 {
		return nil
	}
	images := 1
	for i := range v.Descriptors {
		d := &v.Descriptors[i]
		if d.Chain == nil {
			continue
		}
		if err := d.Chain.checkLocation(d.Offset); err != nil {
			return err
		}
		if images++; images > maxImages {
			return fail(d.Offset, parse.ErrFormat, "libavb refuses more than 31 chained partitions", nil)
		}
	}
	if v.RollbackLocation >= maxLocations {
		return fail(v.Offset+124, parse.ErrFormat, "libavb refuses a rollback index location above 31", v.RollbackLocation)
	}
	return nil
}

// Check tells whether libavb takes v, the struct of the chained partition, by the descriptor,
// whatever its signature. The error is as of CheckMain. The rollback index location is
// the descriptor's: that in v is not looked at.
func (c *Chain) Check(v *VBMeta) error {
	switch {
	case v.Algorithm == 0:
		return fail(v.Offset+28, parse.ErrFormat, "a chained vbmeta struct is not signed, which libavb refuses", nil)
	case v.Flags != 0:
		return fail(v.Offset+120, parse.ErrFormat, "a chained vbmeta struct has flags, which libavb refuses", v.Flags)
	case !bytes.Equal(c.PublicKey, v.PublicKey):
		return fail(v.Offset, parse.ErrFormat, "it is signed with another key than the chain descriptor names", nil)
	}
	for i := range v.Descriptors {
		if d := &v.Descriptors[i]; d.Chain != nil {
			return fail(d.Offset, parse.ErrFormat, "a chained vbmeta struct has chains of its own, which libavb refuses", nil)
		}
	}
	return c.checkLocation(-1)
}

func (c *Chain) checkLocation(off int64) error {
	switch {
	case c.RollbackLocation == 0:
		return fail(off, parse.ErrFormat, "libavb refuses a chained partition at rollback index location 0, which is the main one's", nil)
	case c.RollbackLocation >= maxLocations:
		return fail(off, parse.ErrFormat, "libavb refuses a rollback index location above 31", c.RollbackLocation)
	}
	return nil
}

// sharedLocations says which chains have one rollback index between them. libavb takes it, and remembers the
// last one's; avbtool makes no such struct.
func (v *VBMeta) sharedLocations() []string {
	var notes []string
	first := map[uint32]string{}
	for _, d := range v.Descriptors {
		if d.Chain == nil {
			continue
		}
		if name, ok := first[d.Chain.RollbackLocation]; ok && len(notes) < maxImages {
			notes = append(notes, fmt.Sprintf("chained partitions %s and %s share rollback index location %d", name, d.Chain.Partition, d.Chain.RollbackLocation))
			continue
		}
		first[d.Chain.RollbackLocation] = d.Chain.Partition
	}
	return notes
}

// DigestHash is the hash by which a bootloader makes the vbmeta digest that it passes to Android
// (avb_cmdline.c); 0 where that is not known.
func (a Algorithm) DigestHash() crypto.Hash {
	switch {
	case a == 0:
		return crypto.SHA256
	case a.Known():
		return algorithms[a].hash
	}
	return 0
}

// Digest is the vbmeta digest, which identifies a build in key attestation (androidboot.vbmeta.digest)
// and in the log of Pixel builds: over the structs as libavb loads them, the main one first, those chained in
// the order of its descriptors. The hash is SHA-256 or SHA-512; others are ErrUnsupported. avbtool and the log
// take SHA-256, bootloaders Algorithm.DigestHash of the main struct.
func Digest(hash crypto.Hash, structs ...*VBMeta) ([]byte, error) {
	if hash != crypto.SHA256 && hash != crypto.SHA512 {
		return nil, fail(-1, parse.ErrUnsupported, "a vbmeta digest by another hash than SHA-256 and SHA-512", uint(hash))
	}
	h := hash.New()
	for _, v := range structs {
		h.Write(v.raw)
	}
	return h.Sum(nil), nil
}
