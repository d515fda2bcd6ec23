package otatest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// OtaMetadata.OtaType of ota_metadata.proto.
const (
	UpdateUnknown = 0 // UNKNOWN
	UpdateAB      = 1 // AB
	UpdateBlock   = 2 // BLOCK
	UpdateBrick   = 3 // BRICK
)

// An UpdateMetadata is what an update says of itself, twice: as text in
// META-INF/com/android/metadata, and as OtaMetadata in metadata.pb beside it.
// Both follow build/make/tools/releasetools: ota_metadata.proto, and
// BuildLegacyOtaMetadata of ota_utils.py.
type UpdateMetadata struct {
	Type                      uint64 // UpdateAB and so on
	Wipe, Downgrade           bool
	Pre, Post                 DeviceState
	RetrofitDynamicPartitions bool
	RequiredCache             uint64 // bytes
	SPLDowngrade              bool

	PropertyFiles map[string]string // UpdateZip computes them
	Lines         []string          // more of the text, each KEY=VALUE
	Extra         Proto             // behind the message's own fields
}

// A DeviceState is a device before an update or after it.
type DeviceState struct {
	Device, Build      []string
	BuildIncremental   string
	Timestamp          uint64 // seconds since 1970
	SDKLevel           string
	SecurityPatchLevel string
	Partitions         []PartitionState
}

// A PartitionState is the build that a partition is of.
type PartitionState struct {
	Name          string
	Device, Build []string
	Version       string
}

// Message is metadata.pb.
func (m *UpdateMetadata) Message() Proto {
	p := Proto(nil).optional(1, m.Type).flag(2, m.Wipe).flag(3, m.Downgrade)
	for _, name := range slices.Sorted(maps.Keys(m.PropertyFiles)) {
		p = p.Bytes(4, Proto(nil).Text(1, name).Text(2, m.PropertyFiles[name]))
	}
	for number, s := range []DeviceState{m.Pre, m.Post} {
		if state := s.message(); len(state) > 0 {
			p = p.Bytes(5+number, state)
		}
	}
	p = p.flag(7, m.RetrofitDynamicPartitions).optional(8, m.RequiredCache).flag(9, m.SPLDowngrade)
	return append(p, m.Extra...)
}

func (s *DeviceState) message() Proto {
	p := Proto(nil).text(1, s.Device...).text(2, s.Build...).text(3, s.BuildIncremental).optional(4, s.Timestamp)
	p = p.text(5, s.SDKLevel).text(6, s.SecurityPatchLevel)
	for _, part := range s.Partitions {
		p = p.Bytes(7, Proto(nil).text(1, part.Name).text(2, part.Device...).text(3, part.Build...).text(4, part.Version))
	}
	return p
}

// Text is the metadata as lines, in the order of their keys.
func (m *UpdateMetadata) Text() string {
	list := func(s []string) string { return strings.Join(s, "|") }
	lines := append(slices.Clone(m.Lines),
		fmt.Sprintf("ota-required-cache=%d", m.RequiredCache),
		"post-build="+list(m.Post.Build),
		"post-build-incremental="+m.Post.BuildIncremental,
		"post-sdk-level="+m.Post.SDKLevel,
		"post-security-patch-level="+m.Post.SecurityPatchLevel,
		fmt.Sprintf("post-timestamp=%d", m.Post.Timestamp),
		"pre-device="+list(m.Pre.Device))
	if len(m.Pre.Build) > 0 {
		lines = append(lines, "pre-build="+list(m.Pre.Build), "pre-build-incremental="+m.Pre.BuildIncremental)
	}
	for name, files := range m.PropertyFiles {
		lines = append(lines, name+"="+files)
	}
	switch m.Type {
	case UpdateAB:
		lines = append(lines, "ota-type=AB")
	case UpdateBlock:
		lines = append(lines, "ota-type=BLOCK")
	case UpdateBrick:
		lines = append(lines, "ota-type=BRICK")
	}
	for key, set := range map[string]bool{"ota-wipe": m.Wipe, "ota-downgrade": m.Downgrade,
		"ota-retrofit-dynamic-partitions": m.RetrofitDynamicPartitions, "spl-downgrade": m.SPLDowngrade} {
		if set {
			lines = append(lines, key+"=yes")
		}
	}
	slices.SortStableFunc(lines, func(a, b string) int { return strings.Compare(key(a), key(b)) })
	return strings.Join(lines, "\n") + "\n"
}

func key(line string) string {
	k, _, _ := strings.Cut(line, "=")
	return k
}

// A CareMapPartition names the blocks of a partition that update_verifier reads
// after the update: Ranges is a set of a transfer list, N,a,b,….
type CareMapPartition struct{ Name, Ranges, Fingerprint string }

// CareMap is care_map.pb: CareMap of update_verifier's care_map.proto.
func CareMap(partitions ...CareMapPartition) []byte {
	var p Proto
	for _, part := range partitions {
		p = p.Bytes(1, Proto(nil).text(1, part.Name).text(2, part.Ranges).text(3, part.Fingerprint))
	}
	return p
}
