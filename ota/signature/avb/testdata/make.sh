#!/usr/bin/env bash
# Makes the images beside it again with AOSP's avbtool. Installs nothing. Needs python3, openssl, and in AOSP_SRC the source
# package that testdata/images/super/build-aosp.sh names. The .txt of each is what avbtool info_image says of it.
set -euo pipefail
export LC_ALL=C TZ=UTC
cd "$(dirname "$0")"
src=${AOSP_SRC:?the source package that ../../../../testdata/images/super/build-aosp.sh names}/external/avb
avb() { python3 "$src/avbtool.py" "$@"; }
keys=$src/test/data
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for bits in 2048 4096 8192; do
	for sum in 256 512; do
		avb make_vbmeta_image --output rsa$bits-$sum.img --algorithm SHA${sum}_RSA$bits --key $keys/testkey_rsa$bits.pem \
			--prop com.android.build.boot.security_patch:2024-05-05 --rollback_index 7 --flags $((bits == 2048 ? 3 : 0))
	done
done
avb make_vbmeta_image --output none.img --rollback_index_location 2 --kernel_cmdline 'root=/dev/dm-0 androidboot.x="y"'
avb extract_public_key --key $keys/testkey_rsa4096.pem --output "$tmp/key"
avb make_vbmeta_image --output chain.img --algorithm SHA256_RSA2048 --key $keys/testkey_rsa2048.pem --chain_partition system:1:"$tmp/key" --chain_partition vendor:2:"$tmp/key"

python3 - "$tmp" <<'P'
import hashlib, sys
out = b''.join(hashlib.sha256(b'avb %d' % i).digest() for i in range(1000))
open(sys.argv[1] + '/data', 'wb').write(out[:20000])
P
cp "$tmp/data" hash.img
avb add_hash_footer --image hash.img --partition_name boot --partition_size 98304 --salt 0011 --algorithm SHA256_RSA2048 --key $keys/testkey_rsa2048.pem
cp "$tmp/data" hash512.img
avb add_hash_footer --image hash512.img --partition_name boot --partition_size 98304 --salt aa --hash_algorithm sha512 --algorithm NONE
for h in sha1 sha256; do
	cp "$tmp/data" tree-$h.img
	avb add_hashtree_footer --image tree-$h.img --partition_name system --partition_size 131072 --salt 00ff --hash_algorithm $h --do_not_generate_fec \
		--algorithm SHA512_RSA4096 --key $keys/testkey_rsa4096.pem
done
cp "$tmp/data" tree-none.img
avb add_hashtree_footer --image tree-none.img --partition_name system --partition_size 131072 --salt 00ff --do_not_generate_fec --no_hashtree --algorithm NONE
for f in *.img; do
	avb info_image --image $f >${f%.img}.txt
done
gzip -n9f hash.img hash512.img tree-*.img
