//! Who sent this request: SigV4 headers, presigned URLs, POST forms, chunked bodies; parsed once, strictly.
