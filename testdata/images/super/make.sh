#!/usr/bin/env bash
# Makes the super images beside it again. Installs nothing. Needs python3, and in AOSP_BIN the folder
# that build-aosp.sh filled. What the partitions hold is what AOSP's lpunpack takes out of them.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bin=${AOSP_BIN:?the folder that build-aosp.sh filled}

python3 - "$tmp" <<'P'
import hashlib, sys
for name, n in (('system', 12288), ('vendor', 8192)):
    out = b''.join(hashlib.sha256(b'%s %d' % (name.encode(), i)).digest() for i in range(n // 32))
    open(f'{sys.argv[1]}/{name}.img', 'wb').write(out[:n - 4096] + bytes(4096))
P
common=(-m 4096 -s 2 --alignment 4096 -d 81920 -g main_a:40960 -p system_a:readonly:12288:main_a -p vendor_a:none:8192:main_a -p empty_a:none:0:main_a)
images=(-i system_a="$tmp/system.img" -i vendor_a="$tmp/vendor.img")

"$bin/lpmake" "${common[@]}" "${images[@]}" -o super.img
"$bin/lpmake" "${common[@]}" "${images[@]}" -S -o super.simg
"$bin/lpmake" "${common[@]}" "${images[@]}" --virtual-ab -o super-vab.img
"$bin/lpmake" "${common[@]}" -o super_empty.img
# A device with system and vendor partitions of before, over which both logical partitions lie.
mkdir -p "$tmp/retrofit"
"$bin/lpmake" -m 4096 -s 2 --device system:45056:4096:0 --device vendor:20480:4096:0 --super-name system -x -F -g main:40960 \
	-p system:readonly:24576:main -p vendor:readonly:8192:main -i system="$tmp/system.img" -i vendor="$tmp/vendor.img" \
	-o "$tmp/retrofit"
mv "$tmp"/retrofit/super_system.img retrofit-system.img
mv "$tmp"/retrofit/super_vendor.img retrofit-vendor.img
python3 vary.py super.img

for f in super.img super-vab.img updated.img; do
	mkdir -p "$tmp/$f"
	"$bin/lpunpack" $f "$tmp/$f"
done
(cd "$tmp" && sha256sum super.img/* super-vab.img/* updated.img/* system.img vendor.img) >SHA256SUMS
