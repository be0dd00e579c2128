//! The ordered, transactional key-value store that metadata stands on.
