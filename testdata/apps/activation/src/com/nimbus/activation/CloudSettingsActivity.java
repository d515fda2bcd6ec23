package com.nimbus.activation;

import android.content.Intent;
import android.os.Bundle;
import android.preference.Preference;
import android.preference.PreferenceActivity;

/** The settings screen. The boxes on it store their keys in the app's default preferences by themselves. */
public class CloudSettingsActivity extends PreferenceActivity implements Preference.OnPreferenceChangeListener {
    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        addPreferencesFromResource(R.xml.cloud_settings);
        findPreference(Keys.ENABLED).setOnPreferenceChangeListener(this);
    }

    /** The user ticked the box of cloud messaging, or took the tick away. */
    @Override
    public boolean onPreferenceChange(Preference preference, Object value) {
        if (((Boolean) value).booleanValue()) {
            startService(new Intent(this, ActivationService.class).putExtra(Keys.ASKED, true));
        } else {
            Notices.changed(this, false);
        }
        return true;
    }
}
