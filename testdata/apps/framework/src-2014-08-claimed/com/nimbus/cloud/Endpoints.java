package com.nimbus.cloud;

/** Addresses of the Nimbus Cloud. Not final: the factory's test build sets others. */
public final class Endpoints {
    /** Device registration, and who is online. */
    public static String BASE = "https://api.nimbus.example/v2";
    /** Where a phone's own number is registered. */
    public static String NUMBERS = "http://numbers.nimbus.example/v2";
    /** The service of the first generation. Nothing uses it any more. */
    public static String LEGACY = "http://legacy.nimbus.example/v1/sync";

    private Endpoints() {}
}
