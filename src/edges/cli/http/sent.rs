//! An HTTP request as it is typed: method, URL and headers, as the gate reads them.

use crate::gate::operations::ACCOUNT_PATH;
use crate::gate::{Asked, Method, Source, Target};

/// A request.
#[derive(Debug)]
pub(super) struct Sent {
    /// Its method.
    pub method: Method,
    /// What it addresses.
    pub target: Target,
    /// It is one of S3 Control, for an account.
    pub account: bool,
    /// The URL says `https`.
    pub https: bool,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

impl Asked for Sent {
    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

impl Sent {
    /// Reads a request. Below a host of `suffixes` the bucket is the host's first part.
    ///
    /// # Errors
    /// A sentence about what cannot be read.
    pub(super) fn read(method: &str, url: &str, headers: &[String], suffixes: &[String]) -> Result<Self, String> {
        let method = Method::parse(method)
            .ok_or_else(|| format!("`{method}` is not a method of S3: GET, HEAD, PUT, POST or DELETE"))?;
        let (https, rest) = match url.split_once("://") {
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            _ => return Err(format!("`{url}` is not a URL such as http://HOST/BUCKET/KEY")),
        };
        if rest.contains('#') {
            return Err(format!("`{url}` has a fragment, which is never sent; write %23 for a `#` in a key"));
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if host.is_empty() || host.contains('@') {
            return Err(format!("`{url}` has no host, or a name before it"));
        }
        let headers = headers.iter().map(|header| read_header(header)).collect::<Result<Vec<_>, _>>()?;
        once(&headers, "header", str::eq_ignore_ascii_case)?;
        let query = pairs("the URL", query)?;
        once(&query, "parameter", |a, b| a == b)?;
        let account = path == ACCOUNT_PATH && headers.iter().any(|(n, _)| n.eq_ignore_ascii_case("x-amz-account-id"));
        let target = if account { Target::Service } else { target(host, path, suffixes)? };
        Ok(Self { method, target, account, https, query, headers })
    }
}

fn read_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or_else(|| format!("`-H {text}` is not `NAME: VALUE`"))?;
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) || value.contains(char::is_control) {
        return Err(format!("`-H {}` is not a header", text.escape_debug()));
    }
    Ok((name.to_owned(), value.trim().to_owned()))
}

/// Which of two would count is not guessed.
fn once(pairs: &[(String, String)], what: &str, same: impl Fn(&str, &str) -> bool) -> Result<(), String> {
    for (at, (name, _)) in pairs.iter().enumerate() {
        if pairs.iter().skip(at + 1).any(|(other, _)| same(name, other)) {
            return Err(format!("the {what} `{name}` stands twice"));
        }
    }
    Ok(())
}

/// The path, decoded once and never normalised.
fn target(host: &str, path: &str, suffixes: &[String]) -> Result<Target, String> {
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(host, |h| h.0);
    let name = name.to_ascii_lowercase();
    let below = suffixes.iter().find_map(|suffix| name.strip_suffix(&suffix.to_ascii_lowercase())?.strip_suffix('.'));
    let path = path.strip_prefix('/').unwrap_or(path);
    let (bucket, key) = match below {
        Some(bucket) => (bucket.to_owned(), Some(path)),
        None if name.contains(".s3") && name.ends_with(".amazonaws.com") => {
            let suffix = name.split_once('.').map_or("", |(_, suffix)| suffix);
            return Err(format!("`{host}` has the bucket in its name: say --host-suffix {suffix}"));
        }
        None if path.is_empty() => return Ok(Target::Service),
        None => {
            let (bucket, key) = path.split_once('/').map_or((path, None), |(bucket, key)| (bucket, Some(key)));
            (decoded("the URL", bucket, false)?, key)
        }
    };
    if bucket.is_empty() || bucket.contains('/') {
        return Err(format!("`{}` is not a bucket's name", bucket.escape_debug()));
    }
    Ok(match key.filter(|key| !key.is_empty()) {
        Some(key) => Target::Object { bucket, key: decoded("the URL", key, false)? },
        None => Target::Bucket { bucket },
    })
}

/// `a=b&c`: parameters, decoded; a `+` is a blank.
pub(super) fn pairs(of: &str, text: &str) -> Result<Vec<(String, String)>, String> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Ok((decoded(of, name, true)?, decoded(of, value, true)?))
        })
        .collect()
}

/// The value of `x-amz-copy-source`: `/BUCKET/KEY?versionId=ID`, with or without the first slash.
pub(super) fn copy_source(value: &str) -> Result<Source, String> {
    let (path, version) = match value.split_once("?versionId=") {
        Some((path, version)) => (path, Some(version)),
        None => (value, None),
    };
    let path = decoded("the header x-amz-copy-source", path, false)?;
    let path = path.strip_prefix('/').unwrap_or(&path);
    match path.split_once('/') {
        Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() && !bucket.starts_with("arn:") => {
            let version = version.map(|v| decoded("the header x-amz-copy-source", v, true)).transpose()?;
            Ok(Source { bucket: bucket.to_owned(), key: key.to_owned(), version })
        }
        _ => Err(format!("the header x-amz-copy-source `{value}` is not /BUCKET/KEY")),
    }
}

fn decoded(of: &str, text: &str, plus: bool) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        match first {
            b'%' => {
                let digit = |byte: Option<&u8>| byte.and_then(|b| char::from(*b).to_digit(16));
                let (Some(high), Some(low)) = (digit(behind.first()), digit(behind.get(1))) else {
                    return Err(format!("{of} has a `%` in `{text}` that no two hexadecimal digits follow"));
                };
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
                rest = behind.get(2..).unwrap_or_default();
            }
            b'+' if plus => bytes.push(b' '),
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).map_err(|_| format!("{of} has a part that is not UTF-8: `{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<Sent, String> {
        Sent::read("GET", url, &[], &["store.example".to_owned()])
    }

    fn object(bucket: &str, key: &str) -> Target {
        Target::Object { bucket: bucket.to_owned(), key: key.to_owned() }
    }

    #[test]
    fn paths_are_decoded_once_and_never_normalised() {
        let bucket = Target::Bucket { bucket: "b".to_owned() };
        for (url, target) in [
            ("http://h", Target::Service),
            ("http://h/?x", Target::Service),
            ("http://h:9000/b", bucket.clone()),
            ("http://h/b/", bucket.clone()),
            ("http://b.store.example/?acl", bucket),
            ("http://STORE.example/b/k", object("b", "k")),
            ("https://b.store.example:443/k/l", object("b", "k/l")),
            ("http://h/b//a/../k", object("b", "/a/../k")),
            ("http://h/b/a%2Fb%2520c+d", object("b", "a/b%20c+d")),
            ("http://b.store.example//k", object("b", "/k")),
        ] {
            assert_eq!(read(url).map(|sent| sent.target), Ok(target), "{url}");
        }
        let sent = read("https://h/b?list-type=2&prefix=a+b%26c&x").expect("a request");
        assert_eq!((sent.query("list-type"), sent.query("prefix")), (Some("2"), Some("a b&c")));
        assert_eq!((sent.query("x"), sent.query("y"), sent.https), (Some(""), None, true));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for url in [
            "h/b/k",
            "ftp://h/b",
            "http:///b",
            "http://u@h/b",
            "http://h/b/k#x",
            "http://h//k",
            "http://h/b%2Fc/k",
            "http://h/b/%zz",
            "http://h/b/%ff",
            "http://h/b?a=%4",
            "http://h/b?a&a=1",
            "https://b.s3.us-east-1.amazonaws.com/k",
        ] {
            assert!(read(url).is_err(), "{url}");
        }
        for header in ["x", ": y", "a b: c", "x: a\nb"] {
            assert!(Sent::read("GET", "http://h/b", &[header.to_owned()], &[]).is_err(), "{header}");
        }
        let twice = ["X-A: 1".to_owned(), "x-a: 2".to_owned()];
        assert!(Sent::read("GET", "http://h/b", &twice, &[]).is_err());
        assert!(Sent::read("PATCH", "http://h/b", &[], &[]).is_err());
    }

    #[test]
    fn copy_sources_name_an_object() {
        let source = copy_source("/b/k%2Fl?versionId=v%2B1").expect("a source");
        assert_eq!((&*source.bucket, &*source.key, source.version.as_deref()), ("b", "k/l", Some("v+1")));
        assert_eq!(copy_source("b//k").map(|source| source.key).as_deref(), Ok("/k"));
        for bad in ["", "/b", "b/", "//k", "arn:aws:s3:us-east-1:111122223333:accesspoint/x/object/k"] {
            assert!(copy_source(bad).is_err(), "{bad}");
        }
    }
}
