//! Where things are, and where their copies go.

use std::path::{Component, Path, PathBuf};

/// A source or a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Standard input or output.
    Stream,
    /// A file or a folder.
    Local(PathBuf),
    /// An object or a prefix; the key may be empty.
    Stored {
        /// The bucket.
        bucket: String,
        /// The key, or the beginning of keys.
        key: String,
    },
}

impl Place {
    /// Reads `-`, `s3://BUCKET[/KEY]` or a path.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "-" {
            return Ok(Self::Stream);
        }
        let Some(rest) = text.strip_prefix("s3://") else {
            return match text {
                "" => Err("the path is empty".to_owned()),
                path => Ok(Self::Local(PathBuf::from(path))),
            };
        };
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err("the bucket is missing: s3://BUCKET/KEY".to_owned());
        }
        Ok(Self::Stored { bucket: bucket.to_owned(), key: key.to_owned() })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stream => f.write_str("-"),
            Self::Local(path) => write!(f, "{}", path.display().to_string().escape_debug()),
            Self::Stored { bucket, key } => write!(f, "s3://{bucket}/{}", key.escape_debug()),
        }
    }
}

/// A prefix as a folder: with a slash behind it.
pub fn folder(prefix: &str) -> String {
    if prefix.is_empty() || prefix.ends_with('/') { prefix.to_owned() } else { format!("{prefix}/") }
}

/// The last part of a key, or of a path.
pub fn base_name(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or_default()
}

/// The path of an object below a folder.
///
/// # Errors
/// A sentence about a key that would stand elsewhere, or be another file than it says: keys are chosen by whoever may
/// write to the bucket.
pub fn below(root: &Path, relative: &str) -> Result<PathBuf, String> {
    let refused = |why| Err(format!("the key cannot be a path here: {why}"));
    for part in relative.split('/') {
        match part {
            "" => return refused("it begins with a slash, or has two in a row"),
            "." | ".." => return refused("it has `.` or `..` in it"),
            _ if part.contains('\0') => return refused("it has a zero byte in it"),
            _ => {}
        }
    }
    // What the system takes for a path is the last word.
    if Path::new(relative).components().any(|part| !matches!(part, Component::Normal(_))) {
        return refused("it leads out of the folder");
    }
    Ok(root.join(relative))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read() {
        let stored = |bucket: &str, key: &str| Place::Stored { bucket: bucket.to_owned(), key: key.to_owned() };
        assert_eq!(Place::parse("-"), Ok(Place::Stream));
        assert_eq!(Place::parse("s3://b/a/b c"), Ok(stored("b", "a/b c")));
        assert_eq!(Place::parse("s3://b"), Ok(stored("b", "")));
        assert_eq!(Place::parse("./-"), Ok(Place::Local(PathBuf::from("./-"))));
        assert!(Place::parse("s3:///k").is_err() && Place::parse("").is_err());
    }

    #[test]
    fn keys_never_lead_out_of_the_folder() {
        let root = Path::new("/root/folder");
        assert_eq!(below(root, "a/b c.txt"), Ok(root.join("a/b c.txt")));
        for bad in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a/.", "a/..", "..", "a/", "a\0b"] {
            assert!(below(root, bad).is_err(), "{bad:?}");
        }
        assert!(below(root, "..a/b..").is_ok(), "two dots in a name are a name");
    }

    #[test]
    fn prefixes_are_folders() {
        assert_eq!((folder(""), folder("a"), folder("a/")), (String::new(), "a/".to_owned(), "a/".to_owned()));
        assert_eq!((base_name("a/b"), base_name("b"), base_name("a/")), ("b", "b", ""));
    }
}
