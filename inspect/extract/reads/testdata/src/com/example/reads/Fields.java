package com.example.reads;

import android.content.SharedPreferences;

class Fields {
    static final String WRITTEN = null;

    void read(SharedPreferences prefs) {
        prefs.getBoolean(Constants.KEY, Constants.ON); // want default preferences from_field=true boolean
        prefs.getInt("count", Constants.COUNT); // want default preferences count=-5 int
        prefs.getLong("since", Constants.SINCE); // want default preferences since=1099511627776 long
        prefs.getFloat("ratio", Constants.RATIO); // want default preferences ratio=2.5 float
        prefs.getInt("zero", Constants.ZERO); // want default preferences zero=0 int
        prefs.getInt("open", Constants.open); // want default preferences open=? int (the default is computed)
        prefs.getString("written", WRITTEN); // want default preferences written=? string (the default is computed)
    }
}
