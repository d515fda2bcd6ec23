package com.example.reads;

import android.content.ContentResolver;
import android.os.SystemProperties;
import android.provider.Settings;

class Platform {
    void settings(ContentResolver r) throws Settings.SettingNotFoundException {
        Settings.System.getInt(r, "accelerometer_rotation", 1); // want default system accelerometer_rotation=1 int
        Settings.System.getInt(r, "volume"); // want default system volume=? int (no default: the read throws)
        Settings.System.getIntForUser(r, "for_user", 3, -2); // want default system for_user=3 int
        Settings.System.getIntForUser(r, "for_user", -2); // want default system for_user=? int (no default: the read throws)
        Settings.System.getString(r, "ringtone"); // want default system ringtone=? string (no default: the read returns null)
        Settings.Secure.getLong(r, "since", 0); // want default secure since=0 long
        Settings.Secure.getFloat(r, "scale", 1.5f); // want default secure scale=1.5 float
        Settings.Secure.getStringForUser(r, "ime", 0); // want default secure ime=? string (no default: the read returns null)
        Settings.Global.getInt(r, "wifi_on", 0); // want default global wifi_on=0 int
        Settings.Global.getFloat(r, "scale"); // want default global scale=? float (no default: the read throws)
        Settings.Global.getString(r, "mode"); // want default global mode=? string (no default: the read returns null)
    }

    void properties() {
        SystemProperties.get("ro.debuggable"); // want default property ro.debuggable= string
        SystemProperties.get("ro.name", "x"); // want default property ro.name=x string
        SystemProperties.get("ro.null", null); // want default property ro.null= string (null, for which the platform answers an empty string)
        SystemProperties.getInt("ro.int", 5); // want default property ro.int=5 int
        SystemProperties.getLong("ro.long", 300000); // want default property ro.long=300000 long
        SystemProperties.getBoolean("ro.bool", true); // want default property ro.bool=true boolean
        SystemProperties.get(null); // want default property ?= string (the key is null)
    }
}
