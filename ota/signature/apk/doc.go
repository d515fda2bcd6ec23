// Package apk judges the signatures of an Android app as the installer of each
// release does: by JAR (v1, see package jar), by signing block (v2, v3, v3.1), by
// the .idsig file beside it (v4), and the source stamp, which says who
// distributed an app and never decides whether it may be installed.
//
// The rules are those of frameworks/base/core/java/android/util/apk
// (ApkSignatureVerifier, ApkSignatureSchemeV2Verifier, ApkSignatureSchemeV3Verifier,
// ApkSigningBlockUtils, SourceStampVerifier; of 2022, with v3.1), of
// android.os.incremental.V4Signature, and of apksig (tools/apksig), which also
// compares what schemes say of each other. Integers are little-endian, sizes
// count bytes, and a length that stands before something is a uint32 unless it
// is said otherwise.
//
// Which release reads which scheme: up to 6.0 (SDK 23) v1 alone; from 7.0 v2
// where there is one; from 9 v3 before it; from 13 v3.1 before that. A scheme that is
// found and does not hold is not passed over. On a system partition the package
// manager takes contents on trust, and refuses what contradicts itself without a look
// at them. Whatever the scheme, the file must begin as a ZIP does (libziparchive).
package apk
