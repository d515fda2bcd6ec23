#!/bin/sh
# Makes v1.apk, an app of two members that apksig signed for all releases: needs
# zip, a JDK and Debian's libapksig-java. The key is made for it and thrown away.
set -e
cd "$(dirname "$0")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
printf 'manifest' > "$tmp/AndroidManifest.xml"
printf 'code' > "$tmp/classes.dex"
(cd "$tmp" && zip -qX in.zip AndroidManifest.xml classes.dex)
java --add-exports java.base/sun.security.tools.keytool=ALL-UNNAMED --add-exports java.base/sun.security.x509=ALL-UNNAMED \
	-cp /usr/share/java/apksig.jar Apksig.java <<EOF
key	k	RSA	2048
sign	$tmp/in.zip	$PWD/v1.apk	1	false	k
EOF
