package android.content.res;

public class Resources {
    public boolean getBoolean(int id) { return false; }
    public int getInteger(int id) { return 0; }
    public String getString(int id) { return null; }
}
