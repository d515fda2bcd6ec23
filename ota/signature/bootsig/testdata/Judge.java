import com.android.verity.BootSignature;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.security.Security;
import java.util.Arrays;
import org.bouncycastle.jce.provider.BouncyCastleProvider;

/** Flips one bit of each byte of a signed image, and writes the offsets of those flips after which BootSignature finds it valid. */
public class Judge {
    public static void main(String[] args) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        byte[] image = Files.readAllBytes(Paths.get(args[0]));
        int end = BootSignature.getSignableImageSize(image);
        if (!valid(image)) {
            throw new Exception("not valid to begin with");
        }
        for (int i = 0; i < image.length; i++) {
            // The image itself is too long to be hashed so often.
            if (i < end && i > 64 && i % 97 != 0) {
                continue;
            }
            byte[] bent = image.clone();
            bent[i] ^= 1 << i % 8;
            if (valid(bent)) {
                System.out.println(i);
            }
        }
    }

    static boolean valid(byte[] image) {
        try {
            int end = BootSignature.getSignableImageSize(image);
            BootSignature s = new BootSignature(Arrays.copyOfRange(image, end, image.length));
            return s.verify(Arrays.copyOf(image, end));
        } catch (Throwable t) {
            return false;
        }
    }
}
