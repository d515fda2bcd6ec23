package com.nimbus.activation;

import android.app.IntentService;
import android.content.Intent;
import android.content.SharedPreferences;
import android.preference.PreferenceManager;

/** Switches cloud messaging on and registers the phone, off the main thread. */
public class ActivationService extends IntentService {
    public ActivationService() {
        super("ActivationService");
    }

    @Override
    protected void onHandleIntent(Intent intent) {
        SharedPreferences preferences = PreferenceManager.getDefaultSharedPreferences(this);
        boolean asked = intent.getBooleanExtra(Keys.ASKED, false);
        // Unless the user asked for it, this is done only where the switch is on.
        if (!asked && !preferences.getBoolean(Keys.ENABLED, Defaults.ENABLED)) {
            return;
        }
        preferences.edit().putBoolean(Keys.ENABLED, true).commit();
        Registration.send(this);
        Notices.changed(this, true);
        // A notice is no condition of what was sent: it is read after it.
        if (preferences.getBoolean(Keys.NOTICE, getResources().getBoolean(R.bool.activation_notice))) {
            Notices.registered(this);
        }
    }
}
