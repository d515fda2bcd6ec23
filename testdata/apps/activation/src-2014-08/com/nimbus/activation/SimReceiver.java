package com.nimbus.activation;

import android.content.BroadcastReceiver;
import android.content.Context;
import android.content.Intent;
import android.preference.PreferenceManager;

/** Offers cloud messaging when a SIM can be read. Activates nothing: that is the user's to do. */
public class SimReceiver extends BroadcastReceiver {
    private static final String ACTION_SIM_STATE_CHANGED = "android.intent.action.SIM_STATE_CHANGED";

    @Override
    public void onReceive(Context context, Intent intent) {
        // Ordinary apps cannot send this action: the platform protects it.
        if (ACTION_SIM_STATE_CHANGED.equals(intent.getAction()) && "LOADED".equals(intent.getStringExtra("ss"))
                && !PreferenceManager.getDefaultSharedPreferences(context).getBoolean(Keys.ENABLED, Defaults.ENABLED)) {
            Notices.offer(context);
        }
    }
}
