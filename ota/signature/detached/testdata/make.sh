#!/bin/sh
# Makes the signatures and keys of this folder anew, each by the tool that it is named
# after: gpg (gnupg), ssh-keygen (openssh-client), minisign, signify-openbsd, openssl.
set -eu
cd "$(dirname "$0")"
rm -f -- *.pub *.pem *.asc *.pgp *.sig *.minisig *.json signers
printf 'An update, as small as it can be.\n' > update
home=$(mktemp -d)
trap 'gpgconf --homedir "$home" --kill all; rm -rf "$home"' EXIT
chmod 700 "$home"

# minisign: prehashed, and as before version 0.8
minisign -G -W -f -p minisign.pub -s "$home/minisign.key" > /dev/null
minisign -G -W -f -p minisign-other.pub -s "$home/minisign-other.key" > /dev/null
minisign -S -s "$home/minisign.key" -c 'not signed' -t 'update of today' -m update -x minisign.minisig
minisign -S -l -s "$home/minisign.key" -c 'not signed' -t 'update of today' -m update -x minisign-legacy.minisig

signify-openbsd -G -n -p signify.pub -s "$home/signify.sec"
signify-openbsd -S -s "$home/signify.sec" -m update -x signify.sig
signify-openbsd -S -e -s "$home/signify.sec" -m update -x signify-embedded.sig

# ssh: every kind of key
: > signers
for key in ed25519: rsa:2048 rsa:4096 rsa:1024 ecdsa:256 ecdsa:384 ecdsa:521; do
	kind=${key%:*} bits=${key#*:}
	name=ssh-$kind$bits
	ssh-keygen -q -t "$kind" ${bits:+-b "$bits"} -N '' -C "$name" -f "$home/$name"
	cp "$home/$name.pub" "$name.pub"
	printf '%s@example.org ' "$name" | cat - "$name.pub" >> signers
	ssh-keygen -q -Y sign -f "$home/$name" -n file < update > "$name.sig"
done
ssh-keygen -q -Y sign -f "$home/ssh-ed25519" -n 'factory images' < update > ssh-factory.sig
ssh-keygen -q -Y sign -f "$home/ssh-ed25519" -n file -O hashalg=sha256 < update > ssh-sha256.sig
ssh-keygen -q -s "$home/ssh-rsa2048" -I id -n someone "$home/ssh-ecdsa256.pub"
ssh-keygen -q -Y sign -f "$home/ssh-ecdsa256-cert.pub" -n file < update > ssh-certified.sig || rm -f ssh-certified.sig

# cosign: what sign-blob prints is openssl's signature in base64
for key in ec:P-256 ec:P-384 ec:P-521 rsa:2048 rsa:4096 ed25519:; do
	kind=${key%:*} size=${key#*:}
	name=cosign-$kind$size
	case $kind in
	ec) openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$size" -out "$home/$name" ;;
	rsa) openssl genpkey -quiet -algorithm RSA -pkeyopt "rsa_keygen_bits:$size" -out "$home/$name" ;;
	*) openssl genpkey -algorithm ed25519 -out "$home/$name" ;;
	esac
	openssl pkey -in "$home/$name" -pubout -out "$name.pem"
	if [ "$kind" = ed25519 ]; then
		openssl pkeyutl -sign -rawin -inkey "$home/$name" -in update -out "$home/sig"
	else
		openssl dgst -sha256 -sign "$home/$name" -out "$home/sig" update
	fi
	base64 -w0 "$home/sig" > "$name.sig"
done
openssl dgst -sha384 -sign "$home/cosign-ecP-384" update | base64 -w0 > cosign-ecP-384-sha384.sig
openssl req -x509 -new -key "$home/cosign-ecP-256" -subj /CN=builder -days 3650 -out cosign-ecP-256-cert.pem 2> /dev/null

# openpgp
export GNUPGHOME="$home"
g() { gpg --batch --quiet --yes --no-tty --pinentry-mode loopback --passphrase '' --trust-model always --faked-system-time "$now!" "$@" 2> /dev/null; }
sign() { g --local-user "$1@example.org" --output "$2" --detach-sign "$3" update; }
now=20200101T000000
for key in rsa2048 rsa4096 rsa1024 ed25519 nistp256 nistp384 nistp521 dsa2048 brainpoolP256r1 secp256k1; do
	g --quick-generate-key "$key@example.org" "$key" sign never
	now=20200201T000000
	sign "$key" "pgp-$key.sig" --no-armor
	sign "$key" "pgp-$key.asc" --armor
	g --armor --export "$key@example.org" > "pgp-$key.pgp"
	now=20200101T000000
done
now=20200201T000000
g --local-user rsa2048@example.org --output pgp-sha1.sig --digest-algo SHA1 --detach-sign update
g --local-user rsa2048@example.org --output pgp-sha224.sig --digest-algo SHA224 --detach-sign update
g --local-user rsa2048@example.org --output pgp-sha512.sig --digest-algo SHA512 --detach-sign update
g --local-user rsa2048@example.org --output pgp-md5.sig --digest-algo MD5 --allow-weak-digest-algos --detach-sign update || rm -f pgp-md5.sig
g --local-user rsa2048@example.org --output pgp-text.sig --textmode --detach-sign update
g --local-user rsa2048@example.org --output pgp-clear.asc --clearsign update
g --local-user rsa2048@example.org --output pgp-inline.sig --compress-algo none --sign update
g --local-user rsa2048@example.org --output pgp-compressed.sig --sign update
g --local-user rsa2048@example.org --output pgp-limited.sig --default-sig-expire 30d --detach-sign update
g --local-user rsa2048@example.org --local-user ed25519@example.org --output pgp-two.sig --detach-sign update
g --export ed25519@example.org > pgp-binary.pgp
# a primary key that certifies, and a subkey that signs
now=20200101T000000
g --quick-generate-key sub@example.org rsa2048 cert never
fpr=$(g --list-keys --with-colons sub@example.org | sed -n 's/^fpr:*\([^:]*\):$/\1/p' | head -1)
g --quick-add-key "$fpr" ed25519 sign never
now=20200201T000000
sign sub pgp-sub.sig --no-armor
g --export sub@example.org > pgp-sub.pgp
# keys that expire in 2021, with signatures of before and after
now=20200101T000000
g --quick-generate-key old@example.org ed25519 sign 1y
now=20200601T000000
sign old pgp-old-before.sig --no-armor
g --export old@example.org > pgp-old.pgp
fpr=$(g --list-keys --with-colons old@example.org | sed -n 's/^fpr:*\([^:]*\):$/\1/p' | head -1)
g --quick-set-expire "$fpr" 5y
now=20220601T000000
sign old pgp-old-after.sig --no-armor
# a key that was revoked
now=20200101T000000
g --quick-generate-key lost@example.org ed25519 sign never
now=20200601T000000
sign lost pgp-lost.sig --no-armor
g --export lost@example.org > pgp-lost-before.pgp
fpr=$(g --list-keys --with-colons lost@example.org | sed -n 's/^fpr:*\([^:]*\):$/\1/p' | head -1)
sed 's/^:--/--/' "$home/openpgp-revocs.d/$fpr.rev" | g --import
g --export lost@example.org > pgp-lost.pgp
# a subkey that expires in 2021, with signatures of before and after, and then revoked
now=20200101T000000
g --quick-generate-key part@example.org ed25519 cert never
fpr=$(g --list-keys --with-colons part@example.org | sed -n 's/^fpr:*\([^:]*\):$/\1/p' | head -1)
g --quick-add-key "$fpr" ed25519 sign 1y
now=20200601T000000
sign part pgp-part-before.sig --no-armor
g --export part@example.org > pgp-part.pgp
sub=$(g --list-keys --with-colons part@example.org | sed -n 's/^fpr:*\([^:]*\):$/\1/p' | tail -1)
g --quick-set-expire "$fpr" 5y "$sub"
now=20220601T000000
sign part pgp-part-after.sig --no-armor
g --export part@example.org > pgp-part-longer.pgp
printf 'key 1\nrevkey\ny\n1\nstolen\n\ny\nsave\n' | gpg --quiet --no-tty --command-fd 0 --pinentry-mode loopback --passphrase '' --faked-system-time "$now!" --edit-key "$fpr" > /dev/null 2>&1
g --export part@example.org > pgp-part-revoked.pgp
# a user ID that was revoked, of two
now=20200101T000000
g --quick-generate-key first@example.org ed25519 sign never
now=20200102T000000
g --quick-add-uid first@example.org second@example.org
now=20200103T000000
g --quick-revoke-uid first@example.org second@example.org
now=20200201T000000
sign first pgp-users.sig --no-armor
g --export first@example.org > pgp-users.pgp
# integers of fewer bytes than the others: by chance
i=10
until [ -e pgp-short.sig ] && [ "$(stat -c %s pgp-short.sig)" -lt "$(stat -c %s pgp-ed25519.sig)" ]; do
	i=$((i + 1))
	now=2020$((10 + i / 2500 % 3))$((10 + i / 250 % 18))T$((10 + i / 60 % 10))$(printf %02d $((i % 60)))00
	sign ed25519 pgp-short.sig --no-armor
done
