#!/usr/bin/env bash
# Makes the images beside it again with AOSP's avbtool. Installs nothing. Needs gcc, openssl, python3 with cryptography 48 or later
# (mldsa.py), in AOSP_SRC the source package that testdata/images/super/build-aosp.sh names, and in the PATH the fec of
# testdata/images/verity/build-aosp.sh. The .txt of each is what avbtool info_image says of it; mutations.tsv and cert.tsv have
# what libavb says of images with one field changed (judge.c), digests.txt what avbtool calculate_vbmeta_digest says.
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
# Error correction with two numbers of roots, one over a tree of BLAKE2b.
cp "$tmp/data" tree-fec.img
avb add_hashtree_footer --image tree-fec.img --partition_name system --partition_size 131072 --salt 00ff --hash_algorithm sha256 --algorithm NONE
cp "$tmp/data" tree-blake2b.img
avb add_hashtree_footer --image tree-blake2b.img --partition_name system --partition_size 196608 --salt 00ff --hash_algorithm blake2b-256 --fec_num_roots 9 --algorithm NONE
# The certificates of AOSP's own tests.
avb make_vbmeta_image --output cert.img --algorithm SHA512_RSA4096 --key $keys/testkey_atx_psk.pem --public_key_metadata $keys/atx_metadata.bin
cp $keys/atx_permanent_attributes.bin attributes.bin
cp $keys/atx_puk_certificate.bin unlock.bin
for f in *.img; do
	avb info_image --image $f >${f%.img}.txt
done
python3 mldsa.py "$src"

gcc -w -DAVB_COMPILATION -DAVB_ENABLE_DEBUG -I"$src" -I"$src/libavb" -I"$src/libavb/sha" -o "$tmp/judge" judge.c "$src"/libavb/avb_*.c "$src"/libavb/sha/*.c "$src"/libavb_atx/*.c
python3 mutate.py "$tmp/judge" $keys/testkey_rsa2048.pem

mkdir "$tmp/chain"
cp chain.img "$tmp/chain/vbmeta.img"
cp tree-sha256.img "$tmp/chain/system.img"
cp rsa4096-256.img "$tmp/chain/vendor.img"
for h in sha256 sha512; do
	echo "$h $(avb calculate_vbmeta_digest --image "$tmp/chain/vbmeta.img" --hash_algorithm $h)"
done >digests.txt
gzip -n9f hash.img hash512.img tree-*.img
