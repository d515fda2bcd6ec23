#!/usr/bin/env bash
# Makes the EROFS images beside it again, and tree.tsv.gz, small.tsv.gz and tiny.tsv.gz, which say what is in them: byte
# for byte, but for the images with a metabox, into which mkfs.erofs 1.9.4 writes some bytes that it never set.
# Installs nothing. Needs root, python3, gzip, mkfs.erofs 1.5 (Debian 12) and in EROFS_BIN the tools that build.sh built.
# fsck.erofs extracts each image, and what comes out must be the tree.
set -euo pipefail
export LC_ALL=C.UTF-8 SOURCE_DATE_EPOCH=6000000000
cd "$(dirname "$0")"
old=/usr/bin/mkfs.erofs new=${EROFS_BIN:?the folder bin that build.sh filled}/mkfs.erofs
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 tree.py "$tmp/tree" >"$tmp/tree.tsv"
python3 tree.py "$tmp/tree-old" old >/dev/null
python3 tree.py "$tmp/small" small >"$tmp/small.tsv"
python3 tree.py "$tmp/small-old" small old >/dev/null
python3 tree.py "$tmp/tiny" tiny >"$tmp/tiny.tsv"
gzip -9n <"$tmp/tree.tsv" >tree.tsv.gz
gzip -9n <"$tmp/small.tsv" >small.tsv.gz
gzip -9n <"$tmp/tiny.tsv" >tiny.tsv.gz

# make NAME TREE TOOL OPTIONS...
make() {
	local name=$1 tree=$tmp/$2 tool=$3 device=() fsck skip=
	shift 3
	[ "$tool" = "$new" ] && set -- -T1700000000 --mkfs-time "$@"
	"$tool" -d0 -U 01234567-89ab-cdef-0123-456789abcdef "$@" "$tmp/$name.img" "$tree" >/dev/null
	if [ -e "$tmp/$name.device" ]; then
		gzip -9n <"$tmp/$name.device" >"$name.device.gz"
		device=(--device="$tmp/$name.device") skip=holes
	fi
	# That of 1.9 does not read LZ4 without padding, nor holes on another device, nor what is inline in a metabox, and
	# that of 1.5 reads holes wrong: for the device and tiny-metabox the tree alone is the truth.
	fsck=$EROFS_BIN/fsck.erofs
	[ "$name" = lz4-legacy ] && fsck=/usr/bin/fsck.erofs
	rm -rf "$tmp/out"
	[ "$name" = tiny-metabox ] || "$fsck" -d0 --extract="$tmp/out" "${device[@]}" "$tmp/$name.img"
	[ "$name" = tiny-metabox ] || diff -rq --no-dereference -x "$skip" -x disk -x null -x pipe -x socket "$tree" "$tmp/out"
	gzip -9n <"$tmp/$name.img" >"$name.img.gz"
}

# From one large tree, without compression and with most of what there is.
make plain tree-old $old
make all tree $new -zlzma -C65536 -Eall-fragments,dedupe,ztailpacking --xattr-prefix=user.project.of.

# From a small one.
make lz4-legacy small-old $old -zlz4 -Elegacy-compress -Eforce-inode-extended
make lz4hc-64k small-old $old -zlz4hc -C65536 -x0
make chunks small-old $old --chunksize=4096 -Enoinline_data
make blockmap small $new --chunksize=8192 -Eforce-inode-blockmap -L label -Enosbcrc
make block512 small $new -b512 -zlz4 -C4096
make block1024 small $new -b1024 -zdeflate -C2048 -Eztailpacking
make fragments small $new -zlz4hc -C16384 -Efragments -x1000
make zstd-dedupe small $new -zzstd -C65536 -Ededupe,fragments,ztailpacking
make lzma-prefix small $new -zlzma -C16384 -Eplain-xattr-prefixes --xattr-prefix=user.project.of. -x0
make extents4 small $new -zlz4 -C65536 -E48bit --max-extent-bytes=4096
make extents16 small $new -zzstd -C65536 -E48bit,fragments,dedupe
make metabox small $new -zlzma -C65536 -m4096 --MZ=i -Efragments,dot-omitted --xattr-prefix=user.project.of. -x0
make device small $new --chunksize=4096 --blobdev="$tmp/device.device"

# From a tiny one.
make tiny-plain tiny $new -b512
make tiny-chunks tiny $new -b512 --chunksize=512
make tiny-lz4 tiny $new -b512 -zlz4 -C2048
make tiny-packed tiny $new -b512 -zdeflate,9 -C1024 -Efragments,ztailpacking
make tiny-inline tiny $new -b512 -zlz4 -Eztailpacking --xattr-prefix=user.project.of. -x1
make tiny-dedupe tiny $new -b512 -zlzma -C2048 -Ededupe,fragments
make tiny-extents4 tiny $new -b512 -zlz4 -C2048 -E48bit --max-extent-bytes=512
make tiny-extents16 tiny $new -b512 -zzstd -C2048 -E48bit,fragments,dedupe
make tiny-metabox tiny $new -b512 -zlz4 -C2048 -m2048 --MZ=i -Eztailpacking --xattr-prefix=user.project.of. -x0
