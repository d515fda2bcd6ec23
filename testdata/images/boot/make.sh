#!/usr/bin/env bash
# Makes the boot images beside it again. Installs nothing. Needs python3, openssl, in AOSP_SRC the source
# package that ../super/build-aosp.sh names (its mkbootimg.py, unpack_bootimg.py and avbtool.py are run as
# they are), and in OLD_MKBOOTIMG the mkbootimg of Debian 12 (1:29.0.6).
set -euo pipefail
export LC_ALL=C TZ=UTC
cd "$(dirname "$0")"
here=$PWD
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
src=${AOSP_SRC:?the source package that ../super/build-aosp.sh names} old=${OLD_MKBOOTIMG:?mkbootimg of Debian 12}
new=$src/system/tools/mkbootimg/mkbootimg.py unpack=$src/system/tools/mkbootimg/unpack_bootimg.py avb=$src/external/avb

cd "$tmp"
python3 - <<'P'
import hashlib
for name, n in (('kernel', 2500), ('second', 300), ('recovery_dtbo', 700), ('dtb', 600), ('ramdisk', 1100), ('vendor1', 900), ('vendor2', 333)):
    open(name, 'wb').write(b''.join(hashlib.sha256(b'%s %d' % (name.encode(), i)).digest() for i in range(n // 32 + 1))[:n])
P
printf 'androidboot.hardware=nimbus\nandroidboot.x="y"\n' >bootconfig
long=$(printf 'p%03d=v ' $(seq 100)) # more than the 512 bytes of the first field
common=(--os_version 11.0.2 --os_patch_level 2021-08-05 --kernel kernel --ramdisk ramdisk)
python3 "$new" "${common[@]}" --header_version 0 --second second --board nimbus --cmdline "$long" --pagesize 2048 -o v0.img
python3 "$new" "${common[@]}" --header_version 1 --recovery_dtbo recovery_dtbo --cmdline console=null -o v1.img
python3 "$new" "${common[@]}" --header_version 2 --second second --recovery_dtbo recovery_dtbo --dtb dtb --base 0x40000000 -o v2.img
python3 "$new" "${common[@]}" --header_version 3 --cmdline "$long" -o v3.img
python3 "$new" "${common[@]}" --header_version 4 --gki_signing_key "$avb/test/data/testkey_rsa2048.pem" --gki_signing_algorithm SHA256_RSA2048 \
	--gki_signing_avbtool_path "$avb/avbtool.py" -o v4.img
python3 "$new" --header_version 4 --ramdisk ramdisk --os_version 13.0.0 --os_patch_level 2022-11 -o init_boot.img
python3 "$new" --header_version 3 --vendor_ramdisk vendor1 --dtb dtb --vendor_cmdline "$long" --board nimbus --pagesize 4096 --vendor_boot vendor_v3.img
python3 "$new" --header_version 4 --dtb dtb --vendor_cmdline loop=1 --vendor_bootconfig bootconfig --pagesize 2048 \
	--ramdisk_type platform --ramdisk_name '' --vendor_ramdisk_fragment vendor1 \
	--ramdisk_type dlkm --ramdisk_name modules --board_id0 0x12345678 --board_id15 7 --vendor_ramdisk_fragment vendor2 --vendor_boot vendor_v4.img
# Headers of versions 3 as Android 10's tool has them: sizes that no release of Android states.
python3 "$old" "${common[@]}" --header_version 3 --pagesize 4096 -o old_v3.img
python3 "$old" --header_version 3 --vendor_ramdisk vendor1 --dtb dtb --pagesize 4096 --vendor_boot old_vendor_v3.img
cp v1.img avb.img
python3 "$avb/avbtool.py" add_hash_footer --image avb.img --partition_name boot --dynamic_partition_size --salt 00 --algorithm NONE

for f in v0 v1 v2 v3 v4 init_boot vendor_v3 vendor_v4 old_v3 old_vendor_v3 avb; do
	python3 "$unpack" --boot_img $f.img --out $f --format info >$f.txt
	rm -rf $f/vendor-ramdisk-by-name
	cp $f.img $f.txt "$here"
done
sha256sum */* >"$here/SHA256SUMS"
