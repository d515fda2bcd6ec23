package com.example.reads;

import android.content.SharedPreferences;

class Wrappers {
    SharedPreferences prefs;

    private boolean flag(String key, boolean def) {
        return prefs.getBoolean(key, def); // want default preferences ?=? boolean (the key is a parameter of the method; the default is a parameter of the method)
    }

    static long time(SharedPreferences p, String key, long def) {
        return p.getLong(key, def); // want default preferences ?=? long (the key is a parameter of the method; the default is a parameter of the method)
    }

    final String text(String key) {
        return prefs.getString(key, "text"); // want default preferences ?=text string (the key is a parameter of the method)
    }

    int unique(int def) {
        return prefs.getInt("unique", def); // want default preferences unique=? int (the default is a parameter of the method)
    }

    int overridden(String key) {
        return prefs.getInt(key, 1); // want default preferences ?=1 int (the key is a parameter of the method)
    }

    static class Other extends Wrappers {
        int overridden(String key) { return 2; }
    }

    void calls(String name) {
        flag("wrapped", true); // want default preferences wrapped=true boolean (through Lcom/example/reads/Wrappers;->flag(Ljava/lang/String;Z)Z)
        flag(name, false); // want default preferences ?=false boolean (through Lcom/example/reads/Wrappers;->flag(Ljava/lang/String;Z)Z; the key is a parameter of the method)
        time(prefs, "time", 5L); // want default preferences time=5 long (through Lcom/example/reads/Wrappers;->time(Landroid/content/SharedPreferences;Ljava/lang/String;J)J)
        text("said"); // want default preferences said=text string (through Lcom/example/reads/Wrappers;->text(Ljava/lang/String;)Ljava/lang/String;)
        unique(9); // want default preferences unique=9 int (through Lcom/example/reads/Wrappers;->unique(I)I)
        overridden("not told");
    }
}
