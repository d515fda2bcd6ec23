#!/usr/bin/env bash
# Makes the updates of the invented vendor Nimbus again: ../updates/nimbus-*.zip, or into the folder
# that is named. Takes the field's own tools, so that what is read later is what such tools write.
# Installs nothing: what is missing is named. README.md says which versions made what is here.
#
# The same bytes come out each time: files go in by name, with one time, and signatures are RSA PKCS#1.
set -euo pipefail
export LC_ALL=C TZ=UTC
umask 022
cd "$(dirname "$0")"
out=$(mkdir -p "${1:-../updates}" && cd "${1:-../updates}" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# The release of the device, its API level, and the key of ../updates/key that signs the updates.
# Recovery takes SHA-256 from 4.3 on, so that a phone of 2014 can have an update with nothing weak in it.
release=4.3 sdk=18 signer=example

m2=${M2_REPO:-$HOME/.m2/repository}
dx=${DX_JAR:-$m2/com/jakewharton/android/repackaged/dalvik-dx/9.0.0_r3/dalvik-dx-9.0.0_r3.jar}
android=${ANDROID_JAR:-$m2/com/google/android/android/4.1.1.4/android-4.1.1.4.jar}
resources=${FRAMEWORK_RES:-/usr/share/android-framework-res/framework-res.apk}

# look says what is missing, all of it at once.
look() {
	local missing=0
	tool() { command -v "$1" >/dev/null || { echo "make.sh: no $1: Debian package $2" >&2; missing=1; }; }
	file() { [ -f "$1" ] || { echo "make.sh: no $1: $2" >&2; missing=1; }; }
	tool javac openjdk-17-jdk-headless
	tool proguard proguard-cli
	tool aapt aapt
	tool zipalign zipalign
	tool apksigner apksigner
	tool signapk signapk
	tool openssl openssl
	tool python3 python3
	file "$dx" "Maven com.jakewharton.android.repackaged:dalvik-dx:9.0.0_r3, or another dx.jar by DX_JAR"
	file "$android" "Maven com.google.android:android:4.1.1.4, or another android.jar by ANDROID_JAR"
	file "$resources" "Debian package android-framework-res, or another one by FRAMEWORK_RES"
	return $missing
}

# key makes the vendor's platform key where there is none. It is public by design: it signs examples only.
key() {
	[ -f key/platform.pk8 ] && return
	mkdir -p key
	openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 20000 -subj '/O=otavet examples/CN=Nimbus platform key' \
		-keyout "$tmp/platform.pem" -out key/platform.x509.pem
	openssl pkcs8 -topk8 -inform PEM -outform DER -in "$tmp/platform.pem" -out key/platform.pk8 -nocrypt
}

# layer PART KIND TO LAYER…: the tree PART/KIND, and over it PART/KIND-LAYER of each layer.
layer() {
	local part=$1 kind=$2 to=$3 l
	shift 3
	mkdir -p "$to"
	cp -R "$part/$kind/." "$to"
	for l in "$@"; do
		if [ -d "$part/$kind-$l" ]; then cp -R "$part/$kind-$l/." "$to"; fi
	done
}

# compile TO CLASSPATH FOLDER…: the Java sources of the folders.
compile() {
	local to=$1 path=$2
	shift 2
	mkdir -p "$to"
	find "$@" -name '*.java' | sort >"$to.list"
	javac --release 8 -encoding UTF-8 -g:source,lines -Xlint:-options -nowarn -cp "$path" -d "$to" "@$to.list" 2>"$to.log" ||
		{ cat "$to.log" >&2; return 1; }
}

# java8 TO: the classes of Java 8, as javac --release 8 sees them, for this ProGuard cannot read those of a newer Java.
# They hold declarations only, so that it is enough to write the class file version of Java 8 (52) into them.
java8() {
	python3 - "$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")/lib/ct.sym" "$1" <<'PY'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as sym, zipfile.ZipFile(sys.argv[2], "w") as to:
    for name in sym.namelist():
        # RELEASES/MODULE/PACKAGE/CLASS.sig; each release is one character.
        releases, _, rest = name.partition("/")
        module, _, path = rest.partition("/")
        if "8" in releases and module == "java.base" and path.endswith(".sig"):
            b = sym.read(name)
            to.writestr(path[:-4] + ".class", b[:6] + b"\0\x34" + b[8:])
PY
}

# dex TO FROM: a folder or JAR of classes as classes.dex.
dex() { java -cp "$dx" com.android.dx.command.Main --dex --output="$1" "$2"; }

# pack TO FROM…: the members of zip files and the files of folders, the first of each name, in the order of the names and with
# one time. Resource tables and images of APKs stay as aapt stored them.
pack() {
	python3 - "$@" <<'PY'
import os, sys, zipfile
to, found = sys.argv[1], {}
for path in sys.argv[2:]:
    if os.path.isdir(path):
        for d, _, names in os.walk(path):
            for n in names:
                p = os.path.join(d, n)
                found.setdefault(os.path.relpath(p, path), (open(p, "rb").read(), zipfile.ZIP_DEFLATED))
    else:
        with zipfile.ZipFile(path) as z:
            for i in z.infolist():
                found.setdefault(i.filename, (z.read(i), i.compress_type))
with zipfile.ZipFile(to, "w") as z:
    for name in sorted(found, key=lambda n: (n != "AndroidManifest.xml", n)):
        data, how = found[name]
        i = zipfile.ZipInfo(name, (2014, 7, 1, 0, 0, 0))
        i.compress_type, i.create_system, i.external_attr = how, 3, 0o644 << 16
        z.writestr(i, data)
PY
}

# apk PART TO VERSION CLASSES RESOURCES: an APK, aligned and signed. JAR signature only: there was no other in 2014.
apk() {
	local part=$1 to=$2 version=$3 classes=$4 res=$5 assets=()
	if [ -d "$part/assets" ]; then assets=(-A "$part/assets"); fi
	mkdir -p "$to.dex"
	dex "$to.dex/classes.dex" "$classes"
	aapt package -f -M "$part/AndroidManifest.xml" -S "$res" "${assets[@]}" -I "$resources" \
		--min-sdk-version "$sdk" --target-sdk-version "$sdk" --version-code "$version" --version-name "2.${version:4:2}" -F "$to.res"
	pack "$to.packed" "$to.res" "$to.dex"
	zipalign -f 4 "$to.packed" "$to.aligned"
	apksigner sign --key key/platform.pk8 --cert key/platform.x509.pem --min-sdk-version "$sdk" \
		--v1-signer-name PLATFORM --v1-signing-enabled true --v2-signing-enabled false --v3-signing-enabled false --v4-signing-enabled false \
		--in "$to.aligned" --out "$to"
}

# build DIR LAYER…: the library and the two apps, in DIR/system.
build() {
	local dir=$1 version=$2
	shift 2
	mkdir -p "$dir/system/framework" "$dir/system/app" "$dir/system/etc/permissions"

	# The library. Apps find its classes on the device, so they do not carry them.
	layer framework src "$dir/framework.src" "$@"
	compile "$dir/framework" "$android" "$dir/framework.src"
	mkdir "$dir/framework.dex"
	dex "$dir/framework.dex/classes.dex" "$dir/framework"
	pack "$dir/system/framework/nimbus-framework.jar" "$dir/framework.dex"
	cp framework/permissions/com.nimbus.cloud.xml "$dir/system/etc/permissions/"

	# The activation app, with its names.
	layer activation src "$dir/activation.src" "$@"
	layer activation res "$dir/activation.res" "$@"
	ids activation "$dir/activation.res" "$dir/activation.gen"
	compile "$dir/activation" "$android:$dir/framework" "$dir/activation.src" "$dir/activation.gen"
	apk activation "$dir/NimbusActivation.apk" "$version" "$dir/activation" "$dir/activation.res"

	# The messaging app, its names shortened.
	layer messages src "$dir/messages.src" "$@"
	layer messages res "$dir/messages.res" "$@"
	ids messages "$dir/messages.res" "$dir/messages.gen"
	compile "$dir/messages" "$android:$dir/framework" "$dir/messages.src" "$dir/messages.gen"
	pack "$dir/messages.jar" "$dir/messages"
	proguard -injars "$dir/messages.jar" -outjars "$dir/short.jar" -include messages/proguard.pro \
		-libraryjars "$android" -libraryjars "$dir/framework" -libraryjars "$tmp/java8.jar" \
		>"$dir/proguard.log" || { cat "$dir/proguard.log" >&2; return 1; }
	apk messages "$dir/NimbusMessages.apk" "$version" "$dir/short.jar" "$dir/messages.res"

	cp "$dir"/Nimbus*.apk "$dir/system/app/"
}

# ids PART RESOURCES TO: R.java.
ids() {
	mkdir -p "$3"
	aapt package -f -m -J "$3" -M "$1/AndroidManifest.xml" -S "$2" -I "$resources"
}

# update NAME DATE: the tree of a build as an update, signed over the whole file.
update() {
	local name=$1 day=$2 dir=$tmp/$1 utc inc
	utc=$(date -u -d "$day 12:00" +%s)
	inc=$(date -u -d "$day" +%y%m%d)12
	mkdir -p "$dir/META-INF/com/android" "$dir/META-INF/com/google/android" "$dir/system/etc/security"
	fill() {
		sed -e "s|@UTC@|$utc|g; s|@SDK@|$sdk|g; s|@RELEASE@|$release|g; s|@INCREMENTAL@|$inc|g; s|@DISPLAY@|NimbusOS 2.${day:5:2}|g" \
			-e "s|@FINGERPRINT@|nimbus/cumulus/cumulus:$release/JSS15J/$inc:user/release-keys|g" "update/$1" >"$dir/$2"
	}
	fill metadata META-INF/com/android/metadata
	fill updater-script META-INF/com/google/android/updater-script
	fill build.prop system/build.prop

	# The programs that an update carries are not run by anybody here: an ELF header is enough. So is a text for the boot image.
	python3 - "$dir" <<'PY'
import sys
d = sys.argv[1]
open(d + "/META-INF/com/google/android/update-binary", "wb").write(
    b"\x7fELF\x01\x01\x01" + bytes(9) + b"\x02\x00\x28\x00\x01\x00\x00\x00" + bytes(28))
open(d + "/boot.img", "wb").write(b"no real boot image: 4096 bytes of an example".ljust(4096, b"\0"))
PY
	mkdir "$dir.certs"
	cp "../updates/key/$signer.x509.pem" "$dir.certs/"
	pack "$dir/system/etc/security/otacerts.zip" "$dir.certs"

	mkdir "$dir.tree"
	cp -R "$dir/META-INF" "$dir/system" "$dir/boot.img" "$dir.tree/"
	pack "$dir.zip" "$dir.tree"
	# SignApk keeps the order of members, writes fixed times, adds otacert, and signs the whole file.
	java -jar "$(command -v signapk)" -w "../updates/key/$signer.x509.pem" "../updates/key/$signer.pk8" "$dir.zip" "$out/$name.zip"
}

look
key
java8 "$tmp/java8.jar"
# The claimed fix is the fix with two files of its own over it.
build "$tmp/nimbus-2014-07" 20140715 2014-07
build "$tmp/nimbus-2014-08" 20140810 2014-08
build "$tmp/nimbus-2014-08-claimed" 20140810 2014-08 2014-08-claimed
update nimbus-2014-07 2014-07-15
update nimbus-2014-08 2014-08-10
update nimbus-2014-08-claimed 2014-08-10
