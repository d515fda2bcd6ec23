package com.example.reads;

import android.content.SharedPreferences;

// Second is in classes2.dex: wrappers and constants of the first file are known here.
class Second {
    void calls(Wrappers w, SharedPreferences prefs) {
        w.text("second"); // want default preferences second=text string (through Lcom/example/reads/Wrappers;->text(Ljava/lang/String;)Ljava/lang/String;)
        prefs.getString(Constants.KEY, Constants.KEY); // want default preferences from_field=from_field string
        prefs.getLong("since", Constants.SINCE); // want default preferences since=1099511627776 long
        prefs.getInt("open", Constants.open); // want default preferences open=? int (the default is computed)
    }
}
