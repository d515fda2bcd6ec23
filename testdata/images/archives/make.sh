#!/usr/bin/env bash
# Makes the archives beside it again. Installs nothing. Needs GNU tar, gzip, bzip2, xz, zstd, lz4, brotli, Info-ZIP's zip,
# md5sum, mke2fs, veritysetup, Debian's android-sdk-libsparse-utils, and the images of ../boot, ../dtbo, ../sparse and ../super.
# SHA256SUMS says of each archive what the partitions hold: the sum of the file that the tools were given, and
# of logical partitions and split images what lpmake was given and simg2img expands.
set -euo pipefail
export LC_ALL=C TZ=UTC
umask 022
cd "$(dirname "$0")"
out=$PWD
images=$(cd .. && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
: >sums

# noise NAME BYTES: SHA-256 of NAME and a number, so that nothing is anybody's firmware.
noise() {
	python3 -c 'import hashlib, sys; n = int(sys.argv[2]); sys.stdout.buffer.write(b"".join(hashlib.sha256(b"%s %d" % (sys.argv[1].encode(), i)).digest() for i in range(n // 32 + 1))[:n])' "$@"
}
age() { find "$@" -exec touch -h -d '2024-05-06 07:08:09' {} +; }
# given ARCHIVE PARTITION FILE
given() { printf '%s  %s/%s\n' "$(sha256sum <"$3" | cut -c1-64)" "$1" "$2" >>sums; }
# stated ARCHIVE PARTITION SUMS NAME: what another folder's SHA256SUMS says.
stated() { printf '%s  %s/%s\n' "$(grep "  $4\$" "$3" | cut -c1-64)" "$1" "$2" >>sums; }
g() { tar --sort=name --format=ustar --owner=0 --group=0 --numeric-owner "$@"; }
z() { age . && find . -type f -printf '%P\n' | sort | zip -q -X "$@" -@; }

# A system of 6 MiB, most of it nothing: more than what a decoder's output keeps in memory.
mkdir -p tree/app/A tree/etc
noise app 3000 >tree/app/A/A.apk
noise conf 1000 | od -An -tx1 >tree/etc/conf
echo 'ro.build.id=NIMBUS' >tree/build.prop
age tree
E2FSPROGS_FAKE_TIME=1714979289 mke2fs -q -t ext4 -b 4096 -O ^has_journal -U 0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0 \
	-E hash_seed=0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f1,root_owner=0:0 -d tree system.img 1536
# The time of change of a file is that of the copy: all times become one.
for i in / /app /app/A /app/A/A.apk /etc /etc/conf /build.prop; do
	for f in atime ctime mtime crtime; do printf 'sif %s %s @1714979289\nsif %s %s_extra 0\n' "$i" $f "$i" $f; done
done >times
E2FSPROGS_FAKE_TIME=1714979289 debugfs -w -f times system.img >/dev/null 2>&1
img2simg system.img system.simg 4096 >/dev/null
cp "$images/boot/v1.img" boot.img
cp "$images/boot/vendor_v4.img" vendor_boot.img
cp "$images/dtbo/v0.img" dtbo.img
noise modem 5000 >modem.bin
super() { for p in system vendor; do stated "$1" ${p}_a "$images/super/SHA256SUMS" super.img/${p}_a.img; done; }

# As Xiaomi packs what its tool flashes.
mkdir -p fastboot/nimbus_images_1/images
cp boot.img fastboot/nimbus_images_1/images/
cp system.simg fastboot/nimbus_images_1/images/cust.img
cp "$images/super/super.simg" fastboot/nimbus_images_1/images/super.img
echo 'fastboot flash boot images/boot.img' >fastboot/nimbus_images_1/flash_all.sh
age fastboot
(cd fastboot && g -cf - nimbus_images_1 | gzip -n9 >"$out/fastboot.tgz")
given fastboot.tgz boot boot.img
given fastboot.tgz cust system.img
super fastboot.tgz

# What "fastboot update" takes.
mkdir update
echo 'require board=nimbus' >update/android-info.txt
cp boot.img dtbo.img update/
cp system.simg update/system.img
(cd update && z -9 "$out/update.zip")
for p in boot dtbo; do given update.zip $p $p.img; done
given update.zip system system.img

# As Google publishes factory images: the inner archive stored, and deflated.
mkdir -p factory/nimbus-1
cp "$out/update.zip" factory/nimbus-1/image-nimbus-1.zip
cp modem.bin factory/nimbus-1/radio-nimbus-g5123b.img
noise bootloader 3000 >bootloader.img
cp bootloader.img factory/nimbus-1/bootloader-nimbus-1.0-7.img
echo 'fastboot flash bootloader bootloader-nimbus-1.0-7.img' >factory/nimbus-1/flash-all.sh
(cd factory && z -9 "$out/factory.zip")
rm factory/nimbus-1/image-nimbus-1.zip
(cd update && z -0 "$tmp/factory/nimbus-1/image-nimbus-1.zip")
(cd factory && z -9 -n .none "$out/factory-deflated.zip")
for f in factory.zip factory-deflated.zip; do
	for p in boot dtbo system bootloader; do given $f $p $p.img; done
	given $f radio modem.bin
done

# As Samsung packs for Odin: lz4 with the size in the frame and without, a sparse image in lz4, a
# map of partitions.
mkdir ap bl
lz4 -q -9 --content-size boot.img ap/boot.img.lz4
lz4 -q -9 --no-content-size system.img ap/system.img.ext4.lz4
lz4 -q -9 -B6 --content-size "$images/super/super.simg" ap/super.img.lz4
cp dtbo.img ap/
noise pit 200 >ap/NIMBUS.pit
lz4 -q -9 --content-size modem.bin bl/sboot.bin.lz4
cp boot.img bl/param.bin
age ap bl
(cd ap && g -b2 -cf "$tmp/AP_NIMBUS.tar" *)
(cd bl && g -b2 -cf "$tmp/BL_NIMBUS.tar" *)
for f in AP BL; do
	md5sum -t ${f}_NIMBUS.tar >line
	cat ${f}_NIMBUS.tar line >${f}_NIMBUS.tar.md5
done
cp AP_NIMBUS.tar.md5 "$out"
mkdir odin
cp AP_NIMBUS.tar.md5 BL_NIMBUS.tar.md5 odin/
(cd odin && z -9 "$out/odin.zip")
for f in AP_NIMBUS.tar.md5 odin.zip; do
	for p in boot dtbo system; do given $f $p $p.img; done
	super $f
done
given odin.zip sboot modem.bin
given odin.zip param boot.img

# As Motorola splits; the parts of system and of super are simg2simg's.
mkdir motorola
for i in 0 1 2 3; do cp "$images/sparse/split.$i" motorola/system.img_sparsechunk.$i; done
simg2simg "$images/super/super.simg" motorola/super.img_sparsechunk 15000
cp boot.img motorola/
echo '<flashing/>' >motorola/flashfile.xml
(cd motorola && z -9 "$out/motorola.zip")
given motorola.zip boot boot.img
stated motorola.zip system "$images/sparse/SHA256SUMS" split
super motorola.zip

# Target files: images, trees of which there is an image and is none, what the build makes an image of.
mkdir -p target/META target/IMAGES target/PREBUILT_IMAGES target/RADIO target/SYSTEM target/VENDOR/etc
echo 'recovery_api_version=3' >target/META/misc_info.txt
cp boot.img target/IMAGES/boot.img
cp dtbo.img target/PREBUILT_IMAGES/boot.img
cp dtbo.img target/PREBUILT_IMAGES/dtbo.img
cp system.simg target/IMAGES/system.img
cp "$images/super/super_empty.img" target/IMAGES/super_empty.img
cp modem.bin target/RADIO/modem.img
cp tree/build.prop target/SYSTEM/
echo 'ro.vendor.build.id=NIMBUS' >target/VENDOR/build.prop
echo x >target/VENDOR/etc/conf
(cd target && z -9 "$out/target-files.zip")
for p in boot dtbo system; do given target-files.zip $p $p.img; done
given target-files.zip modem modem.bin

# Tars of images, each compressed as a whole.
mkdir plain
cp boot.img system.img plain/
age plain
(cd plain && g -cf ../images.tar *)
xz -9e -c images.tar >"$out/images.tar.xz"
zstd -q -19 --long=24 -c images.tar >"$out/images.tar.zst"
bzip2 -9 -c images.tar >"$out/images.tar.bz2"
for f in images.tar.xz images.tar.zst images.tar.bz2; do for p in boot system; do given $f $p $p.img; done; done

# Two block devices of a device that got logical partitions by an update: under the devices' names, and under lpmake's.
mkdir retrofit super_
cp "$images/super/retrofit-system.img" retrofit/system.img
cp "$images/super/retrofit-vendor.img" retrofit/vendor.img
(cd retrofit && z -9 "$out/retrofit.zip")
cp retrofit/system.img super_/super_system.img
cp retrofit/vendor.img super_/super_vendor.img
age super_
(cd super_ && g -cf - * | xz -9e >"$out/retrofit.tar.xz")
noise system 8192 >system_a # and zeros, to the size of the logical partition
truncate -s 24576 system_a
for f in retrofit.zip retrofit.tar.xz; do
	given $f system_a system_a
	stated $f vendor_a "$images/super/SHA256SUMS" vendor.img
done

# One image, as each compressor makes it.
gzip -n9 -c system.img >"$out/system.img.gz"
bzip2 -9 -c system.img >"$out/system.img.bz2"
xz -9e -c system.img >"$out/system.img.xz"
xz -9e --format=lzma -c system.img >"$out/system.img.lzma"
zstd -q -19 -c system.img >"$out/system.img.zst"
lz4 -q -9 -c system.img >"$out/system.img.lz4"
brotli -q 11 -c system.img >"$out/system.img.br"
xz -9e -c system.simg >"$out/system.simg.xz"
for f in gz bz2 xz lzma zst lz4 br; do given system.img.$f system system.img; done
given system.simg.xz system system.img

# The tree over the 129 blocks that ../verity/aosp-two.tree is of, salt and all: what recovery does not compute, since it
# drops the zeros that the salt begins with.
python3 - <<'P'
import hashlib
out, d = b'', b'verity'
while len(out) < 528384:
    d = hashlib.sha256(d).digest()
    out += d
open('data', 'wb').write(out[:528384])
P
salt=00a1b2c3d4e5f60718293a4b5c6d7e8f00a1b2c3d4e5f60718293a4b5c6d7e00
veritysetup format --no-superblock --format=1 --hash=sha256 --salt=$salt --data-block-size=4096 --hash-block-size=4096 data hashes >info
printf 'veritysetup 528384 %s %s %s\n' $salt "$(sed -n 's/^Root hash:[[:space:]]*//p' info)" "$(sha256sum <hashes | cut -c1-64)" >"$out/verity.txt"

cp sums "$out/SHA256SUMS"
