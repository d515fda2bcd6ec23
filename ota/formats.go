package ota

// Opens says how much of a format this version opens.
type Opens string

// The answers.
const (
	OpensAll  Opens = "opens"
	OpensSome Opens = "opens partly"
	OpensNot  Opens = "does not open"
)

// A Format is something that people have and hand in. TestFormats opens examples
// of each and holds what comes of it against Opens; the table in the README is
// this one.
type Format struct {
	Given string // in words
	Opens Opens
	How   string // what that means, and what is missing
}

// Formats lists what this version opens, opens partly and does not open.
func Formats() []Format {
	return []Format{
		{"file-based OTA zip (2009 to 2014)", OpensAll, "installed files follow from the updater-script, not from the names of folders"},
		{"block-based OTA zip, full", OpensAll, "transfer lists 1 to 4; new data as they are, in brotli, xz, lzma, gzip, zstd or lz4, in one file or split; hash trees that the list has computed"},
		{"block-based OTA zip, incremental", OpensSome, "its commands are listed; images that need the older one are not made"},
		{"A/B OTA zip or `payload.bin`, full", OpensAll, "every operation, hash trees and error correction; a second payload beside the first"},
		{"A/B OTA zip or `payload.bin`, incremental", OpensSome, "its operations are listed; a partition that needs the older one is not made, others are"},
		{"target-files zip", OpensAll, "the images of IMAGES, PREBUILT_IMAGES and RADIO, and the trees of which there is no image"},
		{"images for fastboot in a zip, `.tgz` or other tar", OpensAll, "named as flash scripts, flashfile.xml and rawprogram0.xml say, else as the images are; what else a script does is not followed"},
		{"factory archive: a zip of images in a zip", OpensAll, "as above"},
		{"Samsung's `.tar.md5`, or a zip of them", OpensAll, "with the MD5 at its end; the partition table (`.pit`) is not read"},
		{"super image: raw, sparse, in split sparse chunks, on several block devices", OpensAll, "its logical partitions, of the first slot that can be read"},
		{"lone image: raw, sparse, in gzip, xz, lzma, bzip2, zstd, lz4 or brotli", OpensAll, "as one partition; boot, vendor_boot and dtbo images show their parts"},
		{"unpacked folder: a dump, an unpacked update, `$OUT`", OpensAll, "trees where there are some, else images; a whole-file signature cannot be judged without the file"},
		{"lone APK", OpensAll, "judged as one app"},
		{"lone APEX or CAPEX", OpensAll, "its members, and the files of its image"},
		{"filesystems of images: ext4, EROFS, F2FS, squashfs", OpensAll, "owner, mode, label and capabilities of each file; encrypted files and those in LZO are named"},
		{"ramdisks (cpio)", OpensAll, "joined archives, each in gzip, lz4, xz, lzma, bzip2, zstd or as it is; lzop is named"},
		{"7z, RAR, `.ozip`", OpensNot, "refused by name"},
	}
}
