#!/bin/sh
# Makes the updates of this folder again, from source/ and key/. Needs python3, openssl, ssh-keygen and
# signapk (Debian: signapk). The key is public by design: it signs examples only.
#
# The zips are written with fixed times and the signatures are RSA PKCS#1, so the
# same bytes come out each time; only ec.zip differs, because ECDSA draws a number.
set -eu
cd "$(dirname "$0")"
out=${1:-.}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

if [ ! -f key/example.x509.pem ]; then
	mkdir -p key
	openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 20000 -subj '/O=otavet examples/CN=example update key' \
		-keyout "$tmp/example.pem" -out key/example.x509.pem
	openssl pkcs8 -topk8 -inform PEM -outform DER -in "$tmp/example.pem" -out key/example.pk8 -nocrypt
	openssl ecparam -name prime256v1 -genkey -noout -out "$tmp/ec.pem"
	openssl req -x509 -new -key "$tmp/ec.pem" -sha256 -days 20000 -subj '/O=otavet examples/CN=example EC key' -out key/ec.x509.pem
	openssl pkcs8 -topk8 -inform PEM -outform DER -in "$tmp/ec.pem" -out key/ec.pk8 -nocrypt
	openssl rsa -in "$tmp/example.pem" -out "$tmp/sha1.pem" 2>/dev/null
	openssl req -x509 -new -key "$tmp/sha1.pem" -sha1 -days 20000 -subj '/O=otavet examples/CN=example SHA-1 certificate' -out key/sha1.x509.pem
	cp key/example.pk8 key/sha1.pk8
fi

# zip NAME: the tree of source/, the key store of the device in it.
python3 - "$tmp" <<'PY'
import io, os, sys, zipfile
tmp = sys.argv[1]
TIME = (2014, 8, 10, 12, 0, 0)

def info(name, mode=0o644, how=zipfile.ZIP_DEFLATED):
    z = zipfile.ZipInfo(name, TIME)
    z.compress_type, z.create_system, z.external_attr = how, 3, mode << 16
    return z

def tree():
    files = {}
    for d, _, names in os.walk("source"):
        for n in names:
            p = os.path.join(d, n)
            files[os.path.relpath(p, "source").replace(os.sep, "/")] = open(p, "rb").read()
    store = io.BytesIO()
    with zipfile.ZipFile(store, "w") as z:
        z.writestr(info("example.x509.pem"), open("key/example.x509.pem", "rb").read())
    files["system/etc/security/otacerts.zip"] = store.getvalue()
    # The programs that an update carries are not run by anybody here: an ELF header is enough.
    elf = b"\x7fELF\x01\x01\x01" + bytes(9) + b"\x02\x00\x28\x00\x01\x00\x00\x00" + bytes(28)
    files["META-INF/com/google/android/update-binary"] = elf
    files["boot.img"] = b"no real boot image: 4096 bytes of an example".ljust(4096, b"\0")
    return files

def write(name, files, extra=()):
    with zipfile.ZipFile(os.path.join(tmp, name), "w") as z:
        for n in sorted(files):
            z.writestr(info(n, how=zipfile.ZIP_STORED if n == "boot.img" else zipfile.ZIP_DEFLATED), files[n])
        for n, data in extra:
            z.writestr(info(n), data)

import warnings
warnings.simplefilter("ignore")  # duplicate names are the point of one of them
files = tree()
write("example.zip", files)
write("twice.zip", files, [("system/build.prop", b"ro.debuggable=1\n")])
script = files["META-INF/com/google/android/updater-script"]
runs = dict(files)
runs["META-INF/com/google/android/updater-script"] = script + b'run_program("/system/bin/sh", "-c", "id");\n'
write("runs.zip", runs)
PY

# SignApk keeps the order of members, writes fixed times, adds otacert, and signs the whole file.
# Debian installs signapk as a JAR that the shell cannot start by itself.
signapk=$(command -v signapk)
sign() { java -jar "$signapk" -w "key/$1.x509.pem" "key/$1.pk8" "$tmp/$2" "$out/$3"; }
sign example example.zip example.zip
sign ec example.zip ec.zip
sign sha1 example.zip sha1.zip
sign example runs.zip runs.zip

# Without -w SignApk makes a JAR signature, as updates had before 2010.
java -jar "$signapk" --disable-v2 --min-sdk-version 18 key/example.x509.pem key/example.pk8 "$tmp/example.zip" "$out/jar.zip"

# A signature in a file of its own, as builders of systems publish them.
if [ ! -e key/ssh ]; then
	ssh-keygen -q -t ed25519 -N '' -C releases@example -f key/ssh
	echo "releases@example $(cut -d' ' -f1,2 key/ssh.pub)" >key/allowed_signers
	rm key/ssh.pub
fi
chmod 600 key/ssh
rm -f "$out/example.zip.sig"
ssh-keygen -q -Y sign -f key/ssh -n file "$out/example.zip"

cp "$tmp/example.zip" "$out/unsigned.zip"
cp "$tmp/twice.zip" "$out/twice.zip"

# One byte of the signed part is changed: the first of boot.img's text.
python3 - "$out" <<'PY'
import sys
out = sys.argv[1]
b = bytearray(open(out + "/example.zip", "rb").read())
b[b.index(b"no real boot image")] ^= 0x20
open(out + "/tampered.zip", "wb").write(b)
PY
# What a download that broke off, a pointer of git-lfs and an error page look like.
head -c 3000 "$out/example.zip" > "$out/cutoff.zip"
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 104857600\n' 0 > "$out/pointer.zip"
printf '<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head></html>\n' > "$out/errorpage.zip"
