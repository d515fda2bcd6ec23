package com.nimbus.messages;

import android.content.Context;
import android.os.AsyncTask;
import android.os.Bundle;
import android.widget.Toast;

import com.nimbus.cloud.Cloud;
import com.nimbus.cloud.Endpoints;

/** Asks the cloud off the main thread. */
final class StatusTask extends AsyncTask<Bundle, Void, String> {
    private final Context context;

    StatusTask(Context context) {
        this.context = context.getApplicationContext();
    }

    @Override
    protected String doInBackground(Bundle... contacts) {
        String number = contacts[0].getString(Keys.NUMBER);
        return Cloud.transport().get(Endpoints.BASE + "/status?number=" + number);
    }

    @Override
    protected void onPostExecute(String answer) {
        if ("online".equals(answer)) {
            Toast.makeText(context, R.string.online, Toast.LENGTH_SHORT).show();
        }
    }
}
