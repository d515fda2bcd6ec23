package metadata

import (
	"strconv"
	"strings"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/wire"
)

// Fields of OtaMetadata and OtaMetadata.DeviceState, by the names and numbers of
// ota_metadata.proto (build/make/tools/releasetools).
const (
	fieldType                      = 1 // type
	fieldWipe                      = 2 // wipe
	fieldDowngrade                 = 3 // downgrade
	fieldPropertyFiles             = 4 // property_files
	fieldPrecondition              = 5 // precondition
	fieldPostcondition             = 6 // postcondition
	fieldRetrofitDynamicPartitions = 7 // retrofit_dynamic_partitions
	fieldRequiredCache             = 8 // required_cache
	fieldSPLDowngrade              = 9 // spl_downgrade

	fieldDevice             = 1 // device
	fieldBuild              = 2 // build
	fieldBuildIncremental   = 3 // build_incremental
	fieldTimestamp          = 4 // timestamp
	fieldSDKLevel           = 5 // sdk_level
	fieldSecurityPatchLevel = 6 // security_patch_level
	fieldPartitionState     = 7 // partition_state
)

// maxPairs bounds the facts of one message: real ones make about thirty.
const maxPairs = 4096

// message makes facts of metadata.pb with the keys that the text form has for the
// same: BuildLegacyOtaMetadata of ota_utils.py writes the text from the message.
// What the text has no key for gets the field's own name.
func message(f *inspect.File) (fact.Facts, error) {
	var facts fact.Facts
	data, err := blob.ReadAll(f.Blob, maxSize)
	if err != nil {
		return facts, err
	}
	r := &reader{f: f, m: wire.Read("metadata.pb", data, 0), facts: &facts}
	r.metadata()
	return facts, r.m.Err()
}

type reader struct {
	f     *inspect.File
	m     wire.Message
	facts *fact.Facts
}

func (r *reader) add(off int64, key, value string) {
	if len(r.facts.Metadata) == maxPairs {
		r.m.Fail(wire.Field{Off: off}, parse.ErrLimit, "more than 4096 statements", nil)
		return
	}
	r.facts.Metadata = append(r.facts.Metadata, fact.Metadata{File: r.f.At.Path, Key: parse.EscapeText(key),
		Value: parse.EscapeText(strings.TrimSpace(value)), At: r.f.At.AtOffset(off)})
}

func (r *reader) metadata() {
	for {
		f, ok := r.m.Next()
		if !ok {
			return
		}
		flag := func(key string) {
			if f.Bool() {
				r.add(f.Off, key, "yes")
			}
		}
		switch {
		case f.Number == fieldType && f.Type == wire.Varint:
			names := []string{"UNKNOWN", "AB", "BLOCK", "BRICK"}
			name := strconv.FormatUint(f.Value, 10)
			if f.Value < uint64(len(names)) {
				name = names[f.Value]
			}
			r.add(f.Off, "ota-type", name)
		case f.Number == fieldWipe && f.Type == wire.Varint:
			flag("ota-wipe")
		case f.Number == fieldDowngrade && f.Type == wire.Varint:
			flag("ota-downgrade")
		case f.Number == fieldRetrofitDynamicPartitions && f.Type == wire.Varint:
			flag("ota-retrofit-dynamic-partitions")
		case f.Number == fieldSPLDowngrade && f.Type == wire.Varint:
			flag("spl-downgrade")
		case f.Number == fieldRequiredCache && f.Type == wire.Varint:
			r.add(f.Off, "ota-required-cache", strconv.FormatUint(f.Value, 10))
		case f.Number == fieldPropertyFiles && f.Type == wire.Bytes:
			r.pair(f)
		case f.Number == fieldPrecondition && f.Type == wire.Bytes:
			r.state(f, "pre")
		case f.Number == fieldPostcondition && f.Type == wire.Bytes:
			r.state(f, "post")
		default:
			r.add(f.Off, "field "+strconv.Itoa(int(f.Number)), f.Type.String())
		}
	}
}

// pair is an entry of a map.
func (r *reader) pair(f wire.Field) {
	m := r.m.Sub(f)
	var key, value string
	for {
		g, ok := m.Next()
		if !ok {
			break
		}
		switch {
		case g.Number == 1 && g.Type == wire.Bytes:
			key = string(g.Data)
		case g.Number == 2 && g.Type == wire.Bytes:
			value = string(g.Data)
		}
	}
	if err := m.Err(); err != nil {
		r.m.Fail(f, parse.ErrFormat, "an entry of property_files is malformed", nil)
		return
	}
	r.add(f.Off, key, value)
}

// state is the device before or after the update. Lists are joined as the text joins them.
func (r *reader) state(f wire.Field, when string) {
	m := r.m.Sub(f)
	at := map[string]int64{}
	text := map[string][]string{}
	var keys []string
	put := func(g wire.Field, key, value string) {
		if _, ok := at[key]; !ok {
			at[key] = g.Off
			keys = append(keys, key)
		}
		text[key] = append(text[key], value)
	}
	for {
		g, ok := m.Next()
		if !ok {
			break
		}
		switch {
		case g.Number == fieldDevice && g.Type == wire.Bytes:
			put(g, when+"-device", string(g.Data))
		case g.Number == fieldBuild && g.Type == wire.Bytes:
			put(g, when+"-build", string(g.Data))
		case g.Number == fieldBuildIncremental && g.Type == wire.Bytes:
			put(g, when+"-build-incremental", string(g.Data))
		case g.Number == fieldTimestamp && g.Type == wire.Varint:
			put(g, when+"-timestamp", strconv.FormatInt(int64(g.Value), 10))
		case g.Number == fieldSDKLevel && g.Type == wire.Bytes:
			put(g, when+"-sdk-level", string(g.Data))
		case g.Number == fieldSecurityPatchLevel && g.Type == wire.Bytes:
			put(g, when+"-security-patch-level", string(g.Data))
		case g.Number == fieldPartitionState && g.Type == wire.Bytes:
			put(g, when+"-partition-state", strconv.Itoa(len(g.Data))+" bytes")
		}
	}
	if m.Err() != nil {
		r.m.Fail(f, parse.ErrFormat, "the state of a device is malformed", nil)
		return
	}
	for _, key := range keys {
		sep := "|"
		if key == when+"-partition-state" {
			sep = ", "
		}
		r.add(at[key], key, strings.Join(text[key], sep))
	}
}
