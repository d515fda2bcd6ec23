package com.nimbus.activation;

import android.content.Context;
import android.content.SharedPreferences;
import android.preference.PreferenceManager;
import android.telephony.TelephonyManager;

import com.nimbus.cloud.Cloud;
import com.nimbus.cloud.Endpoints;
import com.nimbus.cloud.Transport;

/** Tells the cloud which phone and number this is. */
final class Registration {
    private Registration() {}

    static void send(Context context) {
        SharedPreferences preferences = PreferenceManager.getDefaultSharedPreferences(context);
        // Nothing is sent while the switch is off.
        if (!preferences.getBoolean(Keys.ENABLED, Defaults.ENABLED)) {
            return;
        }
        TelephonyManager phone = (TelephonyManager) context.getSystemService(Context.TELEPHONY_SERVICE);
        Transport transport = Cloud.transport();
        transport.get(Endpoints.NUMBERS + "/activate?number=" + phone.getLine1Number());
        // Two identifiers in one request, to the other host.
        transport.get(String.format("%s/device?imei=%s&imsi=%s", Endpoints.BASE, phone.getDeviceId(), phone.getSubscriberId()));
    }
}
