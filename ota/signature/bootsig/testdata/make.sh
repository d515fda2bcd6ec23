#!/usr/bin/env bash
# Makes the files beside it again with AOSP's tools: make.sh TOOLS, a folder that build-aosp.sh filled. Installs nothing. Needs java, openssl,
# mke2fs, python3, in AOSP_SRC the source package that testdata/images/super/build-aosp.sh names, and in the PATH fec and build_verity_tree
# of testdata/images/verity/build-aosp.sh. The keys are AOSP's test keys; certificates are made where they are missing. Signatures of EC
# differ each time.
#
# NAME.sig is what BootSignature left behind testdata/images/boot/NAME, up to the first dot, and NAME.valid has the offsets in both
# together at which a flipped bit (offset modulo 8) leaves BootSignature satisfied. Images of filesystems are whole.
set -euo pipefail
export LC_ALL=C TZ=UTC
cd "$(dirname "$0")"
tools=$(cd "${1:?make.sh TOOLS}" && pwd) src=${AOSP_SRC:?} images=../../../../testdata/images/boot
jar=/usr/share/java/bcprov.jar:/usr/share/java/bcpkix.jar
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cp "$src"/external/avb/test/data/testkey_rsa{2048,4096}.pem "$tmp"
for c in prime256v1 secp384r1 secp521r1; do
	openssl ecparam -name $c -genkey -noout -out "$tmp/testkey_$c.pem"
done
for k in rsa2048 rsa4096 prime256v1 secp384r1 secp521r1; do
	openssl pkcs8 -topk8 -nocrypt -in "$tmp/testkey_$k.pem" -outform DER -out "$tmp/$k.pk8"
	if [ -e $k.x509.pem ]; then
		cp $k.x509.pem "$tmp"
	else
		openssl req -new -x509 -key "$tmp/testkey_$k.pem" -out "$tmp/$k.x509.pem" -days 10000 -sha256 -subj "/CN=boot signature $k"
	fi
done
cp "$tmp"/rsa*.x509.pem .
sign() { # IMAGE TARGET KEY NAME
	java -cp "$tools:$jar" com.android.verity.BootSignature "$2" "$images/$1.img" "$tmp/$3.pk8" "$tmp/$3.x509.pem" "$tmp/signed"
	java -cp "$tools:$jar" com.android.verity.BootSignature -verify "$tmp/signed"
	tail -c +$(($(stat -c %s "$images/$1.img") + 1)) "$tmp/signed" >"$4.sig"
	java -cp "$tools:$jar" Judge "$tmp/signed" >"$4.valid"
}
sign v0 /boot rsa2048 v0.rsa2048
sign v0 /recovery rsa4096 v0.rsa4096
sign v1 /boot rsa2048 v1.rsa2048
sign v2 /boot rsa2048 v2.rsa2048
sign v0 /boot prime256v1 v0.ec256
sign v0 /boot secp384r1 v0.ec384
sign v0 /boot secp521r1 v0.ec521

# /verity_key, and filesystems with a signed table.
"$tools/generate_verity_key" -convert rsa2048.x509.pem "$tmp/verity_key"
cp "$tmp/verity_key.pub" verity_key
salt=aee087a5be3b982978c923f566a94613496b417f2af592639bc80d141e34dfe7
dd if=/dev/zero of="$tmp/fs" bs=4096 count=160 status=none
E2FSPROGS_FAKE_TIME=1400000000 mke2fs -q -F -t ext4 -O ^has_journal -b 4096 -U 12345678-1234-1234-1234-123456789abc -E hash_seed=12345678-1234-1234-1234-123456789abc "$tmp/fs" 160
root=$(build_verity_tree -A $salt "$tmp/fs" "$tmp/tree" | cut -d' ' -f1)
metadata() { # OUT EXTRA OPTIONS...
	python3 - "$src/system/extras/verity" "$tools:$jar" "$tmp" "$root" $salt "$@" <<'P'
import sys
verity, classpath, tmp, root, salt, out, extra = sys.argv[1:8]
sys.path.insert(0, verity)
import build_verity_metadata as b
table = b.build_verity_table
# Up to Android 5 the tree stood behind the block of metadata.
b.build_verity_table = lambda dev, blocks, root, salt: table(dev, blocks, root, salt).replace(b' %d %d ' % (blocks, blocks), b' %d %d ' % (blocks, blocks + int(extra)))
b.build_verity_metadata(160, out, root, salt, '/dev/block/by-name/system', 'java', tmp + '/rsa2048.pk8', '-cp %s com.android.verity.VeritySigner' % classpath, '--verity_disable' in sys.argv)
P
}
metadata "$tmp/new" 0
metadata "$tmp/off" 0 --verity_disable
metadata "$tmp/old" 8
cat "$tmp/fs" "$tmp/tree" "$tmp/new" >"$tmp/new.img"
fec -e -r 2 "$tmp/new.img" "$tmp/new.fec" >/dev/null
cat "$tmp/new.img" "$tmp/new.fec" >fec.img                 # Android 7
cat "$tmp/fs" "$tmp/tree" "$tmp/new" >plain.img            # Android 6
cat "$tmp/fs" "$tmp/tree" "$tmp/off" >off.img              # after adb disable-verity
cat "$tmp/fs" "$tmp/old" "$tmp/tree" >old.img              # Android 5
# SHA-1, as fs_mgr took it before Android 6. Its signer is not in the source; openssl signs.
python3 - "$tmp" <<'P'
import struct, subprocess, sys
tmp = sys.argv[1]
b = bytearray(open(tmp + '/old', 'rb').read())
n = struct.unpack_from('<I', b, 264)[0]
open(tmp + '/table', 'wb').write(b[268:268 + n])
b[8:264] = subprocess.run(['openssl', 'dgst', '-sha1', '-sign', tmp + '/testkey_rsa2048.pem', tmp + '/table'], check=True, stdout=subprocess.PIPE).stdout
open(tmp + '/sha1', 'wb').write(b)
P
cat "$tmp/fs" "$tmp/sha1" "$tmp/tree" >sha1.img
for f in fec plain off old sha1; do
	echo "$f $("$tools/verity_verifier" $f.img -mincrypt verity_key 2>/dev/null || true)"
done >verifier.txt
gzip -n9f ./*.img
