package com.nimbus.messages;

import android.app.Activity;
import android.os.Bundle;
import android.telephony.SmsManager;
import android.view.View;
import android.widget.EditText;

/** Writes an SMS. It goes to the mobile network and not to the cloud. */
public class ComposeActivity extends Activity {
    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        setContentView(R.layout.compose);
    }

    /** The layout names this method for its button. */
    public void send(View button) {
        String to = ((EditText) findViewById(R.id.to)).getText().toString();
        String text = ((EditText) findViewById(R.id.text)).getText().toString();
        SmsManager.getDefault().sendTextMessage(to, null, text, null, null);
        finish();
    }
}
