package com.nimbus.activation;

/** What holds as long as nothing is stored. res/xml/cloud_settings.xml must say the same. */
final class Defaults {
    /** Off until the user switches it on. */
    static final boolean ENABLED = false;

    private Defaults() {}
}
