package android.content;

import java.util.Set;

public interface SharedPreferences {
    boolean getBoolean(String key, boolean def);
    int getInt(String key, int def);
    long getLong(String key, long def);
    float getFloat(String key, float def);
    String getString(String key, String def);
    Set<String> getStringSet(String key, Set<String> def);
    boolean contains(String key);
}
