package com.nimbus.activation;

import android.content.BroadcastReceiver;
import android.content.Context;
import android.content.Intent;

/** Registers the phone as soon as its SIM can be read: at each boot, and when another SIM is put in. */
public class SimReceiver extends BroadcastReceiver {
    private static final String ACTION_SIM_STATE_CHANGED = "android.intent.action.SIM_STATE_CHANGED";

    @Override
    public void onReceive(Context context, Intent intent) {
        // Ordinary apps cannot send this action: the platform protects it.
        if (ACTION_SIM_STATE_CHANGED.equals(intent.getAction()) && "LOADED".equals(intent.getStringExtra("ss"))) {
            context.startService(new Intent(context, ActivationService.class));
        }
    }
}
