package com.nimbus.activation;

import android.app.Activity;
import android.app.AlertDialog;
import android.content.DialogInterface;
import android.content.Intent;
import android.os.Bundle;

/** Asks the user. There is no box in it that could be ticked beforehand. */
public class ConsentActivity extends Activity implements DialogInterface.OnClickListener {
    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        new AlertDialog.Builder(this)
                .setTitle(R.string.enabled_title)
                .setMessage(R.string.consent)
                .setPositiveButton(R.string.agree, this)
                .setNegativeButton(R.string.not_now, this)
                .setCancelable(false)
                .show();
    }

    @Override
    public void onClick(DialogInterface dialog, int which) {
        if (which == DialogInterface.BUTTON_POSITIVE) {
            startService(new Intent(this, ActivationService.class).putExtra(Keys.ASKED, true));
        }
        finish();
    }
}
