//! Making what viewers need: signatures over policies, and the URLs and cookies that carry them.
