//! What clients and nodes both speak: envelopes, actions, state keys and values.
