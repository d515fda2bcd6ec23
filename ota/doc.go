// Package ota turns the bytes of an update into partitions and files. It is the
// lowest of the four rooms of otavet:
//
//	bytes ─ archive ─ layout ─ image ─ filesystem ─▶ extract ─ analyze ─▶ evaluate ─▶ report
//	 Blob    fs.FS    Package  Partition   fs.FS      Facts     Facts      Verdict     io.Writer
//	└────────────────── ota ────────────────────┘└───── inspect ─────┘└────── policies ───────┘
//
// ota turns bytes into partitions and files, inspect turns files into facts,
// policies turns facts into a verdict, cmd says it to people. Each imports only
// those before it; a test in cmd/otavet holds every package to its floor.
//
// # From bytes to files
//
// Open recognises an update by its first bytes and the names of its members, and
// answers a Package: its Members as a file system, every record of its directory,
// and the Partitions that it leaves on a device. What it does not know it refuses in
// one line. What it knows and cannot open in this version is a Problem of the
// package, or the error of a Partition, never silence. Formats lists what opens.
//
// Wrappers, layouts and encoded images are three different things, and what people
// have is a product of them: an A/B update is a zip × a payload, Samsung's a
// tar with a checksum × lz4 × sparse × super, Google's a zip × a zip × images.
//
// # Two ways to read an image
//
// By itself a Partition's Image is read as far as somebody asks: the operations of a
// payload that are touched, the beginning of what a member decompresses to.
// Opening therefore reads directories, manifests and heads, and ls takes
// milliseconds whatever the size. Materialise is for those who want all of it: it
// makes every image in one pass, each operation decoded once, every hash taken on
// the way, and leaves the images in files without names from which they are then
// read. It is the only place of ota that starts goroutines.
//
// What is installed is what the installer script installs. The partitions of a
// file-based update come from its package_extract_dir, package_extract_file,
// symlink, set_metadata and apply_patch calls (package edify), not from the names of
// folders in the zip; a member that nothing extracts is a member and not an
// installed file; a script that cannot be followed is a Problem.
//
// # Rooms
//
//	parse      errors, cursor, budget, spelling of names; imports nothing
//	blob       bytes that are read at random: sections, extents, spools
//	archive    strict zip, tar, and folders in which no link is followed
//	codec      decompression with bounded output; the only door to compressors
//	wire       bounded protobuf; the only door to it
//	verity     hash trees and error correction
//	image/…    payload, transfer list, sparse, super, boot, dtbo: one encoding each
//	filesystem/…  ext4, erofs, f2fs, squashfs, cpio: inodes of one format each; vfs has
//	           what all share: names, folders, open files, the budget of entries
//	edify      the installer script, and what running it would install
//	signature  what is signed, by whom, and whether it holds; Open never asks it,
//	           because one must be able to look at an update whose signature is broken
//	otatest    builders and suites for tests
//
// Readers of formats take a blob.Blob and a parse.Budget and give a struct; they
// know no context, no options, no logger and none of their neighbours.
//
// # Hostile input
//
// Updates come from strangers. Every count in a file meets a bound before it
// becomes memory; every size that a container declares is charged to a budget when
// the container is opened, in the container's own order, so that which member
// is over the limit never depends on who reads first. Names are spelled with
// parse.Escape where they enter. Nothing is written but spools, which have no name.
//
// # Names that mean one thing
//
// update, package (an update as one file or folder), layout, partition, slot,
// image (a partition's bytes), member (of an archive), entry (of a folder),
// whole-file signature. The rest of the glossary is that of AOSP.
//
// # Layers
//
// A Partition's FS is the filesystem of its image, opened when somebody asks. Inside opens what a file or
// image holds: a zip, a tar, a filesystem, a ramdisk, the parts of a boot image. So a path goes
// on from a partition through a module into the module's image, one Inside each, and
// each with a budget of its own that follows from the stored size.
//
// # To add
//
// A layout: a constant in ota.go, a case in recognise, a row in Formats and its example in TestFormats. A
// filesystem: a package below filesystem that gives a vfs.Volume, a row in filesystems, an example in TestFormats.
// A format that is only refused by name: a row in magics.
package ota
