package com.nimbus.cloud;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.HttpURLConnection;
import java.net.URL;

/** Sends requests with the platform's own HTTP client, and its own TLS checks for https. */
final class HttpTransport implements Transport {
    private static final int TIMEOUT_MS = 15000;

    @Override
    public String get(String address) {
        HttpURLConnection connection = null;
        try {
            connection = (HttpURLConnection) new URL(address).openConnection();
            connection.setConnectTimeout(TIMEOUT_MS);
            connection.setReadTimeout(TIMEOUT_MS);
            // The request goes out here.
            if (connection.getResponseCode() != HttpURLConnection.HTTP_OK) {
                return null;
            }
            return new BufferedReader(new InputStreamReader(connection.getInputStream(), "UTF-8")).readLine();
        } catch (IOException e) {
            return null;
        } finally {
            if (connection != null) {
                connection.disconnect();
            }
        }
    }
}
