package com.nimbus.cloud;

/** How apps talk to the Nimbus Cloud. They know this interface only. */
public interface Transport {
    /** Asks the server and returns the first line of its answer, or null. Not for the main thread. */
    String get(String address);
}
