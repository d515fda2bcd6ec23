package com.nimbus.messages;

import android.app.ListActivity;
import android.database.Cursor;
import android.os.Bundle;
import android.provider.ContactsContract.CommonDataKinds.Phone;
import android.view.View;
import android.widget.ListView;
import android.widget.SimpleCursorAdapter;

/** The address book. */
public class ContactsActivity extends ListActivity {
    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        // The whole list is shown and goes nowhere else: only what is opened is asked for.
        Cursor people = managedQuery(Phone.CONTENT_URI, new String[] {Phone._ID, Phone.DISPLAY_NAME, Phone.NUMBER}, null, null, Phone.DISPLAY_NAME);
        setListAdapter(new SimpleCursorAdapter(this, android.R.layout.simple_list_item_2, people,
                new String[] {Phone.DISPLAY_NAME, Phone.NUMBER}, new int[] {android.R.id.text1, android.R.id.text2}));
    }

    /** The user opens a contact: its status is shown. */
    @Override
    protected void onListItemClick(ListView list, View row, int position, long id) {
        Status.show(this, People.byRow(this, id));
    }
}
