package com.nimbus.messages;

final class Keys {
    /** Name of the file of preferences. */
    static final String FILE = "cloud";
    /** The switch: whether the cloud is asked who is online. */
    static final String STATUS_LOOKUP = "status_lookup";

    /** Entry of the bundle that describes a contact. */
    static final String NUMBER = "number";

    private Keys() {}
}
