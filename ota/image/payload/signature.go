package payload

import (
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/wire"
)

// A Signature is one of Signatures. Whether it is good is not known here.
type Signature struct {
	Version  uint32 // deprecated
	Data     []byte // as it is stored; see Bytes
	Unpadded uint32 // bytes of Data that count, if Fields has it
	Offset   int64  // of the message in the file
	Fields   Fields
}

// Bytes is the signature without what pads it: those of ECDSA differ in size,
// which must be known before they are made.
func (s *Signature) Bytes() []byte {
	if s.Fields.Has(3) {
		return s.Data[:s.Unpadded]
	}
	return s.Data
}

// MetadataSignatures reads the signatures of the metadata, in their order; there
// may be none. One that breaks the rules spoils them all, as on the device.
func (p *Payload) MetadataSignatures() ([]Signature, error) { return p.signatures(p.MetadataSignature) }

// PayloadSignatures reads the signatures of the payload: see MetadataSignatures.
func (p *Payload) PayloadSignatures() ([]Signature, error) { return p.signatures(p.PayloadSignature) }

func (p *Payload) signatures(r Range) ([]Signature, error) {
	if r.Len > maxSignatures {
		return nil, fail(r.Off, parse.ErrLimit, "the signatures are larger than 64 KiB", r.Len)
	}
	b, err := blob.ReadRange(p.b, r.Off, r.Len)
	if err != nil {
		return nil, err
	}
	// What is odd here is not among the notes of the manifest.
	d := &decoder{p: new(Payload)}
	m := wire.Read("payload", b, r.Off)
	if count(m, 1) > maxSignatures/64 {
		return nil, fail(r.Off, parse.ErrLimit, "more than 1024 signatures", nil)
	}
	var all []Signature
	var seen Fields
	for {
		f, ok := d.next(&m, &signaturesMessage, &seen)
		if !ok {
			return all, m.Err()
		}
		s, err := d.signature(m.Sub(f), f.Off)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
}

func (d *decoder) signature(m wire.Message, off int64) (Signature, error) {
	s := Signature{Offset: off}
	for {
		f, ok := d.next(&m, &signatureMessage, &s.Fields)
		if !ok {
			break
		}
		switch f.Number {
		case 1:
			s.Version = f.Uint32()
		case 2:
			s.Data = f.Data
		case 3:
			s.Unpadded = f.Uint32()
		}
	}
	if m.Err() == nil && s.Fields.Has(3) && uint64(s.Unpadded) > uint64(len(s.Data)) {
		return s, fail(off, parse.ErrFormat, "a signature without padding is larger than with it", s.Unpadded)
	}
	return s, m.Err()
}
