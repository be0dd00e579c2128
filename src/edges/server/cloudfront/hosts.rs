//! Which distribution a host is.
//!
//! Source: CloudFront Developer Guide, "Use custom URLs by adding alternate domain names (CNAMEs)": a wildcard such as
//! `*.example.com` stands for every name below, and the longest name that fits counts. For use on one machine a
//! distribution is also found as `ID.localhost` and, in the place of `dXXX.cloudfront.net`, as
//! `dXXX.cloudfront.localhost`.

use super::model::Distribution;
use super::state::CloudFront;
use crate::storage::store::Kept;
use std::sync::Arc;

/// The distribution of a `Host` header, whose port and case do not matter; enabled or not.
#[must_use]
pub fn distribution<'c>(cloudfront: &'c CloudFront, host: &str) -> Option<&'c Arc<Kept<Distribution>>> {
    let host = bare(host).to_ascii_lowercase();
    if host.starts_with('*') {
        return None;
    }
    cloudfront.hosts.get(&host).or_else(|| local(cloudfront, &host)).or_else(|| below_wildcard(cloudfront, &host))
}

/// A host without its port and a dot at its end.
#[must_use]
pub fn bare(host: &str) -> &str {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !name.ends_with(':') && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    name.strip_suffix('.').unwrap_or(name)
}

fn local<'c>(cloudfront: &'c CloudFront, host: &str) -> Option<&'c Arc<Kept<Distribution>>> {
    let name = host.strip_suffix(".localhost")?;
    match name.strip_suffix(".cloudfront") {
        Some(label) => cloudfront.hosts.get(&format!("{label}.cloudfront.net")),
        None => cloudfront.distributions.get(&name.to_ascii_uppercase()),
    }
}

fn below_wildcard<'c>(cloudfront: &'c CloudFront, host: &str) -> Option<&'c Arc<Kept<Distribution>>> {
    let mut rest = host;
    while let Some((_, below)) = rest.split_once('.') {
        if let Some(found) = cloudfront.hosts.get(&format!("*.{below}")) {
            return Some(found);
        }
        rest = below;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edges::server::cloudfront::model::DistributionConfig;

    fn state() -> CloudFront {
        let mut state = CloudFront::default();
        for (id, domain, aliases) in [
            ("E1AAAAAAAAAAAA", "d1.cloudfront.net", &["www.example.com", "*.example.com"][..]),
            ("E2AAAAAAAAAAAA", "d2.cloudfront.net", &["*.deep.example.com"]),
        ] {
            let config = DistributionConfig {
                aliases: aliases.iter().map(|a| (*a).to_owned()).collect(),
                ..DistributionConfig::default()
            };
            let document = Distribution {
                id: id.to_owned(),
                domain_name: domain.to_owned(),
                config,
                modified_ms: 0,
                tags: Vec::new(),
            };
            let kept = Kept { account: "111122223333".to_owned(), id: id.to_owned(), revision: 1, document };
            let kept = Arc::new(kept);
            for host in aliases.iter().copied().chain([domain]) {
                state.hosts.insert(host.to_owned(), kept.clone());
            }
            state.distributions.insert(id.to_owned(), kept);
        }
        state
    }

    #[test]
    fn hosts() {
        let state = state();
        for (host, expected) in [
            ("d1.cloudfront.net", "E1AAAAAAAAAAAA"),
            ("D1.CloudFront.net:8080", "E1AAAAAAAAAAAA"),
            ("d2.cloudfront.net.", "E2AAAAAAAAAAAA"),
            ("d2.cloudfront.localhost:80", "E2AAAAAAAAAAAA"),
            ("e2aaaaaaaaaaaa.localhost", "E2AAAAAAAAAAAA"),
            ("www.example.com", "E1AAAAAAAAAAAA"),
            ("a.b.example.com", "E1AAAAAAAAAAAA"),
            ("x.deep.example.com", "E2AAAAAAAAAAAA"),
            ("deep.example.com", "E1AAAAAAAAAAAA"),
            ("example.com", ""),
            ("*.example.com", ""),
            ("*.deep.example.com", ""),
            ("wwwexample.com", ""),
            ("d3.cloudfront.net", ""),
            ("localhost", ""),
            ("127.0.0.1:9000", ""),
            ("[::1]:80", ""),
            ("", ""),
        ] {
            let found = distribution(&state, host).map_or("", |kept| kept.id.as_str());
            assert_eq!(found, expected, "{host}");
        }
    }
}
