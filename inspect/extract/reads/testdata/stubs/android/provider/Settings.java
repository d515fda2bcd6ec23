package android.provider;

import android.content.ContentResolver;

public final class Settings {
    public static class SettingNotFoundException extends Exception {}

    public static final class System {
        public static int getInt(ContentResolver r, String name, int def) { return def; }
        public static int getInt(ContentResolver r, String name) throws SettingNotFoundException { return 0; }
        public static int getIntForUser(ContentResolver r, String name, int def, int user) { return def; }
        public static int getIntForUser(ContentResolver r, String name, int user) throws SettingNotFoundException { return 0; }
        public static String getString(ContentResolver r, String name) { return null; }
    }

    public static final class Secure {
        public static long getLong(ContentResolver r, String name, long def) { return def; }
        public static float getFloat(ContentResolver r, String name, float def) { return def; }
        public static String getStringForUser(ContentResolver r, String name, int user) { return null; }
    }

    public static final class Global {
        public static int getInt(ContentResolver r, String name, int def) { return def; }
        public static String getString(ContentResolver r, String name) { return null; }
        public static float getFloat(ContentResolver r, String name) throws SettingNotFoundException { return 0; }
    }
}
