#!/bin/sh
# Makes the keys that the tests sign with, and a self-signed certificate of each:
# needs openssl. They protect nothing.
set -e
cd "$(dirname "$0")"
rm -rf keys
mkdir keys
pair() { # name, options of genpkey, digest
	openssl genpkey $2 -outform DER -out keys/$1.tmp 2>/dev/null
	openssl pkcs8 -topk8 -nocrypt -inform DER -in keys/$1.tmp -outform DER -out keys/$1.pk8
	openssl req -new -x509 -keyform DER -key keys/$1.pk8 -$3 -days 10000 -subj "/CN=$1" -outform DER -out keys/$1.der
	rm keys/$1.tmp
}
for bits in 1024 2048 3072 4096 8192; do
	pair rsa$bits "-algorithm RSA -pkeyopt rsa_keygen_bits:$bits" sha256
done
for n in a b c d; do pair $n "-algorithm RSA -pkeyopt rsa_keygen_bits:2048" sha256; done
for bits in 256 384 521; do
	pair ec$bits "-algorithm EC -pkeyopt ec_paramgen_curve:P-$bits -pkeyopt ec_param_enc:named_curve" sha256
done
for bits in 1024 2048 3072; do
	openssl genpkey -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:$bits -out keys/params.pem 2>/dev/null
	pair dsa$bits "-paramfile keys/params.pem" sha256
	rm keys/params.pem
done
