package android.content;

import android.content.res.Resources;

public abstract class Context {
    public abstract Resources getResources();
    public abstract ContentResolver getContentResolver();
    public final String getString(int id) { return null; }
}
