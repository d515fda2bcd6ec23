package com.nimbus.messages;

import android.app.Notification;
import android.app.NotificationManager;
import android.content.BroadcastReceiver;
import android.content.Context;
import android.content.Intent;
import android.telephony.SmsMessage;

/** Shows a message that came in. Its text goes to the notification and nowhere else. */
public class SmsReceiver extends BroadcastReceiver {
    @Override
    public void onReceive(Context context, Intent intent) {
        Object[] pdus = (Object[]) intent.getExtras().get("pdus");
        SmsMessage message = SmsMessage.createFromPdu((byte[]) pdus[0]);
        Notification notification = new Notification.Builder(context)
                .setSmallIcon(R.drawable.ic_messages)
                .setContentTitle(message.getDisplayOriginatingAddress())
                .setContentText(message.getDisplayMessageBody())
                .build();
        ((NotificationManager) context.getSystemService(Context.NOTIFICATION_SERVICE)).notify(R.string.app_name, notification);
    }
}
