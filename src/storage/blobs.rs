//! Object bytes on disk: opaque ids, sealed chunks, flushed before they are acknowledged.
