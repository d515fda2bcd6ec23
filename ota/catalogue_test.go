package ota_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/otatest"
)

// catalogue names each case of hostile input that concerns archives, compression, payloads and
// images, and where its test is: a file of the module, and what stands in it.
var catalogue = []struct{ what, file, test string }{
	// Zip and tar.
	{"names that lead out, with controls, of devices", "ota/archive/hostile_test.go", `"names"`},
	{"the same in a tar", "ota/archive/tarhostile_test.go", `"names"`},
	{"names of images and of partitions", "ota/many_test.go", "TestHostileNames"},
	{"a link, and then a member through it", "ota/archive/tarhostile_test.go", `"link-then-write"`},
	{"hard links", "ota/archive/tarhostile_test.go", `"hard-outside"`},
	{"duplicate names, exact", "ota/archive/hostile_test.go", `"dup-classes"`},
	{"in case", "ota/archive/hostile_test.go", `"twin-case"`},
	{"in normalisation", "ota/archive/hostile_test.go", `"twin-unicode"`},
	{"with a slash", "ota/archive/hostile_test.go", `"twin-slash"`},
	{"central name differs from local", "ota/archive/hostile_test.go", `"lfh-name-mismatch"`},
	{"size", "ota/archive/hostile_test.go", `"lfh-size"`},
	{"method", "ota/archive/hostile_test.go", `"lfh-method"`},
	{"CRC", "ota/archive/hostile_test.go", `"lfh-crc"`},
	{"data descriptor lies", "ota/archive/hostile_test.go", `"descriptor-lies"`},
	{"overlapping entries", "ota/archive/hostile_test.go", `"overlap-bomb"`},
	{"nested archives, quines", "ota/archive/hostile_test.go", `"quine"`},
	{"archives in archives of a package", "ota/hostile_test.go", "TestNestedArchives"},
	{"many entries", "ota/archive/hostile_test.go", `"entry-count-65535"`},
	{"many images, payloads, parts", "ota/many_test.go", "TestManyImages"},
	{"end record in a comment", "ota/archive/hostile_test.go", `"eocd-in-comment"`},
	{"data before the archive", "ota/archive/hostile_test.go", `"janus-shifted"`},
	{"data between entries", "ota/archive/hostile_test.go", `"gap"`},
	{"zip64 without its field", "ota/archive/hostile_test.go", `"zip64-extra-missing"`},
	{"offsets of 2^63", "ota/archive/hostile_test.go", `"zip64-offset-2^63"`},
	{"a size that wraps", "ota/archive/hostile_test.go", `"signing-block-wraps"`},
	{"a bit that says it is encrypted", "ota/archive/hostile_test.go", `"fake-encrypted"`},
	{"unknown methods", "ota/archive/hostile_test.go", `"method-badpack"`},
	{"huge extra fields", "ota/archive/hostile_test.go", `"central-huge-extra"`},
	{"deflate bombs", "ota/archive/zip_test.go", "TestZipBomb"},
	{"sizes of members that lie", "ota/archive/hostile_test.go", `"size-lie-small"`},
	{"the same around an image", "ota/hostile_test.go", "TestLyingMembers"},
	{"wrong MD5 of a tar", "ota/archive/tarhostile_test.go", `"md5-wrong"`},
	{"archives that are cut off", "ota/fuzz_test.go", "TestCutOff"},

	// Payloads.
	{"manifest of 2^64-1 bytes", "ota/image/payload/hostile_test.go", `"manifest of 2^64-1"`},
	{"nested groups", "ota/image/payload/hostile_test.go", `"101 groups"`},
	{"packed extents without end", "ota/image/payload/hostile_test.go", `"extents as one packed field of 8 MiB"`},
	{"blocks that wrap in bytes", "ota/image/payload/hostile_test.go", `"extent that wraps"`},
	{"extent outside", "ota/image/payload/hostile_test.go", `"extent past the end"`},
	{"extents that overlap", "ota/image/payload/hostile_test.go", `"extents that overlap"`},
	{"bombs of operations", "ota/image/payload/hostile_test.go", `"2^18 operations and one"`},
	{"copies that grow", "ota/image/payload/hostile_test.go", `"copy that grows"`},
	{"data out of order", "ota/image/payload/hostile_test.go", `"data out of order"`},
	{"two signature operations", "ota/image/payload/hostile_test.go", `"two signatures in two operations"`},
	{"a signature longer than its data", "ota/image/payload/hostile_test.go", `"larger without padding"`},
	{"an operation of unknown type", "ota/image/payload/payload_test.go", "TestUnknown"},
	{"cut off at any byte, alone and in a zip", "ota/hostile_test.go", "TestCutPayload"},
	{"compressed in its zip", "ota/payloads_test.go", `"zip, deflated"`},
	{"two payloads", "ota/payloads_test.go", `"two payloads"`},
	{"payload.bin is a zip", "ota/hostile_test.go", `"a payload that is a zip"`},
	{"states more than the disk has", "ota/interrupted_test.go", "TestNoRoom"},
	{"statements that lie", "ota/materialise_test.go", "TestStatements"},
	{"statements without end", "ota/many_test.go", "TestManyStatements"},

	// Compression.
	{"ratio, by decoder", "ota/codec/hostile_test.go", "TestBombs"},
	{"ratio, around an image, in a zip, in a tar in a zip", "ota/hostile_test.go", "TestBombs"},
	{"ratio, whatever is allotted", "ota/hostile_test.go", "TestRatio"},
	{"xz dictionary of 4 GiB", "ota/codec/hostile_test.go", `"xz, 4 GiB"`},
	{"xz dictionary above 64 MiB around an image", "ota/hostile_test.go", "TestDictionary"},
	{"xz index that lies", "ota/codec/hostile_test.go", "TestXZLies"},
	{"streams of nothing", "ota/codec/hostile_test.go", "TestManyEmpty"},
	{"checksums at the end", "ota/checksum_test.go", "TestChecksumsAtTheEnd"},
	{"compression in compression", "ota/hostile_test.go", "TestNestedCompression"},

	// Images.
	{"2^32-1 blocks in one chunk", "ota/image/sparse/hostile_test.go", `"all that 32 bits can count, not cared about"`},
	{"the same in a package", "ota/hostile_test.go", "TestHugeSparse"},
	{"size of a chunk that lies", "ota/image/sparse/hostile_test.go", `"raw, 1 too long"`},
	{"fill of terabytes", "ota/image/sparse/hostile_test.go", `"fill of terabytes"`},
	{"sums of CRC chunks", "ota/image/sparse/hostile_test.go", "TestChecksums"},
	{"sizes of headers", "ota/image/sparse/hostile_test.go", `"header of 27"`},
	{"Sony's chunks", "ota/image/sparse/hostile_test.go", `"0xcac5"`},
	{"extents of super that overlap", "ota/image/super/hostile_test.go", `"extents overlap"`},
	{"metadata above 512 KiB", "ota/image/super/hostile_test.go", `"metadata > 512 KiB"`},
	{"group that holds too much", "ota/image/super/hostile_test.go", `"group that holds too much"`},
	{"slots that differ", "ota/image/super/hostile_test.go", "TestSlots"},
	{"boot with pages of 0 and of 2^31", "ota/image/boot/hostile_test.go", `"page size 2^31"`},
	{"tables of device trees that lie", "ota/image/dtbo/hostile_test.go", "TestHostile"},
	{"transfer lists", "ota/image/transfer/transfer_test.go", "TestMalformed"},
	{"hash trees that are not what they are said to be", "ota/blocks_test.go", "TestComputedHashTrees"},
	{"scripts without end", "ota/many_test.go", "TestManyInScript"},

	// The machine.
	{"interrupted", "ota/interrupted_test.go", "TestInterrupted"},
	{"interrupted while opening", "ota/interrupted_test.go", "TestOpenInterrupted"},
	{"no folder for temporary files", "ota/interrupted_test.go", "TestSpoolMissing"},
	{"disk full", "ota/materialise_test.go", "TestDiskFull"},
	{"disk full while copying", "ota/interrupted_test.go", "TestDiskFullWhileCopying"},
	{"links, pipes and devices in a folder", "ota/archive/tree_unix_test.go", "TestTreeIrregular"},
	{"a file that shrinks", "ota/image/sparse/hostile_test.go", "TestShrunk"},
}

// Each case has the test that is named.
func TestCatalogue(t *testing.T) {
	for _, c := range catalogue {
		src, err := os.ReadFile(filepath.Join(otatest.Root(t), filepath.FromSlash(c.file)))
		if err != nil {
			t.Error(err)
			continue
		}
		test := c.test
		if strings.HasPrefix(test, "Test") {
			test = "func " + test + "("
		}
		if !strings.Contains(string(src), test) {
			t.Errorf("%s: %s has no %s", c.what, c.file, c.test)
		}
	}
}
