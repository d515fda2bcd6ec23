package com.nimbus.messages;

import android.app.ListActivity;
import android.content.ContentUris;
import android.content.Intent;
import android.database.Cursor;
import android.net.Uri;
import android.os.Bundle;
import android.view.Menu;
import android.view.MenuItem;
import android.view.View;
import android.widget.ListView;
import android.widget.SimpleCursorAdapter;

/** The messages, newest first. */
public class InboxActivity extends ListActivity {
    private static final Uri INBOX = Uri.parse("content://sms/inbox");

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        // The bodies are shown in the list and go nowhere else.
        Cursor messages = managedQuery(INBOX, new String[] {"_id", "address", "body"}, null, null, "date DESC");
        setListAdapter(new SimpleCursorAdapter(this, android.R.layout.simple_list_item_2, messages,
                new String[] {"address", "body"}, new int[] {android.R.id.text1, android.R.id.text2}));
    }

    /** The user opens a message: the sender's status is shown. */
    @Override
    protected void onListItemClick(ListView list, View row, int position, long id) {
        Cursor message = getContentResolver().query(ContentUris.withAppendedId(INBOX, id), new String[] {"address"}, null, null, null);
        if (message.moveToFirst()) {
            Status.show(this, People.byAddress(this, message.getString(0)));
        }
        message.close();
    }

    @Override
    public boolean onCreateOptionsMenu(Menu menu) {
        getMenuInflater().inflate(R.menu.inbox, menu);
        return true;
    }

    @Override
    public boolean onOptionsItemSelected(MenuItem item) {
        startActivity(new Intent(this, item.getItemId() == R.id.compose ? ComposeActivity.class : ContactsActivity.class));
        return true;
    }
}
