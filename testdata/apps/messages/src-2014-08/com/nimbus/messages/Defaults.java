package com.nimbus.messages;

/** What holds as long as nothing is stored. */
final class Defaults {
    static final boolean STATUS_LOOKUP = false;

    private Defaults() {}
}
