import com.android.apksig.ApkSigner;
import com.android.apksig.ApkVerifier;
import com.android.apksig.SigningCertificateLineage;
import com.android.apksig.apk.ApkUtils;
import com.android.apksig.util.DataSources;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.InputStreamReader;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.Security;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.List;

/** Signs and verifies APKs with apksig, one command a line, fields between tabs. */
public class Judge {
    private static Path keys;

    public static void main(String[] args) throws Exception {
        keys = Path.of(args[0]);
        try {
            // The JDK has RSASSA-PSS by another name than apksig asks for.
            Security.addProvider((Provider) Class.forName("org.bouncycastle.jce.provider.BouncyCastleProvider")
                    .getDeclaredConstructor().newInstance());
        } catch (ClassNotFoundException e) {
            System.err.println(e);
        }
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null; ) {
            String[] f = line.split("\t", -1);
            String out;
            try {
                out = f[0].equals("sign") ? sign(f) : verify(f);
            } catch (Throwable e) {
                out = "error\t" + e.toString().replaceAll("[\t\n\r]+", " ");
            }
            System.out.println(out);
        }
    }

    private static PrivateKey key(String name) throws Exception {
        String alg = name.startsWith("ec") ? "EC" : name.startsWith("dsa") ? "DSA" : "RSA";
        return KeyFactory.getInstance(alg)
                .generatePrivate(new PKCS8EncodedKeySpec(Files.readAllBytes(keys.resolve(name + ".pk8"))));
    }

    private static X509Certificate cert(String name) throws Exception {
        return (X509Certificate) CertificateFactory.getInstance("X.509")
                .generateCertificate(new ByteArrayInputStream(Files.readAllBytes(keys.resolve(name + ".der"))));
    }

    private static ApkSigner.SignerConfig config(String name) throws Exception {
        return new ApkSigner.SignerConfig.Builder(name, key(name), List.of(cert(name))).build();
    }

    private static SigningCertificateLineage.SignerConfig old(String name) throws Exception {
        return new SigningCertificateLineage.SignerConfig.Builder(key(name), cert(name)).build();
    }

    private static SigningCertificateLineage.SignerCapabilities capabilities(int flags) {
        return new SigningCertificateLineage.SignerCapabilities.Builder()
                .setInstalledData((flags & 1) != 0).setSharedUid((flags & 2) != 0).setPermission((flags & 4) != 0)
                .setRollback((flags & 8) != 0).setAuth((flags & 16) != 0).build();
    }

    /** sign, in, out, min SDK, schemes, signers, lineage as name:flags, stamp's signer. */
    private static String sign(String[] f) throws Exception {
        List<ApkSigner.SignerConfig> signers = new ArrayList<>();
        for (String name : f[5].split(",")) signers.add(config(name));
        String s = "," + f[4] + ",";
        ApkSigner.Builder b = new ApkSigner.Builder(signers)
                .setInputApk(new File(f[1])).setOutputApk(new File(f[2])).setMinSdkVersion(Integer.parseInt(f[3]))
                .setV1SigningEnabled(s.contains(",1,")).setV2SigningEnabled(s.contains(",2,"))
                .setV3SigningEnabled(s.contains(",3,")).setV4SigningEnabled(s.contains(",4,"))
                .setVerityEnabled(s.contains(",verity,")).setOtherSignersSignaturesPreserved(false);
        if (s.contains(",4,")) b.setV4SignatureOutputFile(new File(f[2] + ".idsig")).setV4ErrorReportingEnabled(true);
        if (!f[6].isEmpty()) {
            SigningCertificateLineage lineage = null;
            String last = null;
            for (String step : f[6].split(",")) {
                String[] p = step.split(":");
                if (last != null) {
                    String[] l = last.split(":");
                    lineage = lineage == null
                            ? new SigningCertificateLineage.Builder(old(l[0]), old(p[0]))
                                    .setOriginalCapabilities(capabilities(Integer.parseInt(l[1])))
                                    .setNewCapabilities(capabilities(Integer.parseInt(p[1]))).build()
                            : lineage.spawnDescendant(old(l[0]), old(p[0]), capabilities(Integer.parseInt(p[1])));
                }
                last = step;
            }
            b.setSigningCertificateLineage(lineage);
        }
        if (!f[7].isEmpty()) b.setSourceStampSignerConfig(config(f[7]));
        b.build().sign();
        return "signed";
    }

    /** verify, file, min SDK or nothing, max SDK, .idsig or nothing. */
    private static String verify(String[] f) throws Exception {
        File file = new File(f[1]);
        int target = 0, sandbox = 0, least = 0;
        try (RandomAccessFile in = new RandomAccessFile(file, "r")) {
            ByteBuffer manifest = ApkUtils.getAndroidManifest(DataSources.asDataSource(in));
            try { target = ApkUtils.getTargetSdkVersionFromBinaryAndroidManifest(manifest.slice()); } catch (Exception e) { }
            try { sandbox = ApkUtils.getTargetSandboxVersionFromBinaryAndroidManifest(manifest.slice()); } catch (Exception e) { }
            try { least = ApkUtils.getMinSdkVersionFromBinaryAndroidManifest(manifest.slice()); } catch (Exception e) { }
        } catch (Exception e) { }
        ApkVerifier.Builder b = new ApkVerifier.Builder(file);
        if (!f[2].isEmpty()) b.setMinCheckedPlatformVersion(Integer.parseInt(f[2]));
        b.setMaxCheckedPlatformVersion(Integer.parseInt(f[3]));
        if (!f[4].isEmpty()) b.setV4SignatureFile(new File(f[4]));
        StringBuilder out = new StringBuilder();
        out.append("\t").append(target).append("\t").append(sandbox).append("\t").append(least).append("\t");
        ApkVerifier.Result r;
        try {
            r = b.build().verify();
        } catch (Exception e) {
            return "no" + out + "\t\t\t" + e.toString().replaceAll("[\t\n\r]+", " ");
        }
        if (r.isVerifiedUsingV1Scheme()) out.append("1 ");
        if (r.isVerifiedUsingV2Scheme()) out.append("2 ");
        if (r.isVerifiedUsingV3Scheme()) out.append("3 ");
        if (r.isVerifiedUsingV4Scheme()) out.append("4 ");
        if (r.isSourceStampVerified()) out.append("stamp ");
        out.append("\t");
        for (X509Certificate c : r.getSignerCertificates()) out.append(hex(c)).append(" ");
        out.append("\t");
        if (r.getSigningCertificateLineage() != null)
            for (X509Certificate c : r.getSigningCertificateLineage().getCertificatesInLineage()) {
                SigningCertificateLineage.SignerCapabilities k = r.getSigningCertificateLineage().getSignerCapabilities(c);
                int flags = (k.hasInstalledData() ? 1 : 0) | (k.hasSharedUid() ? 2 : 0) | (k.hasPermission() ? 4 : 0)
                        | (k.hasRollback() ? 8 : 0) | (k.hasAuth() ? 16 : 0);
                out.append(hex(c)).append(":").append(flags).append(" ");
            }
        out.append("\t");
        for (ApkVerifier.IssueWithParams i : r.getAllErrors()) out.append(i.getIssue()).append(" ");
        return (r.isVerified() ? "yes" : "no") + out;
    }

    private static String hex(X509Certificate c) throws Exception {
        StringBuilder s = new StringBuilder();
        for (byte x : MessageDigest.getInstance("SHA-256").digest(c.getEncoded())) s.append(String.format("%02x", x));
        return s.toString();
    }
}
