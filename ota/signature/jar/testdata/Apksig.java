// Apksig answers one line for each line of its input, so that one virtual machine
// judges and signs as many apps as a test has. Fields are parted by tabs.
//
//	verify FILE MIN MAX FOUND    apksig's V1SchemeVerifier, told that the blocks of the schemes FOUND (2,3) are there
//	sign IN OUT MIN V2 KEY...    apksig's ApkSigner
//	jarsign IN OUT DIGEST SIGNATURE KEY    jarsigner's JarSigner
//	key NAME ALGORITHM SIZE      a key with a certificate of its own, kept under NAME
//	jar FILE                     java.util.jar.JarFile, which jarsigner -verify asks
import com.android.apksig.ApkSigner;
import com.android.apksig.ApkVerifier;
import com.android.apksig.apk.ApkUtils;
import com.android.apksig.internal.apk.v1.V1SchemeVerifier;
import com.android.apksig.util.DataSource;
import com.android.apksig.util.DataSources;
import java.io.BufferedReader;
import java.io.File;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.zip.ZipFile;
import jdk.security.jarsigner.JarSigner;
import sun.security.tools.keytool.CertAndKeyGen;
import sun.security.x509.X500Name;

public class Apksig {
    record Key(PrivateKey key, X509Certificate cert) {}

    static final Map<String, Key> keys = new HashMap<>();

    public static void main(String[] args) throws Exception {
        PrintStream out = System.out;
        System.setOut(System.err);
        System.setErr(new PrintStream(PrintStream.nullOutputStream())); // apksig prints stack traces
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null; ) {
            String answer;
            try {
                answer = answer(line.split("\t", -1));
            } catch (Throwable t) {
                answer = "false\tEXCEPTION:" + t.getClass().getSimpleName() + ":" + t.getMessage() + "\t";
            }
            out.println(answer.replace('\n', ' '));
            out.flush();
        }
    }

    static String answer(String[] f) throws Exception {
        switch (f[0]) {
            case "verify":
                return verify(f[1], Integer.parseInt(f[2]), Integer.parseInt(f[3]), f[4]);
            case "sign":
                return sign(f);
            case "jarsign":
                Key k = keys.get(f[5]);
                JarSigner signer = new JarSigner.Builder(k.key, CertificateFactory.getInstance("X.509").generateCertPath(List.of(k.cert)))
                    .digestAlgorithm(f[3]).signatureAlgorithm(f[4]).signerName("T").build();
                try (ZipFile in = new ZipFile(f[1]); FileOutputStream to = new FileOutputStream(f[2])) {
                    signer.sign(in, to);
                }
                return "ok";
            case "key":
                String sig = f[2].equals("EC") ? "SHA256withECDSA" : f[2].equals("DSA") && f[3].equals("1024") ? "SHA1withDSA" : "SHA256with" + f[2];
                CertAndKeyGen g = new CertAndKeyGen(f[2], sig);
                g.generate(Integer.parseInt(f[3]));
                keys.put(f[1], new Key(g.getPrivateKey(), g.getSelfCertificate(new X500Name("CN=" + f[1]), 86400L * 10000)));
                return "ok";
            case "jar":
                return jar(f[1]);
        }
        return "what is " + f[0];
    }

    // verify answers whether it verified, the issues, and the signers' certificates.
    static String verify(String file, int min, int max, String found) throws Exception {
        Map<Integer, String> known = new HashMap<>();
        if (max >= 24) {
            known.put(2, "v2");
        }
        if (max >= 28) {
            known.put(3, "v3");
        }
        Set<Integer> blocks = new HashSet<>();
        for (String s : found.split(",")) {
            if (!s.isEmpty()) {
                blocks.add(Integer.parseInt(s));
            }
        }
        try (RandomAccessFile f = new RandomAccessFile(file, "r")) {
            DataSource apk = DataSources.asDataSource(f);
            V1SchemeVerifier.Result r = V1SchemeVerifier.verify(apk, ApkUtils.findZipSections(apk), known, blocks, min, max);
            Set<String> issues = new TreeSet<>();
            for (ApkVerifier.IssueWithParams i : r.getErrors()) {
                issues.add(i.getIssue().name());
            }
            Set<String> certs = new TreeSet<>();
            for (V1SchemeVerifier.Result.SignerInfo s : r.signers) {
                for (ApkVerifier.IssueWithParams i : s.getErrors()) {
                    issues.add(i.getIssue().name());
                }
                if (!s.certChain.isEmpty()) {
                    certs.add(hex(MessageDigest.getInstance("SHA-256").digest(s.certChain.get(0).getEncoded())));
                }
            }
            return r.verified + "\t" + String.join(",", issues) + "\t" + String.join(",", certs);
        }
    }

    static String sign(String[] f) throws Exception {
        List<ApkSigner.SignerConfig> signers = new ArrayList<>();
        for (int i = 5; i < f.length; i++) {
            Key k = keys.get(f[i]);
            signers.add(new ApkSigner.SignerConfig.Builder(f[i], k.key, List.of(k.cert)).build());
        }
        new ApkSigner.Builder(signers).setInputApk(new File(f[1])).setOutputApk(new File(f[2]))
            .setMinSdkVersion(Integer.parseInt(f[3])).setV1SigningEnabled(true)
            .setV2SigningEnabled(f[4].equals("true")).setV3SigningEnabled(false).setV4SigningEnabled(false).build().sign();
        return "ok";
    }

    static String jar(String file) throws Exception {
        boolean any = false;
        byte[] buf = new byte[1 << 16];
        try (JarFile j = new JarFile(file, true)) {
            if (j.getManifest() == null) {
                return "false";
            }
            for (Enumeration<JarEntry> e = j.entries(); e.hasMoreElements(); ) {
                JarEntry entry = e.nextElement();
                try (InputStream in = j.getInputStream(entry)) {
                    while (in.read(buf) >= 0) {
                    }
                }
                any |= entry.getCodeSigners() != null;
            }
        }
        return String.valueOf(any);
    }

    static String hex(byte[] b) {
        StringBuilder s = new StringBuilder();
        for (byte x : b) {
            s.append(String.format("%02x", x));
        }
        return s.toString();
    }
}
