package com.example.reads;

// What reads constants is compiled against these, which javac cannot inline, and dexed with the others.
class Constants {
    static final String KEY = new String();
    static final boolean ON = KEY != null;
    static final int COUNT = KEY.length();
    static final long SINCE = KEY.length();
    static final float RATIO = KEY.length();
    static final int ZERO = KEY.length();
    static int open;
}
