package com.nimbus.activation;

import android.app.Notification;
import android.app.NotificationManager;
import android.app.PendingIntent;
import android.content.Context;
import android.content.Intent;

import com.nimbus.cloud.Cloud;

/** What this app tells the user and the other apps. */
final class Notices {
    private Notices() {}

    /** A notification that opens the consent dialog when it is tapped. */
    static void offer(Context context) {
        notify(context, R.string.offer, ConsentActivity.class);
    }

    /** A notification that opens the settings screen when it is tapped. */
    static void registered(Context context) {
        notify(context, R.string.registered, CloudSettingsActivity.class);
    }

    /** Tells the messaging app that cloud messaging is on or off. */
    static void changed(Context context, boolean on) {
        context.sendBroadcast(new Intent(Cloud.ACTION_CHANGED).putExtra(Cloud.EXTRA_ON, on), Cloud.PERMISSION);
    }

    private static void notify(Context context, int text, Class<?> activity) {
        Notification notification = new Notification.Builder(context)
                .setSmallIcon(R.drawable.ic_cloud)
                .setContentTitle(context.getString(R.string.app_name))
                .setContentText(context.getString(text))
                .setContentIntent(PendingIntent.getActivity(context, 0, new Intent(context, activity), 0))
                .setAutoCancel(true)
                .build();
        ((NotificationManager) context.getSystemService(Context.NOTIFICATION_SERVICE)).notify(text, notification);
    }
}
