//! What every HTTP service shares: problem details, authorisation, limits, telemetry, shutdown, the guarded outbound client.
