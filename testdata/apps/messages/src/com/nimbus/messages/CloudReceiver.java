package com.nimbus.messages;

import android.content.BroadcastReceiver;
import android.content.Context;
import android.content.Intent;

import com.nimbus.cloud.Cloud;

/** Keeps this app's switch as the activation app says. */
public class CloudReceiver extends BroadcastReceiver {
    @Override
    public void onReceive(Context context, Intent intent) {
        context.getSharedPreferences(Keys.FILE, Context.MODE_PRIVATE).edit()
                .putBoolean(Keys.STATUS_LOOKUP, intent.getBooleanExtra(Cloud.EXTRA_ON, false))
                .commit();
    }
}
