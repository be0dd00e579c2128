//! Encryption at rest: data keys, the key ring that seals them, and the chunked AEAD format.
