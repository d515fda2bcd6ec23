package com.nimbus.activation;

/** What holds as long as nothing is stored. res/xml/cloud_settings.xml must say the same. */
final class Defaults {
    /** Cloud messaging is part of the phone: on until the user switches it off. */
    static final boolean ENABLED = true;

    private Defaults() {}
}
