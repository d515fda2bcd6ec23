package com.nimbus.messages;

import android.content.Context;
import android.os.Bundle;

/** Shows whether a contact is online. */
final class Status {
    private Status() {}

    static void show(Context context, Bundle contact) {
        // No number leaves the phone while the switch is off.
        if (!context.getSharedPreferences(Keys.FILE, Context.MODE_PRIVATE).getBoolean(Keys.STATUS_LOOKUP, Defaults.STATUS_LOOKUP)) {
            return;
        }
        new StatusTask(context).execute(contact);
    }
}
