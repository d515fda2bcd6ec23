package com.nimbus.activation;

/** Keys of this app's default preferences, and of its intents. */
final class Keys {
    /** The switch of cloud messaging. */
    static final String ENABLED = "cloud_messaging_enabled";
    /** Whether a notification says that the phone was registered. */
    static final String NOTICE = "activation_notice";

    /** Extra for ActivationService, boolean: the user asked for it. */
    static final String ASKED = "asked";

    private Keys() {}
}
