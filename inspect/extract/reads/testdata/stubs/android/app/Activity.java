package android.app;

import android.content.ContentResolver;
import android.content.Context;
import android.content.res.Resources;

public class Activity extends Context {
    public Resources getResources() { return null; }
    public ContentResolver getContentResolver() { return null; }
}
