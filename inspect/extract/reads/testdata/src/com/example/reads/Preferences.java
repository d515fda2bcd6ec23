package com.example.reads;

import android.app.Activity;
import android.content.SharedPreferences;
import java.util.Collections;
import java.util.Set;

class Preferences extends Activity {
    SharedPreferences prefs;
    String field = "field";

    void constants() {
        prefs.getBoolean("cloud", false); // want default preferences cloud=false boolean
        prefs.getBoolean("backup", true); // want default preferences backup=true boolean
        prefs.getInt("interval", -60); // want default preferences interval=-60 int
        prefs.getInt("large", 0x12345678); // want default preferences large=305419896 int
        prefs.getLong("since", -1L); // want default preferences since=-1 long
        prefs.getLong("until", 0x123456789abcdefL); // want default preferences until=81985529216486895 long
        prefs.getFloat("ratio", 0.1f); // want default preferences ratio=0.1 float
        prefs.getFloat("zero", 0f); // want default preferences zero=0 float
        prefs.getString("name", "nobody"); // want default preferences name=nobody string
        prefs.getString("none", null); // want default preferences none=? string (null)
        prefs.getString("empty", ""); // want default preferences empty= string
        prefs.getString("bad\u0001", "\ud800%"); // want default preferences bad%01=%ED%A0%80%25 string
        prefs.getStringSet("set", null); // want default preferences set=? set (null)
        prefs.getStringSet("other", Collections.<String>emptySet()); // want default preferences other=? set (the default is computed)
        prefs.contains("cloud");
    }

    void computed(String name, boolean def) {
        prefs.getBoolean("a" + name, false); // want default preferences ?=false boolean (the key is computed)
        prefs.getBoolean(field, !def); // want default preferences ?=? boolean (the key is computed; the default is computed)
        prefs.getString("outer", prefs.getString("inner", "x")); // want default preferences inner=x string | preferences outer=? string (the default is computed)
    }

    // The same along both ways is constant; what differs is not.
    void branches(boolean b, String s) {
        String key = "branch";
        int same = 7;
        int other = 1;
        if (b) {
            other = 2;
        }
        prefs.getInt(key, same); // want default preferences branch=7 int
        prefs.getInt(key, other); // want default preferences branch=? int (the default is computed)
        for (int i = 0; i < 3; i++) {
            prefs.getInt("loop", i); // want default preferences loop=? int (the default is computed)
            prefs.getInt(key, same); // want default preferences branch=7 int
        }
        switch (s.length()) {
        case 1:
            key = "one";
            break;
        case 2:
            key = "two";
            break;
        }
        prefs.getInt(key, same); // want default preferences ?=7 int (the key is computed)
    }

    void handlers() {
        String key = "before";
        try {
            prefs.getInt(key, 1); // want default preferences before=1 int
            key = "between";
            Integer.parseInt(field);
            key = "after";
        } catch (RuntimeException e) {
            prefs.getInt(key, 2); // want default preferences ?=2 int (the key is computed)
            prefs.getInt("caught", 3); // want default preferences caught=3 int
            return;
        }
        prefs.getInt(key, 4); // want default preferences after=4 int
    }

    void resources(android.content.res.Resources r) {
        // want:next default preferences cloud_from_resource=true boolean
        prefs.getBoolean(getString(R.string.key_cloud), true);
        // want:next default preferences ?=true boolean (the key is string/key_varies, which has no one value)
        prefs.getBoolean(r.getString(R.string.key_varies), true);
        // want:next default preferences sync=false boolean bool/sync | preferences sync=true boolean bool/sync [land] | resource bool/sync=? boolean bool/sync
        prefs.getBoolean("sync", r.getBoolean(R.bool.sync));
        // want:next default preferences hello=hello string string/greeting
        prefs.getString("hello", getString(R.string.greeting));
        // want:next default resource integer/interval=? int integer/interval
        int i = getResources().getInteger(R.integer.interval);
        // want:next default resource bool/same_as_sync=? boolean bool/same_as_sync
        if (r.getBoolean(R.bool.same_as_sync)) {
            r.getBoolean(i);
            r.getBoolean(0x01110001); // the framework's
        }
        // want:next default resource ?=? boolean (resource 0x7f7f0001 is not in the table)
        r.getBoolean(0x7f7f0001);
    }
}
