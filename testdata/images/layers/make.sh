#!/usr/bin/env bash
# Makes rom.zip and boot.img beside it again: images for fastboot, with a file in every layer that a device has
# around one. Runs as root, for owners, labels and capabilities. Installs nothing. Needs cpio, gzip, lz4, xz, zip, python3,
# mke2fs, mkfs.erofs, mksquashfs, setfattr, in AOSP_BIN the folder that
# ../super/build-aosp.sh filled and in AOSP_SRC the source package that it names (its mkbootimg.py).
# truth.txt says of each file what the tools were given: sum, mode, owner, label, capability, link.
set -euo pipefail
export LC_ALL=C TZ=UTC
umask 022
cd "$(dirname "$0")"
out=$PWD
bin=${AOSP_BIN:?the folder that ../super/build-aosp.sh filled}
mkbootimg=${AOSP_SRC:?the source package that ../super/build-aosp.sh names}/system/tools/mkbootimg/mkbootimg.py
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
time=1714979289
uuid=0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0

noise() {
	python3 -c 'import hashlib, sys; n = int(sys.argv[2]); sys.stdout.buffer.write(b"".join(hashlib.sha256(b"%s %d" % (sys.argv[1].encode(), i)).digest() for i in range(n // 32 + 1))[:n])' "$@"
}
age() { find "$1" -exec touch -h -d "@$time" {} +; }
label() { setfattr -h -n security.selinux -v "u:object_r:$1:s0\\000" "$2"; }
# cap FILE WORD: VFS_CAP_REVISION_2 with the effective bit, and the permitted set.
cap() { setfattr -n security.capability -v "0x01000002$2000000000000000000000000" "$1"; }
ext4() { # TREE IMAGE BLOCKS
	E2FSPROGS_FAKE_TIME=$time mke2fs -q -t ext4 -b 4096 -O ^has_journal -U $uuid -E hash_seed=$uuid,root_owner=0:0 -d "$1" "$2" "$3"
	# The time of change of a file is that of the copy: all times become one.
	(cd "$1" && find . -printf '/%P\n') | while read -r i; do
		for f in atime ctime mtime crtime; do printf 'sif "%s" %s @%s\nsif "%s" %s_extra 0\n' "$i" $f $time "$i" $f; done
	done >times
	E2FSPROGS_FAKE_TIME=$time debugfs -w -f times "$2" >/dev/null 2>&1
}
# truth PLACE TREE: what stands in a tree.
truth() {
	(cd "$2" && find . -mindepth 1 -printf '%P\n' | sort) | while read -r f; do
		p=$2/$f sum=- link=-
		[ -L "$p" ] && link=$(readlink "$p")
		[ -f "$p" ] && [ ! -L "$p" ] && sum=$(sha256sum <"$p" | cut -c1-64)
		se=$(getfattr -h --only-values -n security.selinux "$p" 2>/dev/null | tr -d '\0' || true)
		ca=$(getfattr -h -e hex --only-values -n security.capability "$p" 2>/dev/null | od -An -tx1 | tr -d ' \n' || true)
		printf '%s %s %s %s %s %s %s\n' "$1$f" "$(stat -c '%A %u:%g' "$p")" "$sum" "${se:--}" "${ca:--}" "$link" ""
	done | sed 's/ $//'
}

# A module, and one that is compressed.
mkdir -p apex/etc apex/lib64 apex/javalib
noise lib 9000 >apex/lib64/libnimbus.so
noise jar 3000 >apex/javalib/nimbus.jar
echo 'from a module' >apex/etc/words
ln -s words apex/etc/link
printf '\x0a\x12com.example.nimbus\x10\x07' >manifest.pb
cp manifest.pb apex/apex_manifest.pb
age apex
ext4 apex apex_payload.img 64
mkdir module && cp apex_payload.img module/ && cp manifest.pb module/apex_manifest.pb
noise key 520 >module/apex_pubkey
age module
(cd module && zip -q -X -0 ../nimbus.apex apex_manifest.pb apex_payload.img apex_pubkey)
mkdir capex && cp nimbus.apex capex/original_apex && cp manifest.pb capex/apex_manifest.pb
age capex
(cd capex && zip -q -X -9 ../nimbus.capex original_apex apex_manifest.pb)

# system holds the root folder, as from Android 9.
mkdir -p system/system/{apex,app/Words,bin,etc} system/vendor
ln -s /system/bin/toybox system/system/bin/ls
noise toybox 20000 >system/system/bin/toybox
noise app 3000 >system/system/app/Words/Words.apk
cp nimbus.apex system/system/apex/com.example.nimbus.apex
cp nimbus.capex system/system/apex/com.example.packed.capex
printf 'ro.build.id=NIMBUS\nro.debuggable=0\n' >system/system/build.prop
chmod 750 system/system/bin/toybox
chown 0:2000 system/system/bin/toybox
find system -exec setfattr -h -n security.selinux -v 'u:object_r:system_file:s0\000' {} +
cap system/system/bin/toybox 00200000
age system
ext4 system system.img 512

mkdir -p vendor/bin vendor/etc
noise daemon 12000 >vendor/bin/imsd
printf 'persist.sys.cloudmsg.enabled=1\nro.vendor.x=1\n' >vendor/build.prop
seq 2000 >vendor/etc/numbers
chmod 755 vendor/bin/imsd
chown 1000:2000 vendor/bin/imsd
find vendor -exec setfattr -h -n security.selinux -v 'u:object_r:vendor_file:s0\000' {} +
label imsd_exec vendor/bin/imsd
cap vendor/bin/imsd 00340000
age vendor
mkfs.erofs -zlz4 -T$time -U$uuid vendor.img vendor >/dev/null

mkdir -p product/etc
seq 3000 >product/etc/numbers
printf 'ro.product.x=1\n' >product/etc/build.prop
find product -exec setfattr -h -n security.selinux -v 'u:object_r:product_file:s0\000' {} +
age product
mksquashfs product product.img -comp zstd -noappend -no-progress -mkfs-time $time -all-time $time -quiet >/dev/null

align() { truncate -s %4096 "$1"; }
align vendor.img; align product.img
size() { stat -c %s "$1"; }
"$bin/lpmake" -m 4096 -s 2 --alignment 4096 -d 4194304 -g main_a:4000000 \
	-p system_a:readonly:$(size system.img):main_a -p vendor_a:readonly:$(size vendor.img):main_a -p product_a:readonly:$(size product.img):main_a \
	-i system_a=system.img -i vendor_a=vendor.img -i product_a=product.img -S -o super.img

# Ramdisks: one in gzip, and two that are joined by vendor_boot.
mkdir -p ramdisk/first_stage_ramdisk ramdisk/system/etc/ramdisk
printf 'ro.bootimage.build.id=NIMBUS\n' >ramdisk/system/etc/ramdisk/build.prop
printf 'ro.secure=1\nro.adb.secure=1\n' >ramdisk/default.prop
noise init 5000 >ramdisk/init
chmod 750 ramdisk/init
ln -s /init ramdisk/first_stage_ramdisk/init
mkdir -p platform/lib/modules dlkm/lib/modules
noise ko 4000 >platform/lib/modules/nimbus.ko
noise ko2 2000 >dlkm/lib/modules/sound.ko
for d in ramdisk platform dlkm; do
	age $d
	(cd $d && find . -mindepth 1 | sort | cpio -o -H newc -R 0:0 --reproducible --quiet) >$d.cpio
done
gzip -n9 <ramdisk.cpio >ramdisk.gz
lz4 -lq9 platform.cpio platform.lz4
lz4 -lq9 dlkm.cpio dlkm.lz4
noise kernel 2500 >kernel
python3 "$mkbootimg" --kernel kernel --ramdisk ramdisk.gz --header_version 3 --os_version 11.0.2 --os_patch_level 2021-08-05 -o boot.img
python3 "$mkbootimg" --header_version 4 --pagesize 2048 --ramdisk_type platform --ramdisk_name '' --vendor_ramdisk_fragment platform.lz4 \
	--ramdisk_type dlkm --ramdisk_name modules --vendor_ramdisk_fragment dlkm.lz4 --vendor_boot vendor_boot.img

# A recovery that trusts AOSP's test key by the list of Android 8, and an example key by its archive.
mkdir -p recovery/res recovery/system/etc/security keys
cp "$out/../../../ota/signature/testdata/testkey.keys" recovery/res/keys
cp "$out/../../updates/key/example.x509.pem" keys/
age keys
(cd keys && zip -q -X -9 ../recovery/system/etc/security/otacerts.zip example.x509.pem)
age recovery
(cd recovery && find . -mindepth 1 | sort | cpio -o -H newc -R 0:0 --reproducible --quiet) | xz -9 --check=crc32 >recovery.xz
python3 "$mkbootimg" --kernel kernel --ramdisk recovery.xz --header_version 2 --dtb kernel --os_version 11.0.2 --os_patch_level 2021-08-05 -o recovery.img

for f in boot vendor_boot super recovery; do touch -d "@$time" $f.img; done
rm -f "$out/rom.zip"
zip -q -X -9 "$out/rom.zip" boot.img vendor_boot.img recovery.img super.img
cp boot.img "$out/boot.img"
{
	truth system_a: system
	truth vendor_a: vendor
	truth product_a: product
	truth 'boot:!/ramdisk!/' ramdisk
	truth 'recovery:!/ramdisk!/' recovery
	truth 'vendor_boot:!/vendor_ramdisk_0!/' platform
	truth 'vendor_boot:!/vendor_ramdisk_modules!/' dlkm
	truth 'system_a:system/apex/com.example.nimbus.apex!/apex_payload.img!/' apex
	truth 'system_a:system/apex/com.example.packed.capex!/original_apex!/apex_payload.img!/' apex
} >"$out/truth.txt"
