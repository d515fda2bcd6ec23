package com.nimbus.messages;

import android.content.ContentUris;
import android.content.Context;
import android.database.Cursor;
import android.net.Uri;
import android.os.Bundle;
import android.provider.ContactsContract.CommonDataKinds.Phone;
import android.provider.ContactsContract.PhoneLookup;

/** Finds contacts in the address book. */
final class People {
    private People() {}

    /** The contact of a row of Phone.CONTENT_URI. */
    static Bundle byRow(Context context, long id) {
        return contact(context.getContentResolver().query(
                ContentUris.withAppendedId(Phone.CONTENT_URI, id), new String[] {Phone.NUMBER}, null, null, null));
    }

    /** The contact who has this address of a message, as the address book writes the number. */
    static Bundle byAddress(Context context, String address) {
        return contact(context.getContentResolver().query(
                Uri.withAppendedPath(PhoneLookup.CONTENT_FILTER_URI, Uri.encode(address)), new String[] {PhoneLookup.NUMBER}, null, null, null));
    }

    /** The number in the first row of a query of the address book. */
    private static Bundle contact(Cursor cursor) {
        Bundle contact = new Bundle();
        try {
            if (cursor.moveToFirst()) {
                contact.putString(Keys.NUMBER, cursor.getString(0));
            }
        } finally {
            cursor.close();
        }
        return contact;
    }
}
