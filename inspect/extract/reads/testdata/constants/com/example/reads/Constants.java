package com.example.reads;

class Constants {
    static final String KEY = "from_field";
    static final boolean ON = true;
    static final int COUNT = -5;
    static final long SINCE = 1L << 40;
    static final float RATIO = 2.5f;
    static final int ZERO = 0;
    static int open = 3;
}
