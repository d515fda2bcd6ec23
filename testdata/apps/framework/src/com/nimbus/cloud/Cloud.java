package com.nimbus.cloud;

/** Entry of the library com.nimbus.cloud. */
public final class Cloud {
    /** The activation app tells others that cloud messaging went on or off. */
    public static final String ACTION_CHANGED = "com.nimbus.cloud.action.CHANGED";
    /** Extra of ACTION_CHANGED, boolean: on or off. */
    public static final String EXTRA_ON = "on";
    /** Only apps that the vendor signed may send and receive ACTION_CHANGED. */
    public static final String PERMISSION = "com.nimbus.permission.CLOUD";

    private static Transport transport;

    private Cloud() {}

    /** The one transport of this process. */
    public static synchronized Transport transport() {
        if (transport == null) {
            transport = new HttpTransport();
        }
        return transport;
    }
}
