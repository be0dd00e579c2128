//! CORS: the configuration, and what a browser is told by it.
//!
//! Source: S3 User Guide, "Elements of a CORS configuration"; Fetch standard, "CORS protocol".

use super::xml;
use crate::edges::server::error::S3Error;
use s3s::dto;

/// The most rules of a configuration.
pub const MAX_RULES: usize = 100;
const METHODS: [&str; 5] = ["GET", "PUT", "HEAD", "POST", "DELETE"];
const VARY: &str = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";

/// Headers of an answer.
pub type CorsHeaders = Vec<(&'static str, String)>;

/// Reads a `CORSConfiguration` and checks it.
///
/// # Errors
/// `MalformedXML`, `InvalidRequest`.
pub fn parse(body: &[u8]) -> Result<Vec<dto::CORSRule>, S3Error> {
    let sent: dto::CORSConfiguration = xml::parse(body)?;
    match sent.cors_rules.len() {
        0 => return Err(S3Error::malformed_xml("there is no CORSRule")),
        1..=MAX_RULES => {}
        _ => {
            let message = "The number of CORS rules should not exceed allowed limit of 100 rules.";
            return Err(S3Error::invalid_request(message));
        }
    }
    sent.cors_rules.iter().try_for_each(check)?;
    Ok(sent.cors_rules)
}

fn check(rule: &dto::CORSRule) -> Result<(), S3Error> {
    let wildcards = |name: &str, text: &str| match text.matches('*').count() {
        0 | 1 => Ok(()),
        _ => Err(S3Error::invalid_request(format!("{name} \"{text}\" can not have more than one wildcard."))),
    };
    if rule.allowed_methods.is_empty() || rule.allowed_origins.is_empty() {
        return Err(S3Error::malformed_xml("a CORSRule needs an AllowedMethod and an AllowedOrigin"));
    }
    if let Some(method) = rule.allowed_methods.iter().find(|m| !METHODS.contains(&m.as_str())) {
        return Err(S3Error::invalid_request(format!(
            "Found unsupported HTTP method in CORS config. Unsupported method is {method}"
        )));
    }
    if rule.id.as_ref().is_some_and(|id| id.chars().count() > 255) {
        return Err(S3Error::invalid_request("The ID of a CORS rule must not be longer than 255 characters."));
    }
    if let Some(age) = rule.max_age_seconds.filter(|age| *age < 0) {
        return Err(S3Error::malformed_xml(&format!("MaxAgeSeconds is {age}")));
    }
    let exposed = rule.expose_headers.iter().flatten();
    let listed = rule.allowed_headers.iter().flatten();
    if let Some(name) = exposed.clone().find(|name| name.contains('*')) {
        return Err(S3Error::invalid_request(format!(
            "ExposeHeader \"{name}\" contains wildcard. We currently do not support wildcard for ExposeHeader."
        )));
    }
    let all = exposed.chain(listed.clone()).chain(&rule.allowed_origins);
    for text in all {
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(S3Error::malformed_xml("an element of a CORSRule cannot be a header's value"));
        }
    }
    rule.allowed_origins.iter().try_for_each(|origin| wildcards("AllowedOrigin", origin))?;
    listed.into_iter().try_for_each(|header| wildcards("AllowedHeader", header))
}

/// Whether `text` fits a pattern with at most one `*`.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end),
    }
}

/// The pattern of the first rule's origin that fits; the rule decides as a whole.
fn origin_of<'r>(rule: &'r dto::CORSRule, origin: &str) -> Option<&'r str> {
    rule.allowed_origins.iter().map(String::as_str).find(|pattern| fits(pattern, origin))
}

fn common(rule: &dto::CORSRule, pattern: &str, origin: &str) -> CorsHeaders {
    let mut out = Vec::with_capacity(7);
    if pattern == "*" {
        out.push(("access-control-allow-origin", "*".to_owned()));
    } else {
        out.push(("access-control-allow-origin", origin.to_owned()));
        out.push(("access-control-allow-credentials", "true".to_owned()));
    }
    out.push(("access-control-allow-methods", rule.allowed_methods.join(", ")));
    if let Some(exposed) = rule.expose_headers.as_ref().filter(|h| !h.is_empty()) {
        out.push(("access-control-expose-headers", exposed.join(", ")));
    }
    if let Some(age) = rule.max_age_seconds {
        out.push(("access-control-max-age", age.to_string()));
    }
    out.push(("vary", VARY.to_owned()));
    out
}

/// The headers of a preflight's answer by the first rule that allows origin, method and every header named;
/// `None`: no rule does ([`forbidden`]). `headers` is `Access-Control-Request-Headers`.
#[must_use]
pub fn preflight(rules: &[dto::CORSRule], origin: &str, method: &str, headers: Option<&str>) -> Option<CorsHeaders> {
    let asked: Vec<String> = headers
        .unwrap_or_default()
        .split(',')
        .map(|h| h.trim_ascii().to_ascii_lowercase())
        .filter(|h| !h.is_empty())
        .collect();
    rules.iter().find_map(|rule| {
        let pattern = origin_of(rule, origin)?;
        let allowed = rule.allowed_headers.as_deref().unwrap_or_default();
        let all = asked.iter().all(|name| allowed.iter().any(|p| fits(&p.to_ascii_lowercase(), name)));
        if !all || !rule.allowed_methods.iter().any(|m| m == method) {
            return None;
        }
        let mut out = common(rule, pattern, origin);
        if !asked.is_empty() {
            out.push(("access-control-allow-headers", asked.join(", ")));
        }
        Some(out)
    })
}

/// The headers that an actual request's answer gets; `None`: the browser keeps it from the page.
#[must_use]
pub fn actual(rules: &[dto::CORSRule], origin: &str, method: &str) -> Option<CorsHeaders> {
    rules.iter().find_map(|rule| {
        let pattern = origin_of(rule, origin)?;
        rule.allowed_methods.iter().any(|m| m == method).then(|| common(rule, pattern, origin))
    })
}

/// The answer to a preflight that no rule allows.
#[must_use]
pub fn forbidden(method: &str, resource_type: &str) -> S3Error {
    S3Error::of("AccessForbidden").with("Method", method).with("ResourceType", resource_type)
}

/// The answer to a preflight of a bucket without a configuration.
#[must_use]
pub fn disabled(method: &str, resource_type: &str) -> S3Error {
    S3Error::new("AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.")
        .with("Method", method)
        .with("ResourceType", resource_type)
}

/// Origin and method of a preflight.
///
/// # Errors
/// `BadRequest` if one is missing or the method is none of S3's.
pub fn asked<'a>(origin: Option<&'a str>, method: Option<&'a str>) -> Result<(&'a str, &'a str), S3Error> {
    let origin = origin
        .filter(|o| !o.is_empty())
        .ok_or_else(|| S3Error::new("BadRequest", "Insufficient information. Origin request header needed."))?;
    let method = method.filter(|m| METHODS.contains(m)).ok_or_else(|| {
        let shown = method.unwrap_or("null");
        S3Error::new("BadRequest", format!("Invalid Access-Control-Request-Method: {shown}"))
    })?;
    Ok((origin, method))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(inside: &[&str]) -> Result<Vec<dto::CORSRule>, S3Error> {
        let rules: String = inside.iter().flat_map(|rule| ["<CORSRule>", rule, "</CORSRule>"]).collect();
        parse(format!("<CORSConfiguration>{rules}</CORSConfiguration>").as_bytes())
    }

    const OPEN: &str = "<AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>";
    const SITE: &str = "<AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod>\
        <AllowedOrigin>https://*.example.com</AllowedOrigin><AllowedHeader>X-Amz-*</AllowedHeader>\
        <AllowedHeader>content-type</AllowedHeader><ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>30</MaxAgeSeconds>";

    #[test]
    fn configurations() {
        let long = format!("{OPEN}<ID>{}</ID>", "i".repeat(256));
        for (inside, code) in [
            (OPEN, ""),
            (SITE, ""),
            ("<AllowedMethod>GET</AllowedMethod>", "MalformedXML"),
            ("<AllowedOrigin>*</AllowedOrigin>", "MalformedXML"),
            ("<AllowedMethod>PATCH</AllowedMethod><AllowedOrigin>*</AllowedOrigin>", "InvalidRequest"),
            ("<AllowedMethod>GET</AllowedMethod><AllowedOrigin>a*b*</AllowedOrigin>", "InvalidRequest"),
            ("<AllowedMethod>GET</AllowedMethod><AllowedOrigin></AllowedOrigin>", "MalformedXML"),
            (&format!("{OPEN}<AllowedHeader>**</AllowedHeader>"), "InvalidRequest"),
            (&format!("{OPEN}<ExposeHeader>x-*</ExposeHeader>"), "InvalidRequest"),
            (&format!("{OPEN}<ExposeHeader>a&#13;b</ExposeHeader>"), "MalformedXML"),
            (&format!("{OPEN}<MaxAgeSeconds>-1</MaxAgeSeconds>"), "MalformedXML"),
            (&long, "InvalidRequest"),
        ] {
            assert_eq!(rules(&[inside]).map_or_else(|e| e.code, |_| ""), code, "{inside}");
        }
        assert_eq!(rules(&[]).unwrap_err().code, "MalformedXML");
        assert!(rules(&[OPEN; 100]).is_ok());
        assert_eq!(rules(&[OPEN; 101]).unwrap_err().code, "InvalidRequest");
    }

    fn value(headers: &CorsHeaders, name: &str) -> Option<String> {
        headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone())
    }

    #[test]
    fn preflights() {
        let rules = rules(&[SITE, OPEN]).unwrap();
        for (origin, method, headers, expected) in [
            ("https://a.example.com", "PUT", None, Some("https://a.example.com")),
            ("https://a.example.com", "PUT", Some("x-amz-date, Content-Type"), Some("https://a.example.com")),
            ("https://a.example.com", "PUT", Some("x-other"), None),
            ("https://a.example.com", "DELETE", None, None),
            ("https://.example.co", "PUT", None, None),
            ("https://other.org", "GET", None, Some("*")),
            ("https://other.org", "GET", Some("x-any"), None),
            ("https://other.org", "PUT", None, None),
        ] {
            let found = preflight(&rules, origin, method, headers);
            let shown = found.as_ref().and_then(|h| value(h, "access-control-allow-origin"));
            assert_eq!(shown.as_deref(), expected, "{origin} {method} {headers:?}");
        }
        let full = preflight(&rules, "https://a.example.com", "GET", Some("X-Amz-Date,content-type")).unwrap();
        for (name, text) in [
            ("access-control-allow-credentials", Some("true")),
            ("access-control-allow-methods", Some("GET, PUT")),
            ("access-control-allow-headers", Some("x-amz-date, content-type")),
            ("access-control-expose-headers", Some("ETag")),
            ("access-control-max-age", Some("30")),
            ("vary", Some(VARY)),
        ] {
            assert_eq!(value(&full, name).as_deref(), text, "{name}");
        }
        let open = preflight(&rules, "https://other.org", "GET", None).unwrap();
        assert_eq!(value(&open, "access-control-allow-credentials"), None);
        assert_eq!(value(&open, "access-control-allow-headers"), None);
    }

    #[test]
    fn actual_requests() {
        let rules = rules(&[SITE]).unwrap();
        assert!(actual(&rules, "https://a.example.com", "PUT").is_some());
        assert!(actual(&rules, "https://a.example.com", "DELETE").is_none());
        assert!(actual(&rules, "https://a.example.org", "PUT").is_none());
    }

    #[test]
    fn a_pattern_does_not_use_a_character_twice() {
        for (pattern, text, expected) in
            [("a*a", "a", false), ("a*a", "aa", true), ("*", "", true), ("a", "a", true), ("a", "b", false)]
        {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn preflights_that_are_none() {
        assert_eq!(asked(Some("o"), Some("GET")), Ok(("o", "GET")));
        for (origin, method) in
            [(None, Some("GET")), (Some(""), Some("GET")), (Some("o"), None), (Some("o"), Some("X"))]
        {
            assert_eq!(asked(origin, method).unwrap_err().code, "BadRequest", "{origin:?} {method:?}");
        }
        assert_eq!(
            (forbidden("GET", "OBJECT").status.as_u16(), disabled("GET", "OBJECT").code),
            (403, "AccessForbidden")
        );
    }
}
