#!/bin/bash
# Makes the F2FS images beside it again: make.sh TOOLS KERNEL. TOOLS is the folder in which f2fs-tools
# 1.16.0 was built with LZ4 and LZO, which Debian's package leaves out:
#
#     apt-get source --download-only f2fs-tools=1.16.0-1.1   # Debian 13
#     tar xf f2fs-tools_1.16.0.orig.tar.gz && cd f2fs-tools-1.16.0 && autoreconf -fi && ./configure --disable-shared && make
#
# KERNEL is Debian 12's package linux-image-6.1.0-56-amd64, unpacked; see vm.sh. Needs root, f2fs-tools
# (f2fs_io), xfsprogs, fsverity, e2fsprogs, python3, zstd, and takes some ten minutes. UUIDs and times
# differ each time.
set -euo pipefail
export LC_ALL=C.UTF-8
cd "$(dirname "$0")"
tools=$(cd "$1" && pwd) kernel=$(cd "$2" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/out"
cp kernel.sh tree.py manifest.py "$tools/mkfs/mkfs.f2fs" "$tmp/out/"
cp "$tools/fsck/fsck.f2fs" "$tmp/out/sload.f2fs" # which does what it is called
disks=()
for d in plain:64 features:80 journal:64 normal:64 sload:64 large:64 ro:24 lzo:24 tiny:48; do
	truncate -s "${d#*:}M" "$tmp/${d%:*}.img"
	disks+=("$tmp/${d%:*}.img")
done
./vm.sh "$kernel" "$tmp/out" "${disks[@]}" || { tail -40 "$tmp/out/kernel.log"; exit 1; }
mv "$tmp"/out/*.img "$tmp/"
for i in fresh plain features journal normal sload large ro lzo tiny; do
	zstd -q -f --ultra -22 --long=27 "$tmp/$i.img" -o $i.img.zst
	[ $i = fresh ] || zstd -q -f -19 "$tmp/out/$i.txt" -o $i.txt.zst
done
