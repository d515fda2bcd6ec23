#!/usr/bin/env bash
# Makes the ramdisks beside it again. Must be root, since it makes devices; installs nothing. Needs GNU cpio (2.13), bsdcpio
# (libarchive-tools 3.6), busybox-static (1.35), gzip, bzip2, xz, lz4, zstd, python3, qemu-system-x86_64, in KERNEL a
# vmlinuz of Linux 6.1 with every decompressor (Debian's linux-image-cloud-amd64), and in AOSP_BIN the folder that
# build-mkbootfs.sh filled.
set -euo pipefail
export LC_ALL=C TZ=UTC
umask 022
cd "$(dirname "$0")"
out=$PWD
kernel=$(realpath "${KERNEL:?a vmlinuz}") mkbootfs=$(realpath "${AOSP_BIN:?the folder that build-mkbootfs.sh filled}/mkbootfs")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
noise() { for i in $(seq "$2"); do printf '%s%s' "$1" "$i" | sha256sum | cut -c1-64; done; }
when() { find . -depth -exec touch -h -d "$1" {} +; }
gnu() { find . | sort | cpio --quiet -o --reproducible -R 0:0 "$@"; }

# One tree of awkward files.
mkdir -p "$tmp/all" "$tmp/android" "$tmp/a" "$tmp/b" "$tmp/c" "$tmp/many/many"
cd "$tmp/all"
for n in 0 1 2 3 4 5 4095 4096 4097; do noise size 80 >size$n; truncate -s $n size$n; done
mkdir -p sub/empty "$(printf 'deep/%.0s' $(seq 30))" sticky
noise big 60 >sub/big
ln size5 sub/hard
ln size5 zhard
ln size0 sub/hard0
ln -s size5 fast
ln -s /system/etc absolute
ln -s "$(printf 'slow/%.0s' $(seq 200))" slow
ln -s nowhere dangling
echo long >"$(printf 'n%.0s' $(seq 255))"
echo u >"$(printf 'gr\303\274n')"
echo x >"$(printf 'caf\351')"
echo y >'a b%41!#:'
mknod null c 1 3
mknod disk b 259 70000
mkfifo pipe
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
echo s >setuid
chown 1000:2000 size4
chown 100000:65534 sub/big
chmod 6755 setuid
chmod 0 size3
chmod 1777 sticky
when '2024-05-06 07:08:09'
touch -d @0 size1
touch -d @4294967295 size2
all() { find . | sort | cpio --quiet -o --reproducible "$@"; }
all -H newc >"$out/gnu.cpio"
all -H crc >"$out/crc.cpio"
find . | sort | bsdcpio --quiet -o -H newc >"$out/bsd.cpio" 2>/dev/null
find . ! -type s | sort | busybox cpio -o -H newc >"$out/busybox.cpio" 2>/dev/null
echo size5 | cpio --quiet -o -H odc --reproducible -R 0:0 >"$out/odc.cpio"
echo size5 | cpio --quiet -o -H bin >"$out/bin.cpio" 2>/dev/null

# As Android's builds make a ramdisk.
cd "$tmp/android"
mkdir -p first_stage_ramdisk system/bin lib/modules mnt
noise init 30 >init
noise fstab 2 >first_stage_ramdisk/fstab.nimbus
noise ko 40 >lib/modules/a.ko
ln -s /system/bin/init system/bin/ueventd
printf ' 0 0 755\ninit 0 2000 750\nfirst_stage_ramdisk/fstab.nimbus 0 0 644\nlib/modules/a.ko 0 0 644\n' >"$tmp/owners"
"$mkbootfs" -f "$tmp/owners" . >"$out/mkbootfs.cpio"

# Each compression, and all of them in one ramdisk, each with a file of its own and one that is in all.
cd "$out"
gzip -9nk <gnu.cpio >gnu.cpio.gz
bzip2 -9 <gnu.cpio >gnu.cpio.bz2
xz --check=crc32 --lzma2=dict=1MiB <gnu.cpio >gnu.cpio.xz
xz --format=lzma <gnu.cpio >gnu.cpio.lzma
lz4 -q -l -9 <gnu.cpio >gnu.cpio.lz4l
lz4 -q -9 --content-size <gnu.cpio >gnu.cpio.lz4
zstd -q -9 --check <gnu.cpio >gnu.cpio.zst
part() { # name
	rm -rf "$tmp/part"
	mkdir "$tmp/part"
	cd "$tmp/part"
	mkdir of
	echo "$1" >all
	noise "$1" 3 >"of/$1"
	when "2024-05-06 07:08:$(printf %02d "$seconds")"
	gnu -H newc
	seconds=$((seconds + 1))
	cd "$out"
}
seconds=10
{
	part plain
	part gzip >"$tmp/p"
	gzip -9n <"$tmp/p"
	part gzip2 >"$tmp/p"
	gzip -9n <"$tmp/p"
	head -c 13 /dev/zero
	for n in lz4 lz42; do # with nothing between, as Android's bootloaders join them
		part $n >"$tmp/p"
		lz4 -q -l -9 <"$tmp/p"
	done
	head -c 4 /dev/zero
	part xz >"$tmp/p"
	xz --check=crc32 --lzma2=dict=1MiB <"$tmp/p"
	part zstd >"$tmp/p"
	zstd -q -9 <"$tmp/p"
	part bzip2 >"$tmp/p"
	bzip2 -9 <"$tmp/p"
	part lzma >"$tmp/p"
	xz --format=lzma <"$tmp/p"
} >joined.img
truncate -s %512 joined.img
part last >>joined.img
# Two archives in one stream, and two streams of which the first ends an archive early.
{ part one; part two; } | gzip -9n >stream.img
part three >"$tmp/p"
head -c 300 "$tmp/p" | gzip -9n >stream-cut.img
tail -c +301 "$tmp/p" | gzip -9n >>stream-cut.img

# Many entries.
cd "$tmp/many"
for i in $(seq 3000); do echo $((i % 7)) >"many/file-$i"; done
when '2024-05-06 07:08:09'
find . | sort | cpio --quiet -o --reproducible -H newc | xz --check=crc32 --lzma2=dict=1MiB >"$out/many.cpio.xz"

cd "$out"
python3 vary.py .
{ cat mkbootfs.cpio; printf junk; } >junk.img

# What Linux makes of them; it reads neither LZ4 frames nor the older formats.
python3 kernel.py "$kernel" /bin/busybox gnu.cpio crc.cpio bsd.cpio busybox.cpio mkbootfs.cpio gnu.cpio.{gz,bz2,xz,lzma,lz4l,zst} \
	joined.img stream.img stream-cut.img many.cpio.xz names.img kinds.img links.img trailer.img lost.img sums.img sums-bad.img junk.img
for f in crc.cpio bsd.cpio gnu.cpio.{gz,bz2,xz,lzma,lz4l,zst}; do
	cmp gnu.cpio.txt $f.txt
	rm $f.txt
done
xz -f many.cpio.xz.txt
# GNU cpio takes out of its own archives what Linux does.
for f in gnu crc; do
	mkdir "$tmp/x"
	(cd "$tmp/x" && cpio --quiet -idm <"$out/$f.cpio" && find . -type f -exec sha256sum {} + | cut -c1-64 | sort >"$tmp/sums")
	awk 'length($9) == 64 {print $9}' gnu.cpio.txt | sort | cmp - "$tmp/sums"
	rm -rf "$tmp/x"
done
